"""A training step on a CPU: losses, gradients, determinism."""

import pytest
import torch

from configs.errors import UserError
from models.sovits.step import (
    SovitsStep,
    draw_noise_and_segments,
    generator_parameter_groups,
)
from tests.models.sovits.conftest import PUBLISHED_WEIGHTS, synthetic_batch, tiny_config, tiny_step


@pytest.mark.slow
@pytest.mark.parametrize("version", ["v2", "v2Pro"])
@pytest.mark.parametrize("freeze", [True, False])
def test_gradient_reaches_every_trained_parameter(version: str, freeze: bool, rng: torch.Generator) -> None:
    config = tiny_config(version, freeze_quantizer=freeze)
    step, batch = tiny_step(config), synthetic_batch(config)
    step.generator.initialize_codebook(list(batch.ssl), rng)
    # The flow starts as the identity, which lets no gradient into its hidden layers.
    for coupling in step.generator.flow.flows.values():
        torch.nn.init.normal_(coupling.post.weight, std=0.1, generator=rng)

    pass_ = step.forward_generator(batch, rng)
    step.discriminator_losses(pass_)["discriminator"].backward()
    assert all(p.grad is None for p in step.generator.parameters())
    assert all(p.grad is not None for p in step.discriminator.parameters())

    step.discriminator.zero_grad()
    step.total(step.generator_losses(pass_)).backward()
    assert all(p.grad is None for p in step.discriminator.parameters())
    assert all(p.requires_grad for p in step.discriminator.parameters())
    still = {
        name
        for name, p in step.generator.named_parameters()
        if p.requires_grad and (p.grad is None or not p.grad.abs().sum() > 0)
    }
    # A bias of the keys shifts all scores of a query alike, so its gradient is 0 but for rounding.
    assert {name for name in still if not name.endswith(("conv_k.bias", "w_ks.bias"))} == set()
    assert step.generator.ssl_proj.weight.requires_grad is not freeze


def test_losses_are_named_as_the_weights_and_finite(rng: torch.Generator) -> None:
    config = tiny_config()
    step, batch = tiny_step(config), synthetic_batch(config)
    pass_ = step.forward_generator(batch, rng)
    losses = step.generator_losses(pass_)
    assert losses.keys() == PUBLISHED_WEIGHTS.keys()
    assert all(bool(torch.isfinite(loss)) for loss in losses.values())
    with pytest.raises(UserError, match="loss weights"):
        SovitsStep(step.generator, step.discriminator, {"mel": 45.0}).total(losses)


@pytest.mark.slow
def test_a_few_updates_lower_the_mel_loss_and_repeat_exactly() -> None:
    def train() -> list[float]:
        config = tiny_config(dropout=0.0)
        step, batch = tiny_step(config), synthetic_batch(config)
        rng = torch.Generator().manual_seed(5)
        step.generator.initialize_codebook(list(batch.ssl), rng)
        optimiser = torch.optim.AdamW(generator_parameter_groups(step.generator, 2e-3))
        history = []
        torch.manual_seed(5)
        for _ in range(12):
            losses = step.generator_losses(step.forward_generator(batch, rng))
            optimiser.zero_grad()
            step.total(losses).backward()
            optimiser.step()
            history.append(losses["mel"].item())
        return history

    history = train()
    assert sum(history[-3:]) < 0.8 * sum(history[:3])
    assert train() == history


@pytest.mark.slow
def test_validation_repeats_and_leaves_the_mode_and_weights(rng: torch.Generator) -> None:
    config = tiny_config(freeze_quantizer=False)
    step, batch = tiny_step(config), synthetic_batch(config)
    step.generator.initialize_codebook(list(batch.ssl), rng)
    before = {name: value.clone() for name, value in step.generator.state_dict().items()}
    first, second = step.validation_losses(batch), step.validation_losses(batch)
    assert first.keys() == {"mel", "kl", "kl_ssl"}
    assert all(torch.equal(first[name], second[name]) for name in first)
    assert step.generator.training
    assert all(torch.equal(before[name], value) for name, value in step.generator.state_dict().items())
    # The same quantity that training measures, not the smaller one at the posterior's mean.
    assert first["kl"].item() == pytest.approx(
        step.forward_generator(batch, torch.Generator().manual_seed(1)).kl.item(), rel=0.2
    )


def test_segments_lie_inside_their_clips() -> None:
    config = tiny_config()
    batch = synthetic_batch(config)
    rng = torch.Generator().manual_seed(0)
    for _ in range(200):
        _, starts = draw_noise_and_segments(batch, config, rng)
        assert bool((starts >= 0).all())
        assert bool((starts + config.segment_frames <= batch.spec_lengths).all())


@pytest.mark.slow
def test_a_clip_shorter_than_a_segment_trains(rng: torch.Generator) -> None:
    config = tiny_config(segment_frames=64)
    step, batch = tiny_step(config), synthetic_batch(config)
    pass_ = step.forward_generator(batch, rng)
    assert pass_.wave_fake.shape == pass_.wave_real.shape == (2, 1, config.segment_samples)
    assert bool(torch.isfinite(step.total(step.generator_losses(pass_))))


def test_parameter_groups_slow_the_text_side_and_leave_out_the_frozen() -> None:
    generator = tiny_step(tiny_config()).generator
    rest, low = generator_parameter_groups(generator, 1e-3)
    # GPT-SoVITS: te_p, et_p and mrte_p of s2_train.py.
    text_side = (generator.enc_p.text_embedding, generator.enc_p.encoder_text, generator.enc_p.mrte)
    slow = {parameter for part in text_side for parameter in part.parameters()}
    assert set(low["params"]) == slow
    assert low["lr"] == pytest.approx(4e-4)
    trained = {p for p in generator.parameters() if p.requires_grad}
    assert set(rest["params"]) == trained - slow
    assert set(generator.ssl_proj.parameters()).isdisjoint(trained)


@pytest.mark.slow
def test_half_precision_autocast_gives_finite_losses_near_full_precision() -> None:
    config = tiny_config(dropout=0.0)
    step, batch = tiny_step(config), synthetic_batch(config)
    step.generator.eval()

    def losses() -> dict[str, torch.Tensor]:
        return step.generator_losses(step.forward_generator(batch, torch.Generator().manual_seed(2)))

    full = losses()
    with torch.autocast("cpu", torch.bfloat16):
        half = losses()
    for name, value in full.items():
        assert half[name].dtype == torch.float32
        # Loose for the mel: the untrained output is near silence, where rounding weighs in the logarithm.
        torch.testing.assert_close(half[name], value, rtol=0.2, atol=0.05)


@pytest.mark.parametrize("name", ["adversarial", "feature_matching", "mel"])
def test_each_distance_of_the_waveform_teaches_the_decoder(name: str, rng: torch.Generator) -> None:
    config = tiny_config()
    step, batch = tiny_step(config), synthetic_batch(config)
    step.generator_losses(step.forward_generator(batch, rng))[name].backward()
    assert all(p.grad is not None and p.grad.abs().sum() > 0 for p in step.generator.dec.parameters())
