"""The stages that train a StyleTTS 2 voice: two from scratch, or one that fine-tunes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from artifacts import schemas
from tasks.finetune.declaration import MACHINE_SETTINGS, RUN_SETTINGS
from tasks.finetune.styletts2.settings import declared
from tasks.stage import CorpusStage


def _training(
    stage: str,
    about: str,
    reads: Mapping[str, Sequence[str]] | None = None,
) -> CorpusStage:
    return CorpusStage(
        name=f"train_styletts2_{stage}",
        version=1,
        run=f"tasks.finetune.styletts2.train:train_{stage}",
        reads={"shard": ("*.parquet",), **(reads or {})},
        config=(*declared(stage), *RUN_SETTINGS),
        machine=MACHINE_SETTINGS,
        schema=schemas.NOTHING,
        libraries=("torch", "numpy", "safetensors", "transformers", "pyworld"),
        about=about,
        uses_gpu=True,
    )


TRAIN_STYLETTS2_STAGE1 = _training("stage1", "StyleTTS 2: text encoder, style encoder, decoder")
TRAIN_STYLETTS2_STAGE2 = _training(
    "stage2",
    "StyleTTS 2: prosody and style from text, then all of it",
    {"train_styletts2_stage1": ("*.safetensors", "config.json")},
)
TRAIN_STYLETTS2_FINETUNE = _training("finetune", "StyleTTS 2: a published voice, to another speaker")

FROM_SCRATCH = (TRAIN_STYLETTS2_STAGE1, TRAIN_STYLETTS2_STAGE2)
FINE_TUNED = (TRAIN_STYLETTS2_FINETUNE,)
