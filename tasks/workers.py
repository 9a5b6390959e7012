"""Worker processes for row stages.

Each worker and the inline path use one arithmetic thread: rows spread over processes scale better than
threads inside one row, and sums come out bit for bit the same however many workers there are.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
import tempfile
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from multiprocessing import connection, resource_tracker
from pathlib import Path
from typing import Any

from artifacts.faults import amount, available_memory_bytes, writing
from configs.errors import MachineError
from models.memory import keep_memory, one_arena

_THREAD_VARIABLES = (
    "OMP_NUM_THREADS",
    "MKL_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "NUMBA_NUM_THREADS",
)
FEWER = "set compute.workers lower"
ALONE = "leave it more memory, make long clips shorter, or set compute.device=cpu,"
"""Where one process computes on a GPU."""


class Workers:
    """A pool of worker processes, started when first needed and kept between stages."""

    def __init__(self, count: int) -> None:
        self.count = count
        self._pool: ProcessPoolExecutor | None = None

    def map(
        self,
        function: Callable[..., Any],
        batches: Sequence[tuple[Any, ...]],
        parallel: bool,
        alone: bool = False,
    ) -> Iterator[Any]:
        """Results in the order of the batches.

        A handful of batches is computed here: starting a process costs more than they do.

        Args:
            function: Called with each batch.
            batches: Arguments.
            parallel: Whether several processes may compute.
            alone: Compute in one process of their own, which ends with them: what it holds on a GPU, weights
                and context, is free afterwards.

        Raises:
            MachineError: a worker process was killed, most often for memory, or the machine refused something
                in one.
        """
        if alone:
            yield from self._alone(function, batches)
            return
        if not parallel or self.count < 2 or (self._pool is None and len(batches) <= 2):
            for batch in batches:
                # Entered per batch: the caller of this generator must not stay limited to one thread.
                with one_thread():
                    result = function(*batch)
                yield result
            return
        yield from self._sent(self._started(), function, batches)

    def _alone(self, function: Callable[..., Any], batches: Sequence[tuple[Any, ...]]) -> Iterator[Any]:
        one = Workers(1)
        try:
            yield from one._sent(one._started(), function, batches, ALONE)
        finally:
            one.close()

    def _sent(
        self,
        pool: ProcessPoolExecutor,
        function: Callable[..., Any],
        batches: Sequence[tuple[Any, ...]],
        remedy: str = FEWER,
    ) -> Iterator[Any]:
        """Results of a pool in the order of the batches, of which a few wait in it."""
        waiting = [pool.submit(_told, function, *batch) for batch in batches[: self.count * 4]]
        sent = len(waiting)
        try:
            while waiting:
                result = waiting.pop(0).result()
                if sent < len(batches):
                    waiting.append(pool.submit(_told, function, *batches[sent]))
                    sent += 1
                yield result
        except BrokenProcessPool as error:
            self.close()
            free = available_memory_bytes()
            known = "" if free is None else f" ({amount(free)} are free now)"
            raise MachineError(
                f"one of {self.count} worker processes was killed, most often because memory ran out{known}; "
                f"{remedy} and run the same command again (finished rows are kept)"
            ) from error
        finally:
            for future in waiting:
                future.cancel()

    def close(self) -> None:
        """End the worker processes."""
        if self._pool is not None:
            self._pool.shutdown(wait=True, cancel_futures=True)
            self._pool = None

    def _started(self) -> ProcessPoolExecutor:
        if self._pool is None:
            _start_tracker()
            self._pool = ProcessPoolExecutor(
                self.count, multiprocessing.get_context("spawn"), initializer=_start_worker
            )
        return self._pool


def _start_tracker() -> None:
    """Start the process that keeps the pool's semaphores, deaf to SIGHUP as it is to SIGINT and SIGTERM.

    One that ends with its process group is started anew, knows nothing of the semaphores, and complains.
    """
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGHUP})
    try:
        resource_tracker.ensure_running()
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _start_worker() -> None:
    # Runs before the first row's modules are imported, when the arithmetic libraries read these.
    for name in _THREAD_VARIABLES:
        os.environ[name] = "1"
    # A terminal signals the whole process group, a service manager all processes of a service; the parent
    # decides what happens, workers finish their row.
    for sign in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(sign, signal.SIG_IGN)
    threading.Thread(target=_end_with_parent, daemon=True).start()
    one_arena()
    keep_memory()
    import torch

    torch.set_num_threads(1)


def _end_with_parent() -> None:
    """End this process when its parent is gone, however that ended: the pool's own queue would not notice."""
    parent = multiprocessing.parent_process()
    assert parent is not None
    connection.wait([parent.sentinel])
    os._exit(1)


def _told(function: Callable[..., Any], *arguments: Any) -> Any:
    """Call it in a worker; what the machine refuses travels to the parent as one type.

    The types that libraries have for it do not all survive the way.
    """
    with writing(Path(tempfile.gettempdir())):
        return function(*arguments)


@contextmanager
def one_thread() -> Iterator[None]:
    """One arithmetic thread in this process, as the workers have."""
    import torch
    from threadpoolctl import threadpool_limits

    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        with threadpool_limits(1):
            yield
    finally:
        torch.set_num_threads(before)
