"""Each speaker's centroid and the clip that represents them best.

The voice table of a family with a fixed set of voices takes one vector per speaker from here: `centroid`
is in the encoder's space (column `backend`), of unit length; a family with its own style encoder runs it on
the audio of `reference_utterance_id` instead.
"""

from __future__ import annotations

import numpy as np

from models.speaker.centroid import robust_centroid
from tasks.features.reference_rank import rank_references
from tasks.stage import ConfigView, Inputs, Produced, Work


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
        best = rank_references(clips, own @ middle, cfg.features.speaker)[0]
        rows.append(
            {
                "speaker": speaker,
                "centroid": middle.tolist(),
                "n_clips": len(clips),
                "duration_s": sum(row["duration_s"] for row in clips),
                "reference_utterance_id": best,
                "backend": backends[best],
            }
        )
    return Produced(rows=rows, metrics={"speakers": float(len(rows))})
