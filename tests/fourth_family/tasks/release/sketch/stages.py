"""The stages that release a Sketch voice."""

from __future__ import annotations

from artifacts import schemas
from tasks.release.stages import EVALUATE, EXPORT_CONFIG
from tasks.stage import CorpusStage

_VOICE = {"shard": ("*.parquet",), "train_sketch": ("*.safetensors", "config.json")}

SYNTHESIZE = CorpusStage(
    name="synthesize",
    version=1,
    run="tasks.release.sketch.synthesize:synthesize_corpus",
    reads=_VOICE,
    config=("family", "release.sketch", "seed", "compute.threads"),
    schema=schemas.NOTHING,
    libraries=("torch", "numpy", "soundfile"),
    about="held-out sentences rendered by every path",
)

EXPORT = CorpusStage(
    name="export",
    version=1,
    run="tasks.release.sketch.export:export_corpus",
    reads={
        **_VOICE,
        "train_sketch": ("*.safetensors", "config.json", "curves.json"),
        "evaluate": ("evaluation.json",),
    },
    config=("family", "release.sketch", *EXPORT_CONFIG),
    schema=schemas.NOTHING,
    libraries=("torch", "safetensors"),
    about="the voice as a self-contained folder",
)

STAGES = (SYNTHESIZE, EVALUATE, EXPORT)
