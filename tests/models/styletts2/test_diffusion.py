"""Style diffusion: what does not depend on the batch, what trains, what is refused."""

import pytest
import torch
from torch import Tensor

from configs.errors import UserError
from models.styletts2.config import TINY, styletts2_config
from models.styletts2.diffusion import DiffusionDraws, StyleDiffusion
from models.styletts2.sampling import karras_sigmas
from tests.models.golden_fill import normal
from tests.models.styletts2_golden import fill_with_salt

VERSIONS = ["ljspeech", "libritts"]


def _diffusion(version: str, salt: str = "diffusion") -> StyleDiffusion:
    diffusion = StyleDiffusion(styletts2_config(version, **TINY))
    fill_with_salt(salt, "diffusion", diffusion)
    return diffusion


def _inputs(diffusion: StyleDiffusion, n_rows: int, n_tokens: int) -> tuple[Tensor, Tensor, Tensor | None]:
    """Style, text and, where the model has use for it, a reference."""
    config = diffusion.config
    style = 0.2 * normal(f"style/{n_rows}", n_rows, config.full_style)
    text = normal(f"text/{n_rows}/{n_tokens}", n_rows, n_tokens, config.bert_hidden)
    reference = 0.2 * normal(f"reference/{n_rows}", n_rows, config.full_style)
    return style, text, reference if config.multispeaker else None


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("guidance", [1.0, 2.0])
def test_a_style_does_not_depend_on_padding_or_on_its_batch(version: str, guidance: float) -> None:
    diffusion = _diffusion(version)
    lengths = [9, 4, 6]
    style, text, reference = _inputs(diffusion, len(lengths), max(lengths))
    mask = torch.arange(max(lengths)) < torch.tensor(lengths)[:, None]
    fresh = normal("fresh", 3, *style.shape)
    options = {"steps": 4, "guidance": guidance}
    together = diffusion.sample(style, text, mask=mask, features=reference, step_noise=fresh, **options)
    for row, length in enumerate(lengths):
        one = slice(row, row + 1)
        alone = diffusion.sample(
            style[one],
            text[one, :length],
            features=None if reference is None else reference[one],
            step_noise=fresh[:, one],
            **options,
        )
        torch.testing.assert_close(together[one], alone, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("version", VERSIONS)
def test_the_loss_is_the_mean_of_its_rows_and_hides_the_text_of_a_row_alone(version: str) -> None:
    diffusion = _diffusion(version)
    style, text, reference = _inputs(diffusion, 3, 5)
    draws = diffusion.draw(3, torch.Generator().manual_seed(1))._replace(
        hidden=torch.tensor([False, True, False])
    )
    whole = diffusion.loss(style, text, draws, features=reference)

    def row(i: int, text: Tensor) -> Tensor:
        one = slice(i, i + 1)
        features = None if reference is None else reference[one]
        return diffusion.loss(
            style[one], text[one], DiffusionDraws(*(drawn[one] for drawn in draws)), features=features
        )

    torch.testing.assert_close(whole, torch.stack([row(i, text) for i in range(3)]).mean())
    other = -text
    assert torch.equal(row(1, text), row(1, other))
    assert not torch.equal(row(0, text), row(0, other))


def test_a_perfect_network_has_no_loss_and_its_sampler_arrives() -> None:
    """Where the network's answer is exact, EDM's scalings must give back the style they started from."""
    diffusion = _diffusion("ljspeech")
    style, text, _ = _inputs(diffusion, 2, 5)

    class Oracle(torch.nn.Module):
        fixed_embedding = diffusion.unet.fixed_embedding

        def forward(self, x: Tensor, time: Tensor, *args: object, **options: object) -> Tensor:
            sigma, s = torch.exp(4 * time)[:, None], diffusion.config.diffusion_sigma_data
            spread = torch.sqrt(sigma**2 + s**2)
            return (style - (s / spread) ** 2 * (x * spread)) * spread / (sigma * s)

    diffusion.unet = Oracle()  # type: ignore[assignment]
    draws = diffusion.draw(2, torch.Generator().manual_seed(0))
    assert diffusion.loss(style, text, draws) < 1e-9
    drawn = diffusion.sample(normal("start", *style.shape), text, steps=5, rng=torch.Generator())
    torch.testing.assert_close(drawn, style, rtol=0, atol=2e-3)


@pytest.mark.parametrize("version", VERSIONS)
def test_everything_trains_through_loss_and_sampler(version: str) -> None:
    diffusion = _diffusion(version)
    style, text, reference = _inputs(diffusion, 2, 5)
    text.requires_grad_()
    draws = diffusion.draw(2, torch.Generator().manual_seed(1))._replace(hidden=torch.tensor([True, False]))
    rng = torch.Generator().manual_seed(0)
    sample = diffusion.sample(style, text, features=reference, steps=3, rng=rng)
    (diffusion.loss(style, text, draws, features=reference) + sample.abs().mean()).backward()
    assert all(p.grad is not None and p.grad.any() for p in diffusion.parameters())
    assert text.grad is not None and text.grad[1].any()


def test_numbers_drawn_follow_the_published_distribution_and_the_generator() -> None:
    diffusion = _diffusion("ljspeech")
    drawn = diffusion.draw(4000, torch.Generator().manual_seed(3))
    config = diffusion.config
    assert abs(drawn.sigma.log().mean() - config.diffusion_log_mean) < 0.1
    assert abs(drawn.sigma.log().std() - config.diffusion_log_std) < 0.1
    assert abs(drawn.hidden.float().mean() - config.diffusion_mask_probability) < 0.02
    again = diffusion.draw(4000, torch.Generator().manual_seed(3))
    assert all(torch.equal(a, b) for a, b in zip(drawn, again, strict=True))


def test_a_reference_is_needed_exactly_where_the_model_has_use_for_it() -> None:
    for version in VERSIONS:
        diffusion = _diffusion(version)
        style, text, _ = _inputs(diffusion, 1, 3)
        wrong = style if version == "ljspeech" else None
        with pytest.raises(UserError, match="multi-speaker"):
            diffusion.denoise(style, 1.0, text, features=wrong)


@pytest.mark.parametrize(("spread", "scale"), [(0.2, 4.472136), (0.5, 1.961161)])
def test_noisy_styles_are_scaled_by_the_spread_that_the_voice_was_trained_with(
    spread: float, scale: float
) -> None:
    """EDM's c_in = 1 / sqrt(sigma^2 + sigma_data^2), here at sigma = 0.1, whoever asks."""
    diffusion = StyleDiffusion(styletts2_config("ljspeech", **TINY, diffusion_sigma_data=spread))
    style, text, _ = _inputs(diffusion, 1, 3)
    heard: list[Tensor] = []
    diffusion.unet.register_forward_pre_hook(lambda _, given: heard.append(given[0]))
    diffusion.denoise(style, 0.1, text)
    torch.testing.assert_close(heard[0], scale * style)
    diffusion.sample(torch.ones_like(style), text, steps=2, step_noise=torch.zeros(1, *style.shape))
    torch.testing.assert_close(heard[1], 3.0 * torch.ones_like(style) / (9 + spread**2) ** 0.5)


def test_a_single_step_is_refused() -> None:
    with pytest.raises(UserError, match="at least 2"):
        karras_sigmas(1)
