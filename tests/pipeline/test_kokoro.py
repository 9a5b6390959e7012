"""A Kokoro voice through the real command: from recordings to speech and to the official package's files."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import soundfile
import torch

from models.kokoro.config import TINY
from models.kokoro.model import Kokoro
from models.kokoro.upstream import load_kokoro, read_voice, save_config, save_kokoro

pytestmark = pytest.mark.slow

QUICK = (
    "train.kokoro.max_steps=3",
    "train.kokoro.max_epochs=null",
    "train.kokoro.batch_size=2",
    "train.kokoro.max_len_frames=60",
    "train.kokoro.adversarial_epoch=null",
    "train.kokoro.validate_every_steps=0",
    "train.kokoro.early_stop_patience=0",
    "train.kokoro.sample_clips=0",
    "release.kokoro.clips=1",
    "release.evaluate.sentences=1",
    "compute.workers=1",
    "tracking.enabled=false",
)
# Untrained, a duration is half of the longest: with this one phones last as long as people's.
LONGEST_FRAMES = 8


def run(arguments: list[str], environment: dict[str, str]) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        arguments, env=environment, capture_output=True, text=True, timeout=400, check=False
    )


def test_a_voice_from_scratch_speaks(
    few: Callable[[int], Path],
    command: Callable[..., list[str]],
    here: Callable[..., subprocess.CompletedProcess[str]],
    environment: dict[str, str],
    read: Callable[..., Any],
    tmp_path: Path,
) -> None:
    sizes = f"train.kokoro.sizes.max_dur={LONGEST_FRAMES}"
    settings = [part for setting in (*QUICK, sizes) for part in ("--set", setting)]
    finetune = command("finetune", few(6), "--voice", "v", "--preset", "kokoro-tiny", *settings)
    made = run(finetune, environment)
    assert made.returncode == 0, made.stderr
    stages = {row["stage"]: row for row in read("status", "v")["stages"]}
    assert {"voice_table", "train_kokoro", "export"} <= stages.keys()
    assert all(row["state"] == "done" for row in stages.values())

    voice = tmp_path / "workspace" / "voices" / "v"
    assert json.loads((voice / "voice.json").read_text())["family"] == "kokoro"
    assert "Model and voice table" in (voice / "report.html").read_text()
    model = load_kokoro(voice / "v.pth", voice / "config.json")
    assert torch.isfinite(read_voice(voice / "voices" / "v.pt", model.config)).all()

    speech = tmp_path / "speech.wav"
    speak = ("speak", "--voice", "v", "One small step. And another!", "--output", speech)
    spoken = here(*speak, "--speed", "1.2", "--manner", "pause_s=0.3")
    assert spoken.returncode == 0, spoken.stderr
    assert soundfile.info(speech).samplerate == 24_000
    wrong = here(*speak, "--manner", "top_k=3")
    assert wrong.returncode == 2 and "--manner: top_k" in wrong.stderr
    assert "Traceback" not in wrong.stderr


def test_published_weights_are_trained_from_a_fitted_voice(
    few: Callable[[int], Path],
    command: Callable[..., list[str]],
    environment: dict[str, str],
    read: Callable[..., Any],
    tmp_path: Path,
) -> None:
    """Small weights stand in, as wide as the official voices that come along."""
    place = tmp_path / "workspace" / "models" / "kokoro-82m"
    place.mkdir(parents=True)
    sizes = replace(TINY, decoder=replace(TINY.decoder, style_dim=128), max_dur=LONGEST_FRAMES)
    torch.manual_seed(3)
    save_kokoro(place / "kokoro-v1_0.pth", Kokoro(sizes))
    save_config(place / "config.json", sizes)
    fitting = (
        "train.kokoro_fit.voices=null",
        "train.kokoro_fit.mix_steps=1",
        "train.kokoro_fit.vector_steps=1",
        "train.kokoro_fit.validate_every_steps=0",
        "train.kokoro_fit.early_stop_patience=0",
    )
    settings = [part for setting in (*QUICK, *fitting) for part in ("--set", setting)]
    made = run(command("finetune", few(4), "--voice", "v", "--preset", "kokoro", *settings), environment)
    assert made.returncode == 0, made.stderr
    stages = {row["stage"]: row["state"] for row in read("status", "v")["stages"]}
    assert stages["fit_kokoro"] == stages["voice_table"] == stages["train_kokoro"] == "done"
    voice = tmp_path / "workspace" / "voices" / "v"
    assert "Kokoro, fine-tuned" in (voice / "report.html").read_text()
    described = json.loads((voice / "voice.json").read_text())
    assert described["training_data"]["published_weights"] == {"kokoro-82m": "Apache-2.0"}
    table = read_voice(voice / "voices" / "v.pt", sizes)
    # A neutral table has a mean of 0, whatever the speaker; official voices are 2 to 3 long.
    assert table.mean((0, 1)).norm() > 1


def test_without_the_published_weights_one_message_says_how_to_get_them(
    few: Callable[[int], Path],
    command: Callable[..., list[str]],
    environment: dict[str, str],
    tmp_path: Path,
) -> None:
    finetune = ("finetune", few(2), "--voice", "lb_max", "--preset", "kokoro", "--set", "language=lb")
    done = run(command(*finetune), environment)
    assert done.returncode == 2
    assert "Traceback" not in done.stderr
    for part in (
        "kokoro-82m",
        "hexgrad/Kokoro-82M",
        "kokoro-v1_0.pth",
        "models fetch kokoro-82m",
    ):
        assert part in done.stderr
    assert not (tmp_path / "workspace" / "store").exists()
