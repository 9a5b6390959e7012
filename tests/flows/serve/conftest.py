"""Small voices, and a server that has them, made once for all tests here."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.flows.serve.served import Served, served, write_voice, write_weights


@pytest.fixture(scope="package")
def workspace(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = write_weights(tmp_path_factory.mktemp("served"))
    write_voice(folder, "anna", "kokoro/bf_emma", number=2)
    return folder


@pytest.fixture(scope="package")
def server(workspace: Path) -> Iterator[Served]:
    with served(workspace) as running:
        yield running
