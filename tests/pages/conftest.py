"""The browser that looks at pages, and where their pictures are kept."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.browser import browser

__all__ = ["browser"]


@pytest.fixture
def kept(tmp_path: Path) -> Path:
    """The folder that VOICEWRIGHT_SCREENSHOTS names, else pytest's."""
    folder = Path(os.environ.get("VOICEWRIGHT_SCREENSHOTS", tmp_path))
    folder.mkdir(parents=True, exist_ok=True)
    return folder
