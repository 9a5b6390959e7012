"""One number that comes from a publication."""

from __future__ import annotations

from typing import Any, NamedTuple


class Published(NamedTuple):
    """A value and its source: `FILE: KEY` of public code, a paper's section, or `ours: REASON`."""

    value: Any
    source: str
