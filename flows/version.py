"""Which version of the application this is."""

from __future__ import annotations

import tomllib
from importlib import metadata
from pathlib import Path

PROJECT = Path(__file__).resolve().parent.parent / "pyproject.toml"


def application_version() -> str:
    """The installed version; that of the checkout where nothing was installed."""
    try:
        return metadata.version("voicewright")
    except metadata.PackageNotFoundError:
        return str(tomllib.loads(PROJECT.read_text(encoding="utf-8"))["project"]["version"])
