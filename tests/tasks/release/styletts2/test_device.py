"""Speaking on another device: everything is moved there, and nothing else changes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.tasks.release.spoken_elsewhere import same_sound, spoken_on_both

pytestmark = pytest.mark.slow


@pytest.mark.parametrize(
    "manner", [{"style": "reference"}, {"style": "diffusion"}, {"alpha": 0.0, "beta": 0.0}]
)
def test_a_text_sounds_the_same(voice_folder: Path, manner: dict[str, Any]) -> None:
    here, there = spoken_on_both(voice_folder, manner)
    assert same_sound(here, there)
