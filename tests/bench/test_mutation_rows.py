"""A mutant of a results file is known by what it changes, wherever its line has gone to."""

from __future__ import annotations

from pathlib import Path

import pytest

from bench.mutating.candidates import Mutant, mutants
from bench.mutating.rows import Row, arguments, described, found_again, with_argument

SOURCE = "def f(a):\n    return a + 1\n\n\ndef g(a):\n    return a + 1\n"


def rows(source: str) -> list[Row]:
    return [
        {**described(one, source.encode()), "verdict": "survived"} for one in mutants("m.py", source.encode())
    ]


def again(tmp_path: Path, old: str, new: str) -> dict[Mutant, Row]:
    (tmp_path / "m.py").write_text(new)
    return found_again(rows(old), tmp_path)


def test_lines_that_moved_are_found_and_rows_say_where(tmp_path: Path) -> None:
    found = again(tmp_path, SOURCE, "import os\n\n\n" + SOURCE)
    assert len(found) == len(rows(SOURCE))
    for one, row in found.items():
        assert (row["line"], row["column"], row["verdict"]) == (one.line, one.column, "survived")
    assert sorted({one.line for one in found}) == [5, 9]


def test_a_line_that_reads_otherwise_is_gone_and_its_like_is_not_taken_twice(tmp_path: Path) -> None:
    found = again(tmp_path, SOURCE, SOURCE.replace("a + 1", "a + 2", 1))
    assert {one.line for one in found} == {6} and len(found) == len(rows(SOURCE)) / 2


def test_a_file_that_is_gone_has_no_mutants(tmp_path: Path) -> None:
    assert found_again(rows(SOURCE), tmp_path) == {}


def test_an_argument_stands_beside_what_was_not_killed() -> None:
    row = rows(SOURCE)[0]
    known = {(row["file"], row["text"], row["after"]): "because"}
    assert with_argument(row, known) == {**row, "argued": "because"}
    assert "argued" not in with_argument({**row, "argued": "because", "verdict": "killed"}, known)
    assert "argued" not in with_argument({**row, "after": "b"}, known)


@pytest.mark.parametrize("argued", sorted(arguments()), ids=lambda one: f"{one[0]}: {one[1][:40]}")
def test_each_argument_is_of_a_mutant_that_the_code_has(argued: tuple[str, str, str]) -> None:
    file, text, after = argued
    source = Path(__file__).parents[2].joinpath(file).read_bytes()
    alike = [described(one, source) for one in mutants(file, source)]
    assert any((one["text"], one["after"]) == (text, after) for one in alike)
