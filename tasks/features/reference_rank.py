"""Which clip stands for a speaker: the order in which clips are preferred as reference.

1. Length: as few seconds as possible outside `features.speaker.reference_min_s` to `reference_max_s`.
2. The sum of what makes a clip a good example, largest first:

   | measure | counts |
   | --- | --- |
   | typical of the speaker: cosine to the speaker's centroid | 2 per unit |
   | signal-to-noise ratio, up to 40 dB | 1 at 40 dB |
   | clipped samples | -20 per unit of their share |
   | silence | -0.5 per unit of its share |
   | alignment score below the speaker's median | -0.1 per median deviation, at most -0.4 |
   | a complete sentence: ends with a full stop, question or exclamation mark | 0.3 |

3. The clip's identifier, so that the same corpus gives the same clip.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from configs.speaker import SpeakerSettings

_SNR_CEILING_DB = 40.0
_TYPICAL, _CLIPPED, _SILENT, _MISALIGNED, _COMPLETE = 2.0, 20.0, 0.5, 0.1, 0.3
_WORST_DEVIATIONS = 4.0
_SENTENCE_ENDS = frozenset(".!?…。！？")
_CLOSING = "\"'”’»)]」』 "


def rank_references(
    clips: Sequence[Mapping[str, Any]], similarity: NDArray[np.float32], settings: SpeakerSettings
) -> list[str]:
    """Identifiers of one speaker's clips, the best reference first.

    Args:
        clips: Rows of the stage screen, each with its id, text, duration, alignment score, SNR and the shares
            that are clipped and silent.
        similarity: `[N]` cosine of each clip to the speaker's centroid.
        settings: The lengths wanted.
    """
    deviations = _deviations_below([clip["alignment_score"] for clip in clips])

    def key(at: int) -> tuple[float, float, str]:
        clip = clips[at]
        seconds = clip["duration_s"]
        outside_s = max(settings.reference_min_s - seconds, seconds - settings.reference_max_s, 0.0)
        merit = (
            _TYPICAL * float(similarity[at])
            + min(clip["snr_db"], _SNR_CEILING_DB) / _SNR_CEILING_DB
            - _CLIPPED * clip["clipping_ratio"]
            - _SILENT * clip["silence_ratio"]
            - _MISALIGNED * deviations[at]
            + _COMPLETE * is_complete(clip["text"])
        )
        return outside_s, -merit, clip["utterance_id"]

    return [clips[at]["utterance_id"] for at in sorted(range(len(clips)), key=key)]


def is_complete(text: str) -> bool:
    """Whether a transcript ends as a sentence does."""
    bare = text.rstrip(_CLOSING)
    return bare[-1:] in _SENTENCE_ENDS and bool(bare)


def _deviations_below(scores: Sequence[float | None]) -> list[float]:
    """How far each score lies below the median, in median deviations from 0 to 4; unknown ones are 0."""
    values = np.array([np.nan if score is None else score for score in scores], dtype=np.float64)
    known = values[np.isfinite(values)]
    if not known.size:
        return [0.0] * len(scores)
    middle = float(np.median(known))
    spread = float(np.median(np.abs(known - middle)))
    if spread == 0.0:
        return [0.0] * len(scores)
    below = np.clip((middle - values) / spread, 0.0, _WORST_DEVIATIONS)
    return np.nan_to_num(below, nan=0.0).tolist()
