"""The stages that release a StyleTTS 2 voice; each is told which training stage wrote the networks."""

from __future__ import annotations

from collections.abc import Sequence

from artifacts import schemas
from tasks.release.stages import EVALUATE, EXPORT_CONFIG
from tasks.stage import CorpusStage

_VOICE_CONFIG = ("family", "release.styletts2")


def _voice(training: str) -> dict[str, Sequence[str]]:
    """What a voice is assembled from."""
    return {
        "shard": ("*.parquet",),
        "speaker_profile": ("speaker", "n_clips", "duration_s", "reference_utterance_id"),
        training: ("*.safetensors", "config.json"),
    }


def synthesize_stage(training: str) -> CorpusStage:
    """The stage for voices whose networks the stage `training` wrote."""
    return CorpusStage(
        name="synthesize",
        version=1,
        run="tasks.release.styletts2.synthesize:synthesize_corpus",
        arguments={"training": training},
        reads=_voice(training),
        config=(*_VOICE_CONFIG, "release.evaluate.sentences", "seed", "compute.threads", "compute.device"),
        uses_gpu=True,
        schema=schemas.NOTHING,
        libraries=("torch", "numpy", "soundfile", "transformers", "librosa"),
        about="held-out sentences rendered by every path",
    )


def export_stage(training: str) -> CorpusStage:
    """The stage for voices whose networks the stage `training` wrote."""
    return CorpusStage(
        name="export",
        version=1,
        run="tasks.release.styletts2.export:export_corpus",
        arguments={"training": training},
        reads={**_voice(training), "evaluate": ("evaluation.json",)},
        config=(*_VOICE_CONFIG, "train.styletts2.pretrained", *EXPORT_CONFIG),
        schema=schemas.NOTHING,
        libraries=("torch", "safetensors", "soundfile", "pyyaml", "onnxscript", "onnxruntime", "librosa"),
        about="the voice as a self-contained folder",
        writes=lambda _cfg: {training: 0.4},
    )


def _release(training: str) -> tuple[CorpusStage, ...]:
    return (synthesize_stage(training), EVALUATE, export_stage(training))


FROM_SCRATCH = _release("train_styletts2_stage2")
FINE_TUNED = _release("train_styletts2_finetune")
