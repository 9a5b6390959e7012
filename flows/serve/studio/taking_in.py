"""What people saved from pages that the studio made: raters' answers, and corrections of a review.

A file is kept under a name of our own until the command that a person would type has read it.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Sequence

from fastapi import APIRouter, Request
from starlette.datastructures import UploadFile
from starlette.responses import RedirectResponse

from flows.serve.faults import ApiError
from flows.serve.recordings import own_names
from flows.serve.service import Service
from flows.serve.studio.changes import OWN_PAGE
from flows.serve.studio.faults import PageRoute
from flows.serve.studio.shown import Card, card_of

router = APIRouter(include_in_schema=False, route_class=PageRoute)

MOST_FILES, MOST_MB = 50, 32
_PATH = re.compile(r"/studio/voices/[^/]+/(answers|corrections)")


def is_taken_at(path: str) -> bool:
    """Whether a request to this path may bring files along."""
    return _PATH.fullmatch(path) is not None


@router.post("/studio/voices/{name}/answers", dependencies=OWN_PAGE)
async def take_answers(request: Request, name: str) -> RedirectResponse:
    """Take raters' answers in, as `listening import` does."""
    card = await asyncio.to_thread(card_of, request.app.state.service, name)
    command = ("listening", "import")
    return await _taken(request, card, "Answers are taken in", command, ".json", MOST_FILES)


@router.post("/studio/voices/{name}/corrections", dependencies=OWN_PAGE)
async def take_corrections(request: Request, name: str) -> RedirectResponse:
    """Keep what a review corrected beside the voice's corpus, as `corpus correct` does."""
    card = await asyncio.to_thread(card_of, request.app.state.service, name)
    command = ("corpus", "correct", card.name)
    return await _taken(request, card, f"Corrections of {card.name} are taken in", command, ".tsv", 1)


async def _taken(
    request: Request, card: Card, title: str, command: Sequence[str], ending: str, most: int
) -> RedirectResponse:
    """Raises ApiError: no file came, too many did, or one is of another kind."""
    service: Service = request.app.state.service
    async with request.form(max_files=MOST_FILES, max_fields=1) as sent:
        files = [value for _, value in sent.multi_items() if isinstance(value, UploadFile) and value.filename]
        if not 1 <= len(files) <= most:
            what = "one file" if most == 1 else f"a file, and at most {most}"
            raise ApiError(400, f"files: choose {what}", "invalid_value", "files")
        names = own_names([file.filename or "" for file in files], (ending,), "file")
        brought = {own: await file.read() for own, file in zip(names, files, strict=True)}
    back = f"/studio/voices/{card.name}"
    errand = await asyncio.to_thread(service.errands.add, title, back, command, False, brought)
    return RedirectResponse(f"/studio/errands/{errand.key}", 303)
