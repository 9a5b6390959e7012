"""Synthesis: lengths, references, batches, folded weights, codes."""

import pytest
import torch

from configs.errors import UserError
from models.layers.conv import fold_weight_norm
from models.sovits.config import sovits_config
from models.sovits.model import SovitsGenerator
from tests.models.golden_fill import integers, normal
from tests.models.sovits.conftest import synthetic_batch, tiny_config, tiny_step
from tests.models.tiny import TINY_SOVITS

N_CODES = 11


def _generator(version: str = "v2") -> SovitsGenerator:
    generator = tiny_step(tiny_config(version)).generator.eval()
    clips = [normal(f"fit/{i}", 39, 300) for i in range(3)]
    generator.initialize_codebook(clips, torch.Generator().manual_seed(0))
    return generator


def _decode(generator: SovitsGenerator, n_rows: int = 1, **options: object) -> torch.Tensor:
    codes = integers("codes", 0, generator.config.codebook_size, n_rows, N_CODES)
    phones = integers("phones", 0, generator.config.n_symbols, n_rows, 7)
    references = [normal("ref", 1, generator.config.spec_channels, 30).abs()]
    with torch.no_grad():
        return generator.decode(
            codes, phones, options.pop("references", references), **{"noise_scale": 0.0, **options}
        )


@pytest.mark.parametrize(("speed", "n_frames"), [(1.0, 22), (1.25, 18), (0.5, 45)])
def test_length_follows_codes_and_speed(speed: float, n_frames: int) -> None:
    generator = _generator()
    wave = _decode(generator, speed=speed)
    assert wave.shape == (1, 1, n_frames * generator.config.hop_samples)
    assert bool((wave.abs() <= 1).all())


def test_the_priors_spread_is_half_where_none_is_given() -> None:
    """GPT-SoVITS, module/models.py: SynthesizerTrn.decode(..., noise_scale=0.5)."""
    generator = _generator()
    codes, phones = integers("codes", 0, generator.config.codebook_size, 1, N_CODES), torch.zeros(1, 7).long()
    references = [normal("ref", 1, generator.config.spec_channels, 30).abs()]
    with torch.no_grad():
        by_default, half, none = (
            generator.decode(codes, phones, references, rng=torch.Generator().manual_seed(1), **spread)
            for spread in ({}, {"noise_scale": 0.5}, {"noise_scale": 0.0})
        )
    assert torch.equal(by_default, half) and not torch.equal(by_default, none)


def test_noise_is_drawn_from_the_given_generator() -> None:
    generator = _generator()
    first, again, other = (
        _decode(generator, noise_scale=0.5, rng=torch.Generator().manual_seed(seed)) for seed in (1, 1, 2)
    )
    assert torch.equal(first, again)
    assert not torch.equal(first, other)
    with pytest.raises(UserError, match="rng"):
        _decode(generator, noise_scale=0.5)


def test_rows_of_a_batch_are_spoken_as_alone() -> None:
    generator = _generator()
    codes = integers("codes", 0, generator.config.codebook_size, 2, N_CODES)
    phones = integers("phones", 0, generator.config.n_symbols, 2, 7)
    reference = [normal("ref", 1, generator.config.spec_channels, 30).abs()]
    with torch.no_grad():
        together = generator.decode(codes, phones, reference, noise_scale=0.0)
        for b in range(2):
            alone = generator.decode(codes[b : b + 1], phones[b : b + 1], reference, noise_scale=0.0)
            torch.testing.assert_close(together[b], alone[0], rtol=1e-4, atol=1e-5)


def test_padding_does_not_change_a_rows_latents() -> None:
    config = tiny_config()
    generator = tiny_step(config).generator.eval()
    batch = synthetic_batch(config)
    n_frames, n_phones = int(batch.spec_lengths[1]), int(batch.phone_lengths[1])
    with torch.no_grad():
        together = generator.reconstruct(*batch[:3], *batch[4:6], speaker_vector=None)
        alone = generator.reconstruct(
            batch.ssl[1:, :, :n_frames],
            batch.spec[1:, :, :n_frames],
            batch.spec_lengths[1:],
            batch.phone_ids[1:, :n_phones],
            batch.phone_lengths[1:],
            speaker_vector=None,
        )
    # An odd length leaves half a code, which holds padding in a batch and the last frame alone. The style
    # encoder's convolutions, as published, see four frames of padding: that moves the latents a little.
    n_whole = n_frames - n_frames % 2
    for name in ("z", "z_p"):
        torch.testing.assert_close(
            getattr(together, name)[1, :, :n_whole],
            getattr(alone, name)[0, :, :n_whole],
            rtol=0.0,
            atol=1e-2,
        )


def test_references_and_speaker_vectors_must_match() -> None:
    plain, pro = _generator(), _generator("v2Pro")
    with pytest.raises(UserError, match="at least one reference"):
        _decode(plain, references=[])
    with pytest.raises(UserError, match="not used"):
        _decode(plain, speaker_vectors=[normal("sv", 1, 24)])
    with pytest.raises(UserError, match="needed"):
        _decode(pro)
    with pytest.raises(UserError, match="1 references but 2"):
        _decode(pro, speaker_vectors=[normal("sv", 1, 24)] * 2)
    assert _decode(pro, speaker_vectors=[normal("sv", 1, 24)]).shape[2] > 0


def test_folded_weights_speak_the_same() -> None:
    generator = _generator()
    before = _decode(generator)
    fold_weight_norm(generator)
    assert not any(name.endswith(("weight_g", "weight_v")) for name in generator.state_dict())
    torch.testing.assert_close(_decode(generator), before, rtol=1e-4, atol=1e-5)


def test_codes_have_half_the_frame_rate_and_use_the_codebook() -> None:
    generator = _generator()
    codes = generator.extract_codes(normal("fit/0", 1, 39, 301))
    assert codes.shape == (1, 150)
    assert codes.dtype == torch.int64
    assert len(codes.unique()) > 40


@pytest.mark.parametrize(
    ("sizes", "field"),
    [
        ({"upsample_rates": (10, 8, 2, 2), "upsample_kernels": (16, 16, 8, 2)}, "upsample_rates"),
        ({"upsample_kernels": (16, 16)}, "upsample_kernels"),
        ({"upsample_initial": 48}, "upsample_initial"),
        ({"hidden_channels": 65}, "hidden_channels"),
        ({"style_bins": 1026}, "style_bins"),
        ({"style_channels": 32}, "style_channels"),
    ],
)
def test_impossible_sizes_are_refused_by_name(sizes: dict[str, object], field: str) -> None:
    with pytest.raises(UserError, match=field):
        sovits_config("v2", **{**TINY_SOVITS, **sizes})


def test_unknown_version_names_the_known_ones() -> None:
    with pytest.raises(UserError, match="v2ProPlus"):
        sovits_config("v9")
