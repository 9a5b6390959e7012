"""What is kept of a listening test: which sound is whose, and what raters answered.

`listening/TEST/key.json` in the workspace tells the systems of the opaque names that the page holds;
`listening/TEST/results/` has a file for each rater.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, TypeAdapter, with_config
from typing_extensions import TypedDict

from artifacts import digest, records
from artifacts.records import EXACT, RecordError
from artifacts.store import write_atomically
from configs.errors import UserError

Kind = Literal["ab", "abx", "mushra"]
_TEST_NAME = r"[0-9A-Za-z_-]{1,64}"
TestName = Annotated[str, Field(pattern=f"^{_TEST_NAME}$")]
Opaque = Annotated[str, Field(pattern=r"^[0-9a-f]{12}$")]
Rater = Annotated[str, Field(min_length=1, max_length=40, pattern=r"^[^\x00-\x1f\x7f]+$")]


@with_config(EXACT)
class TrialRecord(TypedDict):
    """One question: sounds of one sentence."""

    id: Opaque
    sentence: str
    text: str
    stimuli: dict[Opaque, str]
    """What a sound is called in the page -> its system."""
    repeated: bool
    """Whether each rater is asked it twice, the sounds in another order."""


@with_config(EXACT)
class KeyRecord(TypedDict):
    """A test, and what its page hides."""

    format: Literal[1]
    test: TestName
    kind: Kind
    made_at: str
    systems: list[str]
    """In the order in which they were named, then the recording and the anchor where they are heard."""
    reference: str | None
    """The system that is the hidden reference."""
    anchor: str | None
    trials: list[TrialRecord]


@with_config(EXACT)
class Choice(TypedDict):
    """An answer of an AB test."""

    trial: Opaque
    again: bool
    first: Opaque
    second: Opaque
    choice: Literal["first", "second", "neither"]


@with_config(EXACT)
class Match(TypedDict):
    """An answer of an ABX test: which of the two X is said to be."""

    trial: Opaque
    again: bool
    first: Opaque
    second: Opaque
    x: Opaque
    choice: Literal["first", "second"]


@with_config(EXACT)
class Scores(TypedDict):
    """An answer of a test with sliders."""

    trial: Opaque
    again: bool
    scores: dict[Opaque, Annotated[int, Field(ge=0, le=100)]]


Answer = Choice | Match | Scores
_KEY = TypeAdapter(KeyRecord)


def is_test_name(name: str) -> bool:
    """Whether a test can be called so."""
    return bool(re.fullmatch(_TEST_NAME, name))


def folder_of(workspace: Path, test: str) -> Path:
    """Where a test is kept."""
    return workspace / "listening" / test


def tests(workspace: Path) -> list[str]:
    """Names of the tests that were made here."""
    return sorted(path.parent.name for path in (workspace / "listening").glob("*/key.json"))


def read_key(workspace: Path, test: str) -> KeyRecord:
    """A test's key.

    Raises:
        UserError: there is no such test, or its key cannot be believed.
    """
    known = tests(workspace)
    if test not in known:
        there = ", ".join(known) or "none yet"
        raise UserError(
            f"listening test: there is no {test!r} in {workspace} (known: {there}); its key is where it was "
            "made: name that workspace with --workspace"
        )
    path = folder_of(workspace, test) / "key.json"
    try:
        found = records.read_file(path, _KEY)
    except RecordError as error:
        raise UserError(
            f"{path}: {error}; without it no answer can be read: put back a copy of it"
        ) from error
    assert found is not None
    return found


def write_key(workspace: Path, key: KeyRecord) -> None:
    """Keep a test's key."""
    path = folder_of(workspace, key["test"]) / "key.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    write_atomically(path, records.encode(key, indent=1))


def results_path(workspace: Path, test: str, rater: str) -> Path:
    """Where a rater's answers lie."""
    return folder_of(workspace, test) / "results" / f"{digest.of_bytes(rater.encode())[:16]}.json"
