"""A review done in Chromium by keyboard: what it saves are corrections that are taken in."""

from __future__ import annotations

import itertools
from pathlib import Path
from typing import Any

import pytest

from tasks.corpus.correction import Correction
from tasks.corpus.corrections_file import take_in
from tasks.review.clips import Review, Reviewed
from tasks.review.doubts import Doubt, heard_beside
from tasks.review.page import review_page
from tests.pages.keyboard import begin_at, press, saved_by, write
from tests.tasks.listening_tests.made import hum

HOSTILE = "</textarea><script>alert('x')</script>\"'&"


def clip(name: str, text: str, correction: Correction | None = None, heard: str = "") -> Reviewed:
    doubt = Doubt(3.1, ("text and sound fit worse than usual here (3.1 deviations)",))
    words = tuple(heard_beside(text, heard))
    return Reviewed(name, "ann", "en", text, 0.6, hum(140.0), doubt, words, correction)


@pytest.fixture
def page(tmp_path: Path) -> Path:
    clips = (
        clip("c1", "The first clip.", heard="the third clip"),
        clip("c2", "The second clip, which says rather more than the others and breaks into lines."),
        clip("c3", "Gone before.", Correction("drop")),
        clip("c4", "Mended before.", Correction("text", "Mended before.")),
        clip("c5", HOSTILE),
    )
    path = tmp_path / "review.html"
    path.write_text(review_page(Review("anna", clips, 9, ("lost-1",))), encoding="utf-8")
    return path


def test_nothing_in_a_text_becomes_markup(page: Path) -> None:
    html = page.read_text(encoding="utf-8")
    assert html.count("<script>") == 1
    assert "<mark>third</mark>" in html
    assert "lost-1" in html


@pytest.mark.browser
def test_a_review_is_done_by_keyboard_and_its_file_is_taken_in(
    browser: Any, page: Path, tmp_path: Path
) -> None:
    begin_at(browser, page)
    for key in ("j", "e"):
        press(browser, key)
    browser.evaluate("document.activeElement.select()")
    write(browser, "The first clip, mended.\n")
    for key in ("Escape", "j", "d", "j", "d"):
        press(browser, key)
    press(browser, " ")
    playing = "document.querySelectorAll('.clip')[2].querySelector('audio').currentTime > 0"
    assert browser.evaluate(f"new Promise(done => setInterval(() => {playing} && done(true), 20))")
    press(browser, "j")
    browser.evaluate("document.querySelectorAll('.clip')[3].querySelector('.restore').click()")
    for key in ("j", "d", "u"):
        press(browser, key)
    assert browser.evaluate("document.getElementById('changes').textContent") == "4 clips changed."
    path = saved_by(browser, "s", tmp_path / "saved")
    assert path.name == "anna-corrections.tsv"
    assert browser.complaints() == []
    assert browser.requests() == [page.as_uri()]
    before = tmp_path / "before.tsv"
    before.write_text("c3\tdrop\nc4\ttext\tMended before.\nc9\tdrop\n")
    take_in(tmp_path, "anna", before)
    assert take_in(tmp_path, "anna", path) == {
        "c1": Correction("text", "The first clip, mended."),
        "c2": Correction("drop"),
        "c9": Correction("drop"),
    }


@pytest.mark.browser
def test_the_page_fits_and_is_quiet(browser: Any, page: Path, kept: Path) -> None:
    for scheme, width in itertools.product(("light", "dark"), (1280, 500, 360)):
        browser.open(page.as_uri(), width, scheme)
        browser.evaluate("document.querySelector('.drop').click()")
        assert browser.evaluate("document.documentElement.scrollWidth") == width, (scheme, width)
        browser.screenshot(kept / f"review-{scheme}-{width}.png")
        browser.evaluate("document.querySelector('.drop').click()")
        assert browser.complaints() == []
