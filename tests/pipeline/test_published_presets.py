"""The presets that fine-tune published weights, from recordings to speech, on small stand-ins."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
import yaml
from safetensors.numpy import load_file

from tests.pipeline.standins import small_sizes, write_pretrained_models

pytestmark = pytest.mark.slow


def run(arguments: list[str], environment: dict[str, str]) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        arguments, env=environment, capture_output=True, text=True, timeout=400, check=False
    )


@pytest.mark.parametrize("version", ["v2", "v2Pro"])
def test_a_voice_is_fine_tuned_and_speaks(
    version: str,
    few: Callable[[int], Path],
    command: Callable[..., list[str]],
    here: Callable[..., subprocess.CompletedProcess[str]],
    environment: dict[str, str],
    read: Callable[..., Any],
    tmp_path: Path,
) -> None:
    folder = write_pretrained_models(tmp_path / "pretrained_models", version)
    sizes = tmp_path / "sizes.yaml"
    sizes.write_text(yaml.safe_dump(small_sizes() | {"tracking": {"enabled": False}}))
    preset = f"gpt-sovits-{version.lower()}"
    finetune = command(
        "finetune", few(4), "--voice", "v", "--preset", preset, "--config", sizes,
        "--set", f"weights.folder={folder}", "--set", "compute.threads=1", "--set", "compute.workers=1",
        "--set", "release.evaluate.sentences=1", "--set", "release.evaluate.recalled_clips=1",
        "--set", "release.synthesize.max_sentence_s=3",
    )  # fmt: skip
    done = run(finetune, environment)
    assert done.returncode == 0, done.stderr
    # The plan is on the screen: so little speech trains the timbre and keeps the prosody.
    assert "of speech without pauses in" in done.stderr
    assert "SoVITS (timbre)" in done.stderr and "T2S (prosody): kept as published" in done.stderr

    stages = {row["stage"]: row for row in read("status", "v")["stages"]}
    assert all(row["state"] == "done" for row in stages.values())
    voice = tmp_path / "workspace" / "voices" / "v"
    described = json.loads((voice / "voice.json").read_text())
    assert not described["networks"]["sovits"]["from_scratch"]
    assert described["networks"]["sovits"]["steps"] > 0 and described["networks"]["t2s"]["steps"] == 0

    speech = tmp_path / "speech.wav"
    spoken = here("speak", "--voice", "v", "One small step.", "--output", speech)
    assert spoken.returncode == 0, spoken.stderr
    samples, rate = soundfile.read(speech)
    assert rate == 32000 and len(samples) > 0.2 * rate and np.isfinite(samples).all()


def test_without_the_files_nothing_is_started(
    few: Callable[[int], Path],
    command: Callable[..., list[str]],
    environment: dict[str, str],
    tmp_path: Path,
) -> None:
    done = run(command("finetune", few(2), "--voice", "v", "--preset", "gpt-sovits-v2pro"), environment)
    assert done.returncode == 2
    assert "Traceback" not in done.stderr
    for name in ("chinese-hubert-base", "s2Gv2Pro.pth", "s2Dv2Pro.pth", "s1v3.ckpt", "eres2netv2"):
        assert name in done.stderr
    assert not (tmp_path / "workspace" / "store").exists()
    assert not (tmp_path / "workspace" / "runs").exists()


def test_the_decoder_that_was_kept_is_the_published_one(few: Callable[[int], Path], tmp_path: Path) -> None:
    from tasks.voice import Request, open_pipeline

    folder = write_pretrained_models(tmp_path / "pretrained_models", "v2")
    sizes = tmp_path / "sizes.yaml"
    sizes.write_text(yaml.safe_dump(small_sizes()))
    request = Request(
        few(3), "v", "gpt-sovits-v2", sizes, (f"weights.folder={folder}", "compute.threads=1",
                                              "train.plan.sovits=keep"),
    )  # fmt: skip
    pipeline = open_pipeline(tmp_path / "workspace", request)
    results = {}
    for name in pipeline.stages:
        results[name] = pipeline.run_stage(name)
        if name == "train_t2s":
            break
    pipeline.close()
    from models.sovits.upstream import load_generator
    from models.t2s.upstream import load_decoder

    given = pipeline.settings.train
    for kept, published in (
        (results["train_t2s"].files["decoder.safetensors"], load_decoder(Path(given.t2s.pretrained))),
        (
            results["train_sovits"].files["generator.safetensors"],
            load_generator(Path(given.sovits.pretrained)).generator,
        ),
    ):
        weights = load_file(kept)
        for name, tensor in published.state_dict().items():
            np.testing.assert_array_equal(weights[name], tensor.numpy(), err_msg=name)
