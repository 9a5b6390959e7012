"""Published SoVITS checkpoints (`.pth`, v1 to v2ProPlus) to our networks and back."""

from pathlib import Path
from typing import Any, NamedTuple

from torch import Tensor

from configs.errors import UserError
from models.discriminators.multi_period import MultiPeriodDiscriminator
from models.published import PublishedFile, load_strictly, read_published, write_published
from models.sovits.config import SovitsConfig, sovits_config
from models.sovits.model import SovitsGenerator

MARKS = {"v1": "PK", "v2": "PK", "v2Pro": "05", "v2ProPlus": "06"}
TRAINING_ONLY = "enc_q."
"""The posterior encoder, which files made for synthesis leave out."""


class LoadedGenerator(NamedTuple):
    generator: SovitsGenerator
    missing: tuple[str, ...]
    """State-dict names that the file lacks (the posterior encoder's): freshly initialised."""
    info: str


def load_generator(path: Path) -> LoadedGenerator:
    """The generator in a published file, of the version that its weights tell.

    Raises:
        UserError: the file cannot be read, is of v3 or v4, or does not fit its version.
    """
    published = read_published(path)
    generator = SovitsGenerator(sovits_config(version_of(published.weights, path)))
    missing = load_strictly(generator, published.weights, str(path), may_lack=(TRAINING_ONLY,))
    return LoadedGenerator(generator, missing, published.info)


def load_discriminator(path: Path, config: SovitsConfig) -> MultiPeriodDiscriminator:
    """The discriminators in a published `s2D` file.

    Raises:
        UserError: the file cannot be read or does not fit `config`.
    """
    discriminator = MultiPeriodDiscriminator(config.discriminator_periods, config.discriminator_divisor)
    load_strictly(discriminator, read_published(path).weights, str(path))
    return discriminator


def save_generator(path: Path, generator: SovitsGenerator, info: str) -> None:
    """Write a file for GPT-SoVITS's own inference: fp16, without the posterior encoder."""
    weights = {
        name: tensor for name, tensor in generator.state_dict().items() if not name.startswith(TRAINING_ONLY)
    }
    config = generator.config
    mark = MARKS[config.version]
    write_published(path, PublishedFile(mark, weights, upstream_config(config), info))


def version_of(weights: dict[str, Tensor], path: Path) -> str:
    """The version that a generator's weights are of.

    Raises:
        UserError: not a SoVITS generator of v1 to v2ProPlus.
    """
    text, vocoder = weights.get("enc_p.text_embedding.weight"), weights.get("dec.conv_pre.weight")
    if text is None or vocoder is None:
        raise UserError(
            f"{path}: is no SoVITS generator of v1 to v2ProPlus (v3 and v4 have no such vocoder); "
            "give an s2G file of one of those versions"
        )
    if "sv_emb.weight" in weights:
        plus = sovits_config("v2ProPlus").upsample_initial
        return "v2ProPlus" if vocoder.shape[0] == plus else "v2Pro"
    return "v1" if text.shape[0] == sovits_config("v1").n_symbols else "v2"


def upstream_config(config: SovitsConfig) -> dict[str, Any]:
    """The settings under the names of GPT-SoVITS's `s2.json`, as its loader wants them."""
    return {
        "train": {"segment_size": config.segment_samples},
        "data": {
            "sampling_rate": config.sample_rate,
            "filter_length": config.n_fft,
            "hop_length": config.hop_samples,
            "win_length": config.n_fft,
            "n_mel_channels": config.n_mels,
            "mel_fmin": config.mel_min_hz,
            "mel_fmax": config.mel_max_hz,
            "add_blank": True,
            "n_speakers": 300,
        },
        "model": {
            "version": config.version,
            "inter_channels": config.latent_channels,
            "hidden_channels": config.hidden_channels,
            "filter_channels": config.filter_channels,
            "n_heads": config.n_heads,
            "n_layers": config.text_layers,
            "kernel_size": config.kernel_size,
            "p_dropout": config.dropout,
            "resblock": "1",
            "resblock_kernel_sizes": list(config.resblock_kernels),
            "resblock_dilation_sizes": [list(config.resblock_dilations)] * len(config.resblock_kernels),
            "upsample_rates": list(config.upsample_rates),
            "upsample_initial_channel": config.upsample_initial,
            "upsample_kernel_sizes": list(config.upsample_kernels),
            "n_layers_q": 3,
            "use_spectral_norm": False,
            "gin_channels": config.style_channels,
            "semantic_frame_rate": "25hz",
            "freeze_quantizer": config.freeze_quantizer,
        },
    }
