"""The stage that trains a Sketch voice."""

from __future__ import annotations

from artifacts import schemas
from tasks.finetune.declaration import RUN_SETTINGS, machine_settings
from tasks.stage import CorpusStage

TRAIN_SKETCH = CorpusStage(
    name="train_sketch",
    version=1,
    run="tasks.finetune.sketch.train:train_sketch",
    reads={"shard": ("*.parquet",)},
    config=("train.sketch", *RUN_SETTINGS),
    machine=machine_settings("train.sketch"),
    schema=schemas.NOTHING,
    libraries=("torch", "numpy", "safetensors"),
    about="Sketch: average sounds and their lengths",
    uses_gpu=True,
)

STAGES = (TRAIN_SKETCH,)
