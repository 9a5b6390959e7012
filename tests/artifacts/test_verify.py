"""Looking through a store takes out of use what is broken, and leaves alone what is whole."""

from __future__ import annotations

from pathlib import Path

from artifacts import housekeeping
from artifacts.store import Store
from tests.tasks.small_pipeline import run_all, small_pipeline

TEXTS = {"a": "one", "b": "seven"}


def test_a_whole_store_is_what_it_was_afterwards(tmp_path: Path) -> None:
    run_all(small_pipeline(tmp_path, TEXTS))
    store = Store(str(tmp_path / "store"), tmp_path / "cache")
    assert all(whole for _, whole in housekeeping.verify(store))
    assert {status for status, _ in run_all(small_pipeline(tmp_path, TEXTS)).values()} == {"cached"}


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
