"""A training step of Kokoro: losses say what their names say, and everything that should learns from them."""

import pytest
import torch

from configs.train_kokoro import KokoroLossSettings
from models.acoustics.batch import AcousticBatch
from models.acoustics.prosody import PitchEnergy
from models.frontend.mel import log_norm
from models.kokoro.freezing import UNTRAINED, enter, held_parts
from models.kokoro.step import KokoroNetworks, KokoroStep, prosody_losses
from models.losses.spectral import MultiResolutionMelLoss
from models.losses.weighting import weighted_total
from tests.models.kokoro import small
from tests.models.styletts2.training_case import batch


def step_of(networks: KokoroNetworks) -> KokoroStep:
    return KokoroStep(networks, MultiResolutionMelLoss(24000, ((512, 120, 480),)), 40)


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def within_bins(clips: AcousticBatch) -> AcousticBatch:
    return clips._replace(f0_hz=clips.f0_hz * (torch.arange(clips.f0_hz.shape[1]) % 7 > 2))


@pytest.mark.parametrize("held", ((), held_parts(1)))
def test_all_that_learns_gets_a_gradient_and_judges_get_theirs_alone(held: tuple[str, ...]) -> None:
    networks = small.networks()
    step = step_of(networks)
    enter(networks.model, held)
    made = step.forward(within_bins(batch()), 0.0, generator())
    judged = step.discriminator_losses(made)
    judged["disc"].backward()
    for name, judge in networks.judges().items():
        assert all(p.grad is not None and p.grad.any() for p in judge.parameters()), name
        judge.zero_grad()
    assert all(p.grad is None for p in networks.model.parameters())
    losses = step.generator_losses(made, adversarial=True)
    weights = {f"lambda_{name}": name for name in (*losses, "slm")}
    assert weights.keys() == KokoroLossSettings.model_fields.keys()
    sizes = KokoroLossSettings()
    weighted_total(losses, {name: getattr(sizes, f"lambda_{name}") for name in losses}).backward()
    for name, parameter in networks.model.named_parameters():
        learns = not name.startswith((*UNTRAINED, *held))
        assert (parameter.grad is not None) == learns, name
    for name, parameter in networks.voice_table.named_parameters():
        assert parameter.grad is not None and parameter.grad.any(), name
    assert all(p.grad is None for judge in networks.judges().values() for p in judge.parameters())


def test_each_head_learns_from_its_own_loss() -> None:
    networks = small.networks(adversarial=False)
    step = step_of(networks)
    heads = {
        "dur": networks.model.predictor.duration_proj,
        "length": networks.model.predictor.duration_proj,
        "ce": networks.model.predictor.duration_proj,
        "f0": networks.model.predictor.F0_proj,
        "unvoiced": networks.model.predictor.F0_proj,
        "norm": networks.model.predictor.N_proj,
    }
    made = step.forward(within_bins(batch()), 1.0, generator())
    losses = step.generator_losses(made, adversarial=False)
    for name, head in heads.items():
        networks.model.zero_grad()
        losses[name].backward(retain_graph=True)
        assert all(p.grad is not None and p.grad.any() for p in head.parameters()), name
        others = {id(other): other for other in heads.values() if other is not head}
        assert all(p.grad is None for other in others.values() for p in other.parameters()), name


def test_losses_are_zero_on_the_recordings_own_prosody_and_padding_counts_nowhere() -> None:
    networks = small.networks(adversarial=False)
    clips = within_bins(batch((96, 64)))
    made = step_of(networks).forward(clips, 1.0, generator())
    energy = log_norm(clips.mel)
    astray = clips.f0_hz.clone(), energy.clone()
    for curve in astray:
        curve[1, 64:] += 500
    exact = made.output._replace(curves=PitchEnergy(*astray))
    losses = prosody_losses(exact, clips)
    assert losses["f0"] == losses["unvoiced"] == losses["norm"] == 0
    off = made.output._replace(curves=PitchEnergy(clips.f0_hz + 21, energy))
    losses = prosody_losses(off, clips)
    torch.testing.assert_close(losses["f0"], torch.tensor((21 - 0.5) / 10))
    torch.testing.assert_close(losses["unvoiced"], torch.tensor((21 - 0.5) / 10))
    voiced = clips.f0_hz > 10
    off = made.output._replace(curves=PitchEnergy(clips.f0_hz + 21 * voiced, energy))
    losses = prosody_losses(off, clips)
    assert losses["unvoiced"] == 0 and losses["f0"] > 2


@torch.no_grad()
@pytest.mark.parametrize("what", ["f0_hz", "mel"])
def test_the_share_decides_whose_pitch_and_energy_the_decoder_reads(what: str) -> None:
    networks = small.networks(adversarial=False)
    networks.model.eval()
    step, clips = step_of(networks), batch()
    other = clips._replace(f0_hz=clips.f0_hz * 2) if what == "f0_hz" else clips._replace(mel=clips.mel + 1)
    taught = [step.forward(each, 1.0, generator()).fake for each in (clips, other)]
    untaught = [step.forward(each, 0.0, generator()).fake for each in (clips, other)]
    assert not torch.allclose(*taught)
    assert torch.equal(*untaught)


def test_the_waveform_is_compared_with_its_own_stretch() -> None:
    clips = batch((96, 104))
    made = step_of(small.networks(adversarial=False)).forward(clips, 1.0, generator(4))
    assert made.real.shape == made.fake.shape == (2, 1, 40 * 300)
    for row, start in enumerate(made.output.crops.starts):
        assert torch.equal(made.real[row, 0], clips.wave[row, start * 600 : (start + 20) * 600])


@torch.no_grad()
def test_validation_measures_in_cents_frames_and_shares() -> None:
    networks = small.networks(adversarial=False)
    networks.model.eval()
    clips = batch((96,))
    predictor = networks.model.predictor
    # A voice of one pitch and of half a frame's duration, whatever the text.
    for layer, value in ((predictor.F0_proj, 240.0), (predictor.duration_proj.linear_layer, -2.708)):
        torch.nn.init.zeros_(layer.weight)
        torch.nn.init.constant_(layer.bias, value)
    found = step_of(networks).validation_losses(clips)
    assert set(found) == {"stft", "stft_recorded", "f0", "f0_voiced", "voicing", "norm", "dur", "length"}
    cents = 1200 * (torch.log2(240 / clips.f0_hz)).abs().mean()
    torch.testing.assert_close(found["f0"], cents)
    torch.testing.assert_close(found["f0_voiced"], cents)
    assert found["voicing"] == 0
    predicted = small.CONFIG.max_dur / (1 + torch.exp(torch.tensor(2.708)))
    torch.testing.assert_close(found["dur"], (clips.durations - predicted).abs().mean())
    total = clips.durations.sum()
    n_tokens = clips.tokens.shape[1]
    torch.testing.assert_close(found["length"], (total - n_tokens * predicted).abs() / total)
    assert torch.equal(found["stft"], step_of(networks).validation_losses(clips)["stft"])
    torch.nn.init.zeros_(predictor.F0_proj.bias)
    unvoiced = step_of(networks).validation_losses(clips)
    assert (unvoiced["voicing"], unvoiced["f0_voiced"]) == (1, 0)
    torch.testing.assert_close(unvoiced["f0"], 1200 * (torch.log2(20 / clips.f0_hz)).abs().mean())
