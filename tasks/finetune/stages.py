"""The stages that train, family by family."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from artifacts import schemas
from configs.train_styletts2 import STAGES, StyleTTS2TrainSettings
from tasks.stage import CorpusStage, RowStage

PLAN = CorpusStage(
    name="plan",
    version=1,
    run="tasks.finetune.plan:plan_corpus",
    reads={"screen": ("utterance_id", "speech_s"), "shard": ("*.parquet",)},
    config=("train.plan", "train.sovits", "train.t2s"),
    schema=schemas.NOTHING,
    about="what to train, and for how long, on this much speech",
)

TRAIN_SOVITS = CorpusStage(
    name="train_sovits",
    version=2,
    run="tasks.finetune.sovits:train_sovits_corpus",
    reads={"shard": ("*.parquet",), "plan": ("plan.json",)},
    config=(
        "train.sovits",
        "family",
        "seed",
        "compute.threads",
        "compute.device",
        "compute.precision",
        "compute.processes",
    ),
    machine=("compute.loader_threads",),
    schema=schemas.NOTHING,
    libraries=("torch", "numpy", "safetensors", "pyworld"),
    about="SoVITS generator and discriminators",
    uses_gpu=True,
)

SEMANTIC = RowStage(
    name="semantic",
    version=1,
    run="tasks.finetune.semantic:semantic_rows",
    reads={"content": ("source_digest", "features", "dim", "n_frames")},
    only=("screen",),
    broadcast=("train_sovits",),
    schema=schemas.SEMANTIC,
    libraries=("torch",),
    batch_rows=16,
    about="semantic codes by the trained quantiser",
)

TRAIN_T2S = CorpusStage(
    name="train_t2s",
    version=1,
    run="tasks.finetune.t2s:train_t2s_corpus",
    reads={
        "shard": ("*.parquet",),
        "semantic": ("utterance_id", "codes"),
        "train_sovits": ("config.json",),
        "plan": ("plan.json",),
    },
    config=(
        "train.t2s",
        "family",
        "seed",
        "compute.threads",
        "compute.device",
        "compute.precision",
        "compute.processes",
    ),
    machine=("compute.loader_threads",),
    schema=schemas.NOTHING,
    libraries=("torch", "numpy", "safetensors"),
    about="text-to-semantic decoder",
    uses_gpu=True,
)

VOICE_TABLE = CorpusStage(
    name="voice_table",
    version=1,
    run="tasks.finetune.voice_table:make_voice_table",
    reads={"speaker_profile": None, "shard": ("*.parquet",)},
    config=(
        "train.kokoro.table",
        "train.kokoro.tiny",
        "train.kokoro.sizes",
        "train.kokoro.pretrained",
        "family",
        "seed",
        "compute.threads",
    ),
    machine=("train.kokoro.cache_mb",),
    schema=schemas.NOTHING,
    libraries=("torch", "numpy", "safetensors"),
    about="Kokoro: from speakers' embeddings to voices, before training",
)

TRAIN_KOKORO = CorpusStage(
    name="train_kokoro",
    version=1,
    run="tasks.finetune.kokoro:train_kokoro",
    reads={"shard": ("*.parquet",), "voice_table": ("*.safetensors", "config.json")},
    config=(
        "train.kokoro",
        "family",
        "seed",
        "compute.threads",
        "compute.device",
        "compute.precision",
        "compute.processes",
    ),
    machine=("compute.loader_threads",),
    schema=schemas.NOTHING,
    libraries=("torch", "numpy", "safetensors", "transformers"),
    about="Kokoro: model and voice table, together",
    uses_gpu=True,
)

_OWN_FILES = {
    "stage1": ("pretrained_aligner", "pretrained_pitch"),
    "stage2": ("pretrained_bert",),
    "finetune": ("pretrained",),
}
"""Settings of weights that each stage reads; the others are none of its business."""


def declared(stage: str) -> tuple[str, ...]:
    """The settings of a stage: another stage's do not make it run again."""
    others = {name for name in STAGES if name != stage} | {"max_steps", "max_epochs"}
    others |= {name for each, names in _OWN_FILES.items() if each != stage for name in names}
    own = [name for name in StyleTTS2TrainSettings.model_fields if name not in others]
    return tuple(f"train.styletts2.{name}" for name in own)


def _stage(
    name: str,
    run: str,
    about: str,
    reads: Mapping[str, Sequence[str]] | None = None,
) -> CorpusStage:
    return CorpusStage(
        name=f"train_styletts2_{name}",
        version=1,
        run=run,
        reads={"shard": ("*.parquet",), **(reads or {})},
        config=(
            *declared(name),
            "family",
            "seed",
            "compute.threads",
            "compute.device",
            "compute.precision",
            "compute.processes",
        ),
        machine=("compute.loader_threads",),
        schema=schemas.NOTHING,
        libraries=("torch", "numpy", "safetensors", "transformers"),
        about=about,
        uses_gpu=True,
    )


TRAIN_STYLETTS2_STAGE1 = _stage(
    "stage1",
    "tasks.finetune.styletts2:train_styletts2_stage1",
    "StyleTTS 2: text encoder, style encoder, decoder",
)
TRAIN_STYLETTS2_STAGE2 = _stage(
    "stage2",
    "tasks.finetune.styletts2:train_styletts2_stage2",
    "StyleTTS 2: prosody and style from text, then all of it",
    {"train_styletts2_stage1": ("*.safetensors", "config.json")},
)
TRAIN_STYLETTS2_FINETUNE = _stage(
    "finetune",
    "tasks.finetune.styletts2:train_styletts2_finetune",
    "StyleTTS 2: a published voice, to another speaker",
)

GPT_SOVITS = (PLAN, TRAIN_SOVITS, SEMANTIC, TRAIN_T2S)
FROM_SCRATCH = (TRAIN_STYLETTS2_STAGE1, TRAIN_STYLETTS2_STAGE2)
FINE_TUNED = (TRAIN_STYLETTS2_FINETUNE,)
KOKORO = (VOICE_TABLE, TRAIN_KOKORO)
