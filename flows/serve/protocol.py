"""HTTP connections that do not wait for ever for a request to begin."""

from __future__ import annotations

import asyncio
from typing import Any

from uvicorn.protocols.http.h11_impl import H11Protocol

HEAD_WAIT_S = 20.0


class PatientProtocol(H11Protocol):
    """uvicorn's protocol; a client that has sent no whole head after HEAD_WAIT_S is hung up on."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """A client has connected."""
        super().connection_made(transport)  # type: ignore[arg-type]
        self._head_wait = self.loop.call_later(HEAD_WAIT_S, self._hang_up)

    def handle_events(self) -> None:
        """Something came."""
        super().handle_events()
        if self.cycle is not None:
            self._head_wait.cancel()

    def connection_lost(self, exc: Exception | None) -> None:
        """It has gone."""
        self._head_wait.cancel()
        super().connection_lost(exc)

    def _hang_up(self, *_: Any) -> None:
        if not self.transport.is_closing():
            self.transport.close()
