"""What Russian and Polish share: the form of a noun after a number."""

from __future__ import annotations

from decimal import Decimal

_TEENS = range(11, 15)
_FEW = range(2, 5)


def plural_of_russian(value: Decimal) -> int:
    """Index of the form: 0 one, 1 few, 2 many, 3 after decimals. 21 counts as one."""
    if value != int(value):
        return 3
    last, teen = int(abs(value)) % 10, int(abs(value)) % 100 in _TEENS
    if last == 1 and not teen:
        return 0
    return 1 if last in _FEW and not teen else 2


def plural_of_polish(value: Decimal) -> int:
    """The same, but 21 counts as many."""
    index = plural_of_russian(value)
    return 2 if index == 0 and abs(value) != 1 else index
