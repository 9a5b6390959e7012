"""Looking through a store takes out of use what is broken, and leaves alone what is whole."""

from __future__ import annotations

from pathlib import Path

import pytest

from artifacts import housekeeping
from artifacts.store import Store
from tests.tasks.small_pipeline import run_all, small_pipeline

TEXTS = {"a": "one", "b": "seven"}


@pytest.mark.slow
def test_a_whole_store_is_what_it_was_afterwards(tmp_path: Path) -> None:
    run_all(small_pipeline(tmp_path, TEXTS))
    store = Store(str(tmp_path / "store"), tmp_path / "cache")
    assert all(whole for _, whole in housekeeping.verify(store))
    assert {status for status, _ in run_all(small_pipeline(tmp_path, TEXTS)).values()} == {"cached"}


@pytest.mark.slow
def test_a_torn_record_goes_and_its_stage_is_made_again(tmp_path: Path) -> None:
    run_all(small_pipeline(tmp_path, TEXTS))
    (record,) = (tmp_path / "store" / "actions" / "train").glob("*.json")
    record.write_bytes(record.read_bytes()[:-30])
    store = Store(str(tmp_path / "store"), tmp_path / "cache")
    broken = [name for name, whole in housekeeping.verify(store) if not whole]
    assert broken == [f"actions/train/{record.name}"]
    assert not record.exists()
    again = run_all(small_pipeline(tmp_path, TEXTS))
    assert {name for name, (status, _) in again.items() if status == "computed"} == {"train"}


@pytest.mark.slow
def test_a_torn_index_of_rows_goes_and_whole_ones_stay(tmp_path: Path) -> None:
    run_all(small_pipeline(tmp_path, TEXTS))
    store = Store(str(tmp_path / "store"), tmp_path / "cache")
    torn, *whole = [Path(store.shown(name)) for name, _ in store.files("rows")]
    assert whole
    torn.write_bytes(torn.read_bytes()[:-30])
    broken = [name for name, is_whole in housekeeping.verify(store) if not is_whole]
    assert [Path(store.shown(name)) for name in broken] == [torn]
    assert not torn.exists() and all(path.exists() for path in whole)
