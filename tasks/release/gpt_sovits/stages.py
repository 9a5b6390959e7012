"""The stages that release a GPT-SoVITS voice."""

from __future__ import annotations

from collections.abc import Sequence

from artifacts import schemas
from tasks.release.stages import (
    EVALUATE_CONFIG,
    EVALUATE_LIBRARIES,
    EVALUATE_MACHINE,
    EVALUATE_READS,
    EXPORT_CONFIG,
)
from tasks.stage import CorpusStage

_VOICE: dict[str, Sequence[str]] = {
    "shard": ("*.parquet",),
    "speaker_profile": ("speaker", "n_clips", "duration_s", "reference_utterance_id"),
    "train_sovits": ("generator.safetensors", "config.json"),
    "train_t2s": ("decoder.safetensors", "config.json"),
}
"""What a voice is assembled from."""
_VOICE_CONFIG = (
    "family",
    "release.synthesize",
    "features.linguistic",
    "features.content",
    "features.speaker_vector",
)

_PROMPT_LIBRARIES = ("transformers", "scipy", "soxr")
"""Of the encoder that hears the reference clip."""

_PUBLISHED = ("train.sovits.pretrained", "train.t2s.pretrained")

SYNTHESIZE = CorpusStage(
    name="synthesize",
    version=1,
    run="tasks.release.gpt_sovits.synthesize:synthesize_corpus",
    reads={**_VOICE, "semantic": ("utterance_id", "codes")},
    config=(*_VOICE_CONFIG, "release.evaluate.sentences", "seed", "compute.threads", "compute.device"),
    uses_gpu=True,
    schema=schemas.NOTHING,
    libraries=("torch", "numpy", "soundfile", *_PROMPT_LIBRARIES),
    about="held-out sentences rendered by every path",
)

EVALUATE = CorpusStage(
    name="evaluate",
    version=1,
    run="tasks.release.gpt_sovits.evaluate:evaluate_corpus",
    reads={
        **EVALUATE_READS,
        "shard": ("*.parquet",),
        "semantic": ("utterance_id", "codes"),
        "train_t2s": ("decoder.safetensors", "config.json"),
    },
    rejects_of=("train_t2s",),
    config=EVALUATE_CONFIG,
    machine=EVALUATE_MACHINE,
    uses_gpu=True,
    schema=schemas.NOTHING,
    libraries=EVALUATE_LIBRARIES,
    about="distances of renderings to recordings, and what the decoder remembers",
)

EXPORT = CorpusStage(
    name="export",
    version=1,
    run="tasks.release.gpt_sovits.export:export_corpus",
    reads={**_VOICE, "evaluate": ("evaluation.json",)},
    config=(*_VOICE_CONFIG, *_PUBLISHED, *EXPORT_CONFIG),
    schema=schemas.NOTHING,
    libraries=("torch", "safetensors", "soundfile", *_PROMPT_LIBRARIES),
    about="the voice as a self-contained folder",
    writes=lambda _cfg: {"train_sovits": 0.4, "train_t2s": 0.5},
)

STAGES = (SYNTHESIZE, EVALUATE, EXPORT)
