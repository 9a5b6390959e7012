"""What goes wrong, as a page for people."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from typing import Any

from fastapi.exceptions import RequestValidationError
from fastapi.routing import APIRoute
from starlette.requests import Request
from starlette.responses import Response

from configs.errors import MachineError, UserError
from flows.serve.faults import ApiError, told
from flows.serve.studio import rendering

Handler = Callable[[Request], Coroutine[Any, Any, Response]]


class PageRoute(APIRoute):
    """A route whose faults are told on a page where a page was asked for."""

    def get_route_handler(self) -> Handler:
        """The handler."""
        handle = super().get_route_handler()

        async def handle_or_tell(request: Request) -> Response:
            try:
                return await handle(request)
            except (ApiError, UserError, MachineError, RequestValidationError) as error:
                if "text/html" not in request.headers.get("accept", ""):
                    raise
                return _fault_page(error)

        return handle_or_tell


def _fault_page(error: Exception) -> Response:
    if isinstance(error, RequestValidationError):
        return rendering.page("fault.html.j2", 400, message="the form is not whole")
    known = told(error)
    return rendering.page("fault.html.j2", known.status, message=known.body()["message"])
