"""The application: its routes, and what every request passes on its way to them."""

from __future__ import annotations

from collections.abc import Collection

from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect

from configs.errors import MachineError, UserError
from flows.guarded_server import App, Guard
from flows.serve import listing, operations, speech, voices
from flows.serve.faults import ApiError, answer_error, answer_gone, answer_http, answer_invalid
from flows.serve.keys import Keys
from flows.serve.limits import Gate, Rates
from flows.serve.measures import Counted
from flows.serve.service import Service
from flows.serve.studio import changes, pages, taking_in
from flows.serve.studio.door import Door

FORM_BYTES = 65_536
ESCAPED_BYTES = 12
"""Of one character, where it is written as JSON escapes of a surrogate pair."""


def create_app(service: Service) -> FastAPI:
    """The routes; pages for people can be added beside them with `include_router`."""
    # The pages that FastAPI brings for its description load scripts from elsewhere.
    app = FastAPI(title="Voicewright", docs_url=None, redoc_url=None)
    app.state.service, app.state.keys = service, Keys()
    for router in (
        speech.router,
        listing.router,
        voices.router,
        operations.router,
        pages.router,
        changes.router,
        taking_in.router,
    ):
        app.include_router(router)
    for kind in (ApiError, UserError, MachineError, Exception):
        app.add_exception_handler(kind, answer_error)
    app.add_exception_handler(ClientDisconnect, answer_gone)
    app.add_exception_handler(RequestValidationError, answer_invalid)
    app.add_exception_handler(HTTPException, answer_http)
    return app


def guarded(app: FastAPI, keys: Keys, hosts: Collection[str]) -> App:
    """The application behind its limits.

    Args:
        app: As `create_app` makes it.
        keys: That open it; without any, only this machine's own programs and pages come in.
        hosts: Accepted values of `Host` where no key is asked for.
    """
    service: Service = app.state.service
    sizes = service.settings
    large = {"/v1/audio/references": sizes.reference_mb, "/v1/voices": sizes.upload_mb}
    form_bytes = FORM_BYTES + ESCAPED_BYTES * sizes.characters

    def size_of(path: str) -> int:
        is_taken = taking_in.is_taken_at(path)
        large_mb = min(sizes.upload_mb, taking_in.MOST_MB) if is_taken else large.get(path, 0)
        return form_bytes + round(1e6 * large_mb)

    gated = Gate(Counted(app, service.measures), keys, Rates(sizes.rate_per_minute), size_of)
    app.state.keys = keys
    return Door(gated, keys) if keys.are_asked_for else Guard(gated, hosts)
