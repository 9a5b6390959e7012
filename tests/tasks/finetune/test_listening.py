"""A validation tells a sound that follows the pitch it is asked for from one that hums."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from configs.errors import UserError
from configs.train_acoustic import ListeningSettings
from models.speaker.ge2e import load_ge2e
from models.speaker.likeness import SpeakerLikeness
from tasks.finetune.characters.listening import ear_for
from tasks.finetune.checkpoint import Checkpoints
from tasks.finetune.listener import Misheard
from tasks.finetune.listening import DEAF, SHIFTS, Ear
from tasks.finetune.loop import LoopSettings, Trained, train
from tasks.finetune.pitch_rule import PitchRule
from tasks.finetune.rendered_pitch import Grid, Rendering, pitch_kept
from tests.second_device import second_device
from tests.tasks.finetune import toy
from tests.tasks.finetune.kokoro.case import FAMILY

GRID = Grid(24_000, 300)
FRAMES = 120
CONTOUR = (165 + 25 * np.sin(np.arange(FRAMES) / 9)).astype(np.float32)


def sung(hz: np.ndarray) -> Tensor:
    """Harmonics of a pitch that is given per frame, and a little noise."""
    phase = 2 * np.pi * np.cumsum(np.repeat(hz.astype(np.float64), GRID.hop_samples)) / GRID.sample_rate
    noise = 1e-3 * np.random.default_rng(3).standard_normal(len(phase))
    return torch.from_numpy(
        (noise + sum(0.2 / k * np.sin(k * phase) for k in range(1, 25))).astype(np.float32)
    )


def heard(spoken: Callable[[float], np.ndarray]) -> dict[str, float]:
    """Of a voice that makes `spoken(shift)` where the contour times the shift is asked for."""
    renderings = [Rendering(CONTOUR * shift, sung(spoken(shift))) for shift in SHIFTS]
    return {name: float(value) for name, value in pitch_kept(renderings, GRID).items()}


def test_a_voice_that_follows_is_found_to() -> None:
    found = heard(lambda shift: CONTOUR * shift)
    assert found["f0_correlation"] > 0.97
    assert found["f0_cents"] < 25
    assert found["frame_line_db"] < 5
    assert found["f0_frames"] > 0.8 * FRAMES * len(SHIFTS)


def test_a_hum_at_twice_the_frame_rate_does_not_pass() -> None:
    found = heard(lambda _: np.full(FRAMES, 160.0))
    assert abs(found["f0_correlation"]) < 0.3
    assert found["f0_cents"] > 100
    assert found["frame_line_db"] > 10


def test_the_recorded_melody_whatever_was_asked_does_not_pass() -> None:
    assert heard(lambda _: CONTOUR)["f0_correlation"] < 0.7


def test_silence_is_no_melody() -> None:
    silence = [Rendering(CONTOUR, torch.zeros(FRAMES * GRID.hop_samples))]
    found = pitch_kept(silence, GRID)
    assert (float(found["f0_correlation"]), float(found["f0_cents"])) == (0.0, 1200.0)
    assert float(found["voicing_error"]) == 1.0 and "frame_line_db" not in found


class Recogniser:
    """Understands recordings, and half of what a voice says."""

    def __init__(self) -> None:
        self.heard: list[float] = []

    def hear(self, utterance_id: str, wave: Tensor) -> Misheard:
        assert utterance_id == "a"
        self.heard.append(float(wave[0]))
        return Misheard(int(wave[0] * 8), 8)


def speaker_of(waves: Tensor) -> Tensor:
    """The recording is of one speaker, what the voice says of one at a cosine of .6."""
    return torch.tensor([[1.0, 0.0] if float(waves[0, 0]) == 0.125 else [0.6, 0.8]])


def test_chosen_clips_are_heard_and_the_recording_once() -> None:
    recogniser = Recogniser()
    ear = Ear(frozenset({"a"}), GRID, speaker_of, recogniser)  # type: ignore[arg-type]

    def at_pitch(shift: float) -> Rendering:
        return Rendering(CONTOUR * shift, sung(CONTOUR * shift))

    def hear(name: str) -> Mapping[str, Tensor]:
        return ear.hear(name, torch.tensor([0.125]), at_pitch, lambda: torch.tensor([0.5]))

    assert hear("b") == {}
    for _ in range(2):
        found = hear("a")
        assert (float(found["misheard"]), float(found["misheard_recorded"])) == (0.5, 0.125)
        assert float(found["words"]) == pytest.approx(4 / 48)
        assert float(found["unlike"]) == pytest.approx(1 - 0.6)
    assert recogniser.heard == [0.125, 0.5, 0.5]
    assert DEAF.hear("a", torch.zeros(1), at_pitch, lambda: torch.zeros(1)) == {}


def rule(**changes: Any) -> PitchRule:
    return PitchRule("train.toy", ListeningSettings(**changes), "do something")


def test_only_a_validation_that_was_heard_and_does_not_follow_breaks_the_rule() -> None:
    assert rule().broken({"step": 1}) is None
    assert rule().broken({"step": 1, "f0_correlation": 0.5, "f0_cents": 9.0}) is None
    message = rule().broken({"step": 7, "f0_correlation": 0.49, "f0_cents": 300.0})
    assert message is not None
    assert message.startswith("train.toy: at step 7 the sound does not follow the pitch")
    assert "correlation 0.49, where train.toy.listening.min_correlation is 0.5, 300 cents off" in message


class Humming(toy.ToyRecipe):
    """Follows pitch no better at any time; the second of two clips is not heard."""

    def validate(self, batch: toy.Batch) -> dict[str, Tensor]:
        found = super().validate(batch)
        if batch.utterance_ids[0] == "heard":
            found |= {"f0_correlation": torch.tensor(0.1), "f0_cents": torch.tensor(300.0)}
        return found


def run(folder: Path, **changes: Any) -> Trained:
    (batch,) = toy.held_out()
    clips = [batch._replace(utterance_ids=(name,)) for name in ("heard", "not heard")]
    settings = toy.settings(max_steps=32, validate_every_steps=8)
    settings = LoopSettings(**{**vars(settings), "pitch_rule": rule(**changes)})
    return train(Humming(), toy.feed(0), clips, settings, Checkpoints(folder))


@pytest.mark.slow
def test_training_warns_from_its_middle_on(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        trained = run(tmp_path)
    assert trained.finished
    assert [record.message.split("the sound")[0] for record in caplog.records] == [
        f"train.toy: at step {step} " for step in (16, 24, 32)
    ]
    # A mean over the clips that were heard, not over all of them.
    assert trained.state.validation_curve[0]["f0_correlation"] == pytest.approx(0.1)


def test_training_stops_where_it_is_told_to(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"at step 16 the sound .*; do something. It was stopped"):
        run(tmp_path, ignored="stop")


@pytest.mark.slow
def test_hearing_leaves_no_trace_in_what_is_trained(tmp_path: Path) -> None:
    run(tmp_path / "heard")
    settings = toy.settings(max_steps=32, validate_every_steps=0)
    train(toy.ToyRecipe(), toy.feed(0), [], settings, Checkpoints(tmp_path / "not"))
    one, other = (Checkpoints(tmp_path / name).latest() for name in ("heard", "not"))
    assert one is not None and other is not None
    assert all(torch.equal(tensor, other.tensors[name]) for name, tensor in one.tensors.items())


def test_validation_hears_on_the_device_where_it_speaks_and_leaves_the_encoder_where_it_was() -> None:
    """Held-out clips wait on the CPU; what is heard of them was spoken elsewhere."""
    batch = SimpleNamespace(utterance_ids=("a",), wave=torch.zeros(1, 48_000))
    with second_device() as there:
        ear = ear_for(ListeningSettings(recogniser=None), [batch], there, {}, FAMILY)
        hears = ear.likeness
        assert isinstance(hears, SpeakerLikeness)
        assert {part.device for part in (*hears.parameters(), *hears.buffers())} == {there}
    assert {part.device.type for part in load_ge2e().parameters()} == {"cpu"}
