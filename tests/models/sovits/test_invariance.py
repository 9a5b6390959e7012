"""What must not change a row's numbers, over random sizes; and v2ProPlus, which no golden covers."""

import pytest
import torch
from torch import Tensor

from models.layers.masking import sequence_mask
from models.sovits.encoders import PriorEncoder
from models.sovits.model import SovitsGenerator
from models.sovits.step import SovitsBatch, generator_parameter_groups
from tests.models.golden_fill import integers, normal
from tests.models.sovits.conftest import synthetic_batch, tiny_config, tiny_step

SEEDS = range(3)
CLOSE = {"rtol": 1e-4, "atol": 1e-5}


def _generator(version: str = "v2", **sizes: object) -> SovitsGenerator:
    generator = tiny_step(tiny_config(version, **sizes)).generator.eval()
    clips = [normal(f"fit/{i}", 39, 300) for i in range(2)]
    generator.initialize_codebook(clips, torch.Generator().manual_seed(0))
    # The flow starts as the identity, which would hide its masks.
    for coupling in generator.flow.flows.values():
        torch.nn.init.normal_(coupling.post.weight, std=0.1, generator=torch.Generator().manual_seed(1))
    return generator


@pytest.mark.parametrize("seed", SEEDS)
def test_a_padded_row_is_encoded_as_alone(seed: int) -> None:
    """With the style given: the style encoder's own convolutions see padding, as published."""
    generator = _generator()
    config, n_rows = generator.config, 2 + seed
    frames = integers(f"rows/frames/{seed}", 1, 30, n_rows)
    phones = integers(f"rows/phones/{seed}", 1, 9, n_rows)
    n_frames, n_phones = int(frames.max()), int(phones.max())
    style = normal(f"rows/style/{seed}", n_rows, config.style_channels, 1)
    content = normal(f"rows/content/{seed}", n_rows, config.content_channels, n_frames)
    spec = normal(f"rows/spec/{seed}", n_rows, config.spec_channels, n_frames).abs()
    noise = normal(f"rows/noise/{seed}", n_rows, config.latent_channels, n_frames)
    ids = integers(f"rows/ids/{seed}", 0, config.n_symbols, n_rows, n_phones)

    def latents(rows: slice, t: int, n: int) -> list[Tensor]:
        mask = sequence_mask(frames[rows], t)
        phone_mask = sequence_mask(phones[rows], n)
        with torch.no_grad():
            prior = generator.enc_p(content[rows, :, :t], mask, ids[rows, :n], phone_mask, style[rows])
            column = mask[:, None].float()
            posterior = generator.enc_q(spec[rows, :, :t], column, style[rows], noise[rows, :, :t])
            z_p = generator.flow(posterior.z, column, style[rows])
            back = generator.flow(z_p, column, style[rows], reverse=True)
        return [prior.mean, prior.log_std, *posterior, z_p, back]

    together = latents(slice(None), n_frames, n_phones)
    for b in range(n_rows):
        t, n = int(frames[b]), int(phones[b])
        for padded, alone in zip(together, latents(slice(b, b + 1), t, n), strict=True):
            torch.testing.assert_close(padded[b, :, :t], alone[0], **CLOSE)
            assert not padded[b, :, t:].any()


@pytest.mark.slow
def test_the_order_of_rows_changes_no_loss() -> None:
    step = tiny_step(tiny_config())
    step.generator.eval()
    batch = synthetic_batch(step.config)
    noise = normal("order/noise", 2, step.config.latent_channels, batch.spec.shape[-1])
    starts = torch.tensor([9, 2])

    def losses(order: list[int]) -> dict[str, Tensor]:
        rows = {
            name: value[order] if isinstance(value, Tensor) else value
            for name, value in batch._asdict().items()
        }
        with torch.no_grad():
            pass_ = step.forward_generator_with(SovitsBatch(**rows), noise[order], starts[order])
            return {**step.discriminator_losses(pass_), **step.generator_losses(pass_)}

    forwards, backwards = losses([0, 1]), losses([1, 0])
    for name, value in forwards.items():
        torch.testing.assert_close(backwards[name], value, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize(
    ("n_codes", "n_phones", "n_reference", "speed"),
    [(1, 1, 1, 1.0), (1, 3, 5, 1.25), (7, 1, 12, 0.8), (12, 9, 33, 2.0)],
)
def test_any_lengths_are_spoken(n_codes: int, n_phones: int, n_reference: int, speed: float) -> None:
    generator = _generator()
    config = generator.config
    codes = integers(f"any/codes/{n_codes}", 0, config.codebook_size, 1, n_codes)
    phones = integers(f"any/phones/{n_phones}", 0, config.n_symbols, 1, n_phones)
    reference = normal("any/reference", 1, config.spec_channels, n_reference).abs()
    with torch.no_grad():
        wave = generator.decode(codes, phones, [reference], speed=speed, noise_scale=0.0)
        style = generator.mean_style([reference], None)
        again = generator.decode_with_style(codes, phones, style, speed=speed, noise_scale=0.0)
    n_frames = 2 * n_codes if speed == 1.0 else int(2 * n_codes / speed) + 1
    assert wave.shape == (1, 1, n_frames * config.hop_samples)
    assert bool(torch.isfinite(wave).all())
    assert torch.equal(wave, again)


@pytest.mark.parametrize(("n_frames", "speed"), [(2, 1.25), (9, 1.5), (12, 0.7)])
def test_speed_resamples_between_frame_centres(n_frames: int, speed: float) -> None:
    """Output frame i is read at (i + 1/2) T / T' - 1/2, held at the ends."""
    generator = _generator()
    prior: PriorEncoder = generator.enc_p
    config = generator.config
    content = normal("speed/content", 1, config.content_channels, n_frames)
    ids = torch.ones(1, 2, dtype=torch.long)
    style = normal("speed/style", 1, config.mrte_channels, 1)
    masks = torch.ones(1, n_frames, dtype=torch.bool), torch.ones(1, 2, dtype=torch.bool)
    with torch.no_grad():
        plain = prior(content, masks[0], ids, masks[1], style)
        fast = prior(content, masks[0], ids, masks[1], style, speed)
    n_fast = int(n_frames / speed) + 1
    # The last projection is linear in each frame, so resampling before and after it agree.
    assert fast.mean.shape[-1] == fast.frame_mask.shape[-1] == n_fast
    for i in range(n_fast):
        at = min(max((i + 0.5) * n_frames / n_fast - 0.5, 0.0), n_frames - 1.0)
        low = min(int(at), n_frames - 1)
        high = min(low + 1, n_frames - 1)
        expected = torch.lerp(plain.mean[..., low], plain.mean[..., high], at - low)
        torch.testing.assert_close(fast.mean[..., i], expected, rtol=1e-3, atol=1e-4)


@pytest.mark.slow
def test_the_posterior_path_is_the_vocoder_of_the_posterior_mean() -> None:
    generator = _generator()
    batch = synthetic_batch(generator.config)
    with torch.no_grad():
        out = generator.reconstruct(*batch[:3], *batch[4:6], speaker_vector=None)
        style = generator.style(batch.spec, batch.spec_lengths, None)
        posterior = generator.enc_q(batch.spec, out.frame_mask, style, None)
        torch.testing.assert_close(out.z, posterior.mean)
        torch.testing.assert_close(out.wave, generator.dec(posterior.mean, style))


@pytest.mark.slow
def test_the_largest_version_trains_a_step_and_speaks(rng: torch.Generator) -> None:
    config = tiny_config("v2ProPlus", upsample_initial=96)
    assert config.upsample_kernels[0] == 20
    step, batch = tiny_step(config), synthetic_batch(config)
    optimisers = {
        "d": torch.optim.AdamW(step.discriminator.parameters(), 1e-4),
        "g": torch.optim.AdamW(generator_parameter_groups(step.generator, 1e-4)),
    }
    before = step.generator.dec.conv_pre.weight.detach().clone()
    pass_ = step.forward_generator(batch, rng)
    step.discriminator_losses(pass_)["discriminator"].backward()
    optimisers["d"].step()
    total = step.total(step.generator_losses(pass_))
    total.backward()
    optimisers["g"].step()
    assert bool(torch.isfinite(total))
    assert not torch.equal(step.generator.dec.conv_pre.weight, before)
    with torch.no_grad():
        wave = step.generator.eval().decode(
            integers("plus/codes", 0, config.codebook_size, 1, 5),
            integers("plus/phones", 0, config.n_symbols, 1, 4),
            [batch.spec[:1]],
            speaker_vectors=[batch.speaker_vector[:1]],
            noise_scale=0.0,
        )
    assert wave.shape == (1, 1, 10 * config.hop_samples)
    assert bool(torch.isfinite(wave).all())
