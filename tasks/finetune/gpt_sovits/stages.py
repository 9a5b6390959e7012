"""The stages that train a GPT-SoVITS voice."""

from __future__ import annotations

from artifacts import schemas
from tasks.finetune.declaration import RUN_SETTINGS, machine_settings
from tasks.finetune.gpt_sovits.planned import PLAN_FILE
from tasks.stage import CorpusStage, RowStage

PLAN = CorpusStage(
    name="plan",
    version=1,
    run="tasks.finetune.gpt_sovits.plan:plan_corpus",
    reads={"screen": ("utterance_id", "speech_s"), "shard": ("*.parquet",)},
    config=("train.plan", "train.sovits", "train.t2s"),
    machine=machine_settings("train.sovits", "train.t2s"),
    schema=schemas.NOTHING,
    about="what to train, and for how long, on this much speech",
    notes="tasks.finetune.gpt_sovits.explanation:explained",
)

TRAIN_SOVITS = CorpusStage(
    name="train_sovits",
    version=2,
    run="tasks.finetune.gpt_sovits.sovits.train:train_sovits",
    reads={"shard": ("*.parquet",), "plan": (PLAN_FILE,)},
    config=("train.sovits", *RUN_SETTINGS),
    machine=machine_settings("train.sovits"),
    schema=schemas.NOTHING,
    libraries=("torch", "numpy", "safetensors", "pyworld"),
    about="SoVITS generator and discriminators",
    uses_gpu=True,
)

SEMANTIC = RowStage(
    name="semantic",
    version=1,
    run="tasks.finetune.gpt_sovits.semantic:semantic_rows",
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
    run="tasks.finetune.gpt_sovits.t2s.train:train_t2s",
    reads={
        "shard": ("*.parquet",),
        "semantic": ("utterance_id", "codes"),
        "train_sovits": ("config.json",),
        "plan": (PLAN_FILE,),
    },
    config=("train.t2s", *RUN_SETTINGS),
    machine=machine_settings("train.t2s"),
    schema=schemas.NOTHING,
    libraries=("torch", "numpy", "safetensors"),
    about="text-to-semantic decoder",
    uses_gpu=True,
)

STAGES = (PLAN, TRAIN_SOVITS, SEMANTIC, TRAIN_T2S)
