"""The gate against forgetting: the published voice is measured once, and no version may be worse than it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from configs.gates import GatesSettings
from configs.loading import resolve
from tasks.code import Code
from tasks.release.judges import Judges
from tasks.release.test_sentences import sentences
from tasks.release.voice import Piece
from tasks.versions import base
from tasks.versions.gates import Measured, decide
from tasks.weights import LocalWeights

RATE = 16_000
WER = "sentences/word_error_rate"


class StandIn:
    """A published voice; how often it was asked to speak."""

    sample_rate, default_speaker, languages = RATE, "af_heart", ("en-us",)
    said = 0

    def pieces(self, text: str, options: Any) -> Iterator[Piece]:
        del options
        StandIn.said += 1
        yield Piece(text, np.full(RATE // 10, 0.1, np.float32), False, 0, (0, RATE // 10), None)


@pytest.fixture
def published(monkeypatch: pytest.MonkeyPatch) -> None:
    StandIn.said = 0
    names = {"kokoro/bf_emma": "en-gb", "kokoro/af_heart": "en-us", "kokoro/ff_siwis": "fr-fr"}
    monkeypatch.setattr(base, "published_names", lambda weights: names)
    monkeypatch.setattr(base, "load_published", lambda name, weights: StandIn())
    monkeypatch.setattr(
        Judges, "judge", lambda *_: {"word_error_rate": 0.1, "words": 9.0, "dnsmos": 3.0, "clicks": 0.0}
    )


def test_the_base_is_what_the_model_was_trained_from(published: None, tmp_path: Path) -> None:
    weights = LocalWeights(tmp_path)

    def chosen(preset: str, language: str, *overrides: str) -> str | None:
        return base.base_voice(resolve(preset, None, overrides).settings, weights, language)

    assert chosen("kokoro", "en-us") == "kokoro/af_heart"
    assert chosen("kokoro", "fr") == "kokoro/ff_siwis"
    assert chosen("kokoro", "ru") is None
    # The model stays as it was published, or was never published.
    assert chosen("kokoro-fit", "en") is None
    assert chosen("kokoro-tiny", "en") is None
    assert chosen("tiny", "en") is None
    assert chosen("kokoro", "en", "gates.base=kokoro/bf_emma") == "kokoro/bf_emma"
    assert chosen("kokoro", "en", "gates.base=null") is None


def test_it_is_measured_once_for_each_judge_and_code(
    published: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = resolve("kokoro", None, ("release.evaluate.sentences=6",)).settings
    found = [base.measured_base(tmp_path, settings, "en-us") for _ in range(2)]
    assert StandIn.said == 6
    assert found[0] == found[1] and found[0] is not None
    assert len(sentences("en")) >= 6
    assert set(found[0].clips) == {WER}
    assert set(found[0].clips[WER].values()) == {0.1} and len(found[0].clips[WER]) == 6
    assert "heard by pocketsphinx" in found[0].about[WER]
    fewer = resolve("kokoro", None, ("release.evaluate.sentences=5",)).settings
    base.measured_base(tmp_path, fewer, "en-us")
    assert StandIn.said == 11
    # Once it reads texts otherwise, what it said before tells nothing.
    changed = {"models.frontend.text.normalize": "another"}
    monkeypatch.setattr(Code, "digests", lambda *_: changed)
    base.measured_base(tmp_path, fewer, "en-us")
    assert StandIn.said == 16


def test_nobody_listens_or_there_are_no_sentences(published: None, tmp_path: Path) -> None:
    for override, language in (
        ("release.evaluate.recogniser=null", "en"),
        ("release.evaluate.sentences=0", "en"),
        ("seed=1", "sv"),
    ):
        settings = resolve("kokoro", None, (override,)).settings
        assert base.measured_base(tmp_path, settings, language) is None
    assert StandIn.said == 0


def test_what_was_forgotten_forbids_a_version_that_is_better_than_the_champion() -> None:
    def of(rate: float, name: str = "") -> Measured:
        clips = {WER: {f"s{n}": rate + 0.01 * (n % 3) for n in range(9)}}
        return Measured(1, 1.0, clips, {WER: "edits"}, name)

    gates = GatesSettings()
    assert decide(of(0.5), of(0.3), gates).promotes
    decided = decide(of(0.5), of(0.3), gates, base=of(0.1, "kokoro/af_heart"))
    assert not decided.promotes
    assert str(decided).startswith(
        "forgets what kokoro/af_heart could say: sentences/word_error_rate worse: 0.31"
    )
    assert decide(of(0.5), of(0.1), gates, base=of(0.1, "kokoro/af_heart")).promotes
