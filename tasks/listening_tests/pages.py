"""The page that raters answer, and the page of what their answers come to: data in, HTML out."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

from tasks.listening_tests.record import Kind
from tasks.listening_tests.summary import Summary, in_words
from tasks.release.templates.render import Room, render

READS_FILES = (
    "templates/listening.css",
    "templates/listening.html.j2",
    "templates/listening.js",
    "templates/outcome.html.j2",
)
_TEMPLATES = Path(__file__).parent / "templates"
_ASKING = Room(_TEMPLATES, "listening.js", "listening.css")
_TELLING = Room(_TEMPLATES, style="listening.css")


class Line(NamedTuple):
    """A value and its interval on an axis from 0 to 100."""

    name: str
    value: float
    low: float
    high: float
    says: str


def listening_page(kind: Kind, asked: str) -> str:
    """The page that raters answer.

    Args:
        kind: Of the test.
        asked: Questions and sounds as JSON.
    """
    # Inside a script element nothing is escaped, and only `<` could end it.
    return render("listening.html.j2", _ASKING, kind=kind, asked=asked.replace("<", "\\u003c"))


def outcome_page(summary: Summary) -> str:
    """The page of a test's outcome."""
    head, *lines = in_words(summary)
    return render(
        "outcome.html.j2",
        _TELLING,
        summary=summary,
        key=summary.key,
        head=head,
        lines=lines,
        bars=_bars(summary),
    )


def _bars(summary: Summary) -> list[Line]:
    if summary.key["kind"] == "mushra":
        return [
            Line(
                one.name,
                *one.score[:3],
                f"{one.score.mean:.0f} ({one.score.low:.0f} to {one.score.high:.0f})",
            )
            for one in summary.scored
        ]
    verb = "told apart" if summary.key["kind"] == "abx" else "preferred"
    return [
        Line(
            f"{pair.first} and {pair.second}" if verb == "told apart" else f"{pair.first} over {pair.second}",
            100 * pair.share.share,
            100 * pair.share.low,
            100 * pair.share.high,
            f"{pair.share.share:.0%} ({pair.share.low:.0%} to {pair.share.high:.0%}), {pair.share.hits} of "
            f"{pair.share.of}, p = {pair.share.p_value:.2g}",
        )
        for pair in summary.pairs
    ]
