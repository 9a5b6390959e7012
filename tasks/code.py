"""Digests of the code that a stage's result depends on.

A stage's key covers the module of its function, every first-party module that this one imports, directly or
not, and the data files that these modules say they read:

    READS_FILES = ("tables/ipa.json", "tables/{family.symbol_table}.json")

Names are relative to the module; one in braces is the setting that chooses among files, and where its value
names none, none is read. Modules are digested without comments, docstrings and layout, so that only a change
that can change the result makes a stage run again. Nothing is imported to find all this out.
"""

from __future__ import annotations

import ast
import json
import os
import re
import sys
import time
from collections.abc import Iterable, Iterator
from functools import cache
from importlib import metadata
from pathlib import Path
from typing import Any, NamedTuple

from artifacts import digest
from artifacts.store import write_atomically

ROOT = Path(__file__).resolve().parent.parent
FIRST_PARTY = ("artifacts", "models", "tasks")
DECLARES_FILES = "READS_FILES"
# The mechanism moves rows without looking into them; it is covered by the format version in the key.
MECHANISM = (
    "tasks.stage",
    "tasks.pipeline",
    "tasks.code",
    "tasks.named",
    "tasks.workers",
    "tasks.outcome",
    "tasks.runner",
    "tasks.key_changes",
    "tasks.results",
    "tasks.voice_records",
    "artifacts",
    "artifacts.digest",
    "artifacts.leases",
    "artifacts.manifest",
    "artifacts.records",
    "artifacts.schemas",
    "artifacts.shards",
    "artifacts.store",
)
# A file written this recently may be written again within the same time stamp.
_FRESH_S = 2.0
_SETTING = re.compile(r"\{([a-z0-9_.]+)\}")


class Module(NamedTuple):
    """What a key needs to know of a module: its digest, the names it imports, the files it reads."""

    digest: str
    imports: tuple[str, ...]
    files: tuple[str, ...]


class Code:
    """The application's code as keys see it.

    Args:
        remembered: File in which modules are remembered by size and time, so that asking whether anything
            must run parses nothing twice; None to read everything. It saves time and enters no key.
        root: Folder of the application.
    """

    def __init__(self, remembered: Path | None = None, root: Path = ROOT) -> None:
        self._root = root
        self._remembered = remembered
        self._read: dict[str, tuple[list[int], Module]] = {}
        self._paths: dict[str, Path | None] = {}
        if remembered is not None:
            self._read = _remembered(remembered)
        self._kept = dict(self._read)

    def digests(self, modules: Iterable[str], settings: Any) -> dict[str, str]:
        """Digest of each module, of all first-party modules that they import, and of the files they read.

        Args:
            modules: Dotted names.
            settings: They choose among the files of a module.

        Raises:
            ModuleNotFoundError: a declared module does not exist.
        """
        found: dict[str, str] = {}
        waiting = list(modules)
        while waiting:
            name = waiting.pop()
            if name in found or name in MECHANISM:
                continue
            path = self._path(name)
            if path is None:
                raise ModuleNotFoundError(f"{name} is declared as a stage's code but does not exist")
            module = self._module(path)
            found[name] = module.digest
            waiting.extend(one for one in module.imports if self._path(one) is not None)
            for file in module.files:
                for data in _chosen(path.parent, file, settings):
                    found[data.relative_to(self._root).as_posix()] = digest.of_file(data)
        self._save()
        return dict(sorted(found.items()))

    def _path(self, module: str) -> Path | None:
        if module not in self._paths:
            base = os.path.join(self._root, *module.split("."))  # noqa: PTH118 - asked thousands of times
            names = (f"{base}.py", f"{base}/__init__.py")
            self._paths[module] = next((Path(n) for n in names if os.path.isfile(n)), None)  # noqa: PTH113
        return self._paths[module]

    def _module(self, path: Path) -> Module:
        name, state = str(path), path.stat()
        stamp = [state.st_size, state.st_mtime_ns]
        if name not in self._read or self._read[name][0] != stamp:
            self._read[name] = (stamp, read_module(path))
        return self._read[name][1]

    def _save(self) -> None:
        if self._remembered is None or self._read == self._kept:
            return
        settled_ns = time.time_ns() - int(_FRESH_S * 1e9)
        kept = {name: entry for name, entry in self._read.items() if entry[0][1] < settled_ns}
        write_atomically(self._remembered, json.dumps({"by": _reader(), "modules": kept}).encode())
        self._kept = dict(self._read)


def read_module(path: Path) -> Module:
    """A module's digest, imports of first-party names (modules or what they hold) and declared files."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    imports: set[str] = set()
    for node in _needed(tree):
        if isinstance(node, ast.Import):
            imports.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            imports.add(node.module)
            imports.update(f"{node.module}.{alias.name}" for alias in node.names)
    files = _declared_files(tree)
    for node in ast.walk(tree):
        _drop_docstring(node)
    first_party = sorted(name for name in imports if name.split(".")[0] in FIRST_PARTY)
    return Module(digest.of_parts([ast.unparse(tree)]), tuple(first_party), files)


def library_versions(distributions: tuple[str, ...]) -> dict[str, str]:
    """Installed version of each distribution; `absent` for one that is not installed."""
    return {name: _version(name) for name in distributions}


@cache
def _version(distribution: str) -> str:
    try:
        return metadata.version(distribution).split("+")[0]
    except metadata.PackageNotFoundError:
        return "absent"


def _needed(tree: ast.Module) -> Iterator[ast.AST]:
    """All nodes but those that only a type checker reads."""
    waiting: list[ast.AST] = [tree]
    while waiting:
        node = waiting.pop()
        yield node
        waiting.extend(
            node.orelse
            if isinstance(node, ast.If) and ast.unparse(node.test).endswith("TYPE_CHECKING")
            else ast.iter_child_nodes(node)
        )


def _declared_files(tree: ast.Module) -> tuple[str, ...]:
    for node in tree.body:
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == DECLARES_FILES:
            names: tuple[str, ...] = ast.literal_eval(node.value)
            return names
    return ()


def _chosen(folder: Path, name: str, settings: Any) -> list[Path]:
    """The file, or where a setting chooses it the one that the setting names, if there is such a file."""
    if not _SETTING.search(name):
        return [folder / name]
    path = folder / _SETTING.sub(lambda found: str(_value(settings, found[1])), name)
    return [path] if path.is_file() else []


def _value(settings: Any, path: str) -> Any:
    for name in path.split("."):
        settings = getattr(settings, name)
    return settings


def _remembered(file: Path) -> dict[str, tuple[list[int], Module]]:
    """What an earlier process read; nothing where the file is none of ours or another version wrote it."""
    try:
        record = json.loads(file.read_text(encoding="utf-8"))
        if record["by"] != _reader():
            return {}
        return {
            name: (stamp, Module(content, tuple(imports), tuple(files)))
            for name, (stamp, (content, imports, files)) in record["modules"].items()
        }
    except (OSError, ValueError, KeyError, TypeError):
        return {}


@cache
def _reader() -> str:
    """Who read the modules: this file as it is, on this Python."""
    return digest.of_parts([sys.version, digest.of_file(Path(__file__))])


def _drop_docstring(node: ast.AST) -> None:
    if not isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
        return
    first = node.body[0] if node.body else None
    if (
        isinstance(first, ast.Expr)
        and isinstance(first.value, ast.Constant)
        and isinstance(first.value.value, str)
    ):
        node.body = node.body[1:] or [ast.Pass()]
