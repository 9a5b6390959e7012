"""A handful of the embedded recordings, and the command line as a person runs it."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tasks.corpus.sample import write_sample

ROOT = Path(__file__).resolve().parents[2]
# The machinery in full, the training in miniature.
QUICK = (
    "train.sovits.max_steps=6",
    "train.t2s.max_steps=6",
    "train.sovits.checkpoint_every_steps=2",
    "train.t2s.checkpoint_every_steps=2",
    "tracking.enabled=false",
)


@pytest.fixture(scope="session")
def sample(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """All embedded recordings."""
    folder = tmp_path_factory.mktemp("sample") / "recordings"
    for _ in write_sample(folder):
        pass
    return folder


@pytest.fixture
def few(sample: Path, tmp_path: Path) -> Callable[[int], Path]:
    """`few(n)` makes (or extends) a folder with the first n recordings."""

    def make(count: int) -> Path:
        folder = tmp_path / "recordings"
        (folder / "wavs").mkdir(parents=True, exist_ok=True)
        lines = (sample / "metadata.csv").read_text().splitlines()[:count]
        (folder / "metadata.csv").write_text("\n".join(lines) + "\n")
        for line in lines:
            name = f"{line.split('|')[0]}.flac"
            if not (folder / "wavs" / name).exists():
                shutil.copyfile(sample / "wavs" / name, folder / "wavs" / name)
        return folder

    return make


@pytest.fixture
def command(tmp_path: Path) -> Callable[..., list[str]]:
    """The command line in a workspace of its own."""

    def build(*arguments: object, workspace: str = "workspace") -> list[str]:
        launcher = [sys.executable, str(ROOT / "voicewright.py")]
        return [*launcher, "--workspace", str(tmp_path / workspace), *map(str, arguments)]

    return build


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    """An empty HOME, nothing looked up outside."""
    home = tmp_path / "home"
    home.mkdir(exist_ok=True)
    return environment_in(home)


def environment_in(home: Path) -> dict[str, str]:
    """This process's environment with another HOME."""
    return os.environ | {"HOME": str(home), "PREFECT_HOME": str(home / "prefect")}


@pytest.fixture
def read(command: Callable[..., list[str]], environment: dict[str, str]) -> Callable[..., Any]:
    """What a read command prints with `--json`."""

    def run(*arguments: object, workspace: str = "workspace") -> Any:
        done = subprocess.run(
            command(*arguments, "--json", workspace=workspace),
            env=environment,
            capture_output=True,
            text=True,
            timeout=120,
            check=True,
        )
        return json.loads(done.stdout)

    return run
