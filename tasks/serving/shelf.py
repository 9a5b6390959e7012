"""Voices held ready: opened when first asked for, exchanged when another version becomes champion, let go of
when others are asked for more."""

from __future__ import annotations

import logging
import math
import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple

from configs.errors import MachineError, UserError
from tasks.release.voice import SpeakOptions, Voice
from tasks.serving.catalogue import Signature

logger = logging.getLogger(__name__)

OPEN_TRIES = 5
OPEN_WAIT_S = 0.2
AGAIN_S = 60.0
"""A machine that had too little memory may have it later."""
WARMING = "1 2 3."
"""Said, and not heard, before anybody waits, since the first sentence is slow; every language reads it."""


@dataclass(frozen=True)
class Held:
    """A voice as it was at one time."""

    voice: Voice[Any]
    signature: Signature


class _Failed(NamedTuple):
    """Files that could not be opened, and when that is tried again; they may change before."""

    signature: Signature
    again_s: float


class Shelf:
    """The voices in memory. Whoever took one keeps it, also when another has its place by then.

    Args:
        open_voice: From a name to a voice; may raise UserError.
        signature: Of the files that speak under a name now; None while they are being exchanged.
        kept: How many are held.
    """

    def __init__(
        self,
        open_voice: Callable[[str], Voice[Any]],
        signature: Callable[[str], Signature | None],
        kept: int,
    ) -> None:
        self._open_voice, self._signature, self._kept = open_voice, signature, kept
        self._held: OrderedDict[str, Held] = OrderedDict()
        self._failed: dict[str, _Failed] = {}
        self._lock = threading.Lock()
        self._opening = threading.Lock()
        self.swaps = 0
        """How often a voice was exchanged for a newer one."""

    @property
    def names(self) -> list[str]:
        """Of the voices that are held, the one longest unused first."""
        with self._lock:
            return list(self._held)

    def ready(self, name: str) -> Held | None:
        """A voice that is held; None where it has to be opened first."""
        with self._lock:
            found = self._held.get(name)
            if found is not None:
                self._held.move_to_end(name)
            return found

    def take(self, name: str) -> Held:
        """A voice, opened and warmed where it is not held.

        Raises:
            UserError: it cannot be opened.
            MachineError: there is too little memory, or a disk fails.
        """
        # One is opened at a time: each takes the memory of a voice.
        with self._opening:
            found = self.ready(name)
            if found is None:
                found = self._opened(name)
                self._put(name, found)
            return found

    def refresh(self) -> None:
        """Open what became champion since, and let it speak from now on; what cannot be opened speaks not.

        What could not be opened is tried again when its files change, after a lack of memory also later.
        """
        for name in self.names:
            with self._lock:
                held = self._held.get(name)
            now = self._signature(name)
            if held is None or now is None:
                continue
            if now == held.signature:
                self._failed.pop(name, None)
            elif not self._has_failed(name, now):
                self._exchange(name, now)

    def _has_failed(self, name: str, now: Signature) -> bool:
        failed = self._failed.get(name)
        return failed is not None and failed.signature == now and time.monotonic() < failed.again_s

    def _exchange(self, name: str, now: Signature) -> None:
        again_s = math.inf
        try:
            with self._opening:
                self._put(name, self._opened(name))
        except Exception as error:
            # Damaged files raise anything; the old voice speaks on.
            if isinstance(error, MachineError):
                again_s = time.monotonic() + AGAIN_S
            self._failed[name] = _Failed(now, again_s)
            logger.warning(
                "%s: goes on as it was, the new version cannot be opened: %s",
                name,
                error,
                exc_info=not isinstance(error, UserError | MachineError),
            )
            return
        self._failed.pop(name, None)
        self.swaps += 1
        logger.info("%s: another version speaks from now on", name)

    def _put(self, name: str, held: Held) -> None:
        with self._lock:
            self._held[name] = held
            self._held.move_to_end(name)
            while len(self._held) > self._kept:
                self._held.popitem(last=False)

    def _opened(self, name: str) -> Held:
        """Opened anew where the files were exchanged meanwhile."""
        tries = 0
        while True:
            tries += 1
            before = self._signature(name)
            try:
                voice = self._open_voice(name)
            except (UserError, OSError):
                if tries == OPEN_TRIES or (before is not None and self._signature(name) == before):
                    raise
            else:
                if before is not None and (self._signature(name) == before or tries == OPEN_TRIES):
                    _warm(voice)
                    return Held(voice, before)
            time.sleep(OPEN_WAIT_S)


def _warm(voice: Voice[Any]) -> None:
    if not voice.references:
        # It speaks like a recording that a request brings along.
        return
    try:
        for _ in voice.pieces(WARMING, SpeakOptions(batch_sentences=1)):
            pass
    except UserError as error:
        logger.warning("a voice could not be warmed: %s", error)
