"""Filling the studio's templates; all that pages load comes from here."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from pathlib import Path

import jinja2
from starlette.responses import HTMLResponse, Response

from tasks.release.templates.render import TEMPLATES as RELEASE_TEMPLATES

TEMPLATES = Path(__file__).parent / "templates"
SCRIPTS = ("errand.js", "hearing.js", "making.js", "speaking.js", "studio.js", "training.js", "voice.js")
FILES = {
    "page.css": (RELEASE_TEMPLATES / "page.css", "text/css"),
    "studio.css": (TEMPLATES / "studio.css", "text/css"),
    **{name: (TEMPLATES / name, "text/javascript") for name in SCRIPTS},
}
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; media-src 'self' blob:; "
    "connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
MADE_POLICY = "sandbox allow-scripts allow-downloads allow-popups"
"""Of finished pages, beside their own: they are of no origin, and so can ask this server for nothing."""
_HEADERS = {
    "Cache-Control": "no-store",
    "X-Content-Type-Options": "nosniff",
    # Not `no-referrer`: with that a form is sent from the origin `null`, like any other's.
    "Referrer-Policy": "same-origin",
}


def page(template: str, status: int = 200, **values: object) -> HTMLResponse:
    """A page of the studio; every value is escaped."""
    text = _environment().get_template(template).render(**values)
    return HTMLResponse(text, status, headers={**_HEADERS, "Content-Security-Policy": POLICY})


def made_page(text: bytes) -> HTMLResponse:
    """A finished page, such as a report, shut off from the studio around it."""
    return HTMLResponse(text, headers={**_HEADERS, "Content-Security-Policy": MADE_POLICY})


def file(name: str) -> Response | None:
    """One of the files that pages load; None where there is no such file."""
    if name not in FILES:
        return None
    path, kind = FILES[name]
    headers: Mapping[str, str] = {"Cache-Control": "no-cache", "X-Content-Type-Options": "nosniff"}
    return Response(path.read_bytes(), media_type=f"{kind}; charset=utf-8", headers=dict(headers))


@cache
def _environment() -> jinja2.Environment:
    return jinja2.Environment(
        loader=jinja2.FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
