"""The stages that release a Kokoro voice; each is told which stage made model and tables."""

from __future__ import annotations

from collections.abc import Sequence

from artifacts import schemas
from tasks.release.stages import EVALUATE, EXPORT_CONFIG
from tasks.stage import CorpusStage

_VOICE_CONFIG = ("family", "release.kokoro")
_PUBLISHED = (
    "train.kokoro.method",
    "train.kokoro.pretrained",
    "train.kokoro.table.start",
    "train.kokoro_fit.pretrained",
    "train.kokoro_fit.voices",
)


def _voice(training: str) -> dict[str, Sequence[str]]:
    """What a voice is assembled from."""
    return {"shard": ("*.parquet",), training: ("*.safetensors", "config.json")}


def synthesize_stage(training: str) -> CorpusStage:
    """The stage for voices whose model and tables the stage `training` wrote."""
    return CorpusStage(
        name="synthesize",
        version=1,
        run="tasks.release.kokoro.synthesize:synthesize_corpus",
        arguments={"training": training},
        reads=_voice(training),
        config=(*_VOICE_CONFIG, "release.evaluate.sentences", "seed", "compute.threads", "compute.device"),
        uses_gpu=True,
        schema=schemas.NOTHING,
        libraries=("torch", "numpy", "soundfile", "transformers"),
        about="held-out sentences rendered by every path",
    )


def export_stage(training: str) -> CorpusStage:
    """The stage for voices whose model and tables the stage `training` wrote."""
    return CorpusStage(
        name="export",
        version=1,
        run="tasks.release.kokoro.export:export_corpus",
        arguments={"training": training},
        reads={
            **_voice(training),
            training: ("*.safetensors", "config.json", "curves.json"),
            "synthesize": ("samples/*.flac",),
            "evaluate": ("evaluation.json",),
        },
        config=(*_VOICE_CONFIG, *_PUBLISHED, *EXPORT_CONFIG),
        schema=schemas.NOTHING,
        libraries=("torch", "safetensors", "onnxscript", "onnxruntime"),
        about="the voice as a self-contained folder, in the form of the official package too",
        writes=lambda _cfg: {training: 0.8},
    )


def _release(training: str) -> tuple[CorpusStage, ...]:
    return (synthesize_stage(training), EVALUATE, export_stage(training))


TRAINED = _release("train_kokoro")
FITTED = _release("fit_kokoro")
