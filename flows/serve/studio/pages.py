"""`/studio`: pages to look at and to listen to."""

from __future__ import annotations

import asyncio
import time
from typing import Annotated

from fastapi import APIRouter, Form, Request
from starlette.responses import HTMLResponse, RedirectResponse, Response

from flows.serve.faults import ApiError
from flows.serve.keys import Keys
from flows.serve.service import Service
from flows.serve.studio import rendering
from flows.serve.studio.door import COOKIE, KEY_PAGE, PASS_S, is_own_page
from flows.serve.studio.shown import cards, trial_of

router = APIRouter(include_in_schema=False)


@router.get("/")
async def lead_to_studio() -> RedirectResponse:
    """The server's address alone is what people type."""
    return RedirectResponse("/studio", 303)


@router.get("/studio")
async def show_studio(request: Request) -> HTMLResponse:
    """Say something, the voices, and the form for a new one."""
    service: Service = request.app.state.service
    offered = await asyncio.to_thread(service.catalogue.offered)
    return rendering.page(
        "studio.html.j2",
        cards=await asyncio.to_thread(cards, service, offered),
        published=[(voice, trial_of(voice)) for voice in offered if voice.published],
        characters=service.settings.characters,
        asks_for_keys=keys_of(request).are_asked_for,
    )


@router.get("/studio/files/{name}")
async def send_file(name: str) -> Response:
    """What the pages load."""
    found = rendering.file(name)
    if found is None:
        raise ApiError(404, "there is no such file", "not_found")
    return found


@router.get(KEY_PAGE)
async def ask_for_key(request: Request) -> Response:
    """Where a key is entered."""
    if not keys_of(request).are_asked_for:
        return RedirectResponse("/studio", 303)
    return rendering.page("key.html.j2", fault="")


@router.post(KEY_PAGE)
async def take_key(request: Request, key: Annotated[str, Form(max_length=512)] = "") -> Response:
    """A pass for a key."""
    check_own_page(request)
    until_s = int(time.time()) + PASS_S
    passed = keys_of(request).pass_for(key.strip(), until_s)
    if passed is None:
        return rendering.page("key.html.j2", 401, fault="This key opens nothing here.")
    answer = RedirectResponse("/studio", 303)
    answer.set_cookie(
        COOKIE,
        passed,
        max_age=PASS_S,
        httponly=True,
        samesite="strict",
        secure=request.url.scheme == "https",
    )
    return answer


@router.post("/studio/leave")
async def leave(request: Request) -> Response:
    """Forget the pass."""
    check_own_page(request)
    answer = RedirectResponse(KEY_PAGE, 303)
    answer.delete_cookie(COOKIE, httponly=True, samesite="strict")
    return answer


def keys_of(request: Request) -> Keys:
    """The server's."""
    found: Keys = request.app.state.keys
    return found


def check_own_page(request: Request) -> None:
    """Raises ApiError: what changes something was not sent from one of these pages."""
    if not is_own_page(request.headers):
        raise ApiError(403, "this can be done only from the studio's own pages", "foreign_page")
