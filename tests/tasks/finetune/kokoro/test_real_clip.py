"""Kokoro's training on recorded speech."""

from __future__ import annotations

import csv
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
import torch

from models.frontend.audio import encode_flac, resample
from models.frontend.f0 import track_pitch
from models.frontend.mel import styletts2_mel
from models.frontend.text.g2p import phonemize
from tests.tasks.finetune.kokoro import case as kokoro_case


def row(path: Path, text: str, split: str) -> dict[str, Any]:
    """A recording in the shard stage's form; its phones last equally long."""
    family = kokoro_case.FAMILY
    recorded, rate = soundfile.read(path, dtype="float32")
    wave = resample(recorded, rate, family.sample_rate)
    padded = np.pad(wave, family.edge_silence_samples)
    mel = styletts2_mel(torch.from_numpy(padded)[None])[0]
    n_frames = mel.shape[1]
    read = phonemize(text, "en", "ipa")
    bounds = np.linspace(0, n_frames, len(read.phones) + 1).astype(int)
    pitch = track_pitch(padded, family.sample_rate, family.hop_samples, n_frames, "dio")
    return {
        "utterance_id": path.stem,
        "speaker": "reader",
        "split": split,
        "language": "en",
        "words": read.words,
        "word2ph": read.word2ph,
        "own_words": [],
        "phones": read.phones,
        "durations": np.diff(bounds).tolist(),
        "pause_frames": [0] * len(read.phones),
        "lead_frames": 0,
        "trail_frames": 0,
        "audio": {"bytes": encode_flac(wave, family.sample_rate)},
        "n_frames": n_frames,
        "mel": np.ascontiguousarray(mel.numpy().T).astype("<f2").tobytes(),
        "n_mels": family.n_mels,
        "f0_hz": pitch.f0_hz.tolist(),
    }


@pytest.mark.slow
def test_a_step_on_recorded_speech_brings_it_nearer_in_every_loss(speech: Path, tmp_path: Path) -> None:
    """The same clip is trained on and validated by, before and after a few steps."""
    corpus = speech / "ljs-mini"
    with (corpus / "metadata.csv").open(encoding="utf-8", newline="") as lines:
        texts = {name: text for name, *_, text in csv.reader(lines, delimiter="|", quoting=csv.QUOTE_NONE)}
    clip = min((corpus / "wavs").iterdir(), key=lambda path: soundfile.info(path).duration)
    rows = [row(clip, texts[clip.stem], split) for split in ("train", "validation")]
    files = {"shard": kokoro_case.write_rows(tmp_path / "shards", rows)}
    profile = kokoro_case.profile(("reader",))
    files["voice_table"] = dict(kokoro_case.make_table({}, tmp_path / "table", profile=profile).files)
    produced = kokoro_case.train(
        files,
        tmp_path / "work",
        max_steps=12,
        validate_every_steps=12,
        adversarial_epoch=None,
        adversarial_step=None,
        optimiser={"lr": 3e-3, "bert_lr": 3e-3, "table_lr": 3e-3, "warmup_steps": 0, "schedule": "constant"},
    )
    # Twelve steps teach no pitch, and that is said.
    (warned,) = produced.warnings
    assert "the sound does not follow the pitch" in warned and produced.rejects == []
    for name in ("stft", "stft_recorded", "norm", "dur", "length"):
        (first, before), (last, after) = produced.series[f"validation/{name}"]
        assert (first, last) == (0, 12) and math.isfinite(after) and after < before, name
    pitch = [value for _, value in produced.series["train/f0"]]
    assert pitch[-1] < pitch[0]
