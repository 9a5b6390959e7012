"""Rows of a results file and the code as it is now: a mutant stays what it was where the lines have moved."""

from __future__ import annotations

import tomllib
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from bench.mutating.candidates import Mutant, mutants

ARGUED = Path(__file__).with_name("argued.toml")
Row = dict[str, Any]


def described(mutant: Mutant, source: bytes) -> Row:
    """What a row says of a mutant; `text` is the line that it begins in."""
    line = source.decode().splitlines()[mutant.line - 1].strip()
    named = {name: getattr(mutant, name) for name in ("file", "line", "column", "kind")}
    return {**named, "text": line, "before": mutant.before, "after": mutant.after}


def found_again(rows: Iterable[Row], tree: Path) -> dict[Mutant, Row]:
    """Each row with its mutant in the tree as it is now; a row whose line is no longer there is left out.

    Of several lines that read alike the nearest to where it stood.
    """
    of_file: dict[str, dict[tuple[str, ...], list[Mutant]]] = {}
    found: dict[Mutant, Row] = {}
    for row in rows:
        if row["file"] not in of_file:
            of_file[row["file"]] = _by_content(row["file"], tree)
        alike = [one for one in of_file[row["file"]].get(_content(row), ()) if one not in found]
        if alike:
            nearest = min(
                alike, key=lambda one: (abs(one.line - row["line"]), abs(one.column - row["column"]))
            )
            found[nearest] = {**row, "line": nearest.line, "column": nearest.column}
    return found


def arguments() -> dict[tuple[str, str, str], str]:
    """Why a mutant need not be noticed, by its file, the line that it begins in, and what it becomes."""
    entries = tomllib.loads(ARGUED.read_text(encoding="utf-8"))["mutant"]
    return {(one["file"], one["text"], one["after"]): one["why"] for one in entries}


def with_argument(row: Row, known: dict[tuple[str, str, str], str]) -> Row:
    """The row, with `argued` where it was not killed and the table has a reason."""
    plain = {name: value for name, value in row.items() if name != "argued"}
    why = known.get((row["file"], row["text"], row["after"]))
    return plain if why is None or row["verdict"] == "killed" else {**plain, "argued": why}


def _by_content(file: str, tree: Path) -> dict[tuple[str, ...], list[Mutant]]:
    found: dict[tuple[str, ...], list[Mutant]] = {}
    if (tree / file).is_file():
        source = (tree / file).read_bytes()
        for one in mutants(file, source):
            found.setdefault(_content(described(one, source)), []).append(one)
    return found


def _content(row: Row) -> tuple[str, ...]:
    return row["text"], row["kind"], row["before"], row["after"]
