"""Mutants inside functions, tried in forks of a pytest session that has collected every test already.

Nothing is imported or collected again: a function's code is exchanged for the mutant's, wherever it is held.
What runs at import (constants, defaults, class bodies) cannot be exchanged so and is left to a fresh import.
"""

from __future__ import annotations

import ast
import gc
import os
import sys
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path
from types import CodeType, FunctionType
from typing import Any

from bench.mutating.candidates import Mutant
from bench.mutating.forked import Recorder, enter, forked, run_pytest

LEFT = "left to a fresh import"
Functions = dict[tuple[str, str, int], list[FunctionType]]


def in_a_function(text: str, line: int) -> bool:
    """Whether a line runs when its function does, and not at import."""
    function = innermost(text, line)
    return function is not None and line >= function.body[0].lineno


def innermost(text: str, line: int) -> ast.FunctionDef | None:
    """The function that a line stands in; of nested ones the inner."""
    found = None
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.FunctionDef) and node.lineno <= line <= (node.end_lineno or 0):
            found = node
    return found


def runs_at_import(text: str, line: int) -> bool:
    """Whether what the function of this line makes was made at import: exchanging its code shows nothing."""
    function = innermost(text, line)
    at_import = [one for one in ast.parse(text).body if not isinstance(one, ast.FunctionDef | ast.ClassDef)]
    called = {
        node.func.id
        for statement in at_import
        for node in ast.walk(statement)
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name)
    }
    return function is not None and function.name in called


class HotSession:
    """A pytest plugin that runs `work` with the collected tests at hand, and no test itself."""

    def __init__(self, tree: Path, work: Callable[[HotSession], None]) -> None:
        self.tree, self.work = tree, work
        self.items: dict[str, Any] = {}
        self.functions: Functions = defaultdict(list)

    def pytest_runtestloop(self, session: Any) -> bool:
        self.items = {item.nodeid: item for item in session.items}
        for one in gc.get_objects():
            if isinstance(one, FunctionType) and one.__code__.co_filename.startswith(str(self.tree)):
                self.functions[_key(one.__code__)].append(one)
        gc.freeze()
        self.work(self)
        return True

    def failed(
        self, mutant: Mutant | None, before: bytes, tests: list[str], limit_s: float
    ) -> list[str] | None:
        """The first of `tests` that fails, as a list; empty where none does, None where they do not end.

        `LEFT` where the code cannot be exchanged. Without a mutant: whether the tests pass here at all.
        """

        def run() -> list[str]:
            try:
                if mutant is not None:
                    self._exchange(mutant, before)
            except ValueError:
                return [LEFT]
            recorder = Recorder()
            items = [self.items[test] for test in tests if test in self.items]
            if not items:
                return []
            items[0].config.pluginmanager.register(recorder)
            for item, following in zip(items, [*items[1:], None], strict=True):
                item.config.hook.pytest_runtest_protocol(item=item, nextitem=following)
                if recorder.failed:
                    break
            return recorder.failed

        found: list[str] | None = forked(run, self.tree, limit_s)
        return found

    def _exchange(self, mutant: Mutant, before: bytes) -> None:
        path = str(self.tree / mutant.file)
        old, new = (_codes(source, path) for source in (before, mutant.applied(before)))
        for name, codes in old.items():
            # Fewer of a name: one inside the mutant's function went with it.
            if len(codes) == len(new[name]):
                for was, becomes in zip(codes, new[name], strict=True):
                    for function in self.functions.get(_key(was), ()):
                        function.__code__ = becomes


def _key(code: CodeType) -> tuple[str, str, int]:
    return code.co_filename, code.co_qualname, code.co_firstlineno


def _codes(source: bytes, path: str) -> dict[str, list[CodeType]]:
    found: dict[str, list[CodeType]] = defaultdict(list)
    waiting = [compile(source, path, "exec")]
    while waiting:
        code = waiting.pop()
        found[code.co_qualname].append(code)
        waiting += [one for one in code.co_consts if isinstance(one, CodeType)]
    return found


def run_hot(tree: Path, files: list[str], work: Callable[[HotSession], None]) -> None:
    """Collect the files in a child of this process, and `work` there."""
    child = os.fork()
    if child == 0:
        try:
            enter(tree, writes_bytecode=True)
            run_pytest(
                ["-s", "--continue-on-collection-errors", *files],
                HotSession(tree, work),  # type: ignore[arg-type]
            )
        finally:
            sys.stderr.flush()
            os._exit(0)
    os.waitpid(child, 0)
