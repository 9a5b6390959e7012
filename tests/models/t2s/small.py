"""A decoder small enough to be tried with many shapes, and batches for it."""

import torch

from models.t2s.config import T2SConfig
from models.t2s.model import TextToSemantic
from models.t2s.step import T2SBatch

CONFIG = T2SConfig(
    n_symbols=20, n_codes=30, linguistic_channels=6, width=16, n_heads=2, n_layers=2, feed_forward=32
)


def small_model(seed: int, config: T2SConfig = CONFIG) -> TextToSemantic:
    """In evaluation mode, with weights large enough that attention is not flat."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        model = TextToSemantic(config).eval()
        with torch.no_grad():
            for parameter in model.parameters():
                if parameter.ndim == 2:
                    parameter.mul_(1.5)
    return model


def random_batch(seed: int, n_rows: int = 3, config: T2SConfig = CONFIG) -> T2SBatch:
    """Rows of different lengths between 1 and 14, values beyond them random too."""
    rng = torch.Generator().manual_seed(seed)

    def integers(high: int, *shape: int, low: int = 0) -> torch.Tensor:
        return torch.randint(low, high, shape, generator=rng)

    phone_lengths, code_lengths = integers(15, n_rows, low=1), integers(15, n_rows, low=1)
    n_phones, n_codes = int(phone_lengths.max()), int(code_lengths.max())
    return T2SBatch(
        phone_ids=integers(config.n_symbols, n_rows, n_phones),
        phone_lengths=phone_lengths,
        bert=torch.randn(n_rows, config.linguistic_channels, n_phones, generator=rng),
        codes=integers(config.n_codes, n_rows, n_codes),
        code_lengths=code_lengths,
        utterance_ids=tuple(f"clip {n}" for n in range(n_rows)),
    )
