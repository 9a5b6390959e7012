"""The stages that train a Kokoro voice."""

from __future__ import annotations

from dataclasses import replace

from artifacts import schemas
from tasks.finetune.declaration import LISTENING_LIBRARIES, RUN_SETTINGS, machine_settings
from tasks.stage import CorpusStage

VOICE_TABLE = CorpusStage(
    name="voice_table",
    version=1,
    run="tasks.finetune.kokoro.voice_table:make_voice_table",
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
    run="tasks.finetune.kokoro.train:train_kokoro",
    reads={"shard": ("*.parquet",), "voice_table": ("*.safetensors", "config.json")},
    config=("train.kokoro", *RUN_SETTINGS),
    machine=machine_settings("train.kokoro"),
    schema=schemas.NOTHING,
    libraries=("torch", "numpy", "safetensors", "transformers", "pyworld", *LISTENING_LIBRARIES),
    about="Kokoro: model and voice table, together",
    uses_gpu=True,
)

FIT_KOKORO = CorpusStage(
    name="fit_kokoro",
    version=1,
    run="tasks.finetune.kokoro.fit:fit_kokoro",
    reads={"shard": ("*.parquet",)},
    config=("train.kokoro_fit", *RUN_SETTINGS),
    machine=machine_settings("train.kokoro_fit"),
    schema=schemas.NOTHING,
    libraries=("torch", "numpy", "safetensors", "transformers", *LISTENING_LIBRARIES),
    about="Kokoro: a voice for the model as it is published",
    notes="tasks.finetune.kokoro.fit_explanation:explained",
    uses_gpu=True,
)

VOICE_TABLE_OF_FITTED = replace(
    VOICE_TABLE,
    reads={**VOICE_TABLE.reads, FIT_KOKORO.name: ("voices.safetensors",)},
    arguments={"fitted": FIT_KOKORO.name},
    about="Kokoro: fitted voices as what speakers' embeddings give, before training",
)

TRAIN_KOKORO_OF_FITTED = replace(
    TRAIN_KOKORO,
    reads={**TRAIN_KOKORO.reads, FIT_KOKORO.name: ("decoder.safetensors",)},
    arguments={"fitted": FIT_KOKORO.name},
)

TRAINED = (VOICE_TABLE, TRAIN_KOKORO)
FITTED = (FIT_KOKORO,)
FINE_TUNED = (FIT_KOKORO, VOICE_TABLE_OF_FITTED, TRAIN_KOKORO_OF_FITTED)
