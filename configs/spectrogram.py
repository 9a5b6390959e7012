"""Settings of the spectrogram stage."""

from __future__ import annotations

from pydantic import Field

from configs.base import Section


class SpectrogramSettings(Section):
    """What is kept of the spectrogram; its shape is the family's (see `family`)."""

    store_linear: bool = Field(
        True,
        description="Keep the linear magnitudes that SoVITS trains on, ~100 kB per second of speech. "
        "Without them training computes them again from the audio.",
    )
