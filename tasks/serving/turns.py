"""Work for many clients in turns: a sentence of one, then a sentence of another, on a few threads.

Who has heard nothing yet and who waits for more are served alternately, so that a long text keeps nobody from
beginning, and beginners do not silence what has begun. What a client has not taken yet is bounded: there is
no next turn before it has.
"""

from __future__ import annotations

import logging
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from typing import Generic, TypeVar

from configs.errors import UserError

logger = logging.getLogger(__name__)
ItemT = TypeVar("ItemT")

AHEAD = 4
"""Items that a job may be ahead of its client."""
FIRST_GUESS_S = 2.0
SHARE_OF_NEWEST = 0.2
LONGEST_ADVICE_S = 60


class LateError(Exception):
    """A job's deadline passed before it ended."""


class End:
    """Delivered after the last item."""


END = End()


class Job(Generic[ItemT]):
    """What is made for one client, item by item.

    Args:
        make: Begins it; called, as what it returns, on one of the threads.
        deliver: Gets each item, then END or the error that ended it.
        deadline_s: On the monotonic clock.
    """

    def __init__(
        self,
        make: Callable[[], Iterator[ItemT]],
        deliver: Callable[[ItemT | End | Exception], None],
        deadline_s: float,
    ) -> None:
        self.make, self.deliver, self.deadline_s = make, deliver, deadline_s
        self.items: Iterator[ItemT] | None = None
        self.delivered = self.taken = 0
        self.is_cancelled = False
        self.busy_s = 0.0


class Turns:
    """Jobs on a few threads.

    Args:
        threads: Items that are made at the same time.
    """

    def __init__(self, threads: int) -> None:
        self._changed = threading.Condition()
        self._new: deque[Job] = deque()
        self._begun: deque[Job] = deque()
        self._present: set[Job] = set()
        self._new_is_next = True
        self._is_closed = False
        self._mean_s = FIRST_GUESS_S
        self._threads = [
            threading.Thread(target=self._work, name=f"speaking-{number}", daemon=True)
            for number in range(threads)
        ]
        for thread in self._threads:
            thread.start()

    @property
    def present(self) -> int:
        """Jobs that are begun or wait."""
        return len(self._present)

    @property
    def advice_s(self) -> int:
        """Whole seconds after which about half of the jobs that are here now will have ended."""
        waiting_s = self._mean_s * len(self._present) / len(self._threads)
        return max(1, min(LONGEST_ADVICE_S, round(waiting_s / 2)))

    def add(self, job: Job) -> None:
        """Take a job on."""
        with self._changed:
            self._present.add(job)
            self._new.append(job)
            self._changed.notify()

    def took(self, job: Job) -> None:
        """The client has got an item."""
        with self._changed:
            job.taken += 1
            self._changed.notify()

    def cancel(self, job: Job) -> None:
        """Forget a job: its place is free at once, and no further item is begun."""
        with self._changed:
            job.is_cancelled = True
            self._present.discard(job)
            for waiting in (self._new, self._begun):
                if job in waiting:
                    waiting.remove(job)

    def close(self, wait_s: float) -> None:
        """End the threads after the items that they are making."""
        with self._changed:
            self._is_closed = True
            self._changed.notify_all()
        for thread in self._threads:
            thread.join(wait_s)

    def _work(self) -> None:
        while (job := self._next()) is not None:
            started_s = time.monotonic()
            outcome = _turn(job)
            job.busy_s += time.monotonic() - started_s
            self._after(job, outcome)

    def _next(self) -> Job | None:
        """The job whose turn it is; None when the threads are to end."""
        with self._changed:
            while not self._is_closed:
                begun = next((job for job in self._begun if job.delivered - job.taken < AHEAD), None)
                if self._new and (self._new_is_next or begun is None):
                    self._new_is_next = False
                    return self._new.popleft()
                if begun is not None:
                    self._new_is_next = True
                    self._begun.remove(begun)
                    return begun
                self._changed.wait()
            return None

    def _after(self, job: Job, outcome: object) -> None:
        is_last = outcome is END or isinstance(outcome, Exception)
        with self._changed:
            if job.is_cancelled:
                is_last = True
            else:
                job.delivered += 1
                job.deliver(outcome)
                if is_last:
                    self._present.discard(job)
                    self._mean_s += SHARE_OF_NEWEST * (job.busy_s - self._mean_s)
                else:
                    self._begun.append(job)
        if is_last:
            _close(job)


def _turn(job: Job) -> object:
    """The next item, END, or what went wrong."""
    if time.monotonic() > job.deadline_s:
        return LateError("the deadline passed")
    try:
        if job.items is None:
            job.items = job.make()
        return next(job.items, END)
    except UserError as error:
        return error
    except Exception as error:
        logger.exception("a sentence could not be spoken")
        return error


def _close(job: Job) -> None:
    """Let go of what the job holds, its voice above all."""
    close = getattr(job.items, "close", None)
    job.items = None
    if close is not None:
        close()
