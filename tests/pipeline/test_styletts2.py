"""A StyleTTS 2 voice through the real command: from scratch, then fine-tuned from its own export."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import soundfile

pytestmark = pytest.mark.slow

QUICK = (
    "train.styletts2.stage1.max_steps=4",
    "train.styletts2.stage1.tma_step=2",
    "train.styletts2.stage2.max_steps=3",
    "train.styletts2.stage2.diff_step=1",
    "train.styletts2.stage2.joint_step=2",
    "train.styletts2.finetune.max_steps=2",
    "train.styletts2.finetune.diff_step=0",
    "train.styletts2.finetune.joint_step=1",
    "train.styletts2.validate_every_steps=0",
    "train.styletts2.max_len_frames=80",
    "release.styletts2.clips=1",
    "release.evaluate.sentences=1",
    "release.evaluate.recogniser=null",
    "compute.workers=1",
    "tracking.enabled=false",
)


def test_a_voice_from_scratch_speaks_and_can_be_fine_tuned(
    few: Callable[[int], Path],
    command: Callable[..., list[str]],
    here: Callable[..., subprocess.CompletedProcess[str]],
    environment: dict[str, str],
    read: Callable[..., Any],
    tmp_path: Path,
) -> None:
    def run(*arguments: object) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            command(*arguments), env=environment, capture_output=True, text=True, timeout=400, check=False
        )

    settings = [part for setting in QUICK for part in ("--set", setting)]
    made = run("finetune", few(6), "--voice", "v", "--preset", "styletts2-tiny", *settings)
    assert made.returncode == 0, made.stderr
    stages = {row["stage"]: row for row in read("status", "v")["stages"]}
    assert {"train_styletts2_stage1", "train_styletts2_stage2"} <= stages.keys()
    assert all(row["state"] == "done" for row in stages.values())
    voice = tmp_path / "workspace" / "voices" / "v"
    assert json.loads((voice / "voice.json").read_text())["family"] == "styletts2"
    assert "Stage 2: prosody and style" in (voice / "report.html").read_text()

    speech = tmp_path / "speech.wav"
    manner = ("--manner", "style=diffusion", "--manner", "diffusion_steps=3")
    spoken = here("speak", "--voice", "v", "One small step. And another!", *manner, "--output", speech)
    assert spoken.returncode == 0, spoken.stderr
    assert soundfile.info(speech).samplerate == 24_000
    wrong = here("speak", "--voice", "v", "One.", "--decoder-weights", "fp16", "--output", speech)
    assert wrong.returncode == 2 and "--manner: decoder_weights" in wrong.stderr
    assert "Traceback" not in wrong.stderr

    networks = f"train.styletts2.pretrained={voice / 'networks'}"
    tuned = run(
        "finetune", few(6), "--voice", "w", "--preset", "styletts2-tiny", *settings, "--set", networks
    )
    assert tuned.returncode == 0, tuned.stderr
    described = json.loads((tmp_path / "workspace" / "voices" / "w" / "voice.json").read_text())
    assert not described["networks"]["styletts2"]["from_scratch"]
    assert described["networks"]["styletts2"]["steps"] == 2
