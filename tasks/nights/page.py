"""A night's digest as one self-contained HTML page: record and sounds in, HTML out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from models.frontend.audio import Waveform
from tasks.nights.digest import NightDigest, headline, subject, told_came, told_room
from tasks.release.report_audio import player_uri
from tasks.release.templates.render import render


class Heard(NamedTuple):
    """A text as versions of a voice say it.

    Attributes:
        name: Of the clip.
        takes: What is heard, by the version's name.
    """

    name: str
    takes: Mapping[str, Waveform]


def build_night_page(digest: NightDigest, sounds: Mapping[str, Sequence[Heard]]) -> str:
    """The page.

    Args:
        sounds: What is to be heard of each voice.
    """
    return render(
        "night.html.j2",
        night=digest,
        subject=subject(digest),
        heading=headline(digest),
        space=told_room(digest),
        began=_told_time(digest["began"]),
        ended=_told_time(digest["ended"] or ""),
        failures=[one for one in digest["notified"] if one["failure"]],
        voices=[
            {
                "data": voice,
                "came": told_came(voice["came"]),
                "sounds": [_view(heard) for heard in sounds.get(voice["voice"], ())],
            }
            for voice in digest["voices"]
        ],
    )


def _told_time(recorded: str) -> str:
    """`2026-11-30 03:00 UTC` of a time as records have it."""
    return recorded and f"{recorded[:16].replace('T', ' ')} UTC"


def _view(heard: Heard) -> dict[str, object]:
    return {
        "name": heard.name,
        "takes": [
            {
                "label": label,
                "audio": player_uri(wave.samples, wave.sample_rate),
                "duration_s": len(wave.samples) / wave.sample_rate,
            }
            for label, wave in heard.takes.items()
        ],
    }
