"""Speaking on another device: everything is moved there, and nothing else changes."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from tests.tasks.release.spoken_elsewhere import spoken_on_both


def test_a_text_sounds_the_same(voice_folder: Path) -> None:
    here, there = spoken_on_both(voice_folder, {"precision": "fp32"})
    assert np.allclose(here, there, atol=1e-3)
    assert np.abs(here).max() > 0
