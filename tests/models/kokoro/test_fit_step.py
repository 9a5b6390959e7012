"""Fitting a voice: the nearest voices are found, shares stay a mix, timbre and prosody learn apart."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from models.acoustics.batch import AcousticBatch
from models.acoustics.durations import hard_alignment
from models.frontend.mel import styletts2_mel
from models.kokoro.fit_step import FitNetworks, FitStep, nearest_mix, renderings
from models.kokoro.fitted_voice import FittedVoices
from models.losses.spectral import MultiResolutionMelLoss
from models.speaker.ge2e import Ge2eEncoder
from models.speaker.likeness import SpeakerLikeness
from tests.models.kokoro import small

CROP_FRAMES, N_VOICES = 12, 5


@pytest.fixture(scope="module")
def tables() -> Tensor:
    """Five voices far from each other; rows differ."""
    rng = torch.Generator().manual_seed(4)
    middle = 2.0 * torch.randn(N_VOICES, 1, small.CONFIG.voice_width, generator=rng)
    return middle + 0.1 * torch.randn(
        N_VOICES, small.CONFIG.voice_rows, small.CONFIG.voice_width, generator=rng
    )


def recorded(table: Tensor, seed: int, n_tokens: int = 12) -> AcousticBatch:
    """One clip as the network itself says it under a voice [rows, width], with the voice's own prosody."""
    model, texts = small.model(), small.texts((n_tokens,), seed)
    durations = torch.full((1, n_tokens), 3)
    n_frames = int(durations.sum())
    curve = 120 + 20 * torch.sin(torch.arange(2 * n_frames) / 9.0)
    row = table[n_tokens - 3][None]
    spoken = model.forward_train(
        texts.tokens,
        texts.lengths,
        row,
        teacher_dur=durations,
        teacher_f0=curve[None],
        rngs=[torch.Generator().manual_seed(9)],
    )
    wave = spoken.audio[0].detach()
    mel = styletts2_mel(wave)[:, :, : 2 * n_frames]
    return AcousticBatch(
        texts.tokens,
        (n_tokens,),
        mel,
        (2 * n_frames,),
        wave,
        durations,
        curve[None],
        ("a",),
        (f"clip-{seed}",),
    )


def step_of(tables: Tensor, shares: Tensor, target: Tensor | None = None) -> FitStep:
    torch.manual_seed(6)
    likeness = SpeakerLikeness(Ge2eEncoder(hidden=16, layers=1), 24_000).requires_grad_(False)
    model = small.model().requires_grad_(False)
    voices = FittedVoices(tables, shares)
    target = torch.nn.functional.normalize(torch.ones(len(shares), 16), dim=1) if target is None else target
    networks = FitNetworks(model, voices, likeness, ("a", "b")[: len(shares)], target)
    return FitStep(networks, MultiResolutionMelLoss(24_000, ((512, 120, 480),)), CROP_FRAMES, cache_mb=16)


def one(index: int) -> Tensor:
    return torch.eye(N_VOICES)[index : index + 1]


@pytest.mark.slow
@pytest.mark.parametrize("speaks", range(N_VOICES))
def test_the_voice_that_made_the_recordings_is_found(tables: Tensor, speaks: int) -> None:
    clips = [recorded(tables[speaks], seed) for seed in (1, 2)]
    even = torch.full((1, N_VOICES), 1 / N_VOICES)
    with torch.no_grad():
        target = step_of(tables, even).networks.likeness(clips[0].wave)
    step = step_of(tables, even, target)
    compared: list[int] = []
    shares = nearest_mix(step, clips, tables, torch.Generator().manual_seed(3), compared.append)
    assert sum(compared) == renderings(len(tables), len(clips))
    for clip in clips:
        assert step.scores(clip, tables, torch.Generator().manual_seed(5)).argmax() == speaks
    # Networks that have learnt nothing may tell a mean of voices no worse than the voice; without it never.
    assert shares[speaks] > 0
    assert shares.sum() == pytest.approx(1.0)


def test_a_row_is_the_mix_of_the_rows_for_the_same_length(tables: Tensor) -> None:
    shares = torch.tensor([[0.5, 0.5, 0, 0, 0], [0, 0, 0, 2.0, -1.0]])
    voices = FittedVoices(tables, shares)
    with torch.no_grad():
        voices.offset[1] = 3.0
    rows = voices.rows(torch.tensor([1, 0]), torch.tensor([5, 20]))
    expected = 2 * tables[3, 2] - tables[4, 2]
    expected[: voices.style_dim] += 3.0
    torch.testing.assert_close(rows[0], expected)
    torch.testing.assert_close(rows[1], tables[:2, 17].mean(0))
    whole = voices()
    torch.testing.assert_close(whole[1, 2], rows[0])
    torch.testing.assert_close(whole[0, 17], rows[1])


def test_shares_add_up_to_one_however_they_move(tables: Tensor) -> None:
    voices = FittedVoices(tables, one(0))
    with torch.no_grad():
        for parameter in voices.mix_parameters():
            parameter.add_(torch.randn_like(parameter))
    torch.testing.assert_close(voices.shares().sum(-1), torch.ones(2, 1))
    assert FittedVoices(tables, one(0)).mix_distance().item() == 0.0
    assert voices.mix_distance().item() > 0


@pytest.mark.slow
def test_fitting_comes_nearer_to_a_voice_outside_of_the_mix_and_leaves_the_model_alone(
    tables: Tensor,
) -> None:
    beside = tables[2].clone()
    beside[:, : small.CONFIG.style_dim] += 1.5
    clips = [recorded(beside, seed) for seed in range(4)]
    step = step_of(tables, one(2))
    before = {name: value.clone() for name, value in step.networks.model.state_dict().items()}
    voices = step.networks.voices
    optimiser = torch.optim.Adam(voices.parameters(), lr=0.1)
    first = float(step.validation_losses(clips[0])[0]["mel"])
    for number in range(60):
        losses = step.losses(clips[1 + number % 3], torch.Generator().manual_seed(number))
        optimiser.zero_grad()
        losses["mel"].backward()
        optimiser.step()
    assert float(step.validation_losses(clips[0])[0]["mel"]) < 0.8 * first
    after = step.networks.model.state_dict()
    assert all(torch.equal(after[name], value) for name, value in before.items())


def test_timbre_and_prosody_learn_apart(tables: Tensor) -> None:
    step = step_of(tables, one(0))
    voices, clip = step.networks.voices, recorded(tables[1], 1)
    losses = step.losses(clip, torch.Generator().manual_seed(1))
    (losses["mel"] + losses["speaker"]).backward(retain_graph=True)
    assert voices.acoustic.grad is not None and voices.prosodic.grad is not None
    assert voices.acoustic.grad.abs().max() > 0
    assert not voices.prosodic.grad.any()
    assert voices.offset.grad is not None
    voices.zero_grad()
    (losses["f0"] + losses["norm"] + losses["length"]).backward()
    assert voices.prosodic.grad is not None
    assert voices.prosodic.grad.abs().max() > 0
    assert voices.acoustic.grad is None or not voices.acoustic.grad.any()


def test_what_precedes_the_voice_is_computed_once(tables: Tensor, monkeypatch: pytest.MonkeyPatch) -> None:
    step, clip = step_of(tables, one(0)), recorded(tables[1], 1)
    first = step.losses(clip, torch.Generator().manual_seed(1))

    def refuse(*_: object, **__: object) -> Tensor:
        raise AssertionError("computed again")

    monkeypatch.setattr(step.networks.model.bert, "forward", refuse)
    monkeypatch.setattr(step.networks.model.text_encoder, "forward", refuse)
    again = step.losses(clip, torch.Generator().manual_seed(1))
    assert {name: value.item() for name, value in first.items()} == {n: v.item() for n, v in again.items()}


@pytest.mark.parametrize(("second", "is_heard"), [(0.1, False), (0.5, True), (0.8, False)])
def test_the_middle_of_a_held_out_clip_tells_versions_apart(
    tables: Tensor, second: float, is_heard: bool
) -> None:
    step, clip = step_of(tables, one(0)), recorded(tables[1], 1)
    n = 600 * CROP_FRAMES
    assert clip.wave.shape[1] == 3 * n, "the middle is two crops of three"
    noisy, at = clip.wave.clone(), int(second * 24_000)
    noisy[:, at : at + 600] += 0.3
    found, again = (step.validation_losses(one)[0]["mel"].item() for one in (clip, clip._replace(wave=noisy)))
    assert (found != again) == is_heard


def test_clips_together_are_what_they_are_alone(tables: Tensor) -> None:
    """Prosody does not depend on the neighbour's padding."""
    step = step_of(tables, one(0))
    short, long = recorded(tables[1], 1, 8), recorded(tables[1], 2, 14)
    alone = [step.losses(clip, torch.Generator().manual_seed(1)) for clip in (short, long)]
    n_tokens, n_frames = 14, long.mel_lengths[0]

    def pad(values: Tensor, to: int) -> Tensor:
        return torch.nn.functional.pad(values, (0, to - values.shape[-1]))

    both = AcousticBatch(
        torch.cat([pad(short.tokens, n_tokens), long.tokens]),
        (8, 14),
        torch.cat([pad(short.mel, n_frames), long.mel]),
        (short.mel_lengths[0], n_frames),
        torch.cat([pad(short.wave, long.wave.shape[1]), long.wave]),
        torch.cat([pad(short.durations, n_tokens), long.durations]),
        torch.cat([pad(short.f0_hz, n_frames), long.f0_hz]),
        ("a", "a"),
        ("clip-1", "clip-2"),
    )
    together = step.losses(both, torch.Generator().manual_seed(1))
    torch.testing.assert_close(together["length"], (alone[0]["length"] + alone[1]["length"]) / 2)
    assert hard_alignment(both.durations, n_frames // 2).shape == (2, 14, n_frames // 2)
