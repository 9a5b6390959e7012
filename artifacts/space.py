"""Whether what is about to be written will be taken and fits."""

from __future__ import annotations

import errno
import os
from pathlib import Path

from artifacts.faults import MAKE_ROOM, amount, free_bytes, is_read_only, writing
from configs.errors import MachineError


def require(place: Path, at_least_bytes: float, doing: str) -> None:
    """Refuse to begin what cannot be finished.

    Args:
        place: folder that will be written to.
        at_least_bytes: how much that will be, as a lower bound: what may fit is tried.
        doing: begins the message.

    Raises:
        MachineError: less is free, or nothing can be written there.
    """
    if is_read_only(place):
        with writing(place, doing):
            raise OSError(errno.EROFS, os.strerror(errno.EROFS), str(place))
    free = free_bytes(place)
    if free is not None and free < at_least_bytes:
        raise MachineError(
            f"{doing}: at least {amount(at_least_bytes)} will be written to {place}, and {amount(free)} are "
            f"free there; {MAKE_ROOM}"
        )
