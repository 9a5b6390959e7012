"""A Prefect or MLflow server behind a guard: `python -m flows.guarded_server prefect|mlflow --port PORT`.

Prefect answers every page of every site that a browser on this machine shows: it allows all origins and looks
at no `Host`. A page could so start a flow run, and with it a program. MLflow 3.17 lets in the pages of every
other port of this machine, asks for the origin below `/api` and `/ajax-api` only, and takes a name such as
`10.elsewhere.example` for a private address. The guard lets through what names the server by its own address
and comes from its own pages or from no page at all; the login is Prefect's own.
"""

from __future__ import annotations

import argparse
import os
import socket
from collections.abc import Awaitable, Callable, Collection, MutableMapping
from typing import Any

import uvicorn

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
        # A link on another site may lead here; nothing else may be asked for from there, and no frame of
        # another site may show these pages, where a click meant for that site would be one of ours.
        crosses = any(site not in ("same-origin", "none") for site in headers.get(b"sec-fetch-site", []))
        follows = headers.get(b"sec-fetch-mode") == ["navigate"] and headers.get(b"sec-fetch-dest") == [
            "document"
        ]
        return not crosses or (scope.get("method") in SAFE and follows)


def prefect_server(allowed: Collection[str]) -> tuple[App, dict[str, Any]]:
    """What `prefect server start` serves, and its settings of uvicorn.

    Raises:
        SystemExit: no login is set.
    """
    # Prefect's settings are read when it is imported; its default tells browsers that every site may read.
    os.environ["PREFECT_SERVER_CORS_ALLOWED_ORIGINS"] = ",".join(sorted(f"http://{host}" for host in allowed))
    from prefect.server.api.server import create_app
    from prefect.settings import get_current_settings

    settings = get_current_settings().server
    if not settings.api.auth_string:
        raise SystemExit("PREFECT_SERVER_API_AUTH_STRING is not set: the server would answer to anyone")
    told = {
        "timeout_keep_alive": settings.api.keepalive_timeout,
        "ws_ping_interval": settings.api.websocket_ping_interval,
        "ws_ping_timeout": settings.api.websocket_ping_timeout,
        "log_level": settings.logging_level.lower(),
    }
    return create_app(final=True), told


def mlflow_server(allowed: Collection[str], store: str, root: str, destination: str) -> App:
    """What `mlflow server` serves.

    Args:
        store: URI of the database.
        root: where new experiments keep their artifacts.
        destination: where the server keeps artifacts that are sent to itself.
    """
    # MLflow looks at hosts too, and reads its settings when it is imported.
    os.environ["MLFLOW_SERVER_ALLOWED_HOSTS"] = ",".join(sorted(allowed))
    from mlflow import server
    from mlflow.server.handlers import initialize_backend_stores

    os.environ |= {
        server.BACKEND_STORE_URI_ENV_VAR: store,
        server.REGISTRY_STORE_URI_ENV_VAR: store,
        server.ARTIFACT_ROOT_ENV_VAR: root,
        server.ARTIFACTS_DESTINATION_ENV_VAR: destination,
        server.SERVE_ARTIFACTS_ENV_VAR: "true",
    }
    initialize_backend_stores(store, store, root)
    from mlflow.server.fastapi_app import app

    served: App = app
    return served


def serve(
    load: Callable[[], tuple[App, dict[str, Any]]], host: str, port: int, allowed: Collection[str]
) -> None:
    """Serve until told to stop.

    Raises:
        SystemExit: the port is taken.
    """
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        # The port first: a server that cannot have it must not touch the database.
        try:
            listener.bind((host, port))
        except OSError as error:
            raise SystemExit(f"port {port} of {host}: {error.strerror}") from error
        app, told = load()
        config = uvicorn.Config(Guard(app, allowed), proxy_headers=False, **told)
        uvicorn.Server(config).run(sockets=[listener])


def main() -> None:
    """Serve until told to stop, with the settings that Prefect's or MLflow's own command takes."""
    parser = argparse.ArgumentParser(description=__doc__)
    kinds = parser.add_subparsers(dest="kind", required=True)
    for kind in ("prefect", "mlflow"):
        one = kinds.add_parser(kind)
        one.add_argument("--host", default=HOST, help="address to listen on")
        one.add_argument("--port", type=int, required=True)
        one.add_argument(
            "--allowed-host", action="append", default=[], help="further name:port; may be repeated"
        )
    one.add_argument("--backend-store-uri", required=True, help="MLflow's database")
    one.add_argument("--default-artifact-root", required=True, help="where new experiments keep artifacts")
    one.add_argument("--artifacts-destination", required=True, help="where artifacts sent here are kept")
    chosen = parser.parse_args()

    allowed = own_hosts(chosen.port, chosen.allowed_host)

    def load() -> tuple[App, dict[str, Any]]:
        if chosen.kind == "prefect":
            return prefect_server(allowed)
        places = (chosen.backend_store_uri, chosen.default_artifact_root, chosen.artifacts_destination)
        return mlflow_server(allowed, *places), {"log_level": "warning"}

    serve(load, chosen.host, chosen.port, allowed)


if __name__ == "__main__":
    main()
