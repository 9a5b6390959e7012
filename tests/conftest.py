"""Where the shared recordings and reference numbers are found, and a skip with a reason when they are not."""

from __future__ import annotations

import os
import signal
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


def _folder(variable: str, default: str) -> Path:
    folder = Path(os.environ.get(variable, ROOT.parent / "shared" / default))
    if not folder.is_dir():
        pytest.skip(f"{folder} is absent; set {variable} to a folder of that form")
    return folder


@pytest.fixture(scope="session")
def speech() -> Path:
    """Folder of real recordings, one sub-folder per corpus."""
    return _folder("VOICEWRIGHT_SPEECH", "speech")


@pytest.fixture(scope="session")
def goldens() -> Path:
    """Folder of recorded numbers that the models must reproduce."""
    return _folder("VOICEWRIGHT_GOLDENS", "goldens")


@pytest.fixture(scope="session")
def cases() -> Path:
    """Folder of what users tripped over, by kind of input."""
    return _folder("VOICEWRIGHT_CASES", "cases")


@pytest.fixture(scope="session")
def mfa_outputs() -> Path:
    """Folder of outputs of the real Montreal Forced Aligner."""
    return _folder("VOICEWRIGHT_MFA", "mfa")
