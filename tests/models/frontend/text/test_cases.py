"""What people write and how it is read aloud: one table of cases per language, `cases/LANGUAGE.tsv`.

A row: kind, written, spoken (` || ` between several right readings) and, where it is read wrong and that is
known, why. Empty lines and lines that start with "//" are left out.
"""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import pytest

from models.frontend.text.normalize import normalize, normalized_text

LEAST_RIGHT = 0.95


class Case(NamedTuple):
    language: str
    kind: str
    written: str
    spoken: tuple[str, ...]
    known_wrong: str

    def is_right(self) -> bool:
        return normalized_text(normalize(self.written, self.language), self.language) in self.spoken


def _table(path: Path) -> list[Case]:
    lines = [line for line in path.read_text("utf-8").splitlines() if line and not line.startswith("//")]
    found = []
    for line in lines:
        kind, written, spoken, known_wrong = (*line.split("\t"), "")[:4]
        found.append(Case(path.stem, kind, written, tuple(spoken.split(" || ")), known_wrong))
    return found


TABLES = {path.stem: _table(path) for path in sorted((Path(__file__).parent / "cases").glob("*.tsv"))}


@pytest.mark.parametrize(
    "case",
    [case for table in TABLES.values() for case in table],
    ids=lambda case: f"{case.language}-{case.kind}-{case.written}",
)
def test_written_text_is_read_as_people_say_it(case: Case) -> None:
    said = normalized_text(normalize(case.written, case.language), case.language)
    if case.known_wrong:
        assert said not in case.spoken, "this is right now: take the reason out of its row"
    else:
        assert said in case.spoken


@pytest.mark.slow
@pytest.mark.parametrize("language", TABLES)
def test_nearly_all_of_a_language_is_right(language: str) -> None:
    table = TABLES[language]
    assert sum(case.is_right() for case in table) >= LEAST_RIGHT * len(table)


@pytest.mark.parametrize("language", TABLES)
def test_no_case_stands_twice(language: str) -> None:
    written = [case.written for case in TABLES[language]]
    assert sorted(set(written)) == sorted(written)
