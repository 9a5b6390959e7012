"""What a shell is offered, in a process of its own as it asks: fast, and importing nothing heavy."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from docs.reference import command_tree
from flows.completion import ASKED, TREE

ROOT = Path(__file__).resolve().parents[2]
HEAVY = {"pyarrow", "numpy", "pydantic", "yaml", "torch", "prefect", "scipy", "fsspec", "tasks", "configs"}


@pytest.fixture
def workspace(tmp_path: Path) -> Path:
    """Two voices, one with versions."""
    for name in ("anna", "bert"):
        (tmp_path / "runs" / name).mkdir(parents=True)
        (tmp_path / "runs" / name / "run.json").write_text(
            json.dumps({"stages": {"ingest": {}, "align": {}}})
        )
    versions = {"versions": [{"number": 1}, {"number": 12}]}
    (tmp_path / "runs" / "anna" / "versions.json").write_text(json.dumps(versions))
    return tmp_path


def offered(workspace: Path, line: str, words: int, shell: str = "bash") -> list[str]:
    """What is offered for a command line, whose last of so many words is being typed."""
    asked = {"COMP_WORDS": f"voicewright {line}", "COMP_CWORD": str(words), ASKED: f"complete_{shell}"}
    done = subprocess.run(
        [sys.executable, str(ROOT / "voicewright.py")],
        env=os.environ | asked | {"VOICEWRIGHT_WORKSPACE": str(workspace), "_TYPER_COMPLETE_ARGS": line},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stderr == ""
    return done.stdout.split()


def shown(workspace: Path, shell: str, columns: str) -> str:
    """What a shell is given for the first word, on a terminal so wide; no width: there is none."""
    asked = {"COMP_WORDS": "voicewright ", "COMP_CWORD": "1", ASKED: f"complete_{shell}"}
    fish = {"_TYPER_COMPLETE_ARGS": "voicewright ", "_TYPER_COMPLETE_FISH_ACTION": "get-args"}
    width = {"COLUMNS": columns} if columns else {}
    done = subprocess.run(
        [sys.executable, str(ROOT / "voicewright.py")],
        env=os.environ | asked | fish | width | {"VOICEWRIGHT_WORKSPACE": str(workspace)},
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout


@pytest.mark.parametrize(
    ("line", "words", "expected"),
    [
        ("fine", 1, ["finetune"]),
        ("status an", 2, ["anna"]),
        ("speak --voice ", 3, ["anna", "bert"]),
        ("speak --voice anna @", 4, ["1", "12"]),  # as bash splits it
        ("promote anna @ 12", 4, ["12"]),
        ("rerun anna al", 3, ["align"]),
        ("finetune folder --until train_t", 4, ["train_t2s"]),
        ("finetune folder -p kokoro-f", 4, ["kokoro-fit"]),
        ("finetune folder --set features.pitch.m", 4, ["features.pitch.method="]),
        ("models fetch dv", 3, ["dvector"]),
        ("speak --device c", 3, ["cpu", "cuda"]),
        ("config show --ch", 3, ["--changed"]),
    ],
)
@pytest.mark.slow
def test_names_are_offered(workspace: Path, line: str, words: int, expected: list[str]) -> None:
    assert offered(workspace, line, words) == expected


@pytest.mark.slow
@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_what_is_offered_is_a_line_each_on_any_width(workspace: Path, shell: str) -> None:
    """Shells lay it out themselves, and cut no name short."""
    said = {width: shown(workspace, shell, width) for width in ("60", "80", "140", "")}
    assert len(set(said.values())) == 1
    lines = said["60"].splitlines()
    names = [re.split(r"[:\t]", re.sub(r'^_arguments [^"]*|"', "", line))[0] for line in lines]
    assert sorted(names) == sorted(json.loads(TREE.read_text(encoding="utf-8"))["root"]["commands"])
    assert all(len(line) <= 80 for line in lines)


@pytest.mark.slow
def test_records_that_are_damaged_offer_nothing(workspace: Path) -> None:
    (workspace / "runs" / "anna" / "versions.json").write_text("{")
    (workspace / "runs" / "bert" / "run.json").write_text("[]")
    assert offered(workspace, "promote anna @", 3) == []
    assert "align" in offered(workspace, "rerun bert a", 3)


def test_nothing_heavy_is_imported() -> None:
    code = "import sys, flows.completion; print(*{name.split('.')[0] for name in sys.modules})"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert not HEAVY & set(done.stdout.split())


def test_the_tree_is_that_of_the_commands() -> None:
    assert TREE.read_text(encoding="utf-8") == command_tree()
