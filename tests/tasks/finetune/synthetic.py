"""A synthetic corpus in the shard stage's form: voiced tones with three "phones" each."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import torch

from configs.compute import ComputeSettings
from configs.content import ContentSettings
from configs.family import FamilySettings
from configs.linguistic import LinguisticSettings
from configs.phonemize import PhonemizeSettings
from configs.release import EvaluateSettings, ExportSettings, SynthesizeSettings
from configs.shard import ShardSettings
from configs.speaker import SpeakerSettings
from configs.speaker_vector import SpeakerVectorSettings
from configs.train_sovits import SovitsTrainSettings
from configs.train_t2s import T2sTrainSettings
from models.content.mfcc import mfcc_features
from models.frontend.audio import encode_flac
from models.frontend.mel import linear_spectrogram, mel_from_linear
from models.frontend.text.symbols import load_symbol_table
from tasks.features.frames import spectrogram_parameters
from tasks.outcome import ConfigView, Produced, Work
from tasks.stage import view as declared_view

FAMILY = FamilySettings(sample_rate=16_000, hop_samples=320, n_fft=1024, n_mels=40, symbol_table="ipa")
TINY_SOVITS = {
    "max_steps": 6,
    "max_epochs": None,
    "batch_size": 2,
    "learning_rate": 1e-3,
    "validate_every_steps": 3,
    "validation_clips": 1,
    "checkpoint_every_steps": 2,
    "log_every_steps": 2,
    "sizes": {
        "latent_channels": 8,
        "hidden_channels": 8,
        "filter_channels": 16,
        "n_heads": 2,
        "text_layers": 1,
        "content_layers": 1,
        "mrte_channels": 8,
        "mrte_heads": 2,
        "style_hidden": 8,
        "style_channels": 8,
        "style_bins": 128,
        "posterior_layers": 1,
        "flow_layers": 1,
        "n_flows": 1,
        "codebook_size": 16,
        "upsample_initial": 32,
        "upsample_rates": [10, 4, 2, 2, 2],
        "upsample_kernels": [16, 8, 4, 2, 2],
        "resblock_kernels": [3],
        "discriminator_periods": [2],
        "discriminator_divisor": 16,
        "segment_frames": 16,
    },
}
TINY_T2S = {
    "max_steps": 6,
    "max_epochs": None,
    "batch_size": 2,
    "validate_every_steps": 3,
    "checkpoint_every_steps": 2,
    "log_every_steps": 2,
    "optimizer": "adamw",
    "warmup_steps": 2,
    "accumulate": 1,
    "min_phones_per_s": 1,
    "sizes": {"width": 16, "n_heads": 2, "n_layers": 1, "feed_forward": 32, "dropout": 0.1},
}


LEXICON = PhonemizeSettings(lexicon=(str(Path(__file__).with_name("lexicon.tsv")),))
"""Pronunciations that exported voices carry."""
TRAIN_BOTH = Path(__file__).with_name("train_both.json")
"""What the plan says of a corpus where nothing was decided: the settings' limits hold."""


def settings(**changes: Any) -> SimpleNamespace:
    """The settings' tree with everything that training and release read."""
    return SimpleNamespace(
        seed=11,
        voice="tester",
        corpus=SimpleNamespace(licence="CC0-1.0"),
        family=FAMILY,
        compute=ComputeSettings(threads=1, device="cpu", **changes.get("compute", {})),
        features=SimpleNamespace(
            phonemize=LEXICON,
            shard=ShardSettings(),
            speaker=SpeakerSettings(),
            content=ContentSettings(**changes.get("content", {})),
            speaker_vector=SpeakerVectorSettings(),
            linguistic=LinguisticSettings(),
        ),
        train=SimpleNamespace(
            sovits=SovitsTrainSettings(**{**TINY_SOVITS, **changes.get("sovits", {})}),
            t2s=T2sTrainSettings(**{**TINY_T2S, **changes.get("t2s", {})}),
        ),
        release=SimpleNamespace(
            synthesize=SynthesizeSettings(**{"clips": 2, **changes.get("synthesize", {})}),
            evaluate=EvaluateSettings(n_mels=40, sentences=1),
            export=ExportSettings(),
        ),
    )


def tone(seed: int, seconds: float) -> np.ndarray:
    """A harmonic tone with a moving pitch, float32 in +-1."""
    random = np.random.default_rng(seed)
    t = np.arange(int(seconds * FAMILY.sample_rate)) / FAMILY.sample_rate
    f0 = 120 + 30 * np.sin(2 * np.pi * (0.7 + random.random()) * t)
    phase = 2 * np.pi * np.cumsum(f0) / FAMILY.sample_rate
    voice = sum(np.sin(k * phase) / k for k in range(1, 12))
    envelope = 0.6 + 0.4 * np.sin(2 * np.pi * 3 * t)
    noise = 0.01 * random.standard_normal(len(t))
    return (0.15 * voice * envelope + noise).astype(np.float32)


def row(index: int, seconds: float, split: str = "train") -> dict[str, Any]:
    """One row with every column that the shard stage writes and training reads."""
    frame = spectrogram_parameters(FAMILY)
    wave = tone(index, seconds)
    linear = linear_spectrogram(torch.from_numpy(wave)[None], frame)
    content = mfcc_features(linear[0], frame, 12)
    table = load_symbol_table("ipa")
    random = np.random.default_rng(index + 100)
    ids = random.integers(5, len(table.symbols), int(seconds * 6) + 2)
    return {
        "utterance_id": f"tone_{index:03d}",
        "source_digest": f"{index:064x}",
        "speaker": "tester",
        "split": split,
        "language": "en",
        "text": "one two three",
        "normalized_text": "one two three",
        "symbol_table": "ipa",
        "words": ["one", "two", "three"],
        "word2ph": [2, 2, len(ids) - 4],
        "own_words": [],
        "phones": [table.symbols[i] for i in ids],
        "phone_ids": ids.tolist(),
        "audio": {
            "bytes": encode_flac(wave, FAMILY.sample_rate),
            "path": f"tone_{index:03d}.flac",
        },
        "sample_rate": FAMILY.sample_rate,
        "duration_s": seconds,
        "linear": as_bytes(linear[0]),
        "mel": as_bytes(mel_from_linear(linear, frame)[0]),
        "n_frames": linear.shape[-1],
        "n_bins": frame.n_bins,
        "n_mels": frame.n_mels,
        "content": as_bytes(content),
        "content_dim": 12,
        "linguistic": b"",
        "linguistic_dim": 8,
        "speaker_vector": b"",
    }


def as_bytes(track: torch.Tensor) -> bytes:
    """`[D, T]` as float16 `[T, D]`."""
    return np.ascontiguousarray(track.numpy().T).astype("<f2").tobytes()


def write_shards(folder: Path, train: int = 7, held_out: int = 2) -> dict[str, Path]:
    """Write the shard stage's files."""
    folder.mkdir(parents=True, exist_ok=True)
    random = np.random.default_rng(3)
    files: dict[str, Path] = {}
    first = 0
    for split, count in (("train", train), ("validation", held_out), ("test", held_out)):
        rows = [row(first + n, 0.8 + 0.9 * random.random(), split) for n in range(count)]
        first += count
        name = f"data/{split}-00000-of-00001.parquet"
        files[name] = folder / f"{split}.parquet"
        pq.write_table(pa.Table.from_pylist(rows), files[name], row_group_size=3)
    return files


@dataclass
class FakeInputs:
    """What a corpus stage reads, from memory."""

    stage_files: dict[str, dict[str, Path]] = field(default_factory=dict)
    tables: dict[str, pa.Table] = field(default_factory=dict)
    records: dict[str, dict[str, Any]] = field(default_factory=dict)

    def table(self, stage: str, columns: Any = None) -> pa.Table:
        found = self.tables[stage]
        return found.select(list(columns)) if columns else found

    def files(self, stage: str) -> dict[str, Path]:
        if stage == "plan" and stage not in self.stage_files:
            return {"plan.json": TRAIN_BOTH}
        return self.stage_files[stage]

    def rejects(self, stage: str) -> list[Any]:
        return []

    def record(self, stage: str) -> dict[str, Any]:
        return self.records.get(stage, {})


def work(folder: Path, stop_after: int | None = None) -> Work:
    """A stage's surroundings; asks to stop once so many steps, or clips, are done."""
    folder.mkdir(parents=True, exist_ok=True)
    reached = 0

    def progress(done: int, total: int, text: str = "", phase: str = "", **metrics: float) -> None:
        nonlocal reached
        if not phase:
            reached = done

    def stop() -> bool:
        return stop_after is not None and reached >= stop_after

    return Work(dir=folder, progress=progress, stop=stop)


def view(stage: Any, tree: SimpleNamespace) -> ConfigView:
    """The settings as the stage declared them."""
    return declared_view(stage, tree)


def file_bytes(produced: Produced) -> dict[str, bytes]:
    """Contents of what a stage made."""
    return {name: path.read_bytes() for name, path in produced.files.items()}
