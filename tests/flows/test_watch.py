"""What `prefect deployment run --watch` shows of a run, on any width and without a terminal."""

from __future__ import annotations

import io
import logging
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
from prefect.cli.flow_runs_watching import FlowRunFormatter
from prefect.client.schemas.objects import Log
from rich.console import Console

from configs.errors import UserError
from flows.forecast import told
from flows.prefect_glue import _AsRead, describe, without_markup
from tasks.results import StageResult
from tests.flows.test_forecast import FREE, KNOWN

REASON = "settings changed: train.sovits.max_steps 200 -> 400"
SCREEN = StageResult("screen", "computed", "k", "d", 120, 12, 108, 3, (), 8.4, REASON)
LINES = (
    f"anna: {told(KNOWN, FREE)}",
    describe(SCREEN),
    "screen: 3 texts hold [pause 500ms] or [/data/anna], which nobody says",
    "corpus.language = gsw (Swiss German): nothing here reads it, espeak-ng has no voice for it",
)
WIDTHS = (60, 80, 140, None)
"""Of a terminal; None where there is none."""


def shown(messages: tuple[str, ...], width: int | None) -> str:
    """As Prefect's own formatter and rich print them."""
    out = io.StringIO()
    console = Console(file=out, width=width, force_terminal=width is not None, color_system=None)
    formatter = FlowRunFormatter()
    began = datetime(2026, 1, 1, tzinfo=UTC)
    for number, message in enumerate(messages):
        at = began + timedelta(seconds=61.5 * number)
        log = Log(name="n", level=20, message=message, timestamp=at, flow_run_id=UUID(int=7))
        console.print(formatter.format(log))
    return out.getvalue()


@pytest.mark.parametrize("width", WIDTHS)
def test_every_word_is_there_and_no_line_is_too_long(width: int | None) -> None:
    said = shown(tuple(map(without_markup, LINES)), width).replace("\u2060", "")
    assert max(map(len, said.splitlines())) <= (width or 80)
    words = " ".join(said.split())
    assert all(line in words for line in LINES)
    assert words.endswith(LINES[-1])


def test_brackets_would_be_lost_otherwise() -> None:
    """What is guarded against is there."""
    assert "pause" not in shown(("3 texts hold [pause 500ms]",), 80)


@pytest.mark.parametrize(
    ("error", "said"),
    [(UserError("voice: [anna] is no name"), "voice: [anna] is no name"), (ValueError("x"), "it [failed]")],
)
def test_the_log_keeps_brackets_and_tells_mistakes_in_one_line(error: Exception, said: str) -> None:
    record = logging.LogRecord("n", 40, "f", 1, "it [%s]", ("failed",), (type(error), error, None))
    assert _AsRead().filter(record)
    assert record.getMessage().replace("\u2060", "") == said
    assert said not in record.getMessage()


def test_a_stage_is_told_in_one_line_that_says_what_was_made_first() -> None:
    assert describe(SCREEN) == f"screen: computed 12 of 120 rows in 8.4 s, 3 refused ({REASON})"
