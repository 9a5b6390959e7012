"""The low anchor keeps what is below 3.5 kHz, in step, and nothing above 4.5 kHz."""

from __future__ import annotations

import numpy as np
import pytest

from models.frontend.low_anchor import low_anchor

RATE = 24_000


@pytest.mark.parametrize(
    ("hz", "most_db", "least_db"),
    [(200, 0.1, -0.1), (3400, 0.1, -0.1), (4000, -25, -200), (4500, -50, -200), (9000, -50, -200)],
)
def test_tones_pass_and_stop_as_the_recommendation_says(hz: float, most_db: float, least_db: float) -> None:
    tone = np.sin(2 * np.pi * hz * np.arange(RATE) / RATE).astype(np.float32)
    middle = slice(RATE // 4, 3 * RATE // 4)
    left = low_anchor(tone, RATE)
    gain_db = 20 * np.log10(max(np.std(left[middle]) / np.std(tone[middle]), 1e-9))
    assert least_db <= gain_db <= most_db
    if hz < 3500:
        assert np.abs(left[middle] - tone[middle]).max() < 0.01


def test_a_rate_that_holds_nothing_above_is_refused() -> None:
    with pytest.raises(ValueError, match="8000 Hz"):
        low_anchor(np.zeros(100, np.float32), 8000)
