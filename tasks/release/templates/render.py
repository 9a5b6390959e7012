"""Filling page templates: everything escaped, everything inline, nothing from the network.

A content security policy inside each page forbids the network and any script but the page's own, so a
hostile transcript cannot do more than look odd even if escaping failed.
"""

from __future__ import annotations

import base64
import hashlib
from pathlib import Path
from typing import NamedTuple

import jinja2

from tasks.release.charts import plain

TEMPLATES = Path(__file__).parent
READS_FILES = (
    "base.html.j2",
    "charts.html.j2",
    "graph.html.j2",
    "lineage.html.j2",
    "night.html.j2",
    "report.html.j2",
    "sound.html.j2",
    "versions.html.j2",
    "page.css",
    "page.js",
)


class Room(NamedTuple):
    """Where a page's own files are; what all pages share comes before them.

    Attributes:
        folder: Of its templates.
        script, style: Names of its own there, or empty.
    """

    folder: Path
    script: str = ""
    style: str = ""

    def text(self, name: str) -> str:
        """Of one of its files."""
        return (self.folder / name).read_text(encoding="utf-8") if name else ""


def render(template: str, room: Room | None = None, **values: object) -> str:
    """Fill a template with the style sheet, the script and the script's hash put in.

    Args:
        template: Of this package, or of the page's own room.
        room: Of a page that has files of its own.
        values: What the template names.
    """
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader([room.folder, TEMPLATES] if room else TEMPLATES),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters.update(
        brief=brief,
        ends=lambda interval: interval.ends(brief),
        number=plain,
        clock=clock,
        minutes=minutes,
        short=short,
        duration=duration,
    )
    script = (TEMPLATES / "page.js").read_text(encoding="utf-8")
    style = (TEMPLATES / "page.css").read_text(encoding="utf-8")
    if room is not None:
        script, style = script + room.text(room.script), style + room.text(room.style)
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    return environment.get_template(template).render(
        style=style, script=script, script_digest=digest, **values
    )


def brief(value: float) -> str:
    """A number in running text: three significant digits."""
    return plain(value, 3)


def clock(seconds: float) -> str:
    """Seconds as `m:ss`."""
    whole = round(seconds)
    return f"{whole // 60}:{whole % 60:02d}"


def duration(seconds: float) -> str:
    """Seconds in the unit that a person would choose."""
    if seconds >= 3600:
        return f"{seconds / 3600:.1f} h"
    return f"{seconds / 60:.1f} min" if seconds >= 60 else f"{seconds:.1f} s"


def minutes(seconds: float) -> str:
    """Seconds as minutes with one decimal."""
    return f"{seconds / 60:,.1f}"


def short(digest: str) -> str:
    """The first characters of a digest: enough to compare by eye."""
    return digest[:10]
