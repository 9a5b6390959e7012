"""What renderings are compared with: recordings of the speaker who is heard, in any language."""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from models.frontend.audio import Waveform, encode_flac
from tasks.release.evaluate import evaluate_renderings
from tasks.release.judges import Judges
from tasks.release.stages import EVALUATE
from tests.tasks.finetune import synthetic

RATE = synthetic.settings().family.sample_rate
PITCH_HZ = {"anna": 250.0, "ben": 110.0}


def tone(speaker: str) -> np.ndarray:
    return (0.2 * np.sin(2 * np.pi * PITCH_HZ[speaker] * np.arange(RATE) / RATE)).astype(np.float32)


class Strict:
    """Tells the two speakers apart by their pitch, and hears words of English alone."""

    def about(self, language: str) -> dict[str, str]:
        heard = {"word_error_rate": "heard by nobody else"} if language == "en" else {}
        return {"independent_similarity": "cosine", **heard}

    def judge(self, wave: Waveform, text: str, language: str) -> dict[str, float]:
        return {"word_error_rate": 0.25, "words": 4.0} if language == "en" else {}

    def embedding(self, wave: Waveform) -> np.ndarray:
        crossings = int((np.diff(np.sign(wave.samples)) != 0).sum())
        is_anna = crossings > 360
        return np.array([is_anna, not is_anna], np.float32)


@pytest.fixture
def evaluated(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    listing, files = [], {}
    for name, speaker, language, kind in (
        ("a1", "anna", "de", "recording"),
        ("b1", "ben", "en", "recording"),
        ("b2", "ben", "en", "recording"),
        ("s1", "ben", "en", "sentences"),
        ("s2", "anna", "de", "sentences"),
    ):
        file = f"{name}.{kind}.flac"
        files[file] = tmp_path / file
        files[file].write_bytes(encode_flac(tone(speaker), RATE))
        listing.append({
            "utterance_id": name, "speaker": speaker, "language": language, "kind": kind, "file": file,
            "text": "one two three four", "in_step": False,
        })  # fmt: skip
    files["samples.json"] = tmp_path / "samples.json"
    files["samples.json"].write_text(json.dumps(listing))
    profiles = pa.table(
        {"speaker": pa.array([], pa.string()), "centroid": pa.array([], pa.list_(pa.float32()))}
    )
    monkeypatch.setattr(Judges, "of", classmethod(lambda cls, *_: Strict()))
    tree = synthetic.settings()
    inputs = synthetic.FakeInputs({"synthesize": files}, {"speaker_profile": profiles})
    made = evaluate_renderings(inputs, synthetic.view(EVALUATE, tree), synthetic.work(tmp_path / "work"))
    found = json.loads(made.files["evaluation.json"].read_text())
    return SimpleNamespace(metrics=found["metrics"], clips={c["utterance_id"]: c for c in found["clips"]})


def test_a_voice_is_compared_with_recordings_of_its_own_speaker(evaluated: SimpleNamespace) -> None:
    clips = evaluated.clips
    assert clips["s1"]["sentences/independent_similarity"] == pytest.approx(1.0)
    assert clips["s2"]["sentences/independent_similarity"] == pytest.approx(1.0)
    assert clips["b1"]["recording/independent_similarity"] == pytest.approx(1.0)
    # Of one recording nobody can say how far recordings are apart.
    assert "recording/independent_similarity" not in clips["a1"]


def test_what_only_some_languages_have_is_described(evaluated: SimpleNamespace) -> None:
    assert evaluated.metrics["sentences/word_error_rate"]["about"].endswith("heard by nobody else")
    assert evaluated.metrics["sentences/word_error_rate"]["clips"] == 1
