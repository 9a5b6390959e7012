"""What a person corrected of one clip."""

from __future__ import annotations

from typing import Literal, NamedTuple

DROPPED = "dropped"
"""Code of the reject of a clip that was dropped by hand."""


class Correction(NamedTuple):
    """Of a clip: that something else is said in it, or that it is not wanted.

    Attributes:
        text: What is said; empty for a clip that is dropped.
    """

    what: Literal["text", "drop"]
    text: str = ""
