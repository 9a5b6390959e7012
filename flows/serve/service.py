"""What stands behind the routes: voices, places, speech as it is made."""

from __future__ import annotations

import asyncio
import logging
import os
import threading
import time
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import Any, TypeVar

import torch

from configs.serving import ServingSettings
from flows.serve.faults import ApiError, busy
from flows.serve.measures import Gauges, Measures
from flows.serve.studio.errands import Errands
from flows.serve.trainings import Trainings
from tasks.device import chosen_device
from tasks.opening import Opening, open_named
from tasks.release.voice import Voice
from tasks.serving.catalogue import Catalogue
from tasks.serving.references import References
from tasks.serving.shelf import Held, Shelf
from tasks.serving.speech import Chunk, Manner, Wish, spoken
from tasks.serving.turns import End, Job, LateError, Turns

logger = logging.getLogger(__name__)
ResultT = TypeVar("ResultT")

LANES = 2
LOOK_S = 1.0
END_WAIT_S = 2.0


def shares(settings: ServingSettings, cores: int, on_gpu: bool) -> tuple[int, int]:
    """Lanes, and the arithmetic threads of each, where the settings leave them open."""
    lanes = settings.lanes or (1 if on_gpu else min(LANES, cores))
    return lanes, settings.threads or max(1, cores // lanes)


class Service:
    """Voices in use.

    Args:
        workspace: Where they are.
        settings: Limits and shares of the machine.
        open_voice: From a name to a voice; by default a voice of the workspace.
        recordings: Folders whose folders voices may be made from.
    """

    def __init__(
        self,
        workspace: Path,
        settings: ServingSettings,
        open_voice: Callable[[str], Voice[Any]] | None = None,
        recordings: Sequence[Path] = (),
    ) -> None:
        self.workspace, self.settings = workspace, settings
        on_gpu = chosen_device(settings.device or "auto", "--device").type == "cuda"
        lanes, self.threads = shares(settings, os.cpu_count() or 1, on_gpu)
        torch.set_num_threads(self.threads)
        self.manner = Manner(
            batch_sentences=None if on_gpu else 1,
            early_characters=settings.early_characters,
            pauses_s=settings.pauses_s,
        )
        self.catalogue = Catalogue(workspace, settings.aliases)
        self.shelf = Shelf(open_voice or self._open, self.catalogue.signature, settings.voices_kept)
        self.turns = Turns(lanes)
        self.references = References()
        self.recordings = tuple(recordings)
        self.trainings = Trainings(workspace)
        self.errands = Errands(workspace)
        self.measures = Measures(lambda: Gauges(self._places, len(self.shelf.names), self.shelf.swaps))
        self.is_ready = self.is_ending = False
        self._places = 0
        self._opens = ThreadPoolExecutor(1, thread_name_prefix="opening")
        self._ended = threading.Event()

    def start(self, names: list[str]) -> None:
        """Open voices that are to be there from the beginning, and look after changes from now on.

        Raises:
            UserError: one of them cannot be opened.
        """
        for name in names:
            self.shelf.take(self.catalogue.find(name))
        threading.Thread(target=self._look, name="champions", daemon=True).start()
        self.trainings.start()
        self.is_ready = True

    def end(self) -> None:
        """Let go of everything."""
        self.is_ready, self.is_ending = False, True
        self._ended.set()
        self.trainings.end()
        self.errands.end()
        self._opens.shutdown(wait=False, cancel_futures=True)
        self.turns.close(END_WAIT_S)

    @property
    def places(self) -> int:
        """Requests that are spoken or wait."""
        return self._places

    def place(self) -> Place:
        """Take a request on.

        Raises:
            ApiError: there are as many as may be.
        """
        if self._places >= self.settings.queue:
            raise busy(self.turns.advice_s, "the server has as many requests as it takes")
        self._places += 1
        return Place(self._free)

    async def held(self, name: str) -> Held:
        """A voice by the name that the catalogue found, opened where it is not held.

        Raises:
            UserError: it cannot be opened.
        """
        found = self.shelf.ready(name)
        if found is None:
            found = await self.in_thread(lambda: self.shelf.take(name))
        return found

    async def in_thread(self, work: Callable[[], ResultT]) -> ResultT:
        """What takes long beside speaking: opening, reading references."""
        return await asyncio.get_running_loop().run_in_executor(self._opens, work)

    def speak(self, voice: Voice[Any], wish: Wish) -> Spoken:
        """Begin to speak."""
        return Spoken(self.turns, lambda: spoken(voice, wish, self.manner), self.settings.deadline_s)

    def _free(self) -> None:
        self._places -= 1

    def _open(self, name: str) -> Voice[Any]:
        return open_named(self.workspace, name, Opening(device=self.settings.device))

    def _look(self) -> None:
        while not self._ended.wait(LOOK_S):
            try:
                self.shelf.refresh()
            except Exception:
                # Whatever it is, the voices that are held go on to speak.
                logger.exception("champions could not be looked after")


class Place:
    """Of a request, until it is left; leaving twice is leaving once."""

    def __init__(self, free: Callable[[], None]) -> None:
        self._free: Callable[[], None] | None = free

    def leave(self) -> bool:
        """Make room for the next; whether it was not left before."""
        free, self._free = self._free, None
        if free is not None:
            free()
        return free is not None


class Spoken:
    """Chunks of speech as they come out of the lanes.

    Args:
        turns: The lanes.
        make: Begins to speak.
        deadline_s: After so long it is given up.
    """

    def __init__(self, turns: Turns, make: Callable[[], Iterator[Chunk]], deadline_s: float) -> None:
        self._loop = asyncio.get_running_loop()
        self._queue: asyncio.Queue[Chunk | End | Exception] = asyncio.Queue()
        self._turns = turns
        self.spoken_s = 0.0
        self._ends_s = time.monotonic() + deadline_s
        self._job = Job(make, self._deliver, self._ends_s)
        turns.add(self._job)

    @property
    def left_s(self) -> float:
        """Until the deadline."""
        return max(0.0, self._ends_s - time.monotonic())

    async def next(self) -> Chunk | None:
        """The next one; None after the last.

        Raises:
            UserError: the text cannot be spoken.
            ApiError: it took too long.
        """
        item = await self._queue.get()
        if isinstance(item, LateError):
            raise busy(self._turns.advice_s, "nothing was free before the request's deadline")
        if isinstance(item, Exception):
            raise item
        if isinstance(item, End):
            return None
        self._turns.took(self._job)
        self.spoken_s += item.spoken_s
        return item

    async def rest(self) -> AsyncIterator[Chunk]:
        """All that still come. Raises as `next`."""
        while (chunk := await self.next()) is not None:
            yield chunk

    def cancel(self) -> None:
        """Speak no further; nothing after the end."""
        self._turns.cancel(self._job)

    def _deliver(self, item: Chunk | End | Exception) -> None:
        # Nobody listens any more where the loop has ended.
        with suppress(RuntimeError):
            self._loop.call_soon_threadsafe(self._queue.put_nowait, item)


def gone() -> ApiError:
    """Nobody is there to be told."""
    return ApiError(499, "the client has gone", "client_gone")
