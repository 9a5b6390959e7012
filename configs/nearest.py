"""What somebody probably meant by a name that there is not."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Sequence

_LONGEST = 80
"""Characters that are compared; nobody types a longer name by mistake."""


def nearest(name: str, known: Iterable[str], cutoff: float = 0.6) -> str | None:
    """The known name that looks most like this one; None where none does.

    Args:
        known: Names that there are.
        cutoff: How alike they must be, 0 to 1.
    """
    by_small = {one.lower(): one for one in known}
    found = difflib.get_close_matches(name[:_LONGEST].lower(), by_small, 1, cutoff=cutoff)
    return by_small[found[0]] if found else None


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """`; did you mean 'anna'?`, to be put at the end of a message; empty where nothing is near."""
    found = nearest(name, known)
    return f"; did you mean {found!r}?" if found else ""


def meant(path: str, names: Sequence[str]) -> str | None:
    """Which of the names somebody means whose last part is written like that of `path`; None: none is."""
    by_leaf: dict[str, list[str]] = {}
    for name in names:
        by_leaf.setdefault(_leaf(name), []).append(name)
    near = nearest(_leaf(path), by_leaf, cutoff=0.8)
    return nearest(path, by_leaf[near], cutoff=0.0) if near else None


def _leaf(path: str) -> str:
    return path.rpartition(".")[2]
