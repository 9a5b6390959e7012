"""Switches that hold for all tests, and the recordings and recorded numbers that many of them read."""

from __future__ import annotations

import os
import signal
import tarfile
from pathlib import Path

import hypothesis
import pytest

ROOT = Path(__file__).resolve().parent.parent

# No test may look outside: the libraries' own switches, set before any of them is imported.
os.environ.update(
    HF_HUB_OFFLINE="1",
    HF_DATASETS_OFFLINE="1",
    HF_HUB_DISABLE_TELEMETRY="1",
    ORT_DISABLE_TELEMETRY="1",
    DO_NOT_TRACK="1",
    MLFLOW_DISABLE_TELEMETRY="true",
    PREFECT_SERVER_ANALYTICS_ENABLED="false",
)

# Property tests try the same examples every time, so that a change is to blame when one fails. By hand,
# `make test-random` tries others, and more of them.
hypothesis.settings.register_profile("same", derandomize=True, deadline=None)
hypothesis.settings.register_profile(
    "search", derandomize=False, deadline=None, print_blob=True, max_examples=2000
)
hypothesis.settings.load_profile("same")

# A shell that starts tests in the background makes them deaf to Ctrl-C, and whatever they start.
signal.signal(signal.SIGINT, signal.default_int_handler)


# The longest first: begun last, one would keep a process busy while the others have nothing left.
LONGEST = (
    "tests/pipeline/test_killed.py",
    "tests/pipeline/test_kokoro.py",
    "tests/pipeline/test_published_presets.py",
    "tests/pipeline/test_styletts2.py",
    "tests/pipeline/test_hostile.py",
    "tests/tasks/finetune/styletts2/test_distributed.py",
    "tests/test_fourth_family.py",
    "tests/pipeline/",
    "tests/fuzz/",
    "tests/flows/",
    "tests/pages/",
    "tests/artifacts/test_gc.py",
)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    def place(item: pytest.Item) -> int:
        return next((at for at, name in enumerate(LONGEST) if item.nodeid.startswith(name)), len(LONGEST))

    items.sort(key=place)


@pytest.fixture(scope="session")
def speech(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folder of real recordings, one sub-folder per corpus, as `tests/speech/corpora.py` lists them."""
    from tests.speech.corpora import write_corpora

    folder = tmp_path_factory.mktemp("speech")
    write_corpora(folder)
    return folder


@pytest.fixture(scope="session")
def long_recordings(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folder of recordings of minutes, where it is known when somebody speaks."""
    from tests.speech.joined import write_long

    folder = tmp_path_factory.mktemp("long")
    write_long(folder)
    return folder


@pytest.fixture(scope="session")
def hostile(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folder of broken and malicious input, which nobody may change."""
    from tests.speech.hostile import write_hostile

    folder = tmp_path_factory.mktemp("hostile") / "hostile"
    write_hostile(folder)
    return folder


@pytest.fixture(scope="session")
def goldens() -> Path:
    """Folder of recorded numbers that the models must reproduce."""
    return ROOT / "tests" / "goldens"


@pytest.fixture(scope="session")
def mfa_outputs(goldens: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folder of outputs of the real Montreal Forced Aligner for the embedded recordings."""
    folder = tmp_path_factory.mktemp("mfa")
    with tarfile.open(goldens / "mfa.tar.xz") as archive:
        archive.extractall(folder, filter="data")
    return folder
