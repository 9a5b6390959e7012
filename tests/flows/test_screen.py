"""What a person sees while a stage runs: on any width, and without a terminal."""

from __future__ import annotations

import io
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console

from flows import screen as seen
from flows.pace import Pace, in_words
from flows.screen import Running, Screen
from tasks.results import StageResult
from tasks.watching import Advance

LOSSES = "mel 0.53, kl 1.21, generator 2.1, discriminator 1.9, feature_matching 3.1, duration 0.4"


class Clock:
    """A clock that is set."""

    def __init__(self) -> None:
        self.now_s = 0.0

    def __call__(self) -> float:
        return self.now_s


def training(done: int = 340, total: int = 6000) -> Running:
    """A stage that has trained at a step a second."""
    clock = Clock()
    running = Running(clock)
    running.begin("train_styletts2_finetune")
    for step in (1, done):
        clock.now_s = float(step)
        running.advance(Advance(step, total, LOSSES))
    return running


@pytest.mark.parametrize("width", [60, 80, 110, 140])
def test_bar_step_total_and_time_left_come_before_losses_on_any_width(width: int) -> None:
    line = training().line(width)
    assert len(line) <= width
    assert "train_styletts2_finetune" in line and "340/6000" in line and "1 h 34 min left" in line
    assert "━" in line or "─" in line
    assert ("mel 0.53" in line) == (width >= 80)
    if "mel" in line:
        assert line.index("left") < line.index("mel")


@given(st.integers(20, 200), st.integers(1, 9000), st.integers(1, 9000))
def test_no_line_is_longer_than_the_screen(width: int, done: int, total: int) -> None:
    assert len(training(min(done, total), total).line(width)) <= width


def test_the_same_is_said_in_words_where_nothing_moves() -> None:
    assert training().sentence() == (f"train_styletts2_finetune: 340 of 6000, 1 h 34 min left; {LOSSES}")


def preparing(expected_s: float | None) -> Running:
    """A fitting that has tried half of the official voices in 20 s."""
    clock = Clock()
    running = Running(clock)
    running.begin("fit_kokoro", expected_s)
    running.advance(Advance(0, 0, phase="loading networks"))
    for clock.now_s, done in ((5.0, 0), (25.0, 58)):
        running.advance(Advance(done, 116, phase="trying official voices"))
    return running


@pytest.mark.parametrize("width", [60, 80, 140])
def test_what_comes_before_the_steps_is_shown_too(width: int) -> None:
    line = preparing(None).line(width)
    assert len(line) <= width
    assert "fit_kokoro: trying official voices" in line and "58/116  20 s left" in line
    assert "━" in line and "─" in line


def test_before_its_first_step_a_stage_takes_what_it_should_take() -> None:
    running = preparing(300.0)
    assert running.sentence() == "fit_kokoro: trying official voices, 58 of 116, 5 min left"
    running.advance(Advance(1, 60, LOSSES))
    assert "1 of 60, 5 min left" in running.sentence()
    # Nobody knows better when it takes longer.
    assert preparing(15.0).sentence().endswith("58 of 116, 20 s left")
    begun = Running(Clock())
    begun.begin("align", 90.0)
    assert begun.sentence() == "align: 2 min left"


def test_the_time_left_is_that_of_the_last_minutes() -> None:
    pace = Pace(window_s=100)
    for second in range(0, 1001, 10):
        pace.advanced(second * (1 if second <= 500 else 2), second)
    assert pace.seconds_each() == pytest.approx(0.5, rel=0.1)
    assert pace.left_s(3000, 1000.0) == pytest.approx(500, rel=0.1)
    assert pace.left_s(3000, 1030.0) == pytest.approx(470, rel=0.1)
    assert Pace().left_s(10, 0.0) is None


@pytest.mark.parametrize(
    ("seconds", "said"),
    [
        (0.2, "1 s"),
        (45, "45 s"),
        (59.7, "1 min"),
        (720, "12 min"),
        (3599, "1 h"),
        (7800, "2 h 10 min"),
        (36_000, "10 h"),
        (200_000, "2 days"),
    ],
)
def test_times_are_said_as_people_say_them(seconds: float, said: str) -> None:
    assert in_words(seconds) == said


def test_every_half_minute_a_line_without_a_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(seen, "SAID_EVERY_S", 0.02)
    said = io.StringIO()
    with Screen("anna", Console(file=said, width=80, highlight=False)) as screen:
        screen.started("train_sovits")
        screen.advanced("train_sovits", Advance(1, 6000, LOSSES))
        seen.time.sleep(0.2)
    lines = said.getvalue().splitlines()
    assert lines[0].startswith("train_sovits: 1 of 6000, ") and lines[0].endswith(LOSSES)
    assert "\x1b" not in said.getvalue() and "━" not in said.getvalue()


def _shown(**changes: Any) -> str:
    said = io.StringIO()
    screen = Screen("anna", Console(file=said, width=60, highlight=False))
    made: dict[str, Any] = {
        "name": "pitch",
        "status": "computed",
        "key": "k",
        "output_digest": "d",
        "rows_total": 3,
        "rows_computed": 3,
        "rows_cached": 0,
        "rejects": 0,
        "warnings": (),
        "seconds": 1.0,
        "reason": "never run for this voice",
    }
    screen.started("pitch")
    screen.finished(StageResult(**(made | changes)))
    screen.started("train_sovits")
    screen.advanced("train_sovits", Advance(341, 6000, LOSSES))
    screen.advanced("train_sovits", Advance(400, 6000, LOSSES))
    screen.stopped("stopped at step 400; the next run goes on from there")
    return said.getvalue()


def test_a_training_that_goes_on_says_from_where_and_one_that_stops_what_is_kept() -> None:
    said = _shown()
    assert said.count("goes on") == 2
    assert "goes on   train_sovits     at 341 of 6000" in said
    assert "anna: 1 stage is done; train_sovits stopped at step 400; the next run goes on from there" in said


def test_warnings_beyond_a_few_are_counted() -> None:
    said = _shown(warnings=tuple(f"warning {n}" for n in range(5)))
    assert "warning 2" in said and "warning 3" not in said and "and 2 more warnings" in said
