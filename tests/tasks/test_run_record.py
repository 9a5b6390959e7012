"""What a voice's run record keeps: how stages went when they last computed something."""

from __future__ import annotations

from pathlib import Path

from tasks.run_record import last_computed, read_run
from tests.tasks.small_pipeline import run_all, small_pipeline


def test_a_run_that_finds_all_done_keeps_what_the_last_computing_one_took(tmp_path: Path) -> None:
    run_all(small_pipeline(tmp_path, {"a": "one", "b": "three"}))
    first = read_run(tmp_path, "v")["stages"]
    run_all(small_pipeline(tmp_path, {"a": "one", "b": "three"}))
    again = read_run(tmp_path, "v")["stages"]
    assert again["train"]["status"] == "cached"
    assert again["train"]["seconds"] < 0.02 <= first["train"]["seconds"]
    for name, entry in again.items():
        assert last_computed(entry) == last_computed(first[name]), name
    kept = last_computed(again["train"])
    assert kept is not None
    assert kept["reason"] == "never run for this voice"
    assert kept["seconds"] == first["train"]["seconds"]
    run_all(small_pipeline(tmp_path, {"a": "one", "b": "three", "c": "five"}))
    later = last_computed(read_run(tmp_path, "v")["stages"]["measure"])
    assert later is not None
    assert (later["rows_computed"], later["rows_total"]) == (1, 3)


def test_a_record_of_an_older_version_tells_its_last_run_if_that_computed(tmp_path: Path) -> None:
    run_all(small_pipeline(tmp_path, {"a": "one"}))
    entry = read_run(tmp_path, "v")["stages"]["train"]
    del entry["computed"]
    known = last_computed(entry)
    assert known is not None and known["at"] == "" and known["seconds"] == entry["seconds"]
    entry["status"] = "cached"
    assert last_computed(entry) is None
    assert last_computed(None) is None
