"""What the studio's pages have done: trainings stopped, versions exchanged, pages made on request.

Whatever changes something is asked for once more on a page of its own, and done by the command that a person
would type. A name out of a form is found in a list before it becomes a word of that command.
"""

from __future__ import annotations

import asyncio
from typing import Annotated

from fastapi import APIRouter, Depends, Form, Request
from starlette.responses import HTMLResponse, JSONResponse, RedirectResponse

from flows.serve.faults import ApiError
from flows.serve.service import Service
from flows.serve.studio import rendering
from flows.serve.studio.door import check_own_page
from flows.serve.studio.errands import Errand
from flows.serve.studio.faults import PageRoute
from flows.serve.studio.shown import Card, card_of, previous_of, speakers, versions_of
from tasks.versions.record import VersionsRecord

router = APIRouter(include_in_schema=False, route_class=PageRoute)

Name = Annotated[str, Form(max_length=128)]


def _own_page(request: Request) -> None:
    check_own_page(request.headers)


OWN_PAGE = [Depends(_own_page)]


@router.get("/studio/voices/{name}/promote/{number}")
async def ask_to_promote(request: Request, name: str, number: int) -> HTMLResponse:
    """Is that version to speak from now on?"""
    card, record = await _found(request, name)
    _check_version(card, record, number)
    return _question(
        card,
        f"Let version {number} of {card.name} speak?",
        f"From now on {card.name} speaks as version {number}, in place of version {record['champion']}. "
        "Nothing is lost: any version can speak again.",
        f"Yes, let version {number} speak",
    )


@router.post("/studio/voices/{name}/promote/{number}", dependencies=OWN_PAGE)
async def promote(request: Request, name: str, number: int) -> RedirectResponse:
    """Let it speak."""
    card, record = await _found(request, name)
    _check_version(card, record, number)
    arguments = ("promote", f"{card.name}@{number}", "--why", "promoted in the studio")
    return _begun(request, f"Version {number} of {card.name} is made to speak", card, arguments)


@router.get("/studio/voices/{name}/rollback")
async def ask_to_roll_back(request: Request, name: str) -> HTMLResponse:
    """Is the version before to speak again?"""
    card, record = await _found(request, name)
    number = _previous(card, record)
    return _question(
        card,
        f"Go back to version {number} of {card.name}?",
        f"Version {number}, which spoke before, speaks again in place of version {record['champion']}. "
        "Nothing is lost: any version can speak again.",
        f"Yes, go back to version {number}",
    )


@router.post("/studio/voices/{name}/rollback", dependencies=OWN_PAGE)
async def roll_back(request: Request, name: str) -> RedirectResponse:
    """Let it speak again."""
    card, record = await _found(request, name)
    number = _previous(card, record)
    return _begun(request, f"{card.name} goes back to version {number}", card, ("rollback", card.name))


@router.get("/studio/voices/{name}/stop")
async def ask_to_stop(request: Request, name: str) -> HTMLResponse:
    """Is the training to end?"""
    card = await asyncio.to_thread(card_of, _service(request), name)
    return _question(
        card,
        f"Stop making {card.name}?",
        "What is finished is kept: starting again with the same recordings goes on from there.",
        "Yes, stop it",
    )


@router.post("/studio/voices/{name}/stop", dependencies=OWN_PAGE)
async def stop(request: Request, name: str) -> RedirectResponse:
    """End the training."""
    service = _service(request)
    card = await asyncio.to_thread(card_of, service, name)
    await asyncio.to_thread(service.trainings.cancel, card.name)
    return RedirectResponse(f"/studio/voices/{card.name}", 303)


@router.post("/studio/voices/{name}/compare", dependencies=OWN_PAGE)
async def compare(request: Request, name: str, first: Name, second: Name) -> RedirectResponse:
    """Make a page with two versions side by side."""
    card, pair = await _pair(request, name, first, second)
    return _begun(request, f"{pair[0]} beside {pair[1]}", card, ("compare", *pair), writes_page=True)


@router.post("/studio/voices/{name}/listening", dependencies=OWN_PAGE)
async def make_listening_test(request: Request, name: str, first: Name, second: Name) -> RedirectResponse:
    """Make a page on which people judge two versions without knowing which is which."""
    card, pair = await _pair(request, name, first, second)
    title = f"Listening test of {pair[0]} and {pair[1]}"
    return _begun(request, title, card, ("listening", "make", *pair), writes_page=True)


@router.post("/studio/voices/{name}/review", dependencies=OWN_PAGE)
async def review(request: Request, name: str) -> RedirectResponse:
    """Make a page on which the clips of a corpus are heard and corrected."""
    card = await asyncio.to_thread(card_of, _service(request), name)
    return _begun(request, f"Review of {card.name}", card, ("corpus", "review", card.name), writes_page=True)


@router.get("/studio/errands/{key}")
async def show_errand(request: Request, key: str) -> HTMLResponse:
    """How far it is."""
    return rendering.page("errand.html.j2", errand=_errand(request, key))


@router.get("/studio/errands/{key}/state")
async def tell_errand(request: Request, key: str) -> JSONResponse:
    """The same for the page's script."""
    errand = _errand(request, key)
    return JSONResponse({"state": errand.state, "message": errand.message})


@router.get("/studio/errands/{key}/page")
async def show_made_page(request: Request, key: str) -> HTMLResponse:
    """What it has written."""
    errand = _errand(request, key)
    if errand.page is None or errand.state != "finished":
        raise ApiError(404, "this page is not made yet", "not_found")
    try:
        return rendering.made_page(await asyncio.to_thread(errand.page.read_bytes))
    except FileNotFoundError as error:
        raise ApiError(404, "this page is not kept any more; make it again", "not_found") from error


def _service(request: Request) -> Service:
    found: Service = request.app.state.service
    return found


def _errand(request: Request, key: str) -> Errand:
    found = _service(request).errands.find(key)
    if found is None:
        raise ApiError(404, "this is not known any more; ask for it again", "not_found")
    return found


async def _found(request: Request, name: str) -> tuple[Card, VersionsRecord]:
    """Raises ApiError: there is no such voice, or it has no version yet."""
    service = _service(request)
    card = await asyncio.to_thread(card_of, service, name)
    record = await asyncio.to_thread(versions_of, service, card)
    if record is None:
        raise ApiError(404, f"{card.name} has no version yet", "not_found")
    return card, record


def _check_version(card: Card, record: VersionsRecord, number: int) -> None:
    if number not in [entry["number"] for entry in record["versions"]]:
        raise ApiError(404, f"{card.name} has no version {number}", "not_found")


def _previous(card: Card, record: VersionsRecord) -> int:
    number = previous_of(record, card.name)
    if number is None:
        raise ApiError(404, f"no version of {card.name} spoke before this one", "not_found")
    return number


async def _pair(request: Request, name: str, first: str, second: str) -> tuple[Card, tuple[str, str]]:
    service = _service(request)
    card = await asyncio.to_thread(card_of, service, name)
    known = speakers(await asyncio.to_thread(service.catalogue.own))
    for one in (first, second):
        if one not in known:
            raise ApiError(404, f"there is no {one[:64]!r} here", "voice_not_found")
    if first == second:
        raise ApiError(400, f"{first}: choose two different ones", "invalid_value")
    return card, (first, second)


def _question(card: Card, title: str, about: str, yes: str) -> HTMLResponse:
    return rendering.page("question.html.j2", card=card, title=title, about=about, yes=yes)


def _begun(
    request: Request, title: str, card: Card, arguments: tuple[str, ...], writes_page: bool = False
) -> RedirectResponse:
    back = f"/studio/voices/{card.name}"
    errand = _service(request).errands.add(title, back, arguments, writes_page)
    return RedirectResponse(f"/studio/errands/{errand.key}", 303)
