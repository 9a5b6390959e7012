"""Voices held ready, without voices: what is opened when."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from configs.errors import MachineError, UserError
from tasks.serving import shelf
from tasks.serving.catalogue import Signature
from tasks.serving.shelf import Shelf


class Folder:
    """Files that change, and what comes of opening them."""

    def __init__(self) -> None:
        self.signature: Signature = (1,)
        self.opened: list[Signature] = []
        self.faults: dict[Signature, Exception] = {}

    def open_voice(self, _name: str) -> Any:
        self.opened.append(self.signature)
        if self.signature in self.faults:
            raise self.faults[self.signature]
        return SimpleNamespace(references=())


@pytest.fixture
def folder() -> Folder:
    return Folder()


@pytest.fixture
def held(folder: Folder) -> Shelf:
    made = Shelf(folder.open_voice, lambda _name: folder.signature, 3)
    made.take("anna")
    return made


@pytest.mark.parametrize("fault", [UserError("voice.json: is damaged"), KeyError("family")])
def test_what_cannot_be_opened_is_tried_again_only_when_it_changes(
    folder: Folder, held: Shelf, fault: Exception
) -> None:
    folder.signature, folder.faults = (2,), {(2,): fault}
    for _ in range(3):
        held.refresh()
    assert folder.opened == [(1,), (2,)]
    folder.signature = (3,)
    held.refresh()
    assert folder.opened == [(1,), (2,), (3,)]
    assert held.swaps == 1


def test_what_failed_is_tried_anew_after_a_rollback(folder: Folder, held: Shelf) -> None:
    folder.signature, folder.faults = (2,), {(2,): UserError("voice.json: is damaged")}
    held.refresh()
    folder.signature, folder.faults = (1,), {}
    held.refresh()
    folder.signature = (2,)
    held.refresh()
    assert folder.opened == [(1,), (2,), (2,)]
    assert held.swaps == 1


def test_a_lack_of_memory_may_pass(folder: Folder, held: Shelf, monkeypatch: pytest.MonkeyPatch) -> None:
    now_s = [100.0]
    monkeypatch.setattr(shelf.time, "monotonic", lambda: now_s[0])
    folder.signature, folder.faults = (2,), {(2,): MachineError("there is too little memory")}
    for _ in range(3):
        held.refresh()
    folder.faults = {}
    now_s[0] += shelf.AGAIN_S
    held.refresh()
    assert folder.opened == [(1,), (2,), (2,)]
    assert held.swaps == 1
