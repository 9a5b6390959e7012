"""The page of voices side by side: right numbers, the sounds of each, settings that differ, no harm."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from flows.__main__ import run
from models.metrics.intervals import Interval
from tasks.release.versions_page import Measure, Said, Shown, Take, VersionsData, build_versions_page
from tasks.release.voice import Piece
from tasks.versions import comparison
from tasks.versions.gates import Measured
from tests.tasks.versions.made import made

RATE = 16_000


class StandIn:
    """A voice that hums at a pitch; another one for each folder."""

    sample_rate = RATE
    default_speaker = "ann"

    def __init__(self, folder: Path, language: str = "en") -> None:
        self.languages = (language,)
        self._hz = 120.0 if b"0.9" in (folder / "metrics.json").read_bytes() else 210.0

    def pieces(self, text: str, options: object) -> Iterator[Piece]:
        del options
        t = np.arange(RATE // 40 * len(text) // 2) / RATE
        hum = sum(np.sin(2 * np.pi * k * self._hz * t) / k for k in range(1, 8))
        yield Piece(text, (0.1 * hum).astype(np.float32), False, 0, (0, len(t)), None)


def call(workspace: Path, monkeypatch: pytest.MonkeyPatch, *arguments: str) -> int:
    monkeypatch.setattr(sys, "argv", ["voicewright", "-w", str(workspace), *arguments])
    with pytest.raises(SystemExit) as ended:
        run()
    return int(ended.value.code or 0)


def test_two_versions_on_one_page(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made(tmp_path, [0.5] * 6)
    made(tmp_path, [0.9] * 6)
    monkeypatch.setattr(comparison, "load_voice", StandIn)
    page = tmp_path / "page.html"
    assert (
        call(tmp_path, monkeypatch, "compare", "anna@1", "anna@2", "-o", str(page), "--sentences", "2") == 0
    )
    text = page.read_text()
    assert "anna@2 beside anna@1: text/speaker_similarity better: 0.9, was 0.5" in text
    assert text.count("<audio") == 4
    assert text.count("data:image/png;base64,") == 4
    assert "median pitch 120 Hz" in text and "median pitch 210 Hz" in text
    assert '<span class="chip">live</span>' in text
    assert text.count("Seven ships left the harbour before sunrise.") >= 3


def test_what_cannot_be_compared_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    made(tmp_path, [0.5] * 6)
    made(tmp_path, [0.9] * 6, voice="bert")
    assert call(tmp_path, monkeypatch, "compare", "anna") == 2
    assert "name another voice or version" in capsys.readouterr().err
    assert call(tmp_path, monkeypatch, "compare", "anna", "anna@9") == 2
    assert "anna@9: there is no such version" in capsys.readouterr().err
    speaks = iter(("en", "de"))
    monkeypatch.setattr(comparison, "load_voice", lambda folder: StandIn(folder, next(speaks)))
    assert call(tmp_path, monkeypatch, "compare", "anna", "bert", "-o", str(tmp_path / "p.html")) == 2
    assert "speak different languages" in capsys.readouterr().err
    assert not (tmp_path / "p.html").exists()


def test_settings_that_differ_are_told_and_no_others() -> None:
    one = {"seed": 1, "train.lr": 0.1, "voice": "a", "only.here": None}
    other = {"seed": 1, "train.lr": 0.2, "voice": "b"}
    assert comparison.differing([one, other]) == [("train.lr", ("0.1", "0.2"))]


def test_digests_of_files_are_shown_short() -> None:
    files = [{"recogniser": f"content {digit * 64}"} for digit in "0f"]
    shown = ("content 000000000000…", "content ffffffffffff…")
    assert comparison.differing(files) == [("recogniser", shown)]


def test_only_what_is_better_beyond_chance_is_marked() -> None:
    known = [
        Measured(1, 1.0, {"text/dnsmos": {f"s{n}": level + 0.01 * (n % 3) for n in range(8)}})
        for level in (3.0, 3.4, 3.2)
    ]
    assert comparison._best("text/dnsmos", known, 0.95, 0) == 1
    assert comparison._best("text/dnsmos", [known[1], known[1]], 0.95, 0) is None


def test_hostile_words_stay_words() -> None:
    hostile = "<script>alert(1)</script>\"'&"
    wave = np.sin(np.arange(RATE) / 9).astype(np.float32)
    take = Take(wave, RATE, np.zeros((100, 80), np.float32), np.zeros(100))
    data = VersionsData(
        shown=(Shown(hostile, hostile, (("Preset", hostile),)),) * 2,
        measures=(
            Measure(hostile, "dB", "lower", hostile, (Interval(1, 0.5, 2), Interval(3, 3, 3, 1)), None),
        ),
        said=(Said(hostile, "en", (take, take)),),
        settings=((hostile, (hostile, hostile)),),
        decision=hostile,
    )
    page = build_versions_page(data)
    assert "<script>alert" not in page
    assert "0.5 to 2<" in page and ">one clip<" in page
    assert page == build_versions_page(data)
