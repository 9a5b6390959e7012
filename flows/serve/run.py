"""The server from its first listening to its last answer."""

from __future__ import annotations

import ipaddress
import socket
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import uvicorn

from configs.errors import UserError
from configs.serving import ServingSettings
from flows.guarded_server import App, own_hosts
from flows.serve.app import create_app, guarded
from flows.serve.keys import Keys
from flows.serve.protocol import PatientProtocol
from flows.serve.service import Service

DRAIN_S = 15
"""What is being spoken when the server is told to end has so long; a command's patience is 20 s."""
KEEP_ALIVE_S = 15
HEAD_BYTES = 32_768
CONNECTIONS = 1000


def serve(
    workspace: Path,
    settings: ServingSettings,
    names: Sequence[str],
    keys: Keys,
    host: str,
    port: int,
    told: Callable[[str], None],
    recordings: Sequence[Path] = (),
) -> None:
    """Serve until told to stop; what is being spoken then is spoken to its end.

    Args:
        workspace: Where the voices are.
        settings: Limits and shares of the machine.
        names: Voices to open before anybody is served.
        keys: That open the server.
        host, port: Where to listen.
        told: Gets lines for people.
        recordings: Folders whose folders voices may be made from.

    Raises:
        UserError: the host is not this machine's own and no key is asked for, the port is taken, or a voice
            cannot be opened.
    """
    if not _is_loopback(host) and not keys.are_asked_for:
        raise UserError(
            f"--host {host}: other machines could come in; give --keys FILE or --keys-variable NAME, or "
            "listen on 127.0.0.1"
        )
    with _listening(host, port) as listener:
        port = listener.getsockname()[1]
        began_s = time.monotonic()
        service = Service(workspace, settings, recordings=recordings)
        try:
            service.start(list(names))
            app = guarded(create_app(service), keys, own_hosts(port))
            told(f"http://{_shown(host)}:{port}/v1 answers; {time.monotonic() - began_s:.1f} s to start")
            server_of(app, service).run(sockets=[listener])
        finally:
            service.end()


def server_of(app: App, service: Service) -> uvicorn.Server:
    """uvicorn with our limits."""
    config = uvicorn.Config(
        app,  # type: ignore[arg-type]
        http=PatientProtocol,
        ws="none",
        lifespan="off",
        proxy_headers=False,
        server_header=False,
        access_log=False,
        log_level="warning",
        log_config=None,
        timeout_keep_alive=KEEP_ALIVE_S,
        timeout_graceful_shutdown=DRAIN_S,
        limit_concurrency=CONNECTIONS,
        h11_max_incomplete_event_size=HEAD_BYTES,
    )
    return _Server(config, service)


class _Server(uvicorn.Server):
    """uvicorn's server, which says that it is not ready any more when it begins to end."""

    def __init__(self, config: uvicorn.Config, service: Service) -> None:
        super().__init__(config)
        self._service = service

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Take no more, and wait for what has begun."""
        self._service.is_ready, self._service.is_ending = False, True
        await super().shutdown(sockets)


def _listening(host: str, port: int) -> socket.socket:
    """The port first: voices are not opened for a server that cannot have it."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
    except OSError as error:
        listener.close()
        raise UserError(
            f"--port {port}: cannot listen on {host} ({error.strerror or error}); choose another"
        ) from error
    return listener


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _shown(host: str) -> str:
    return f"[{host}]" if ":" in host else host
