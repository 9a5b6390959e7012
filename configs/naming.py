"""Arguments in messages as the settings that they come from.

Networks and readers know their arguments, not where a preset sets them: they write an argument in backticks,
and the room that called them with settings gives it its path.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager

from configs.errors import UserError

_ARGUMENT = re.compile(r"`([a-z][a-z0-9_]*)`")


def in_settings(section: str, message: str) -> str:
    """The message with the path of each argument: "lower `silence_dbfs`" -> "lower corpus.silence_dbfs"."""
    return _ARGUMENT.sub(rf"{section}.\1", message)


@contextmanager
def named_in(section: str) -> Iterator[None]:
    """Inside, a UserError names the section's settings.

    Raises:
        UserError: with the paths put in.
    """
    try:
        yield
    except UserError as error:
        raise UserError(in_settings(section, str(error))) from error
