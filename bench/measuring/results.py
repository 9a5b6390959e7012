"""Where results go: `bench/results`, one JSON file for each script."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).resolve().parent.parent / "results"


def write(name: str, found: Any) -> None:
    """Print the result and write it as `NAME.json`."""
    text = json.dumps(found, indent=1)
    print(text)
    (FOLDER / f"{name}.json").write_text(text + "\n", encoding="utf-8")


def read(name: str) -> Any:
    """What `NAME.json` holds."""
    return json.loads((FOLDER / f"{name}.json").read_text(encoding="utf-8"))
