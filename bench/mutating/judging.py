"""Whether the tests notice a mutant: those that run its line, the nearest and fastest first."""

from __future__ import annotations

import ast
import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

from bench.mutating.candidates import Mutant
from bench.mutating.coverage_map import CoverageMap
from bench.mutating.forked import Recorder, forked, run_pytest
from bench.mutating.hot import LEFT, HotSession, innermost, runs_at_import
from bench.mutating.tree import changed

FILE_S = 1.5  # what it costs to import and collect one test file more
FIRST = {"files": 5, "each": 8, "seconds": 8.0}  # the tests that are asked first
PATIENCE = 6.0  # times the seconds that tests took when they passed, before they count as hanging
NAMED_S = 60.0  # a test file that is named takes no longer
Batch = list[str]


class Judge:
    """Tries mutants in a copy of the tree.

    Args:
        budget_s: seconds of tests, as measured without mutants, that one mutant may cost.
    """

    def __init__(self, tree: Path, tests: CoverageMap, budget_s: float) -> None:
        self.tree, self.tests, self.budget_s = tree, tests, budget_s
        self.hot: HotSession | None = None
        self.fit: set[str] = set()
        self.unfit: set[str] = set()

    @cached_property
    def texts(self) -> dict[str, str]:
        """Every source of the tree, by its name."""
        found = (
            path for room in ("models", "tasks", "artifacts") for path in (self.tree / room).rglob("*.py")
        )
        return {str(path.relative_to(self.tree)): path.read_text(encoding="utf-8") for path in found}

    def verdict(self, mutant: Mutant) -> dict[str, Any]:
        """`killed` and by which test, `survived` so many tests, or `not reached` by any."""
        seconds = self.reaching(mutant)
        # Another process may run the line: those are asked that run what starts it.
        unseen = {} if seconds else self._mentioning(mutant.file) | self.tests.tests_of_file(mutant.file)
        found = self._tried(mutant, self._batches(mutant, seconds or unseen), seconds or unseen)
        return {"verdict": "not reached"} if not seconds and found["verdict"] == "survived" else found

    def verdict_of(self, mutant: Mutant, test: str) -> dict[str, Any]:
        """As `verdict`, of one test file or test."""
        return self._tried(mutant, [[test]], {test: NAMED_S})

    def asked(self, mutant: Mutant, tests: list[str]) -> dict[str, Any]:
        """As `verdict`, of these test files or tests, in turn; one that fails anyway tells nothing."""
        if self.hot is not None:
            named = [one for one in self.hot.items if any(_is_of(one, test) for test in tests)]
            if not named:
                return {"verdict": LEFT}
            return self._tried(mutant, [named], dict.fromkeys(named, NAMED_S / len(named)))
        for test in tests:
            if test not in self.fit | self.unfit:
                passes = forked(lambda test=test: _failed([test]), self.tree, PATIENCE * NAMED_S) == []
                (self.fit if passes else self.unfit).add(test)
        fit = [test for test in tests if test in self.fit]
        return self._tried(mutant, [[test] for test in fit], dict.fromkeys(fit, NAMED_S))

    def _tried(self, mutant: Mutant, batches: Iterable[Batch], seconds: dict[str, float]) -> dict[str, Any]:
        path = self.tree / mutant.file
        asked = 0
        before = path.read_bytes()
        with changed(path, mutant.applied(before)):
            for batch in batches:
                by = self._killer(mutant, before, batch, seconds)
                if by == LEFT:
                    return {"verdict": LEFT}
                if by is not None:
                    return {"verdict": "killed", "by": by}
                asked += len(batch)
        if self.hot is not None and runs_at_import(self.texts[mutant.file], mutant.line):
            return {"verdict": LEFT}
        return {"verdict": "survived", "tests": asked, "of": len(seconds)}

    def _killer(self, mutant: Mutant, before: bytes, batch: Batch, seconds: dict[str, float]) -> str | None:
        files = {test.split("::")[0] for test in batch}
        limit = 20 + PATIENCE * (sum(seconds[test] for test in batch) + FILE_S * len(files))
        left = [test for test in batch if test not in self.unfit]
        if self.hot is None:
            failed = forked(lambda: _failed(left), self.tree, limit)
        else:
            failed = self.hot.failed(mutant, before, left, limit)
            while failed and failed[0] not in (*self.fit, LEFT):
                # Whether it passes here without the mutant, after the same tests.
                tried = left[: left.index(failed[0]) + 1]
                with changed(self.tree / mutant.file, before):
                    passes = self.hot.failed(None, before, tried, limit) == []
                if passes:
                    self.fit.add(failed[0])
                else:
                    self.unfit.add(failed[0])
                    left.remove(failed[0])
                    failed = self.hot.failed(mutant, before, left, limit)
        if failed is None:
            return f"no end within {limit:.0f} s, or the process died"
        return failed[0] if failed else None

    def _batches(self, mutant: Mutant, seconds: dict[str, float]) -> Iterator[Batch]:
        by_file: dict[str, Batch] = defaultdict(list)
        for test in sorted(seconds, key=seconds.__getitem__):
            by_file[test.split("::")[0]].append(test)
        order = sorted(by_file, key=lambda file: (_distance(mutant.file, file), seconds[by_file[file][0]]))
        first: Batch = []
        for file in order[: FIRST["files"]]:
            spent = sum(seconds[test] for test in first)
            some = by_file[file][: FIRST["each"]]
            if not first or spent + sum(map(seconds.__getitem__, some)) < FIRST["seconds"]:
                first += some
        if first:
            yield first
        rest, spent = [], 0.0
        for file in order:
            new = [test for test in by_file[file] if test not in first]
            for at, test in enumerate(new):
                cost = seconds[test] + (FILE_S if at == 0 else 0.0)
                if spent + cost <= self.budget_s:
                    rest.append(test)
                    spent += cost
        if rest:
            yield rest

    def reaching(self, mutant: Mutant) -> dict[str, float]:
        """Seconds of each test that runs the line; for what runs at import, of those that run its readers."""
        function = innermost(self.texts[mutant.file], mutant.line)
        if function is not None:
            start, end = function.body[0].lineno, function.end_lineno or 0
            if mutant.line < start:
                return self._union(mutant.file, range(start, end + 1))
            for line in range(mutant.line, start - 1, -1):
                found = self.tests.tests_of_line(mutant.file, line)
                if found:
                    return found
            return {}
        name = _assigned(self.texts[mutant.file], mutant.line)
        readers = self._readers(mutant.file, name) if name else {}
        return readers or self.tests.tests_of_file(mutant.file) or self._importers(mutant.file)

    def _union(self, file: str, lines: Sequence[int]) -> dict[str, float]:
        found: dict[str, float] = {}
        for line in lines:
            found.update(self.tests.tests_of_line(file, line))
        return found

    def _readers(self, file: str, name: str) -> dict[str, float]:
        module = file.removesuffix(".py").replace("/", ".")
        word = re.compile(rf"\b{name}\b")
        found: dict[str, float] = {}
        for other, text in self.texts.items():
            if other == file or (module.rsplit(".", 1)[0] in text and word.search(text)):
                lines = [at for at, line in enumerate(text.splitlines(), 1) if word.search(line)]
                found.update(self._union(other, lines))
        return found

    def _mentioning(self, file: str) -> dict[str, float]:
        name = Path(file).stem
        found: dict[str, float] = {}
        for other, text in self.texts.items():
            if other != file and re.search(rf"\b{name}\b", text):
                found.update(self.tests.tests_of_file(other))
        return found

    def _importers(self, file: str) -> dict[str, float]:
        module = file.removesuffix(".py").removesuffix("/__init__").replace("/", ".")
        found: dict[str, float] = {}
        for other, text in self.texts.items():
            if re.search(rf"\b{re.escape(module)} import", text):
                found.update(self.tests.tests_of_file(other))
        return found


def _distance(source: str, test_file: str) -> int:
    """How far a test file is from mirroring a source file."""
    path, test = Path(source), Path(test_file)
    if test.parent == "tests" / path.parent:
        return 0 if path.stem in test.stem else 1
    return 2 if str(path.parent) in str(test.parent) or str(test.parent) in f"tests/{path.parent}" else 3


def _is_of(item: str, test: str) -> bool:
    """Whether a collected test is the one named, of its file, or a case of it."""
    return item == test or item.startswith((f"{test}::", f"{test}["))


def _failed(batch: Batch) -> list[str]:
    recorder = Recorder()
    code = run_pytest(["-x", "--tb=no", *batch], recorder)
    return [] if code in (0, 5) else recorder.failed or [f"pytest's code {code}"]


def _assigned(text: str, line: int) -> str | None:
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Assign | ast.AnnAssign) and node.lineno <= line <= (node.end_lineno or 0):
            target = node.targets[0] if isinstance(node, ast.Assign) else node.target
            if isinstance(target, ast.Name):
                return target.id
    return None
