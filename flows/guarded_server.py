"""Prefect's server behind a guard: `python -m flows.guarded_server --port PORT`.

Prefect answers every page of every site that a browser on this machine shows: it allows all origins and looks
at no `Host`. A page could so start a flow run, and with it a program. The guard lets through what names the
server by its own address and comes from its own pages or from no page at all; the login is Prefect's own.
"""

from __future__ import annotations

import argparse
import os
from collections.abc import Awaitable, Callable, Collection, MutableMapping
from typing import Any

HOST = "127.0.0.1"
SAFE = ("GET", "HEAD")
REFUSED = "voicewright: refused, this request comes from another site or asks for another host\n"

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]


def own_hosts(port: int, names: Collection[str] = ()) -> frozenset[str]:
    """Values of `Host` by which the server is asked for: this machine's, and further `name:port`s."""
    return frozenset([f"127.0.0.1:{port}", f"localhost:{port}", f"[::1]:{port}", *names])


class Guard:
    """Refuses foreign hosts and origins before the application sees the request.

    Args:
        app: an ASGI application.
        hosts: accepted values of `Host`; `http://` before one of them makes an accepted `Origin`.
    """

    def __init__(self, app: App, hosts: Collection[str]) -> None:
        self._app = app
        self._hosts = frozenset(hosts)
        self._origins = frozenset(f"http://{host}" for host in hosts)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one connection."""
        if scope["type"] == "lifespan" or self.admits(scope):
            await self._app(scope, receive, send)
        elif scope["type"] == "websocket":
            await send({"type": "websocket.close", "code": 1008})
        else:
            body = REFUSED.encode()
            headers = [(b"content-type", b"text/plain"), (b"content-length", str(len(body)).encode())]
            await send({"type": "http.response.start", "status": 403, "headers": headers})
            await send({"type": "http.response.body", "body": body})

    def admits(self, scope: Scope) -> bool:
        """Whether a request may reach the application."""
        headers: dict[bytes, list[str]] = {}
        for name, value in scope["headers"]:
            headers.setdefault(name.lower(), []).append(value.decode("latin-1").lower())
        if len(headers.get(b"host", [])) != 1 or headers[b"host"][0] not in self._hosts:
            return False
        if any(origin not in self._origins for origin in headers.get(b"origin", [])):
            return False
        # A link on another site may lead here; nothing else may be asked for from there.
        crosses = any(site not in ("same-origin", "none") for site in headers.get(b"sec-fetch-site", []))
        return not crosses or (scope.get("method") in SAFE and headers.get(b"sec-fetch-mode") == ["navigate"])


def main() -> None:
    """Serve until told to stop, with the settings that Prefect's own command takes."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--host", default=HOST, help="address to listen on")
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument(
        "--allowed-host", action="append", default=[], help="further name:port; may be repeated"
    )
    chosen = parser.parse_args()

    hosts = own_hosts(chosen.port, chosen.allowed_host)
    # Prefect's settings are read when it is imported; its default tells browsers that every site may read.
    os.environ["PREFECT_SERVER_CORS_ALLOWED_ORIGINS"] = ",".join(sorted(f"http://{host}" for host in hosts))
    import uvicorn
    from prefect.server.api.server import create_app
    from prefect.settings import get_current_settings

    settings = get_current_settings()
    if not settings.server.api.auth_string:
        parser.error("PREFECT_SERVER_API_AUTH_STRING is not set: the server would answer to anyone")
    uvicorn.run(
        Guard(create_app(final=True), hosts),
        host=chosen.host,
        port=chosen.port,
        timeout_keep_alive=settings.server.api.keepalive_timeout,
        log_level=settings.server.logging_level.lower(),
    )


if __name__ == "__main__":
    main()
