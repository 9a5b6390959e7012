"""Errors in the form that OpenAI's clients read."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse

from configs.errors import MachineError, UserError
from tasks.serving.catalogue import UnknownVoiceError

INVALID = "invalid_request_error"
_CODES = {404: "not_found", 405: "method_not_allowed", 408: "too_slow", 413: "too_large"}
_PARAMS = {"text": "input", "SSML": "input", "language": "language", "speaker": "speaker", "voice": "voice"}
_SHOWN = 500


class ApiError(Exception):
    """What a client is told.

    Args:
        status: Of HTTP.
        message: For a person.
        code: For a program.
        param: Field of the request that it is about.
        kind: `type` of the error.
        headers: Of the answer.
    """

    def __init__(
        self,
        status: int,
        message: str,
        code: str | None = None,
        param: str | None = None,
        kind: str = INVALID,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(message)
        self.status, self.code, self.param, self.kind = status, code, param, kind
        self.headers = dict(headers or {})

    def answer(self) -> JSONResponse:
        """The response."""
        return JSONResponse({"error": self.body()}, self.status, self.headers)

    def body(self) -> dict[str, Any]:
        """The error alone."""
        # Half of a surrogate pair is no character that could be sent.
        message = str(self)[:_SHOWN].encode("utf-8", "replace").decode()
        return {"message": message, "type": self.kind, "param": self.param, "code": self.code}


def busy(retry_after_s: int, what: str) -> ApiError:
    """Come again later."""
    return ApiError(
        429,
        f"{what}; try again in {retry_after_s} s",
        "rate_limit_exceeded",
        kind="rate_limit_error",
        headers={"Retry-After": str(retry_after_s)},
    )


def told(error: Exception) -> ApiError:
    """What went wrong, as a client is told it; nothing of what only a developer needs."""
    if isinstance(error, ApiError):
        return error
    if isinstance(error, UnknownVoiceError):
        return ApiError(404, str(error), "voice_not_found", "voice")
    if isinstance(error, UserError):
        field = str(error).partition(":")[0].partition(",")[0]
        return ApiError(400, str(error), "invalid_value", _PARAMS.get(field))
    if isinstance(error, MachineError):
        return ApiError(
            503, "the machine cannot do it now: memory or a disk is short", "machine", kind="server_error"
        )
    return ApiError(500, "an error of the server; its log has more", "server_error", kind="server_error")


async def answer_error(_request: Request, error: Exception) -> JSONResponse:
    """For every error that a handler raises."""
    return told(error).answer()


async def answer_http(_request: Request, error: Exception) -> JSONResponse:
    """For what the framework refuses: unknown paths and methods, bodies that are no JSON."""
    assert isinstance(error, HTTPException)
    return ApiError(
        error.status_code, str(error.detail), _CODES.get(error.status_code), headers=error.headers
    ).answer()


async def answer_invalid(_request: Request, error: Exception) -> JSONResponse:
    """For requests that do not have the form: the first fault, with its field."""
    assert isinstance(error, RequestValidationError)
    first = error.errors()[0]
    place = [str(part) for part in first["loc"] if part not in ("body", "query", "path", "header")]
    param = place[0] if place else None
    said = f"{'.'.join(place)}: {first['msg']}" if place else str(first["msg"])
    return ApiError(400, said, str(first["type"]), param).answer()


async def answer_gone(_request: Request, _error: Exception) -> JSONResponse:
    """For whoever is not there any more, and for whoever a limit cut off, who gets the limit's answer."""
    return ApiError(400, "the request was cut off", "cut_off").answer()
