"""Symbol tables: which phones a model's text embedding knows, in which order.

The tables are data (`tables/*.json`): a symbol's identifier is its index. `gpt-sovits-v1` and `-v2` are the
orders that the published GPT-SoVITS weights were trained with; `ipa` is our own.
"""

from __future__ import annotations

import functools
import json
from importlib import resources
from typing import NamedTuple

READS_FILES = (
    "tables/ipa.json",
    "tables/{family.symbol_table}.json",
    "tables/{features.phonemize.symbol_table}.json",
)
TABLE_NAMES = ("gpt-sovits-v1", "gpt-sovits-v2", "ipa")
UNKNOWN = "UNK"
PRIMARY_STRESS, SECONDARY_STRESS = "ˈ", "ˌ"
VOWELS = frozenset("iyɨʉɯuɪʏʊeøɘɵɤoəɚɛœɜɞʌɔæɐaɑɒᵻ")
"""First letters of phones of the table `ipa`."""
RISE, FALL = "[", "]"
PITCH_MARKS = frozenset((RISE, FALL))
"""Of Japanese, between phones; the table v1 has none."""


class SymbolTable(NamedTuple):
    """symbols[i] is the symbol with identifier i; marks: the punctuation that the table pronounces."""

    name: str
    symbols: tuple[str, ...]
    ids: dict[str, int]
    marks: frozenset[str]

    def encode(self, phones: list[str]) -> tuple[list[str], list[int], list[str]]:
        """Phones as the table can say them, their identifiers, and those it does not hold.

        What the table does not hold becomes UNK, so that phones stay in step with words.
        """
        known = [phone if phone in self.ids else UNKNOWN for phone in phones]
        missing = [phone for phone in phones if phone not in self.ids]
        return known, [self.ids[phone] for phone in known], missing


@functools.lru_cache(maxsize=len(TABLE_NAMES))
def load_symbol_table(name: str) -> SymbolTable:
    """Reads one of TABLE_NAMES. Raises ValueError for any other name."""
    if name not in TABLE_NAMES:
        raise ValueError(f"symbol table {name!r} does not exist: use one of {', '.join(TABLE_NAMES)}")
    source = resources.files(__package__).joinpath("tables", f"{name}.json")
    data = json.loads(source.read_text(encoding="utf-8"))
    symbols = tuple(data["symbols"])
    ids = {symbol: index for index, symbol in enumerate(symbols)}
    return SymbolTable(name, symbols, ids, frozenset(data["marks"]))
