"""The tree's own rules: names that could be shadowed, and files that could shadow others."""

from __future__ import annotations

import ast
import importlib
import sys
from importlib import metadata
from pathlib import Path

import grimp
import networkx
import pytest

ROOT = Path(__file__).resolve().parent.parent
PACKAGES = ("flows", "tasks", "models", "artifacts", "configs")
LONGEST_FUNCTION = 60


@pytest.mark.parametrize("name", PACKAGES)
def test_package_is_ours(name: str):
    module = importlib.import_module(name)
    assert Path(module.__file__).parent == ROOT / name


def test_no_flow_file_shadows_an_installed_package():
    # Prefect puts the folder of a flow's file first on the path.
    installed = set(metadata.packages_distributions()) | set(sys.stdlib_module_names)
    names = {path.stem if path.is_file() else path.name for path in (ROOT / "flows").iterdir()}
    assert not {name for name in names if not name.startswith("__")} & installed


def test_every_folder_of_code_is_a_package():
    for package in PACKAGES:
        for path in (ROOT / package).rglob("*.py"):
            assert (path.parent / "__init__.py").is_file(), path.parent


def test_no_room_for_odds_and_ends():
    for package in PACKAGES:
        for path in (ROOT / package).rglob("*.py"):
            assert path.stem not in {"utils", "helpers", "common", "misc"}, path


def test_every_function_fits_a_screen():
    # From `def` to its last line: signature and docstring count, decorators do not.
    long = [
        f"{path.relative_to(ROOT)}:{node.lineno} {node.name}"
        for package in (*PACKAGES, "docs", "bench", "tests", "docker")
        for path in (ROOT / package).rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        and node.end_lineno - node.lineno >= LONGEST_FUNCTION
    ]
    assert not long


def test_no_module_imports_itself_through_others() -> None:
    graph = grimp.build_graph(*PACKAGES, cache_dir=None)
    imports = networkx.DiGraph(
        (module, imported)
        for module in graph.modules
        for imported in graph.find_modules_directly_imported_by(module)
    )
    circles = [sorted(each) for each in networkx.strongly_connected_components(imports) if len(each) > 1]
    assert circles == []
