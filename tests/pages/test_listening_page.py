"""A listening test done in Chromium by keyboard alone: the file that it saves is taken in."""

from __future__ import annotations

import itertools
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tasks.listening_tests.pages import outcome_page
from tasks.listening_tests.results import Answers, import_answers
from tasks.listening_tests.summary import summarise
from tests.pages.keyboard import begin_at, press, saved_by, wait_for, write
from tests.tasks.listening_tests.made import answer, made

pytestmark = pytest.mark.browser


def begin(browser: Any, page: Path, rater: str) -> None:
    begin_at(browser, page)
    browser.evaluate("document.getElementById('rater').focus()")
    write(browser, rater)
    press(browser, "Enter")
    wait_for(lambda: question(browser), "the page does not begin")


def question(browser: Any) -> str:
    found: str = browser.evaluate("document.getElementById('place').textContent")
    return found


@pytest.mark.parametrize("kind", ["ab", "abx", "mushra"])
def test_a_test_is_done_by_keyboard_and_its_file_is_taken_in(browser: Any, tmp_path: Path, kind: Any) -> None:
    key, text = made(tmp_path, kind, count=3, repeats=2, recorded=kind == "mushra")
    page = tmp_path / "page.html"
    page.write_text(text, encoding="utf-8")
    begin(browser, page, "Bea 1")
    turns = 5
    assert question(browser) == f"Question 1 of {turns}"
    press(browser, "Enter")
    assert "Not heard yet: A, B" in browser.evaluate("document.getElementById('wanting').textContent")
    for turn in range(turns):
        assert question(browser) == f"Question {turn + 1} of {turns}"
        letters = {"ab": "ab", "abx": "abx", "mushra": "rabcd"}[kind]
        for letter in letters:
            press(browser, letter)
            if kind == "mushra" and letter != "r":
                press(browser, "End" if letter == "a" else "ArrowUp")
        if kind != "mushra":
            press(browser, "12012"[turn] if kind == "ab" else "1")
        press(browser, "Enter")
    assert browser.complaints() == []
    assert browser.requests() == [page.as_uri()]
    taken_in, answers, is_new = import_answers(saved_by(browser, "s", tmp_path / "saved"), tmp_path)
    assert is_new and taken_in == key and answers.rater == "Bea 1"
    assert len(answers.answers) == turns
    if kind == "mushra":
        assert sorted(answers.answers[0]["scores"].values()) == [51, 51, 51, 100]
    else:
        by_trial: dict[str, list[Any]] = {}
        for one in answers.answers:
            by_trial.setdefault(one["trial"], []).append(one)
        twice = [own for own in by_trial.values() if len(own) == 2]
        assert len(twice) == 2
        assert all(one["first"] == other["second"] for one, other in twice)


def test_raters_get_other_orders_and_go_on_where_they_stopped(browser: Any, tmp_path: Path) -> None:
    _, text = made(tmp_path, "ab", count=8, repeats=0)
    page = tmp_path / "page.html"
    page.write_text(text, encoding="utf-8")
    plan = "JSON.stringify(turns.map((turn) => [turn.trial.id, ...turn.order]))"
    plans = []
    for rater in ("ann", "bea", "ann"):
        begin(browser, page, rater)
        plans.append(browser.evaluate(plan))
    assert plans[0] == plans[2] != plans[1]
    for letter in ("a", "b", "1", "Enter"):
        press(browser, letter)
    assert question(browser) == "Question 2 of 8"
    begin(browser, page, "ann")
    assert question(browser) == "Question 2 of 8"


@pytest.mark.parametrize("kind", ["ab", "mushra"])
def test_pages_fit_and_are_quiet(browser: Any, tmp_path: Path, kept: Path, kind: Any) -> None:
    key, text = made(tmp_path, kind, count=12, repeats=12, recorded=kind == "mushra")
    rng = np.random.default_rng(4)
    given = [answer(key, f"rater {n}", rng, sure) for n, sure in enumerate((0.95, 0.9, 0.5))]
    summary = summarise(key, [Answers(one["rater"], one["answers"]) for one in given])
    pages = {"listening": text, "outcome": outcome_page(summary)}
    for name, html in pages.items():
        path = tmp_path / f"{name}.html"
        path.write_text(html, encoding="utf-8")
        for scheme, width in itertools.product(("light", "dark"), (1280, 500, 360)):
            browser.open(path.as_uri(), width, scheme)
            if name == "listening":
                begin_here(browser)
            assert browser.evaluate("document.documentElement.scrollWidth") == width, (name, scheme, width)
            browser.screenshot(kept / f"{name}-{kind}-{scheme}-{width}.png")
            assert browser.complaints() == []


def begin_here(browser: Any) -> None:
    browser.evaluate(
        "document.getElementById('rater').value = 'x'; document.getElementById('start').requestSubmit()"
    )
    press(browser, "b")
