"""Raters' files: read strictly, since a wrong answer that is believed is worse than none."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal, NamedTuple, cast

from pydantic import TypeAdapter, ValidationError, with_config
from typing_extensions import TypedDict

from artifacts.records import EXACT
from artifacts.store import write_atomically
from configs.errors import UserError
from tasks.listening_tests.record import (
    Answer,
    Choice,
    KeyRecord,
    Kind,
    Match,
    Rater,
    Scores,
    TestName,
    folder_of,
    read_key,
    results_path,
)

MAX_BYTES = 4 << 20
_AGAIN = "save the answers from the test's page again, and do not change the file"
_SHOWN_CHARACTERS = 60


@with_config(EXACT)
class _Head(TypedDict):
    format: Literal[1]
    test: TestName
    kind: Kind
    rater: Rater
    answers: list[Any]


_HEAD = TypeAdapter(_Head)
_ANSWERS: dict[str, TypeAdapter[Any]] = {
    "ab": TypeAdapter(list[Choice]),
    "abx": TypeAdapter(list[Match]),
    "mushra": TypeAdapter(list[Scores]),
}


class Answers(NamedTuple):
    """What one rater answered, all of it."""

    rater: str
    answers: list[Answer]


def read_answers(path: Path, workspace: Path) -> tuple[KeyRecord, Answers]:
    """A rater's file, and the key of its test.

    Raises:
        UserError: it is no such file, is not whole, or answers what the test does not ask; file, field, value
            and remedy are named.
    """
    found = _json(path)
    head = _checked(path, _HEAD, found, "")
    key = read_key(workspace, head["test"])
    if head["kind"] != key["kind"]:
        raise UserError(
            f"{path}: kind: {head['kind']!r}, but the test {key['test']} is {key['kind']}; {_AGAIN}"
        )
    answers: list[Answer] = _checked(path, _ANSWERS[key["kind"]], head["answers"], "answers.")
    _check_trials(path, key, answers)
    return key, Answers(head["rater"], answers)


def import_answers(path: Path, workspace: Path) -> tuple[KeyRecord, Answers, bool]:
    """Take a rater's file into the workspace; whether it is new there.

    Raises:
        UserError: as `read_answers`, or the rater has answered otherwise before.
    """
    key, answers = read_answers(path, workspace)
    place = results_path(workspace, key["test"], answers.rater)
    if place.is_file():
        if read_answers(place, workspace)[1] == answers:
            return key, answers, False
        raise UserError(
            f"{path}: rater: {answers.rater!r} has answered {key['test']} before, and otherwise; if it is "
            f"another person, let them answer under another name; to replace the answers, remove "
            f"{place} first"
        )
    place.parent.mkdir(parents=True, exist_ok=True)
    write_atomically(place, path.read_bytes())
    return key, answers, True


def all_answers(workspace: Path, test: str) -> Iterator[Answers]:
    """Of every rater of a test, by name.

    Raises:
        UserError: a file has become unreadable.
    """
    files = sorted((folder_of(workspace, test) / "results").glob("*.json"))
    yield from sorted(read_answers(path, workspace)[1] for path in files)


def _json(path: Path) -> Any:
    try:
        if path.stat().st_size > MAX_BYTES:
            raise UserError(
                f"{path}: has more than {MAX_BYTES >> 20} MiB, which no rater's answers have; name "
                "the file that the test's page saved"
            )
        return json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise UserError(
            f"{path}: cannot be read ({error.strerror}); name the file that the test's page saved"
        ) from error
    except (UnicodeDecodeError, json.JSONDecodeError, RecursionError) as error:
        raise UserError(f"{path}: is no JSON ({error}); {_AGAIN}") from error


def _checked(path: Path, shape: TypeAdapter[Any], value: Any, prefix: str) -> Any:
    try:
        return shape.validate_json(json.dumps(value))
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        field = prefix + ".".join(str(part) for part in first["loc"])
        shown = repr(first["input"])[:_SHOWN_CHARACTERS]
        raise UserError(f"{path}: {field or 'the whole'}: {shown}: {first['msg']}; {_AGAIN}") from error


def _check_trials(path: Path, key: KeyRecord, answers: list[Answer]) -> None:
    trials = {trial["id"]: trial for trial in key["trials"]}
    asked = {
        (trial["id"], again) for trial in key["trials"] for again in (False, True)[: 1 + trial["repeated"]]
    }
    for number, answer in enumerate(cast("list[dict[str, Any]]", answers)):
        field = f"{path}: answers.{number}"
        turn = (answer["trial"], answer["again"])
        if turn not in asked:
            known = "answered twice" if answer["trial"] in trials else f"not one of the test {key['test']}"
            raise UserError(f"{field}.trial: {answer['trial']!r} is {known}; {_AGAIN}")
        asked.remove(turn)
        given = set(answer["scores"]) if "scores" in answer else {answer["first"], answer["second"]}
        there = set(trials[answer["trial"]]["stimuli"])
        if given != there:
            wrong = next(iter(sorted(given - there) or sorted(there - given)))
            raise UserError(
                f"{field}: {wrong!r}: its sounds are not those of the trial {answer['trial']}; {_AGAIN}"
            )
        if "x" in answer and answer["x"] not in there:
            raise UserError(f"{field}.x: {answer['x']!r} is neither of the two sounds; {_AGAIN}")
    if asked:
        raise UserError(
            f"{path}: answers: {len(asked)} of {len(asked) + len(answers)} questions are not answered; let "
            "the rater open the page again under the same name, which goes on where they stopped"
        )
