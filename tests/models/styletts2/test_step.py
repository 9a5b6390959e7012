"""One step of each stage and phase: what learns, what stays, what is finite, what is drawn from where."""

from __future__ import annotations

import math
from typing import Any

import pytest
import torch
from torch import Tensor

from configs.train_styletts2 import SlmAdversarySettings
from models.acoustics.crops import draw_crops
from models.acoustics.prosody import PitchEnergy
from models.acoustics.spectral_norm import SpectralConv2d
from models.losses.spectral import MultiResolutionStftLoss
from models.styletts2 import joint_step, slm_adversary, step
from models.styletts2.joint_step import JointStep
from models.styletts2.model import ReadText
from models.styletts2.slm_adversary import (
    TRAINED,
    Judged,
    SlmAdversary,
    can_judge,
    judged_clips,
    scale_gradients,
)
from models.styletts2.step import Stage1Step
from models.styletts2.training import (
    DISCRIMINATORS,
    Networks,
    Phase,
    align,
    aligner_losses,
    enter,
    iterate_spectral_norms,
)
from tests.models.styletts2.training_case import batch, changed, networks, state

STAGE1 = (step.ACOUSTIC, step.ALIGNED)
JOINT = (
    joint_step.PROSODY,
    joint_step.DIFFUSION,
    joint_step.JOINT,
    joint_step.FINETUNE,
    joint_step.FINETUNE_DIFFUSION,
    joint_step.FINETUNE_JOINT,
)
RULE = SlmAdversarySettings(min_len=8, max_len=60, batch_percentage=1.0)


def rng(seed: int = 0) -> torch.Generator:
    torch.manual_seed(seed)
    return torch.Generator().manual_seed(seed)


def generator_gradients(made: Networks, phase: Phase) -> dict[str, float]:
    """Losses by name, with the gradients of the generator's step left in the networks."""
    enter(made, phase)
    if phase in STAGE1:
        first = Stage1Step(made, 80)
        losses = first.generator_losses(first.forward(batch(), rng()), phase)
    else:
        later = JointStep(made, 80)
        losses = later.generator_losses(later.forward(batch(), phase, rng()), phase)
    torch.stack(list(losses.values())).sum().backward()
    return {name: float(loss.detach()) for name, loss in losses.items()}


@pytest.mark.slow
@pytest.mark.parametrize("phase", [*STAGE1, *JOINT], ids=lambda phase: phase.name)
def test_exactly_the_phases_networks_get_gradients(phase: Phase) -> None:
    made = networks()
    before = state(made.named())
    losses = generator_gradients(made, phase)
    assert all(math.isfinite(loss) for loss in losses.values())
    assert ("mono" in losses) == phase.aligns and ("diff" in losses) == phase.diffusion
    assert ("gen" in losses) == phase.adversarial
    with_gradient = {
        name
        for name, network in made.named().items()
        if any(p.grad is not None and float(p.grad.abs().sum()) > 0 for p in network.parameters())
    }
    assert with_gradient == set(phase.trained)
    assert changed(before, made.named()) == set()


def test_upsamplings_that_interpolate_are_held() -> None:
    made = networks()
    shapes = made.model.decoder.filter_shapes()
    for interpolates in (False, True):
        enter(made, step.ACOUSTIC, interpolates)
        held = {name for name, p in made.model.decoder.named_parameters() if not p.requires_grad}
        assert held.issuperset(shapes) == interpolates and len(held) == len(shapes) * interpolates


@pytest.mark.slow
@pytest.mark.parametrize("phase", [step.ALIGNED, joint_step.JOINT], ids=lambda phase: phase.name)
def test_discriminators_learn_in_their_own_step_alone(phase: Phase) -> None:
    made = networks()
    enter(made, phase)
    if phase in STAGE1:
        first = Stage1Step(made, 80)
        losses = first.discriminator_losses(first.forward(batch(), rng()))
    else:
        later = JointStep(made, 80)
        losses = later.discriminator_losses(later.forward(batch(), phase, rng(), wave_only=True))
    losses["disc"].backward()
    with_gradient = {
        n for n, net in made.named().items() if any(p.grad is not None for p in net.parameters())
    }
    assert with_gradient == set(DISCRIMINATORS)


@pytest.mark.slow
def test_a_pass_for_the_waveform_alone_makes_the_same_waveform() -> None:
    made = networks()
    enter(made, joint_step.JOINT)
    later = JointStep(made, 80)
    whole = later.forward(batch(), joint_step.JOINT, rng())
    with torch.no_grad():
        alone = later.forward(batch(), joint_step.JOINT, rng(), wave_only=True)
    # Without a graph some layers compute in another order, which shows in the last bits.
    torch.testing.assert_close(alone.fake, whole.fake.detach(), rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(alone.real, whole.real)
    assert not torch.equal(later.forward(batch(), joint_step.JOINT, rng(1)).fake, whole.fake)


@pytest.mark.slow
def test_before_joint_training_the_target_is_the_decoders_own() -> None:
    made = networks()
    later = JointStep(made, 80)
    enter(made, joint_step.DIFFUSION)
    own = later.forward(batch(), joint_step.DIFFUSION, rng(), wave_only=True).real
    enter(made, joint_step.JOINT)
    recorded = later.forward(batch(), joint_step.JOINT, rng(), wave_only=True).real
    waves = batch().wave
    assert any(torch.equal(recorded[0, 0], w) for w in waves[0].unfold(0, recorded.shape[2], 600))
    assert not torch.equal(own, recorded)


def test_spectral_norms_take_one_step_per_optimiser_step() -> None:
    made = networks()
    phase = joint_step.PROSODY
    enter(made, phase)
    layers = {
        name: next(m for m in made.named()[name].modules() if isinstance(m, SpectralConv2d))
        for name in ("predictor_encoder", "style_encoder")
    }
    before = {name: layer.weight_u.clone() for name, layer in layers.items()}
    with torch.no_grad():
        layers["predictor_encoder"].weight_orig.add_(
            torch.randn_like(layers["predictor_encoder"].weight_orig)
        )
    iterate_spectral_norms(made, phase)
    once = {name: layer.weight_u.clone() for name, layer in layers.items()}
    assert not torch.equal(once["predictor_encoder"], before["predictor_encoder"])
    assert torch.equal(once["style_encoder"], before["style_encoder"])
    JointStep(made, 80).forward(batch(), phase, rng())
    assert all(torch.equal(layer.weight_u, once[name]) for name, layer in layers.items())


@pytest.mark.slow
def test_given_durations_and_pitch_need_neither_aligner_nor_extractor() -> None:
    made = networks(given=True)
    losses = generator_gradients(made, step.ALIGNED)
    assert "mono" not in losses and "gen" in losses
    assert generator_gradients(networks(given=True), joint_step.FINETUNE_JOINT).keys() >= {
        "f0",
        "dur",
        "diff",
    }


@pytest.mark.slow
def test_without_a_speech_language_model_its_distance_is_no_loss() -> None:
    assert "slm" not in generator_gradients(networks(slm=False), joint_step.PROSODY)


@pytest.mark.slow
@pytest.mark.parametrize("phase", [step.ACOUSTIC, joint_step.PROSODY], ids=lambda phase: phase.name)
def test_plain_spectrograms_are_compared_where_that_is_wanted(phase: Phase) -> None:
    made = networks(given=True, slm=False)
    enter(made, phase)
    kind = Stage1Step if phase in STAGE1 else JointStep
    of: list[dict[str, torch.Tensor]] = []
    for stft in (False, True):
        one = kind(made, 80, stft)
        passed = one.forward(batch(), rng()) if kind is Stage1Step else one.forward(batch(), phase, rng())
        of.append(one.generator_losses(passed, phase))
    assert of[1].keys() - of[0].keys() == {"stft"}
    distance = MultiResolutionStftLoss(made.config.resolutions)
    torch.testing.assert_close(of[1]["stft"], distance(passed.fake[:, 0], passed.real[:, 0]))


@pytest.mark.parametrize("phase", [joint_step.JOINT, joint_step.FINETUNE_JOINT], ids=lambda phase: phase.name)
def test_styles_that_diffusion_learns_from_are_targets_and_do_not_move_towards_it(phase: Phase) -> None:
    made = networks(multispeaker=True)
    enter(made, phase)
    losses = JointStep(made, 80).forward(batch(multispeaker=True), phase, rng()).losses
    assert not losses["sigma_data"].requires_grad and losses["sigma_data"] > 0
    (losses["sty"] + losses["diff"]).backward()
    assert {n for n, net in made.named().items() if any(p.grad is not None for p in net.parameters())} == {
        "bert",
        "diffusion",
    }


def test_pitch_counts_a_tenth_and_the_distance_from_the_path_tenfold() -> None:
    made = networks()
    enter(made, joint_step.FINETUNE)
    curves = PitchEnergy(torch.tensor([[110.0, 0.0, 130.0]]), torch.tensor([[1.0, 2.0, 3.0]]))
    found = joint_step._curve_losses(curves, torch.tensor([[100.0, 0.5, 130.0]]), torch.zeros(1, 3))
    # Smooth L1: half the square below 1, the distance less a half above.
    assert float(found["f0"]) == pytest.approx((9.5 + 0.125 + 0.0) / 3 / 10)
    assert float(found["norm"]) == pytest.approx((0.5 + 1.5 + 2.5) / 3)
    aligned = align(made, batch(), rng())
    assert aligned.attention is not None
    distance = (aligned.attention - aligned.path).abs().mean()
    torch.testing.assert_close(aligner_losses(aligned, batch())["mono"], 10 * distance)


@pytest.mark.slow
def test_multi_speaker_models_hear_references() -> None:
    made = networks(multispeaker=True)
    enter(made, joint_step.JOINT)
    later = JointStep(made, 80)
    clips = batch(multispeaker=True)
    found = later.forward(clips, joint_step.JOINT, rng()).losses["diff"]
    assert clips.reference_mel is not None
    other = clips._replace(reference_mel=clips.reference_mel.flip(0))
    assert not torch.equal(later.forward(other, joint_step.JOINT, rng()).losses["diff"], found)


@pytest.mark.slow
@pytest.mark.parametrize("lengths", [(80,), (80, 82)])
def test_single_clips_of_a_second_train_finitely(lengths: tuple[int, ...]) -> None:
    made = networks()
    for phase in (joint_step.FINETUNE_DIFFUSION,):
        enter(made, phase)
        later = JointStep(made, 400)
        losses = later.generator_losses(later.forward(batch(lengths), phase, rng()), phase)
        torch.stack(list(losses.values())).sum().backward()
    gradients = [
        p.grad for network in made.named().values() for p in network.parameters() if p.grad is not None
    ]
    assert all(bool(g.isfinite().all()) for g in gradients)


def test_crops_are_of_one_length_inside_every_row() -> None:
    generator = torch.Generator().manual_seed(0)
    starts = set()
    for _ in range(200):
        crops = draw_crops((50, 40, 45), 400, generator)
        assert crops.n_frames == 40 and crops.starts[1] == 0
        assert all(0 <= at <= n - 40 for at, n in zip(crops.starts, (50, 40, 45), strict=True))
        starts.add(crops.starts[0])
    assert starts == set(range(11))


def judged_networks() -> Networks:
    made = networks()
    enter(made, joint_step.JOINT)
    return made


@pytest.mark.slow
def test_the_adversary_trains_text_prosody_and_diffusion_alone() -> None:
    made = judged_networks()
    adversary = SlmAdversary(made, RULE)
    seen = set()
    for seed in range(6):
        judged = adversary.synthesize(batch(), rng(seed))
        assert judged is not None and judged.real.shape == judged.fake.shape
        adversary.generator_losses(judged)["slm_gen"].backward()
        seen |= {n for n, net in made.named().items() if any(p.grad is not None for p in net.parameters())}
    assert seen == set(TRAINED)
    judge = judged_networks()
    adversary = SlmAdversary(judge, RULE)
    with torch.no_grad():
        judged = adversary.synthesize(batch(), rng())
    assert judged is not None
    adversary.discriminator_losses(judged)["slm_disc"].backward()
    assert {n for n, net in judge.named().items() if any(p.grad is not None for p in net.parameters())} == {
        "wd"
    }


def verdicts(made: Networks, wave: Tensor) -> Tensor:
    """What the discriminator says of waveforms [K, S]."""
    assert made.wavlm is not None and made.wd is not None
    with torch.no_grad():
        return made.wd(made.wavlm(wave))


def squares(real: Tensor, fake: Tensor) -> Tensor:
    """The discriminator's loss for these verdicts, as published."""
    return (1 - real).square().mean() + fake.square().mean()


@pytest.mark.parametrize("crops", [False, True])
@pytest.mark.parametrize("longer", ["reconstruction", "synthesis"])
def test_reconstructions_that_are_heard_teach_to_ignore_length_and_traces(crops: bool, longer: str) -> None:
    made = judged_networks()
    adversary = SlmAdversary(made, RULE)
    draw = torch.Generator().manual_seed(1)
    lengths = (24_000, 16_000) if longer == "reconstruction" else (16_000, 24_000)
    recorded, rebuilt = (0.1 * torch.randn(3, lengths[0], generator=draw) for _ in range(2))
    spoken = 0.1 * torch.randn(2, lengths[1], generator=draw)
    judged = Judged(0.1 * torch.randn(2, lengths[1], generator=draw), spoken)
    found = adversary.discriminator_losses(judged, joint_step.Reconstructed(recorded, rebuilt), crops)

    traces = (verdicts(made, recorded) - verdicts(made, rebuilt)).abs().mean()
    long, other = (rebuilt, spoken) if longer == "reconstruction" else (spoken, rebuilt)
    start, whole = verdicts(made, long[:, :16_000]), verdicts(made, long)
    length = (start - whole[..., : start.shape[-1]]).abs().mean()
    pair = (start if crops else whole, verdicts(made, other))
    expected = squares(*(pair if longer == "reconstruction" else pair[::-1]))
    assert float(length) > 0
    torch.testing.assert_close(found["slm_disc"], expected + length + traces)


@pytest.mark.slow
def test_the_adversary_speaks_other_texts_half_the_time(monkeypatch: pytest.MonkeyPatch) -> None:
    made = judged_networks()
    others = ([3, 4, 5, 6, 7, 8] * 4, [9, 8, 7, 6, 5] * 5)
    adversary = SlmAdversary(made, RULE, others)
    read, said = made.model.read, list[tuple[list[int], ...]]()

    def listening(tokens: Tensor, lengths: Tensor) -> ReadText:
        said.append(tuple(row[:n].tolist() for row, n in zip(tokens, lengths.tolist(), strict=True)))
        return read(tokens, lengths)

    monkeypatch.setattr(made.model, "read", listening)
    clips = batch()
    own = tuple(row[:n].tolist() for row, n in zip(clips.tokens, clips.token_lengths, strict=True))
    with torch.no_grad():
        for seed in range(24):
            adversary.synthesize(clips, rng(seed))
    assert 4 <= said.count(own) <= 20
    drawn = [text for rows in said if rows != own for text in rows]
    assert all(text in others for text in drawn) and {len(text) for text in drawn} == {24, 25}


@pytest.mark.slow
def test_the_adversary_gives_a_recordings_own_style_to_its_own_text_alone(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """StyleTTS 2, Modules/slmadv.py: the recordings' style in half of the draws of their own texts."""
    made = judged_networks()
    adversary = SlmAdversary(made, RULE, ([3, 4, 5, 6, 7, 8] * 4,))
    clips, read, draw_style = batch(), made.model.read, slm_adversary.draw_style
    is_own, is_drawn = False, False
    met = set()

    def listening(tokens: Tensor, lengths: Tensor) -> ReadText:
        nonlocal is_own
        is_own = tokens.shape == clips.tokens.shape and torch.equal(tokens, clips.tokens)
        return read(tokens, lengths)

    def drawn(*arguments: Any) -> Tensor:
        nonlocal is_drawn
        is_drawn = True
        return draw_style(*arguments)

    monkeypatch.setattr(made.model, "read", listening)
    monkeypatch.setattr(slm_adversary, "draw_style", drawn)
    with torch.no_grad():
        for seed in range(24):
            is_drawn = False
            adversary.synthesize(clips, rng(seed))
            met.add((is_own, is_drawn))
    assert met == {(True, False), (True, True), (False, True)}


@pytest.mark.slow
@pytest.mark.parametrize(
    ("phase", "frames"), [(joint_step.JOINT, 60), (joint_step.FINETUNE, 40), (joint_step.FINETUNE_JOINT, 40)]
)
def test_fine_tuning_takes_the_style_of_the_very_crop(phase: Phase, frames: int) -> None:
    made = networks(multispeaker=True)
    enter(made, phase)
    clips = batch((120, 130), multispeaker=True)
    heard = list[int]()
    made.model.style_encoder.register_forward_pre_hook(lambda _, given: heard.append(given[0].shape[3] // 2))
    JointStep(made, 80).forward(clips, phase, rng(), wave_only=True)
    assert heard == [frames]
    heard.clear()
    rebuilt = JointStep(made, 80).reconstruct(clips, phase, rng())
    assert heard == [frames] and rebuilt.real.shape == rebuilt.fake.shape == (2, 40 * 600)


def test_the_adversary_needs_two_long_clips() -> None:
    made = judged_networks()
    assert SlmAdversary(made, SlmAdversarySettings()).synthesize(batch(), rng()) is None
    rule = SlmAdversarySettings(min_len=100)
    assert judged_clips(rule, 2) == 1 and not can_judge(rule, (200, 200))
    assert can_judge(rule, (200, 200, 90, 90)) and not can_judge(rule, (200, 100, 90, 90))


@pytest.mark.parametrize(("size", "factor"), [(0.1, 1.0), (1000.0, None)])
def test_large_gradients_are_divided_by_the_predictors_norm(size: float, factor: float | None) -> None:
    made = judged_networks()
    for name in TRAINED:
        for parameter in made.named()[name].parameters():
            parameter.grad = torch.zeros_like(parameter)
    predictor = made.model.predictor
    predictor.F0_proj.weight.grad = torch.full_like(predictor.F0_proj.weight, size)
    predictor.duration_proj.linear_layer.weight.grad = torch.full_like(
        predictor.duration_proj.linear_layer.weight, size
    )
    made.model.bert_encoder.weight.grad = torch.full_like(made.model.bert_encoder.weight, size)
    count = predictor.F0_proj.weight.numel() + predictor.duration_proj.linear_layer.weight.numel()
    expected = size * (factor or 1 / (size * math.sqrt(count)))
    scale_gradients(made, RULE)
    torch.testing.assert_close(predictor.F0_proj.weight.grad.flatten()[0], torch.tensor(expected))
    torch.testing.assert_close(made.model.bert_encoder.weight.grad.flatten()[0], torch.tensor(expected))
    scaled = predictor.duration_proj.linear_layer.weight.grad.flatten()[0]
    torch.testing.assert_close(scaled, torch.tensor(expected * RULE.scale))


def test_duration_projection_duration_lstm_and_diffusion_learn_a_hundredth_from_the_adversary() -> None:
    """As published: the rest of the predictor, PL-BERT and its encoder take the gradients as they are."""
    made = judged_networks()
    gradients = {
        f"{name}.{key}": parameter
        for name in TRAINED
        for key, parameter in made.named()[name].named_parameters()
    }
    for parameter in gradients.values():
        parameter.grad = torch.ones_like(parameter)
    scale_gradients(made, SlmAdversarySettings(thresh=1e9))
    scaled = ("predictor.duration_proj.", "predictor.lstm.", "diffusion.")
    for part in scaled:
        assert any(key.startswith(part) for key in gradients)
    for key, parameter in gradients.items():
        assert parameter.grad is not None
        wanted = 0.01 if key.startswith(scaled) else 1.0
        torch.testing.assert_close(parameter.grad, torch.full_like(parameter, wanted))


@pytest.mark.slow
def test_half_precision_losses_are_finite_and_close() -> None:
    made = networks()
    enter(made, joint_step.DIFFUSION)
    later = JointStep(made, 80)
    plain = later.generator_losses(later.forward(batch(), joint_step.DIFFUSION, rng()), joint_step.DIFFUSION)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        made_half = later.forward(batch(), joint_step.DIFFUSION, rng())
        half = later.generator_losses(made_half, joint_step.DIFFUSION)
    for name, loss in plain.items():
        assert math.isfinite(float(half[name].detach()))
        assert float(half[name].detach()) == pytest.approx(float(loss.detach()), rel=0.2, abs=0.05), name


@pytest.mark.parametrize("phase", [*STAGE1, *JOINT], ids=lambda phase: phase.name)
def test_the_judge_of_speech_learns_in_joint_training_alone(phase: Phase) -> None:
    made = networks()
    enter(made, phase)
    assert made.wd is not None
    joint = phase in (joint_step.JOINT, joint_step.FINETUNE_JOINT)
    assert {p.requires_grad for p in made.wd.parameters()} == {joint}


def test_what_a_validation_says_of_pitch_and_durations_is_counted_by_hand() -> None:
    made = networks(given=True, slm=False)
    predictor = made.model.predictor
    # 240 Hz and half a frame per token, whatever the text.
    for layer, value in ((predictor.F0_proj, 240.0), (predictor.duration_proj.linear_layer, -math.log(15.0))):
        torch.nn.init.zeros_(layer.weight)
        torch.nn.init.constant_(layer.bias, value)
    clips = batch((96,))
    pitch = torch.zeros_like(clips.f0_hz)
    pitch[0, 7] = 150.0
    made.model.eval()
    found = JointStep(made, 80).validation_losses(clips._replace(f0_hz=pitch))
    torch.testing.assert_close(found["f0_voiced"], torch.tensor(90.0))
    # Six tokens share 48 frames; eight chances of one in sixteen make half a frame of each.
    torch.testing.assert_close(found["dur"], torch.tensor(7.5))
    torch.testing.assert_close(found["length"], torch.tensor(45 / 48))
