"""The networks of the official `kokoro` package, without the package's text front end.

`import kokoro` alone would import its front end (misaki, spacy and more), which needs a download; the package
is entered through its folder instead, so that of it only `kokoro.model` and what that imports run.
"""

import importlib
import importlib.util
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

MISSING = "the official package is not installed; `make setup` does it"


def official_model(weights: Path, config: Path, **options: Any) -> Any:
    """`KModel` of our files, read by the official package; skips the test where the package is absent."""
    model = _networks().KModel(
        repo_id="hexgrad/Kokoro-82M", config=str(config), model=str(weights), **options
    )
    return model.eval()


def _networks() -> ModuleType:
    if "kokoro.model" not in sys.modules:
        found = importlib.util.find_spec("kokoro")
        if found is None or found.submodule_search_locations is None:
            pytest.skip(MISSING)
        pytest.importorskip("loguru", reason=MISSING)
        package = ModuleType("kokoro")
        package.__path__ = list(found.submodule_search_locations)
        sys.modules["kokoro"] = package
    return importlib.import_module("kokoro.model")
