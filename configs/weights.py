"""Published weights that a stage can use: where they come from and what they may be used for.

Nothing is fetched unless a setting asks for it. Each entry can be replaced by a local folder through the
setting named in `setting`. Sizes are those the hubs state; entries whose digest was never seen by us carry
none, and `voicewright models list` says so.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Weights:
    """One published set of weights."""

    name: str
    hub_id: str
    revision: str
    licence: str
    size_mb: int
    setting: str
    used_for: str
    files: tuple[str, ...] = ()
    sha256: str | None = None


PUBLISHED = (
    Weights(
        "hubert",
        "TencentGameMate/chinese-hubert-base",
        "main",
        "MIT",
        360,
        "features.content.model",
        "content features of GPT-SoVITS voices (features.content.backend=hubert)",
    ),
    Weights(
        "roberta",
        "hfl/chinese-roberta-wwm-ext-large",
        "main",
        "Apache-2.0",
        1300,
        "features.linguistic.model",
        "BERT features for Chinese text",
    ),
    Weights(
        "whisper",
        "Systran/faster-whisper-large-v3",
        "main",
        "MIT",
        3100,
        "corpus.transcribe.model",
        "transcripts (corpus.transcribe.backend=faster-whisper)",
    ),
    Weights(
        "ecapa",
        "speechbrain/spkrec-ecapa-voxceleb",
        "main",
        "Apache-2.0",
        90,
        "features.speaker.model",
        "speaker embeddings (features.speaker.backend=ecapa)",
        ("embedding_model.ckpt",),
    ),
    Weights(
        "eres2netv2",
        "lj1995/GPT-SoVITS",
        "main",
        "MIT",
        107,
        "features.speaker_vector.model",
        "speaker vectors of v2Pro and v2ProPlus (features.speaker_vector.backend=eres2netv2)",
        ("sv/pretrained_eres2netv2w24s4ep4.ckpt",),
    ),
)
