"""Each speaker's centroid and the clip that represents them best.

The voice table of a family with a fixed set of voices takes one vector per speaker from here: `centroid`
is in the encoder's space (column `backend`), of unit length; a family with its own style encoder runs it on
the audio of `reference_utterance_id` instead.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from artifacts import schemas
from configs.speaker import SpeakerSettings
from models.speaker.centroid import robust_centroid
from tasks.stage import ConfigView, CorpusStage, Inputs, Produced, Work

_SNR_CEILING_DB = 40.0


def profile_speakers(inputs: Inputs, cfg: ConfigView, work: Work) -> Produced:
    """One row per speaker of the accepted utterances."""
    del work
    accepted = inputs.table("screen").to_pylist()
    embedded = inputs.table("speaker", ["utterance_id", "embedding", "backend"]).to_pylist()
    embeddings = {row["utterance_id"]: np.array(row["embedding"], np.float32) for row in embedded}
    backends = {row["utterance_id"]: row["backend"] for row in embedded}
    rows = []
    for speaker in sorted({row["speaker"] for row in accepted}):
        clips = sorted(
            (row for row in accepted if row["speaker"] == speaker), key=lambda row: row["utterance_id"]
        )
        own = np.stack([embeddings[row["utterance_id"]] for row in clips])
        middle = robust_centroid(own)
        reference = _reference(clips, own @ middle, cfg.features.speaker)
        rows.append(
            {
                "speaker": speaker,
                "centroid": middle.tolist(),
                "n_clips": len(clips),
                "duration_s": sum(row["duration_s"] for row in clips),
                "reference_utterance_id": reference["utterance_id"],
                "backend": backends[reference["utterance_id"]],
            }
        )
    return Produced(rows=rows, metrics={"speakers": float(len(rows))})


def _reference(
    clips: list[dict[str, Any]], similarity: NDArray[np.float32], settings: SpeakerSettings
) -> dict[str, Any]:
    """The cleanest, most typical clip of a usable length; the nearest in length where none is."""

    def merit(index: int) -> tuple[float, float, str]:
        clip = clips[index]
        outside_s = max(
            settings.reference_min_s - clip["duration_s"], clip["duration_s"] - settings.reference_max_s, 0.0
        )
        quality = (
            min(clip["snr_db"], _SNR_CEILING_DB) / _SNR_CEILING_DB
            + 2.0 * float(similarity[index])
            - 20.0 * clip["clipping_ratio"]
            - 0.5 * clip["silence_ratio"]
        )
        return outside_s, -quality, clip["utterance_id"]

    return clips[min(range(len(clips)), key=merit)]


SPEAKER_PROFILE = CorpusStage(
    name="speaker_profile",
    version=1,
    run=profile_speakers,
    reads={"screen": None, "speaker": ("utterance_id", "embedding", "backend")},
    config=("features.speaker",),
    schema=schemas.SPEAKER_PROFILE,
    libraries=("numpy",),
    about="centroid and reference clip of each speaker",
)
