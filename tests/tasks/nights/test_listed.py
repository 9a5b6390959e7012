"""The nightly list: what is put onto it at once is all there."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Barrier

import pytest

from tasks.nights import listed
from tasks.nights.listed import add_notified, read_notified, remove_notified

BLOCKS = [f"slack-webhook/channel-{number}" for number in range(6)]


@pytest.fixture
def slow_reads(monkeypatch: pytest.MonkeyPatch) -> None:
    read = listed._read

    def slowly(workspace: Path) -> listed._Nights:
        found = read(workspace)
        time.sleep(0.02)
        return found

    monkeypatch.setattr(listed, "_read", slowly)


@pytest.mark.usefixtures("slow_reads")
def test_changes_at_once_are_all_kept(tmp_path: Path) -> None:
    together = Barrier(len(BLOCKS))

    def add(block: str) -> None:
        together.wait()
        add_notified(tmp_path, block)

    with ThreadPoolExecutor(len(BLOCKS)) as pool:
        list(pool.map(add, BLOCKS))
    assert sorted(read_notified(tmp_path)) == BLOCKS


def test_a_block_is_taken_off_once(tmp_path: Path) -> None:
    add_notified(tmp_path, BLOCKS[0])
    assert remove_notified(tmp_path, BLOCKS[0])
    assert not remove_notified(tmp_path, BLOCKS[0])
    assert read_notified(tmp_path) == []
