"""A handful of the embedded recordings, and the command line as a person runs it."""

from __future__ import annotations

import io
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path
from typing import Any

import pytest

from flows import __main__ as command_line
from tasks.corpus.sample import write_sample
from tests.pipeline.finished import ROOT, Finished, finished_voice


@pytest.fixture(scope="session")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Finished:
    """A finished voice, which nobody may change."""
    folder = tmp_path_factory.getbasetemp()
    # The processes of one test run have their temporary folders side by side.
    return finished_voice((folder.parent if "PYTEST_XDIST_WORKER" in os.environ else folder) / "finished")


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
def here(
    tmp_path: Path, environment: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> Callable[..., subprocess.CompletedProcess[str]]:
    """The command line in this process, for commands that are over soon: nothing is imported anew."""

    def run(*arguments: object, workspace: str = "workspace") -> subprocess.CompletedProcess[str]:
        command = ["voicewright", "--workspace", str(tmp_path / workspace), *map(str, arguments)]
        output, errors = io.StringIO(), io.StringIO()
        with monkeypatch.context() as changed, redirect_stdout(output), redirect_stderr(errors):
            changed.setattr(sys, "argv", command)
            changed.setenv("HOME", environment["HOME"])
            with pytest.raises(SystemExit) as ended:
                command_line.run()
        status = int(ended.value.code or 0)
        return subprocess.CompletedProcess(command, status, output.getvalue(), errors.getvalue())

    return run


@pytest.fixture
def read(here: Callable[..., subprocess.CompletedProcess[str]]) -> Callable[..., Any]:
    """What a read command prints with `--json`."""

    def run(*arguments: object, workspace: str = "workspace") -> Any:
        done = here(*arguments, "--json", workspace=workspace)
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    return run
