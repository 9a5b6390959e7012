"""Distance of two durations."""

from __future__ import annotations


def duration_error_percent(reference_s: float, rendered_s: float) -> float:
    """How much longer (above 0) or shorter the rendering is, percent of the recording.

    Raises:
        ValueError: the recording has no duration.
    """
    if reference_s <= 0:
        raise ValueError(f"a recording of {reference_s} s has no duration to compare with")
    return 100.0 * (rendered_s - reference_s) / reference_s
