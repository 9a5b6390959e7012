"""A voice's training table as the experiment folder that GPT-SoVITS's own training scripts read."""

from __future__ import annotations

import io
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import soundfile
import torch

from artifacts.store import write_atomically
from configs.errors import UserError
from models.frontend.audio import decode_flac
from models.frontend.level import training_gain
from models.published import serialized
from tasks.corpus.experiment_folder import (
    BERT,
    CODES,
    CODES_HEADER,
    CONTENT,
    CONTENT_CHANNELS,
    SAMPLE_RATE,
    SPEAKER_VECTORS,
    TEXTS,
    WAVES,
)
from tasks.pipeline import Pipeline

_COLUMNS = (
    "utterance_id", "language", "normalized_text", "symbol_table", "phones", "word2ph", "audio",
    "sample_rate", "n_frames", "content", "content_dim", "linguistic", "linguistic_dim", "speaker_vector",
)  # fmt: skip


def export_experiment(pipeline: Pipeline, folder: Path) -> Iterator[str]:
    """Write every clip of a finished voice's training table, yielding each name.

    Raises:
        UserError: the voice has not got that far, or GPT-SoVITS could not train on its features.
    """
    if pipeline.known("shard") is None or pipeline.known("semantic") is None:
        raise UserError(
            f"VOICE: {pipeline.voice} has no semantic codes yet; run `voicewright finetune` up to the stage "
            "semantic"
        )
    table = pipeline.table("semantic", ["utterance_id", "codes"])
    codes = dict(zip(table["utterance_id"].to_pylist(), table["codes"].to_pylist(), strict=True))
    return write_experiment(pipeline.files("shard"), codes, folder)


def write_experiment(
    files: Mapping[str, Path], codes: Mapping[str, list[int]], folder: Path
) -> Iterator[str]:
    """Write the clips of the shards' `files` and their `codes`; the two tables are written last.

    Raises:
        UserError: the folder is not empty, or the features are not of GPT-SoVITS's kind.
    """
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise UserError(f"{folder}: is not an empty folder; name a new one for the experiment")
    texts: list[str] = []
    semantic = [CODES_HEADER]
    for name, path in sorted(files.items()):
        if not name.endswith(".parquet"):
            continue
        for batch in pq.ParquetFile(path).iter_batches(batch_size=16, columns=list(_COLUMNS)):
            for row in batch.to_pylist():
                _require_gpt_sovits(row)
                wave = f"{row['utterance_id']}.wav"
                _write_tensors(folder, wave, row)
                texts.append(_text_line(wave, row))
                semantic.append(f"{wave}\t{' '.join(map(str, codes[row['utterance_id']]))}")
                yield wave
    write_atomically(folder / TEXTS, ("\n".join(texts) + "\n").encode())
    write_atomically(folder / CODES, ("\n".join(semantic) + "\n").encode())


def _write_tensors(folder: Path, wave: str, row: Mapping[str, Any]) -> None:
    clip = decode_flac(row["audio"]["bytes"])
    data = io.BytesIO()
    levelled = clip.samples * np.float32(training_gain(clip.samples))
    soundfile.write(data, levelled, clip.sample_rate, format="WAV", subtype="PCM_16")
    write_atomically(folder / WAVES / wave, data.getvalue())
    content = np.frombuffer(row["content"], "<f2").reshape(row["n_frames"], row["content_dim"])
    parts = {CONTENT: content.T[None]}
    if row["linguistic"]:
        bert = np.frombuffer(row["linguistic"], "<f2").reshape(len(row["phones"]), row["linguistic_dim"])
        parts[BERT] = bert.T
    if row["speaker_vector"]:
        parts[SPEAKER_VECTORS] = np.frombuffer(row["speaker_vector"], "<f4")[None]
    for part, values in parts.items():
        tensor = torch.from_numpy(np.array(values))
        write_atomically(folder / part / f"{wave}.pt", serialized(tensor))


def _text_line(wave: str, row: Mapping[str, Any]) -> str:
    # GPT-SoVITS counts phones per character for Chinese only, where BERT's vectors are repeated by them.
    counts = row["word2ph"] if row["language"] == "zh" else None
    text = " ".join(row["normalized_text"].split())
    return "\t".join((wave, " ".join(row["phones"]), str(counts), text))


def _require_gpt_sovits(row: Mapping[str, Any]) -> None:
    problems = {
        "family.sample_rate": (row["sample_rate"], SAMPLE_RATE, row["sample_rate"] == SAMPLE_RATE),
        "features.content.backend": (
            f"features {row['content_dim']} wide",
            f"hubert ({CONTENT_CHANNELS} wide)",
            row["content_dim"] == CONTENT_CHANNELS,
        ),
        "features.phonemize.symbol_table": (
            row["symbol_table"],
            "a gpt-sovits table",
            row["symbol_table"].startswith("gpt-sovits-"),
        ),
    }
    for setting, (found, wanted, fits) in problems.items():
        if not fits:
            raise UserError(
                f"{setting}: this voice has {found}, where GPT-SoVITS trains on {wanted}; prepare the voice "
                "with the preset gpt-sovits-v2"
            )
