"""The stages that release a Kokoro voice."""

from __future__ import annotations

from collections.abc import Sequence

from artifacts import schemas
from tasks.release.stages import EVALUATE
from tasks.stage import CorpusStage

_VOICE: dict[str, Sequence[str]] = {
    "shard": ("*.parquet",),
    "train_kokoro": ("*.safetensors", "config.json"),
}
"""What a voice is assembled from."""
_VOICE_CONFIG = ("family", "release.kokoro")

SYNTHESIZE = CorpusStage(
    name="synthesize",
    version=1,
    run="tasks.release.kokoro.synthesize:synthesize_corpus",
    reads=_VOICE,
    config=(*_VOICE_CONFIG, "seed", "compute.threads"),
    schema=schemas.NOTHING,
    libraries=("torch", "numpy", "soundfile", "transformers"),
    about="held-out sentences rendered by every path",
)

EXPORT = CorpusStage(
    name="export",
    version=1,
    run="tasks.release.kokoro.export:export_corpus",
    reads={
        **_VOICE,
        "train_kokoro": ("*.safetensors", "config.json", "curves.json"),
        "synthesize": ("samples/*.flac",),
        "evaluate": ("evaluation.json",),
    },
    config=(*_VOICE_CONFIG, "release.export", "corpus.licence", "voice"),
    schema=schemas.NOTHING,
    libraries=("torch", "safetensors", "onnxscript", "onnxruntime"),
    about="the voice as a self-contained folder, in the form of the official package too",
    writes=lambda _cfg: {"train_kokoro": 0.8},
)

STAGES = (SYNTHESIZE, EVALUATE, EXPORT)
