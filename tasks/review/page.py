"""A review as one self-contained HTML page: data in, HTML out."""

from __future__ import annotations

from pathlib import Path

from tasks.release.report_audio import player_uri
from tasks.release.templates.render import Room, render
from tasks.review.clips import Review

READS_FILES = ("templates/review.css", "templates/review.html.j2", "templates/review.js")
_ROOM = Room(Path(__file__).parent / "templates", "review.js", "review.css")


def review_page(review: Review) -> str:
    """The page."""
    shown = [{"data": one, "audio": player_uri(*one.wave)} for one in review.clips]
    return render("review.html.j2", _ROOM, review=review, shown=shown)
