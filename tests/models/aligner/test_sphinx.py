"""Two passes of pocketsphinx half a frame apart, put on the clip's own clock."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from models.aligner import sphinx


def test_a_frame_is_heard_half_a_window_late_and_the_second_pass_begins_5_ms_in(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def decoded(signal: NDArray[np.float32], spelling: list[list[str]]) -> sphinx._Timed:
        assert spelling == [["HH", "AY"]] and len(signal) in (16000, 15920)
        # Both passes name the frames that begin 100, 200 and 400 ms into what they were given.
        return sphinx._Timed(np.array([0.1, 0.2]), np.array([0.2, 0.4]), np.array([-5.0, -5.0]))

    monkeypatch.setattr(sphinx, "_decode", decoded)
    clip = (0.3 * np.sin(np.arange(16000) * 0.2)).astype(np.float32)
    found = sphinx.align(clip, 16000, ["hi"], [["HH", "AY1"]])
    spoken = [one for one in found.phones if one.label in ("HH", "AY1")]
    # 5 ms late by the window, and the mean of 0 and 5 ms by the shift.
    assert [one.start_s for one in spoken] == pytest.approx([0.1075, 0.2075])
    assert [one.end_s for one in spoken] == pytest.approx([0.2075, 0.4075])
