"""The command line, called as a person would, in a workspace of the test's own."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from flows.__main__ import run

Call = Callable[..., tuple[int, str, str]]
"""Words of a command to its status, output and errors."""


def called_in(
    workspace: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], wraps: bool = True
) -> Call:
    """Run `voicewright ...` in a workspace.

    Args:
        wraps: Whether errors come as the screen breaks them into lines; else in one line.
    """

    def call(*arguments: str) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["voicewright", "-w", str(workspace), *arguments])
        with pytest.raises(SystemExit) as ended:
            run()
        said = capsys.readouterr()
        return int(ended.value.code or 0), said.out, said.err if wraps else " ".join(said.err.split())

    return call
