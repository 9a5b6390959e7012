"""A program that only speaks does not carry the pipeline along."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tasks.families import FAMILIES

ROOT = Path(__file__).resolve().parents[3]
PIPELINE = (
    "artifacts",
    "datasets",
    "fsspec",
    "mlflow",
    "prefect",
    "pyarrow",
    "tasks.pipeline",
    "tasks.runner",
)


@pytest.mark.slow
@pytest.mark.parametrize("family", FAMILIES)
def test_a_voice_is_loaded_without_store_and_pipeline(family: str) -> None:
    loader = FAMILIES[family].load_voice.partition(":")[0]
    code = f"import sys, {loader}, tasks.release.speak\nprint(*sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True, timeout=120
    )
    loaded = done.stdout.split()
    assert loader in loaded
    foreign = [name for name in loaded if name.startswith(PIPELINE)]
    assert not foreign, foreign
    others = {other for other in FAMILIES if other != family}
    rooms = [f"tasks.release.{other.replace('-', '_')}" for other in others]
    assert not [name for name in loaded if name.startswith(tuple(rooms))]
