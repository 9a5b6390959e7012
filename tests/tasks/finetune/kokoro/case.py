"""The synthetic corpus of characters as Kokoro reads it, and settings that train on it in seconds."""

from __future__ import annotations

import json
import os
import signal
import sys
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import torch

from configs.compute import ComputeSettings
from configs.family import FamilySettings
from configs.train_kokoro import KokoroTrainSettings
from configs.train_kokoro_fit import KokoroFitSettings
from models.kokoro.step import KokoroStep
from models.losses.spectral import MultiResolutionMelLoss
from tasks.finetune.kokoro.recipe import KokoroRecipe
from tasks.finetune.kokoro.stages import TRAIN_KOKORO, VOICE_TABLE
from tasks.finetune.machine import Machine
from tasks.outcome import Produced
from tasks.stage import CorpusStage, function_of
from tests.models.kokoro import small
from tests.tasks.finetune import synthetic
from tests.tasks.finetune.styletts2 import case as styletts2_case

FAMILY = FamilySettings(**{
    **styletts2_case.FAMILY.model_dump(),
    "name": "kokoro",
    "character_table": "kokoro",
})  # fmt: skip
SPEAKERS = ("a", "b")
SIZES = {
    "hidden": 16,
    "style_dim": 8,
    "n_layers": 1,
    "max_dur": 12,
    "bert_embedding": 8,
    "bert_hidden": 16,
    "bert_heads": 2,
    "bert_intermediate": 16,
    "bert_layers": 1,
    "decoder_hidden": 16,
    "decoder_text": 4,
    "upsample_initial": 16,
    "resblock_kernels": [3],
}
SETTINGS: dict[str, Any] = {
    "batch_size": 2,
    "max_len_frames": 60,
    "max_epochs": None,
    "max_steps": 5,
    "tiny": True,
    "judges": {"periods": [2], "channels": [2, 4, 4, 4, 4], "resolution_channels": 2},
    "table": {"latent": 8, "waves": 3},
    "adversarial_step": 2,
    "teacher_steps": 4,
    "validate_every_steps": 2,
    "validation_clips": 1,
    "checkpoint_every_steps": 2,
    "log_every_steps": 1,
    "early_stop_patience": 0,
    "choose": "last",
}


def settings(**changes: Any) -> SimpleNamespace:
    """The settings' tree with everything that both stages read."""
    own = {**SETTINGS, **changes}
    if own.get("pretrained") is None:
        own.setdefault("sizes", SIZES)
    compute, family = own.pop("compute", {}), own.pop("family", FAMILY)
    return SimpleNamespace(
        seed=11,
        family=family,
        compute=ComputeSettings(threads=1, device="cpu", **compute),
        train=SimpleNamespace(kokoro=KokoroTrainSettings(**own), kokoro_fit=KokoroFitSettings()),
    )


def profile(speakers: tuple[str, ...] = SPEAKERS) -> pa.Table:
    """The stage speaker_profile's table."""
    random = np.random.default_rng(5)
    vectors = random.standard_normal((len(speakers), 12)).astype(np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    return pa.Table.from_pylist(
        [
            {"speaker": name, "centroid": vector.tolist(), "backend": "test"}
            for name, vector in zip(speakers, vectors, strict=True)
        ]
    )


def write_rows(folder: Path, rows: Sequence[Mapping[str, Any]]) -> dict[str, Path]:
    """The shard stage's files of some rows."""
    folder.mkdir(parents=True, exist_ok=True)
    files = {}
    for split in sorted({row["split"] for row in rows}):
        path = files[f"data/{split}-00000-of-00001.parquet"] = folder / f"{split}.parquet"
        pq.write_table(pa.Table.from_pylist([row for row in rows if row["split"] == split]), path)
    return files


def make_table(shards: Mapping[str, Path], folder: Path, **changes: Any) -> Produced:
    """Run the stage voice_table."""
    inputs = synthetic.FakeInputs(
        {"shard": dict(shards)}, {"speaker_profile": changes.pop("profile", profile())}
    )
    cfg = synthetic.view(VOICE_TABLE, settings(**changes))
    return function_of(VOICE_TABLE)(inputs, cfg, synthetic.work(folder))


def train(
    files: dict[str, dict[str, Path]],
    folder: Path,
    stop_after: int | None = None,
    stage: CorpusStage = TRAIN_KOKORO,
    **changes: Any,
) -> Produced:
    """Run the stage train_kokoro."""
    cfg = synthetic.view(stage, settings(**changes))
    return function_of(stage)(synthetic.FakeInputs(files), cfg, synthetic.work(folder, stop_after))


def recipe_of(**changes: Any) -> KokoroRecipe:
    """The stage's recipe for small networks; clips are those of `training_case`."""
    own = settings(**{"tiny": False, "sizes": {}, **changes}).train.kokoro
    distance = MultiResolutionMelLoss(24_000, ((512, 120, 480),))
    step = KokoroStep(small.networks(), distance, own.max_len_frames)
    return KokoroRecipe(step, own, 6, Machine(torch.device("cpu"), bf16=False))


def main() -> None:
    """`FILES FOLDER STEP SETTINGS`: train, and be killed at a step."""
    named, folder, kill_at, changes = sys.argv[1:]
    files = {stage: {n: Path(p) for n, p in own.items()} for stage, own in json.loads(named).items()}

    def progress(done: int, *_: object, phase: str = "", **__: object) -> None:
        if done == int(kill_at) and not phase:
            os.kill(os.getpid(), signal.SIGKILL)

    cfg = synthetic.view(TRAIN_KOKORO, settings(**json.loads(changes)))
    surroundings = replace(synthetic.work(Path(folder)), progress=progress)
    function_of(TRAIN_KOKORO)(synthetic.FakeInputs(files), cfg, surroundings)


if __name__ == "__main__":
    main()
