"""Sentences that are to be said once more: `3`, `2,5`, or `3:2` for the second other take of the third."""

from __future__ import annotations

import re
from collections.abc import Sequence

from configs.errors import UserError

_ONE = re.compile(r"\s*(\d{1,6})\s*(?::\s*(\d{1,6})\s*)?")


def takes_of(asked: Sequence[str], sentences: int) -> dict[int, int]:
    """Numbers of sentences, from 0, with the number of their other take, from 1.

    Args:
        asked: As written; each may hold several, parted by commas.
        sentences: How many the text has.

    Raises:
        UserError: what is written is no such number, or there is no such sentence.
    """
    takes: dict[int, int] = {}
    for written in ",".join(asked).split(",") if asked else ():
        found = _ONE.fullmatch(written)
        if found is None:
            raise UserError(
                f"--again: {written[:20]!r} is no sentence's number; give 3, 2,5 or, for a second other "
                "take, 3:2"
            )
        number, take = int(found.group(1)), int(found.group(2) or 1)
        if not 1 <= number <= sentences:
            raise UserError(f"--again: there is no sentence {number}; the text has {sentences}")
        if take < 1:
            raise UserError(f"--again: {written.strip()}: takes are counted from 1")
        takes[number - 1] = take
    return takes
