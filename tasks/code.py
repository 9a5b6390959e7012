"""Digests of the code that a stage's result depends on.

A stage's key covers the module of its function and every first-party module that this one imports,
directly or not. Modules are digested without comments, docstrings and layout, so that only a change that
can change the result makes a stage run again. Tables and templates beside a module count as its code.
"""

from __future__ import annotations

import ast
from functools import cache
from importlib import metadata
from pathlib import Path

from artifacts import digest

ROOT = Path(__file__).resolve().parent.parent
FIRST_PARTY = ("artifacts", "models", "tasks")
DATA_FILES = (".css", ".j2", ".js", ".json")
# The mechanism moves rows without looking into them; it is covered by the format version in the key.
MECHANISM = (
    "tasks.stage",
    "tasks.pipeline",
    "tasks.code",
    "tasks.workers",
    "tasks.outcome",
    "tasks.runner",
    "artifacts",
    "artifacts.digest",
    "artifacts.leases",
    "artifacts.manifest",
    "artifacts.records",
    "artifacts.schemas",
    "artifacts.shards",
    "artifacts.store",
)


def code_digests(modules: tuple[str, ...]) -> dict[str, str]:
    """Digest of each module and of all first-party modules that they import.

    Raises:
        ModuleNotFoundError: a declared module does not exist.
    """
    found: dict[str, str] = {}
    waiting = list(modules)
    while waiting:
        name = waiting.pop()
        if name in found or name in MECHANISM:
            continue
        path = _file_of(name)
        if path is None:
            raise ModuleNotFoundError(f"{name} is declared as a stage's code but does not exist")
        found[name], imported = _read(path)
        waiting.extend(imported)
    return dict(sorted(found.items()))


def library_versions(distributions: tuple[str, ...]) -> dict[str, str]:
    """Installed version of each distribution; `absent` for one that is not installed."""
    versions = {}
    for name in distributions:
        try:
            versions[name] = metadata.version(name).split("+")[0]
        except metadata.PackageNotFoundError:
            versions[name] = "absent"
    return versions


@cache
def _read(path: Path) -> tuple[str, tuple[str, ...]]:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    imported: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            imported.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            imported.add(node.module)
            imported.update(f"{node.module}.{alias.name}" for alias in node.names)
        _drop_docstring(node)
    first_party = tuple(
        sorted(name for name in imported if name.split(".")[0] in FIRST_PARTY and _file_of(name) is not None)
    )
    parts = [ast.unparse(tree)]
    if path.name != "__init__.py":
        near = sorted((*path.parent.glob("*"), *path.parent.glob("*/*")))
        parts.extend(digest.of_file(data) for data in near if data.suffix in DATA_FILES)
    return digest.of_parts(parts), first_party


def _file_of(module: str) -> Path | None:
    base = ROOT.joinpath(*module.split("."))
    for path in (base.with_suffix(".py"), base / "__init__.py"):
        if path.is_file():
            return path
    return None


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
