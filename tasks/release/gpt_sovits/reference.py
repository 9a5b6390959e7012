"""What a GPT-SoVITS voice speaks like."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from models.frontend.audio import Samples


@dataclass(frozen=True, eq=False)
class Reference:
    """A recorded clip that stands for a speaker.

    Attributes:
        speaker: Whose it is.
        utterance_id: Which clip.
        text: What is said; "" where nobody knows.
        language: In which language.
        samples: float32 `[S]` at the family's sample rate.
        phone_ids: Phones of the text with its marks; none for an unknown text, which prompts nothing.
        codes: Semantic codes of the clip and the silence after it, at 25 Hz.
        linguistic: float32 `[D, L]` for the phones, or None for zeros.
        speaker_vector: float32 `[V]`, where the generator is conditioned on one.
    """

    speaker: str
    utterance_id: str
    text: str
    language: str
    samples: Samples
    phone_ids: tuple[int, ...]
    codes: tuple[int, ...]
    linguistic: NDArray[np.float32] | None = None
    speaker_vector: NDArray[np.float32] | None = None
