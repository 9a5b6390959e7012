"""Runs tests in a process forked from one that has imported the libraries: some take a second, not ten."""

from __future__ import annotations

import importlib
import importlib.util
import json
import os
import resource
import signal
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

MEMORY = 24 << 30  # bytes of addresses, which torch asks for freely
LIBRARIES = (
    "torch", "torch._dynamo", "numpy", "scipy.signal", "scipy.stats", "transformers", "pyarrow.parquet",
    "soundfile", "librosa", "pydantic", "safetensors.torch", "prefect", "pytest", "hypothesis", "yaml",
    "typer", "networkx",
)  # fmt: skip
OURS = ("artifacts", "bench", "configs", "docs", "flows", "models", "tasks", "tests", "voicewright")
Work = Callable[[], Any]


def warm(tree: Path, home: Path) -> None:
    """Import the libraries as the tests would find them: nothing of the tree itself."""
    home.mkdir(parents=True, exist_ok=True)
    os.environ.update(HOME=str(home), PYTHONPATH=str(tree))
    os.environ.update(OMP_NUM_THREADS="1", MKL_NUM_THREADS="1")
    sys.dont_write_bytecode = True
    path = tree / "tests" / "conftest.py"
    conftest = importlib.util.spec_from_file_location("switches_of_the_tests", path)
    assert conftest is not None and conftest.loader is not None
    conftest.loader.exec_module(importlib.util.module_from_spec(conftest))
    for name in LIBRARIES:
        importlib.import_module(name)


def forked(work: Work, tree: Path, limit_s: float, writes_bytecode: bool = False) -> Any:
    """What `work` returns, as JSON holds it, in a child in the tree; None when it took longer or died."""
    with tempfile.TemporaryDirectory() as scratch:
        answer = Path(scratch) / "answer.json"
        child = os.fork()
        if child == 0:
            try:
                _withdraw(Path(scratch))
                enter(tree, writes_bytecode)
                found = json.dumps(work())
                answer.write_text(found, encoding="utf-8")
            finally:
                os._exit(0)
        _wait(child, limit_s)
        return json.loads(answer.read_text(encoding="utf-8")) if answer.is_file() else None


def _withdraw(scratch: Path) -> None:
    """Into a session of its own, without the terminal, with a bound on memory."""
    os.setsid()
    out = os.open(scratch / "output", os.O_WRONLY | os.O_CREAT)
    nothing = os.open(os.devnull, os.O_RDONLY)
    for source, target in ((nothing, 0), (out, 1), (out, 2)):
        os.dup2(source, target)
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    os.environ["TMPDIR"] = tempfile.tempdir = str(scratch)


def enter(tree: Path, writes_bytecode: bool) -> None:
    """Import from the tree alone; once there, this changes nothing."""
    if Path.cwd() == tree and sys.path[0] == str(tree):
        return
    os.chdir(tree)
    sys.dont_write_bytecode = not writes_bytecode
    checkout = Path(__file__).resolve().parent.parent.parent
    sys.path[:] = [
        str(tree),
        *(one for one in sys.path if Path(one or ".").resolve() not in (checkout, tree)),
    ]
    # Prefect's plugins import some of the checkout's.
    for name in [name for name in sys.modules if name.split(".")[0] in OURS]:
        del sys.modules[name]


def _wait(child: int, limit_s: float) -> None:
    end = time.monotonic() + limit_s
    while time.monotonic() < end and os.waitpid(child, os.WNOHANG) == (0, 0):
        time.sleep(0.02)
    for ended in (lambda: os.killpg(child, signal.SIGKILL), lambda: os.waitpid(child, 0)):
        try:
            ended()
        except (ProcessLookupError, ChildProcessError):
            continue


class Recorder:
    """A pytest plugin: seconds of each test that passed, the first that failed, and who is at work."""

    def __init__(self, at_work: Callable[[str], None] = lambda _: None) -> None:
        self.seconds: dict[str, float] = {}
        self.failed: list[str] = []
        self.at_work = at_work

    def pytest_runtest_setup(self, item: Any) -> None:
        self.at_work(f"setup {item.nodeid}")

    def pytest_runtest_call(self, item: Any) -> None:
        self.at_work(f"call {item.nodeid}")

    def pytest_runtest_teardown(self, item: Any) -> None:
        self.at_work(f"setup {item.nodeid}")

    def pytest_runtest_logreport(self, report: Any) -> None:
        if report.failed:
            self.failed.append(report.nodeid)
        elif report.when == "call" and report.passed:
            self.seconds[report.nodeid] = report.duration

    def pytest_collectreport(self, report: Any) -> None:
        if report.failed:
            self.failed.append(f"collecting {report.nodeid}")


def run_pytest(arguments: Sequence[str], recorder: object) -> int:
    """Pytest's own exit code; for use inside a child."""
    import pytest

    return int(pytest.main(["-p", "no:randomly", *arguments], plugins=[recorder]))
