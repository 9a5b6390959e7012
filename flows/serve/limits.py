"""What a request must pass before the application sees it: its key, the rate, its size and its pace."""

from __future__ import annotations

import asyncio
import time
from collections import OrderedDict
from collections.abc import Callable
from typing import Any

from starlette.datastructures import Headers

from flows.guarded_server import App, Receive, Scope, Send
from flows.serve.faults import ApiError, busy
from flows.serve.keys import Keys
from flows.serve.studio.door import HOLDER

OPEN = ("/health", "/ready")
"""Paths that tell nothing and need no key."""
BODY_WAIT_S = 30.0
SLOWEST_BYTES_PER_S = 20_000
"""A body may take BODY_WAIT_S, and longer where it is larger than this pace brings in that time."""
HOLDERS_KEPT = 4096
CLOSE = {"Connection": "close"}
"""What comes of a body that nobody reads is no next request."""


class Rates:
    """So many requests in a minute for each holder, in bursts of at most so many."""

    def __init__(self, per_minute: int, clock: Callable[[], float] = time.monotonic) -> None:
        self._per_minute, self._clock = per_minute, clock
        self._left: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def wait_s(self, holder: str) -> int:
        """0 and one request less, or whole seconds until there is one."""
        if not self._per_minute:
            return 0
        now = self._clock()
        left, at = self._left.pop(holder, (float(self._per_minute), now))
        left = min(float(self._per_minute), left + (now - at) * self._per_minute / 60)
        may = left >= 1
        self._left[holder] = (left - may, now)
        while len(self._left) > HOLDERS_KEPT:
            self._left.popitem(last=False)
        return 0 if may else max(1, round((1 - left) * 60 / self._per_minute))


class Gate:
    """The application behind keys and limits.

    Args:
        app: An ASGI application.
        keys: Who may come in.
        rates: How often.
        size_of: From a path to the bytes that a request to it may have.
    """

    def __init__(self, app: App, keys: Keys, rates: Rates, size_of: Callable[[str], int]) -> None:
        self._app, self._keys, self._rates, self._size_of = app, keys, rates, size_of

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one connection."""
        if scope["type"] != "http" or scope["path"] in OPEN:
            await self._app(scope, receive, send)
            return
        headers = Headers(scope=scope)  # type: ignore[arg-type]
        limit = self._size_of(scope["path"])
        try:
            self._check(scope, headers, limit)
        except ApiError as refused:
            await refused.answer()(scope, receive, send)  # type: ignore[arg-type]
            return
        body = _Body(receive, send, scope, limit)
        await self._app(scope, body.receive, body.send)

    def _check(self, scope: Scope, headers: Headers, limit: int) -> None:
        """Raises ApiError: what does not pass."""
        holder: str | None = str((scope.get("client") or ("?", 0))[0])
        if self._keys.are_asked_for:
            holder = scope.get(HOLDER) or self._keys.holder(headers.get("authorization"))
            if holder is None:
                raise ApiError(
                    401,
                    "a valid API key is needed: send `Authorization: Bearer KEY`",
                    "invalid_api_key",
                    headers={"WWW-Authenticate": "Bearer"},
                )
        wait_s = self._rates.wait_s(str(holder))
        if wait_s:
            raise busy(wait_s, "too many requests")
        length = headers.get("content-length", "0")
        if length.isascii() and length.isdecimal() and int(length[:18]) > limit:
            raise too_large(limit)


def too_large(limit: int) -> ApiError:
    """The body has more than so many bytes."""
    return ApiError(413, f"the request is too large: {limit:,} bytes are taken", "too_large", headers=CLOSE)


class _Body:
    """Counts what comes in, and says so in place of the answer where it is too much or too slow."""

    def __init__(self, receive: Receive, send: Send, scope: Scope, limit: int) -> None:
        self._receive, self._send, self._scope, self._limit = receive, send, scope, limit
        self._came, self._is_whole = 0, False
        self._ends_s = time.monotonic() + BODY_WAIT_S
        self._refusal: ApiError | None = None
        self._has_begun = False

    async def receive(self) -> Any:
        """The next part of the body; a client that is refused seems to have gone."""
        if self._is_whole:
            return await self._receive()
        left_s = self._ends_s + self._came / SLOWEST_BYTES_PER_S - time.monotonic()
        try:
            message = await asyncio.wait_for(self._receive(), max(0.0, left_s))
        except TimeoutError:
            return self._refused(ApiError(408, "the request came too slowly", "too_slow", headers=CLOSE))
        if message["type"] == "http.request":
            self._came += len(message.get("body", b""))
            self._is_whole = not message.get("more_body", False)
        if self._came > self._limit:
            return self._refused(too_large(self._limit))
        return message

    async def send(self, message: Any) -> None:
        """Hand an answer on, or the refusal in its place."""
        if self._refusal is None or self._has_begun:
            self._has_begun = True
            await self._send(message)
        elif message["type"] == "http.response.start":
            self._has_begun = True
            await self._refusal.answer()(self._scope, self._receive, self._send)  # type: ignore[arg-type]
            self._send = _nowhere

    def _refused(self, refusal: ApiError) -> Any:
        self._refusal, self._is_whole = refusal, True
        return {"type": "http.disconnect"}


async def _nowhere(_message: Any) -> None:
    """What the application says after it was refused."""
