"""Which tests run which line: each test file is run once with coverage, and again when it has changed."""

from __future__ import annotations

import gzip
import hashlib
import json
import time
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path
from typing import Any

from bench.mutating.forked import Recorder, forked, run_pytest

PACKAGES = ("models", "tasks", "artifacts")
FOLDERS = ("models", "tasks", "artifacts", "configs", "fuzz", "flows", "pipeline")  # of tests, in this order
KEPT = 60  # tests of one file for one line: the fastest; a line that all tests run needs not all of them
QUICK = "not slow and not browser"


class CoverageMap:
    """Of each test file: seconds of each test, and the tests of each line of source."""

    def __init__(self, folder: Path, tree: Path) -> None:
        self.folder, self.tree = folder, tree
        self.files: dict[str, dict[str, Any]] = {}
        folder.mkdir(parents=True, exist_ok=True)
        for path in folder.glob("*.json.gz"):
            entry = json.loads(gzip.decompress(path.read_bytes()))
            self.files[entry["file"]] = entry

    def bring_up_to_date(self, marks: str, limit_s: float, tell: Callable[[str], None]) -> None:
        """Run the test files that are new or changed since; `marks` is pytest's -m."""
        folders = [self.tree / "tests" / name for name in FOLDERS]
        for path in (path for folder in folders for path in sorted(folder.rglob("test_*.py"))):
            file = str(path.relative_to(self.tree))
            digest = hashlib.sha256(path.read_bytes() + marks.encode()).hexdigest()
            if self.files.get(file, {}).get("digest") == digest:
                continue
            begun = time.monotonic()
            found = forked(lambda file=file: _covered(self.tree, file, marks), self.tree, limit_s, True)
            entry = {
                "file": file,
                "digest": digest,
                **(found or {"seconds": {}, "failed": ["no end"], "lines": {}}),
            }
            self.files[file] = entry
            name = hashlib.sha256(file.encode()).hexdigest()[:16]
            (self.folder / f"{name}.json.gz").write_bytes(gzip.compress(json.dumps(entry).encode()))
            took = time.monotonic() - begun
            tell(f"{file}: {len(entry['seconds'])} tests, {took:.0f} s, failed: {entry['failed'][:3]}")

    def tests_of_line(self, source: str, line: int) -> dict[str, float]:
        """Seconds of each test that runs this line."""
        return self._tests(source, lambda lines: lines.get(str(line), ()))

    def tests_of_file(self, source: str) -> dict[str, float]:
        """Seconds of each test that runs any line of a function there."""
        return self._tests(source, lambda lines: {test for tests in lines.values() for test in tests})

    def _tests(self, source: str, chosen: Callable[[dict[str, list[int]]], Any]) -> dict[str, float]:
        found = {}
        for entry in self.files.values():
            names = list(entry["seconds"])
            found.update(
                {names[at]: entry["seconds"][names[at]] for at in chosen(entry["lines"].get(source, {}))}
            )
        return found


def _covered(tree: Path, file: str, marks: str) -> dict[str, Any]:
    import coverage

    measured = coverage.Coverage(
        data_file=None, config_file=False, source=[str(tree / name) for name in PACKAGES], messages=False
    )
    measured.start()
    recorder = Recorder(measured.switch_context)
    run_pytest(["-m", marks, "--timeout=120", file], recorder)
    measured.stop()
    data = measured.get_data()
    order = {test: at for at, test in enumerate(recorder.seconds)}
    lines = {}
    for path in data.measured_files():
        by_line = _tests_by_line(data.contexts_by_lineno(path), order, recorder.seconds)
        if by_line:
            lines[str(Path(path).relative_to(tree))] = by_line
    return {"seconds": recorder.seconds, "failed": recorder.failed, "lines": lines}


def _tests_by_line(
    contexts: dict[int, list[str]], order: dict[str, int], seconds: dict[str, float]
) -> dict[str, list[int]]:
    """A line run while one fixture is set up, once for many tests, counts for all tests of the file."""
    found = {}
    for line, names in contexts.items():
        phases = defaultdict(set)
        for name in filter(None, names):
            phase, test = name.split(" ", 1)
            if test in order:
                phases[phase].add(test)
        tests = (
            set(seconds)
            if len(phases["setup"]) == 1 and not phases["call"]
            else phases["setup"] | phases["call"]
        )
        if tests:
            found[str(line)] = [order[test] for test in sorted(tests, key=seconds.__getitem__)[:KEPT]]
    return found
