"""`/studio`: pages to look at and to listen to."""

from __future__ import annotations

import asyncio
import time
from typing import Annotated

from fastapi import APIRouter, Form, Request
from starlette.responses import HTMLResponse, RedirectResponse, Response

from flows.serve.faults import ApiError
from flows.serve.keys import Keys
from flows.serve.recordings import offered_folders
from flows.serve.service import Service
from flows.serve.studio import rendering
from flows.serve.studio.door import COOKIE, KEY_PAGE, PASS_S, check_own_page
from flows.serve.studio.faults import PageRoute
from flows.serve.studio.shown import (
    card_of,
    cards,
    offered_presets,
    pair_of,
    previous_of,
    speakers,
    trial_of,
    versions_of,
)
from flows.serve.voices import state_of
from tasks.languages import readable_languages
from tasks.versions.folders import champion_folder
from tasks.voice import VOICE_NAME

router = APIRouter(include_in_schema=False, route_class=PageRoute)

REPORT = "report.html"


@router.get("/")
async def lead_to_studio() -> RedirectResponse:
    """The server's address alone is what people type."""
    return RedirectResponse("/studio", 303)


@router.get("/studio")
async def show_studio(request: Request) -> HTMLResponse:
    """Say something, the voices, and the form for a new one."""
    service: Service = request.app.state.service
    offered = await asyncio.to_thread(service.catalogue.offered)
    own = [voice for voice in offered if not voice.published]
    shown = await asyncio.to_thread(cards, service, own)
    return rendering.page(
        "studio.html.j2",
        cards=shown,
        known={one.name: [one.preset, one.learned] for one in shown if one.preset},
        published=[(voice, trial_of(voice)) for voice in offered if voice.published],
        characters=service.settings.characters,
        presets=offered_presets(),
        languages=list((await asyncio.to_thread(readable_languages)).items()),
        recordings=list(await asyncio.to_thread(offered_folders, service.recordings)),
        upload_mb=service.settings.upload_mb,
        name_pattern=VOICE_NAME.pattern,
        asks_for_keys=keys_of(request).are_asked_for,
    )


@router.get("/studio/voices/{name}")
async def show_voice(request: Request, name: str) -> HTMLResponse:
    """One voice: how far it is, what it is worth, its versions, and pages about it."""
    service: Service = request.app.state.service
    state = await asyncio.to_thread(state_of, service, name)
    own = await asyncio.to_thread(service.catalogue.own)
    card = await asyncio.to_thread(card_of, service, name)
    record = await asyncio.to_thread(versions_of, service, card)
    known = speakers(own)
    return rendering.page(
        "voice.html.j2",
        card=card,
        state=state,
        record=record,
        previous=previous_of(record, name) if record is not None else None,
        speakers=known,
        beside=pair_of(card, known),
        has_report=(champion_folder(service.workspace, card.name) / REPORT).is_file(),
    )


@router.get("/studio/voices/{name}/report")
async def show_report(request: Request, name: str) -> HTMLResponse:
    """The report of the version that speaks."""
    service: Service = request.app.state.service
    card = await asyncio.to_thread(card_of, service, name)
    try:
        report = await asyncio.to_thread((champion_folder(service.workspace, card.name) / REPORT).read_bytes)
    except OSError as error:
        raise ApiError(404, f"{card.name} has no report yet", "not_found") from error
    return rendering.made_page(report)


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
    check_own_page(request.headers)
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
    check_own_page(request.headers)
    answer = RedirectResponse(KEY_PAGE, 303)
    answer.delete_cookie(COOKIE, httponly=True, samesite="strict")
    return answer


def keys_of(request: Request) -> Keys:
    """The server's."""
    found: Keys = request.app.state.keys
    return found
