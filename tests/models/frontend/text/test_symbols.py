"""Symbol tables: the published orders, and our own."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from models.frontend.text.symbols import TABLE_NAMES, load_symbol_table


@pytest.mark.golden
@pytest.mark.parametrize(("version", "table"), [("v1", "gpt-sovits-v1"), ("v2", "gpt-sovits-v2")])
def test_published_tables_are_in_the_published_order(goldens: Path, version: str, table: str) -> None:
    recorded = json.loads((goldens / "gpt_sovits" / "symbols.json").read_text(encoding="utf-8"))
    assert list(load_symbol_table(table).symbols) == recorded[version]


@pytest.mark.parametrize("name", TABLE_NAMES)
def test_tables_have_no_duplicates_and_hold_marks_padding_and_unknown(name: str) -> None:
    table = load_symbol_table(name)
    assert len(set(table.symbols)) == len(table.symbols)
    assert {"_", "UNK", "SP", *table.marks} <= set(table.symbols)
    assert all(table.ids[symbol] == index for index, symbol in enumerate(table.symbols))


def test_encoding_keeps_step_and_lists_what_is_missing() -> None:
    table = load_symbol_table("gpt-sovits-v2")
    known, ids, missing = table.encode(["HH", "ʘ", "OW1"])
    assert known == ["HH", "UNK", "OW1"]
    assert [table.symbols[index] for index in ids] == known
    assert missing == ["ʘ"]


def test_unknown_table_is_refused() -> None:
    with pytest.raises(ValueError, match="gpt-sovits-v2"):
        load_symbol_table("../symbols")
