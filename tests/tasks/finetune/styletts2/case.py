"""A synthetic corpus for StyleTTS 2 in the shard stage's form, and settings that train on it in seconds."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import torch

from configs.compute import ComputeSettings
from configs.family import FamilySettings
from configs.train_styletts2 import StyleTTS2TrainSettings
from models.frontend.audio import encode_flac
from models.frontend.mel import styletts2_mel
from tasks.finetune.machine import Machine
from tasks.finetune.styletts2.phases import schedule_of
from tasks.finetune.styletts2.recipe import JointRecipe, Stage1Recipe
from tasks.finetune.styletts2.stages import (
    TRAIN_STYLETTS2_FINETUNE,
    TRAIN_STYLETTS2_STAGE1,
    TRAIN_STYLETTS2_STAGE2,
)
from tasks.outcome import Produced
from tasks.stage import function_of
from tests.models.styletts2 import training_case
from tests.models.styletts2.training_case import SMALLEST, tiny_wavlm
from tests.tasks.finetune import synthetic

TRAININGS = {
    "stage1": TRAIN_STYLETTS2_STAGE1,
    "stage2": TRAIN_STYLETTS2_STAGE2,
    "finetune": TRAIN_STYLETTS2_FINETUNE,
}
FAMILY = FamilySettings(
    name="styletts2",
    sample_rate=24_000,
    hop_samples=300,
    n_fft=2048,
    n_mels=80,
    mel="styletts2",
    edge_silence_samples=5000,
    symbol_table="ipa",
    character_table="styletts2",
)
SIZES = {
    name: value
    for name, value in SMALLEST.items()
    if name not in ("resolutions", "slm_hidden", "slm_layers", "aligner_location_kernel")
}
SETTINGS: dict[str, Any] = {
    "batch_size": 2,
    "accumulate": 1,
    "alignment": "given",
    "pitch": "given",
    "max_len_frames": 80,
    "tiny": True,
    "slm": {"model": None},
    "validate_every_steps": 2,
    "validation_clips": 1,
    "checkpoint_every_steps": 2,
    "log_every_steps": 1,
    "choose": "last",
    "stage1": {"max_steps": 4, "max_epochs": None, "tma_step": 2},
    "stage2": {"max_steps": 6, "max_epochs": None, "diff_step": 2, "joint_step": 4},
    "finetune": {"max_steps": 6, "max_epochs": None, "diff_step": 2, "joint_step": 4},
}
ADVERSARY = {"min_len": 8, "max_len": 60, "batch_percentage": 1.0, "iter": 2}


def slm(folder: Path) -> dict[str, Any]:
    """Settings of a speech language model of few weights, which is written to `folder`."""
    torch.manual_seed(1)
    tiny_wavlm(24_000, 16, 3).network.save_pretrained(folder)
    return {"model": str(folder), "adversary": ADVERSARY}


def settings(**changes: Any) -> SimpleNamespace:
    """The settings' tree with everything that training reads."""
    own = {**SETTINGS, "sizes": SIZES, **changes}
    compute = own.pop("compute", {})
    return SimpleNamespace(
        seed=11,
        family=FAMILY,
        compute=ComputeSettings(threads=1, device="cpu", **compute),
        train=SimpleNamespace(styletts2=StyleTTS2TrainSettings(**own)),
    )


class Said(NamedTuple):
    """What a clip says."""

    words: Sequence[str]
    phones: Sequence[str]
    word2ph: Sequence[int]


HELLO = Said(("hello", "world"), ("h", "ə", "l", "oʊ", "w", "ɜː", "l", "d"), (4, 4))


OTHER_PHONES = pa.Table.from_pylist(
    [
        {
            "language": "en",
            "words": list(said.words),
            "phones": list(said.phones),
            "word2ph": list(said.word2ph),
            "own_words": [],
        }
        for said in (HELLO, Said(("low", "hello"), ("l", "oʊ", "h", "ə", "l", "oʊ"), (2, 4)))
    ]
)
"""Texts that no clip says."""


def tone(index: int, seconds: float, split: str) -> dict[str, Any]:
    """A row of harmonics that glide."""
    random = np.random.default_rng(index)
    t = np.arange(int(seconds * FAMILY.sample_rate)) / FAMILY.sample_rate
    pitch = 120 + 30 * np.sin(2 * np.pi * (0.7 + random.random()) * t)
    phase = 2 * np.pi * np.cumsum(pitch) / FAMILY.sample_rate
    wave = 0.1 * sum(np.sin(k * phase) / k for k in range(1, 8)) + 0.01 * random.standard_normal(len(t))
    return row(f"tone_{index:03d}", "ab"[index % 2], split, wave, pitch[:: FAMILY.hop_samples], HELLO)


def row(
    utterance_id: str, speaker: str, split: str, wave: np.ndarray, f0_hz: np.ndarray, said: Said
) -> dict[str, Any]:
    """One row with every column that StyleTTS 2's stages read; all phones last equally long.

    Args:
        f0_hz: At every frame of `wave`, without the silence around it.
    """
    padded = np.pad(wave, FAMILY.edge_silence_samples).astype(np.float32)
    mel = styletts2_mel(torch.from_numpy(padded)[None])[0]
    n_frames = mel.shape[1]
    lead = FAMILY.edge_silence_samples // FAMILY.hop_samples
    inner = n_frames - 2 * lead
    n_phones = len(said.phones)
    share = [inner // n_phones] * n_phones
    share[-1] += inner - sum(share)
    durations = [share[0] + lead, *share[1:-1], share[-1] + lead]
    track = np.zeros(n_frames, np.float32)
    voiced = f0_hz[:inner]
    track[lead : lead + len(voiced)] = voiced
    text = " ".join(said.words)
    return {
        "utterance_id": utterance_id,
        "speaker": speaker,
        "split": split,
        "language": "en",
        "text": text,
        "normalized_text": text,
        "symbol_table": "ipa",
        "phone_ids": list(range(n_phones)),
        "duration_s": len(wave) / FAMILY.sample_rate,
        "words": list(said.words),
        "word2ph": list(said.word2ph),
        "own_words": [],
        "phones": list(said.phones),
        "durations": durations,
        "pause_frames": [0] * n_phones,
        "lead_frames": lead,
        "trail_frames": lead,
        "audio": {"bytes": encode_flac(wave.astype(np.float32), FAMILY.sample_rate), "path": "x.flac"},
        "n_frames": n_frames,
        "mel": np.ascontiguousarray(mel.numpy().T).astype("<f2").tobytes(),
        "n_mels": 80,
        "f0_hz": track.tolist(),
    }


def write_shards(
    folder: Path, seconds: float = 1.0, train: int = 5, speaker: str | None = None
) -> dict[str, Path]:
    """Write tones in the form of the shard stage's files; clips last from `seconds` to a fifth more.

    They are of several speakers, or of the one that is named.
    """
    random = np.random.default_rng(3)
    splits = ["train"] * train + ["validation"]
    rows = [tone(index, seconds * (1 + 0.2 * random.random()), split) for index, split in enumerate(splits)]
    return write_rows(folder, [row | ({"speaker": speaker} if speaker else {}) for row in rows])


def write_rows(folder: Path, rows: Sequence[dict[str, Any]]) -> dict[str, Path]:
    """Write rows as the shard stage does."""
    folder.mkdir(parents=True, exist_ok=True)
    files = {}
    for split in ("train", "validation"):
        path = files[f"data/{split}-00000-of-00001.parquet"] = folder / f"{split}.parquet"
        pq.write_table(pa.Table.from_pylist([r for r in rows if r["split"] == split]), path, row_group_size=3)
    return files


def train(
    stage: str, files: dict[str, dict[str, Path]], folder: Path, stop_after: int | None = None, **changes: Any
) -> Produced:
    """Run a stage."""
    declaration = TRAININGS[stage]
    cfg = synthetic.view(declaration, settings(**changes))
    inputs = synthetic.FakeInputs(files, {"other_phones": OTHER_PHONES})
    return function_of(declaration)(inputs, cfg, synthetic.work(folder, stop_after))


def recipe_of(stage: str, **changes: Any) -> Stage1Recipe | JointRecipe:
    """A stage's recipe with all its networks, at its first step."""
    own = settings(**changes).train.styletts2
    schedule = schedule_of(getattr(own, stage), joint=stage != "stage1")
    machine = Machine(torch.device("cpu"), bf16=False)
    kind = Stage1Recipe if stage == "stage1" else JointRecipe
    return kind(training_case.networks(), own, schedule, 6, machine)
