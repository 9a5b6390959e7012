"""A night's digest: its words, its files, its page, and what it costs to know."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from configs.errors import UserError
from models.frontend.audio import Waveform
from tasks.nights import kept
from tasks.nights.costs import Costs, cpu_seconds
from tasks.nights.digest import (
    NightDigest,
    VoiceDigest,
    begun,
    ended_early,
    headline,
    replaced,
    subject,
    text,
    waiting,
)
from tasks.nights.page import Heard, build_night_page
from tasks.pipeline import StageResult
from tests.browser import browser

__all__ = ["browser"]

BEGAN = "2026-11-30T03:00:00+00:00"
HOSTILE = "<script>alert(1)</script>\"'&"


def better(voice: str = "anna") -> VoiceDigest:
    """A voice with a new version that speaks."""
    return {
        **waiting(voice),
        "outcome": "live",
        "said": "version 3 is live, was 2",
        "came": {"recordings": 4, "minutes": 1.5, "gone": 1},
        "refused": [{"stage": "screen", "code": "too_noisy", "rows": 2, "example": "c7: 3 dB of noise"}],
        "refused_in_all": 5,
        "version": {
            "number": 3,
            "champion_before": 2,
            "champion": 3,
            "decision": "text/dnsmos better: 3.4, was 3.1",
            "verdict": "strangers understand it (error rate 0.06 ± 0.02; recordings 0.05)",
            "compared": [
                {
                    "metric": "Naturalness · Text to speech",
                    "champion": 3.1,
                    "challenger": 3.4,
                    "says": "text/dnsmos better: 3.4, was 3.1 (difference +0.3, +0.1 to +0.5, 30 utterances)",
                }
            ],
            "hours_before": 0.2,
            "hours": 0.225,
        },
        "champion": 3,
        "costs": [
            {
                "stage": "fit_kokoro",
                "rows": 0,
                "rows_total": 0,
                "seconds": 244.2,
                "cpu_seconds": 430.0,
                "reason": "output of shard changed",
            }
        ],
        "seconds": 301.0,
        "cpu_seconds": 502.0,
    }


def night() -> NightDigest:
    """One voice better, one that failed, one with nothing new."""
    digest = replaced(begun(["anna", "bert", "carl"], BEGAN, 7), better())
    failed: VoiceDigest = {
        **waiting("bert"),
        "outcome": "failed",
        "said": "failed, train_t2s: no space is left; version 1 speaks as before",
        "champion": 1,
    }
    nothing: VoiceDigest = {
        **waiting("carl"),
        "outcome": "nothing new",
        "said": "nothing new, version 4 speaks as before",
        "champion": 4,
    }
    digest = replaced(replaced(digest, failed), nothing)
    return {
        **digest,
        "ended": "2026-11-30T03:12:00+00:00",
        "needed_bytes": 700_000_000,
        "free_bytes": 51_000_000_000,
        "notified": [{"block": "slack-webhook/voices", "failure": "it was not taken (HTTP status 403)"}],
    }


def test_the_night_in_words() -> None:
    digest = night()
    assert subject(digest) == "Night of 2026-11-30: anna version 3 is live; bert failed; carl nothing new"
    assert headline(digest) == "1 new and live; 1 failed; 1 without anything new"
    told = text(digest, "/w/nights/x/digest.html").splitlines()
    for line in (
        "anna: version 3 is live, was 2",
        "  came: 4 recordings of 1.5 min, 1 went",
        "  refused: 2 by screen, too_noisy; for example c7: 3 dB of noise",
        "  speech: 13.5 min, 12.0 before",
        "  cost: 301 s, 502 s of processor; most: fit_kokoro 244 s",
        "bert: failed, train_t2s: no space is left; version 1 speaks as before",
        "carl: nothing new, version 4 speaks as before",
        "not sent by slack-webhook/voices: it was not taken (HTTP status 403)",
        "/w/nights/x/digest.html",
    ):
        assert line in told, line
    # A voice without anything new takes one line.
    assert told[told.index("carl: nothing new, version 4 speaks as before") + 1] == ""


def test_many_voices_are_one_line_still() -> None:
    said = subject(begun([f"v{n}" for n in range(40)], BEGAN, 7))
    assert said.endswith("v5 not finished; and 34 more")
    assert subject(begun([], BEGAN, 7)) == "Night of 2026-11-30: the nightly list is empty"


def test_a_night_that_goes_no_further_tells_of_every_voice() -> None:
    begins = replaced(
        begun(["anna", "bert", "carl"], BEGAN, 7), {**waiting("bert"), "outcome": "at work", "champion": 2}
    )
    ended = ended_early(replaced(begins, better()), "the disk is full")
    assert [voice["outcome"] for voice in ended["voices"]] == ["live", "stopped", "left"]
    assert ended["voices"][1]["said"] == "the disk is full; version 2 speaks as before"
    assert ended["voices"][2]["said"] == "the disk is full; it has no version yet"


def test_files_are_kept_and_the_oldest_go(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kept, "KEPT", 3)
    folders = [kept.new_folder(tmp_path, BEGAN) for _ in range(2)]
    assert [folder.name for folder in folders] == ["2026-11-30T030000Z", "2026-11-30T030000Z-2"]
    for day in (1, 2):
        folders.append(kept.new_folder(tmp_path, f"2026-12-0{day}T03:00:00+00:00"))
    assert kept.nights(tmp_path) == folders[1:]
    kept.write(folders[-1], night(), "<p>")
    assert kept.read(folders[-1]) == night()
    assert (folders[-1] / kept.TEXT).read_text().startswith("Night of 2026-11-30")
    with pytest.raises(UserError, match="holds no record"):
        kept.read(folders[-2])
    (folders[-1] / kept.RECORD).write_text("{")
    with pytest.raises(UserError, match=r"digest\.json"):
        kept.read(folders[-1])


def test_only_nights_without_an_end_were_killed(tmp_path: Path) -> None:
    whole, killed = (kept.new_folder(tmp_path, f"2026-12-0{day}T03:00:00+00:00") for day in (1, 2))
    kept.write(whole, night(), "")
    kept.write(killed, replaced(begun(["anna"], BEGAN, 7), waiting("anna")), "")
    ((folder, digest),) = kept.killed_nights(tmp_path)
    assert folder == killed
    assert digest["stopped"] == kept.KILLED
    kept.write(folder, digest, "")
    assert not list(kept.killed_nights(tmp_path))


def test_hostile_words_stay_words_and_the_page_is_the_same_again() -> None:
    voice = better(HOSTILE)
    voice["said"] = voice["refused"][0]["example"] = HOSTILE
    digest: NightDigest = {**night(), "stopped": HOSTILE, "voices": [voice]}
    page = build_night_page(digest, {})
    assert "<script>alert" not in page
    assert page == build_night_page(digest, {})


@pytest.mark.slow
def test_the_page_in_a_browser(browser, tmp_path: Path) -> None:
    wave = Waveform((0.2 * np.sin(np.arange(8_000) / 9)).astype(np.float32), 16_000)
    heard = Heard("clip-1", {"anna@2": wave, "anna@3": wave})
    page = tmp_path / "night.html"
    page.write_text(build_night_page(night(), {"anna": [heard]}), encoding="utf-8")
    for width, scheme in ((1200, "light"), (500, "dark")):
        browser.open(page.as_uri(), width, scheme)
        assert browser.evaluate("document.documentElement.scrollWidth") <= width
        assert browser.evaluate("document.querySelectorAll('audio').length") == 2
        assert not browser.complaints()
        browser.screenshot(tmp_path / f"{width}.png")


@pytest.mark.slow
def test_children_cost_too() -> None:
    before = cpu_seconds()
    busy = "import time\nend = time.process_time() + 0.3\nwhile time.process_time() < end: pass\ninput()"
    with subprocess.Popen(
        [sys.executable, "-c", busy], stdin=subprocess.PIPE, stdout=subprocess.DEVNULL
    ) as child:
        while cpu_seconds() - before < 0.25:
            assert child.poll() is None
        child.communicate(b"\n")
    assert cpu_seconds() - before >= 0.3


def test_only_what_computed_costs() -> None:
    costs = Costs()
    for name, status in (("ingest", "cached"), ("train", "computed")):
        costs.started(name)
        assert costs.at == name
        costs.finished(StageResult(name, status, "k", "o", 3, 2, 1, 0, (), 1.0, "why"))
    (cost,) = costs.by_stage
    assert (cost["stage"], cost["rows"], cost["rows_total"], cost["reason"]) == ("train", 2, 3, "why")
    assert costs.at == ""
