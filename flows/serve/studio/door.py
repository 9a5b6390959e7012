"""How a browser comes through the door of keys: a key is entered once, and a pass kept in a cookie.

A pass opens what its key opens, for a while. It is made of the key's digest, so that no list of passes is
kept, a server that starts anew knows them, and a key that is taken away takes its passes along. The cookie is
out of reach of scripts and is not sent from other sites' pages; what changes something must come from a page
of this server besides.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from http.cookies import CookieError, SimpleCookie
from urllib.parse import urlsplit

from starlette.datastructures import Headers
from starlette.responses import RedirectResponse

from flows.guarded_server import SAFE, App, Receive, Scope, Send
from flows.serve.faults import ApiError
from flows.serve.keys import Keys

COOKIE = "voicewright_pass"
PASS_S = 30 * 24 * 3600
KEY_PAGE = "/studio/key"
FILES = "/studio/files/"
PAGES = ("/", "/studio")
HOLDER = "voicewright.holder"
"""In a request's scope: who it comes from, where that is settled."""


class Door:
    """Lets browsers in by their pass, and leads those without one to the page that asks for a key.

    Args:
        app: What stands behind it; asks for keys where no holder is settled.
        keys: That open it.
        clock: Seconds since 1970.
    """

    def __init__(self, app: App, keys: Keys, clock: Callable[[], float] = time.time) -> None:
        self._app, self._keys, self._clock = app, keys, clock

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one connection."""
        if scope["type"] == "http" and self._keys.are_asked_for:
            headers = Headers(scope=scope)  # type: ignore[arg-type]
            holder = self._holder(scope, headers)
            path = str(scope["path"])
            if holder is not None:
                scope[HOLDER] = holder
            elif scope["method"] in SAFE and _is_page(path) and "authorization" not in headers:
                leads = RedirectResponse(KEY_PAGE, 303, {"Cache-Control": "no-store"})
                await leads(scope, receive, send)  # type: ignore[arg-type]
                return
        await self._app(scope, receive, send)

    def _holder(self, scope: Scope, headers: Headers) -> str | None:
        path = str(scope["path"])
        if path == KEY_PAGE or path.startswith(FILES):
            # Nothing is told there; limits count by address.
            return str((scope.get("client") or ("?", 0))[0])
        if "authorization" in headers or not _may(scope, headers):
            return None
        return self._keys.holder_of_pass(_cookie(headers), int(self._clock()))


def is_own_page(headers: Headers) -> bool:
    """Whether a page of this server sent the request, as far as a browser tells; a program tells nothing."""
    site, origin = headers.get("sec-fetch-site"), headers.get("origin")
    if site is not None and site != "same-origin":
        return False
    if origin is not None:
        return urlsplit(origin).netloc == headers.get("host")
    return site is not None


def check_own_page(headers: Headers) -> None:
    """Raises ApiError: what is to change something was not sent by a page of this server."""
    if not is_own_page(headers):
        raise ApiError(403, "this can be done only from the studio's own pages", "foreign_page")


def _may(scope: Scope, headers: Headers) -> bool:
    """Whether a pass may open this: pages of other sites can only lead here, as a link does."""
    if scope["method"] not in SAFE:
        return is_own_page(headers)
    is_link = headers.get("sec-fetch-mode") == "navigate" and headers.get("sec-fetch-dest") == "document"
    return is_link or headers.get("sec-fetch-site", "same-origin") in ("same-origin", "none")


def _is_page(path: str) -> bool:
    return path in PAGES or path.startswith("/studio/")


def _cookie(headers: Headers) -> str:
    try:
        found = SimpleCookie(headers.get("cookie", "")).get(COOKIE)
    except CookieError:
        return ""
    return found.value if found is not None else ""
