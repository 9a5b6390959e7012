"""The command line in a workspace of its own, and the browser that looks at pages."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.browser import browser
from tests.command_line import Call, called_in

__all__ = ["browser"]


@pytest.fixture
def call(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Call:
    """Run `voicewright ...` in a workspace of its own: status, output, errors."""
    return called_in(tmp_path / "w", monkeypatch, capsys)
