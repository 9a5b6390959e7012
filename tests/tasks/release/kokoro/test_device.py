"""Speaking on another device: everything is moved there, and nothing else changes."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.tasks.release.spoken_elsewhere import same_sound, spoken_on_both

pytestmark = pytest.mark.slow


def test_a_text_sounds_the_same(voice_folder: Path) -> None:
    here, there = spoken_on_both(voice_folder, {"precision": "fp32"})
    assert same_sound(here, there)
