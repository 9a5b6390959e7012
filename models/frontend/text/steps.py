"""A bound on other people's Python, counted in lines: the same text ends the same way on every machine."""

from __future__ import annotations

import sys
from collections.abc import Callable
from types import FrameType
from typing import Any, TypeVar

_Result = TypeVar("_Result")


class TooManyStepsError(BaseException):
    """The function would have gone on; no `except Exception` inside it may keep that to itself."""


def within_steps(function: Callable[[], _Result], limit: int) -> _Result:
    """What `function` returns, if that takes at most `limit` lines of Python; in any thread.

    A time limit would depend on the machine and its load, and a signal reaches the main thread only. Lines
    inside C do not count: bound what is given to those by its length.

    Raises:
        TooManyStepsError: it takes more.
    """
    left = limit

    def count(frame: FrameType, event: str, argument: Any) -> Any:
        nonlocal left
        del frame, event, argument
        left -= 1
        if left < 0:
            raise TooManyStepsError
        return count

    before = sys.gettrace()
    sys.settrace(count)
    try:
        return function()
    finally:
        sys.settrace(before)
