"""Voices side by side in Chromium: it fits narrow windows, says nothing to the console, plays."""

from __future__ import annotations

import itertools
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from models.metrics.intervals import Interval
from tasks.release.versions_page import Measure, Said, Shown, Take, VersionsData, build_versions_page
from tests.tasks.listening_tests.made import hum

pytestmark = pytest.mark.browser


def take(hz: float, seconds: float) -> Take:
    wave = hum(hz, seconds=seconds)
    frames = int(100 * seconds)
    return Take(
        *wave, np.random.default_rng(0).normal(size=(frames, 80)).astype(np.float32), np.full(frames, hz)
    )


@pytest.fixture
def page(tmp_path: Path) -> Path:
    verdict = "strangers understand it (error rate 0.03 ± 0.02; recordings 0.02); is like the speaker"
    facts = (("Preset", "kokoro-fit"), ("Speech", "12.1 min in 90 clips"), ("Made", "2026-01-01"))
    names = ("anna-with-a-long-name@1", "anna-with-a-long-name@2", "bert@12")
    sentence = "Seven ships left the harbour before sunrise, and none of them came back."
    values = (Interval(0.031, 0.01, 0.052), Interval(0.045, 0.02, 0.07), None)
    path = tmp_path / "versions.html"
    data = VersionsData(
        shown=tuple(Shown(name, verdict, facts, name.endswith("@1")) for name in names),
        measures=(Measure("Words misheard · New sentences", "per word", "lower", "Edits.", values, 0),),
        said=(Said(sentence, "en", (take(120, 1.0), take(160, 1.3), take(210, 0.8))),),
        settings=(
            ("train.kokoro_fit.some.long.setting.of.the.recipe", ("1", "2", '["a", "b", "c"]')),
            ("train.kokoro_fit.recogniser", (f"content {64 * '9'}", f"content {64 * 'f'}", "null")),
        ),
        decision="anna-with-a-long-name@2 beside anna-with-a-long-name@1: no better",
    )
    path.write_text(build_versions_page(data), encoding="utf-8")
    return path


def test_page_is_quiet_and_fits(browser: Any, page: Path, kept: Path) -> None:
    for scheme, width in itertools.product(("light", "dark"), (1280, 500, 360)):
        browser.open(page.as_uri(), width, scheme)
        assert browser.evaluate("document.documentElement.scrollWidth") == width, (scheme, width)
        browser.screenshot(kept / f"versions-{scheme}-{width}.png")
        assert browser.complaints() == [], (scheme, width)
        assert browser.requests() == [page.as_uri()]
