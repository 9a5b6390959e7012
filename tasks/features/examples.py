"""The training table: its schema, and reading it back.

One row is one utterance with everything that training needs. The files are plain Parquet, which
`datasets.load_dataset("parquet", ..., streaming=True)` reads as it is; `audio` has the form that
`datasets.Audio` can be cast to.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from configs.errors import UserError

_READ_ROWS = 16
_AUDIO = pa.struct([("bytes", pa.binary()), ("path", pa.string())])
_FIELDS: tuple[tuple[str, pa.DataType, str], ...] = (
    ("utterance_id", pa.string(), "identifier"),
    ("source_digest", pa.string(), "SHA-256 of the recording file"),
    ("split", pa.string(), "train, validation or test"),
    ("speaker", pa.string(), "speaker's name"),
    ("language", pa.string(), "language code"),
    ("text", pa.string(), "what is spoken"),
    ("normalized_text", pa.string(), "numbers, dates and abbreviations written out"),
    ("symbol_table", pa.string(), "table that phone_ids index"),
    ("words", pa.list_(pa.string()), "words and punctuation marks"),
    ("phones", pa.list_(pa.string()), "phone symbols"),
    ("phone_ids", pa.list_(pa.int32()), "indices into the symbol table"),
    ("word2ph", pa.list_(pa.int32()), "phones per word"),
    ("durations", pa.list_(pa.int32()), "frames per phone; they add up to n_frames"),
    ("audio", _AUDIO, "FLAC, mono, 24 bit, at sample_rate"),
    ("sample_rate", pa.int32(), "samples per second; the family's"),
    ("duration_s", pa.float64(), "seconds"),
    ("n_frames", pa.int32(), "frames of every per-frame feature"),
    ("frame_rate_hz", pa.float32(), "frames per second"),
    ("mel", pa.binary(), "natural-log mel, float16 [n_frames, n_mels], C order"),
    ("n_mels", pa.int32(), "mel bands"),
    ("linear", pa.binary(), "linear magnitude, float16 [n_frames, n_bins]; empty when not kept"),
    ("n_bins", pa.int32(), "frequency bins"),
    ("content", pa.binary(), "content features, float16 [n_frames, content_dim]"),
    ("content_dim", pa.int32(), "size of a content vector"),
    ("linguistic", pa.binary(), "text features, float16 [phones, linguistic_dim]; empty is zeros"),
    ("linguistic_dim", pa.int32(), "size of a text vector"),
    ("f0_hz", pa.list_(pa.float32()), "fundamental frequency per frame, Hz; 0 where unvoiced"),
    ("energy", pa.list_(pa.float32()), "L2 norm of the linear magnitudes per frame"),
)
EXAMPLE = pa.schema([pa.field(name, kind, metadata={"about": about}) for name, kind, about in _FIELDS])
EXAMPLE_PLAIN = EXAMPLE.remove_metadata()


def read_examples(path: Path, columns: Sequence[str] | None = None) -> Iterator[dict[str, Any]]:
    """Rows of one Parquet file of the training table, in order, features as arrays.

    mel [n_frames, n_mels], linear [n_frames, n_bins] (None when it was not kept), content [n_frames,
    content_dim] and linguistic [phones, linguistic_dim] are float16; f0_hz and energy float32 [n_frames];
    phone_ids, word2ph and durations int32; `audio` is the FLAC's bytes. `columns` restricts what is read.
    Raises UserError when the file cannot be read or lacks a column.
    """
    try:
        with pq.ParquetFile(path) as file:
            wanted = _columns_to_read(columns, file.schema_arrow.names, path)
            for batch in file.iter_batches(batch_size=_READ_ROWS, columns=wanted, use_threads=False):
                for row in batch.to_pylist():
                    yield _with_arrays(row, columns)
    except (pa.ArrowInvalid, OSError) as error:
        raise UserError(
            f"{path}: cannot be read as a training table ({error}). Run the stage shard again."
        ) from error


def _columns_to_read(columns: Sequence[str] | None, present: list[str], path: Path) -> list[str]:
    wanted = list(EXAMPLE.names) if columns is None else list(columns)
    shapes = {
        "mel": ("n_frames", "n_mels"),
        "linear": ("n_frames", "n_bins"),
        "content": ("n_frames", "content_dim"),
        "linguistic": ("phone_ids", "linguistic_dim"),
    }
    needed = [name for column in wanted for name in (column, *shapes.get(column, ()))]
    missing = [name for name in needed if name not in present]
    if missing:
        raise UserError(f"{path}: lacks the column {missing[0]!r}. Run the stage shard again.")
    return list(dict.fromkeys(needed))


def _with_arrays(row: dict[str, Any], columns: Sequence[str] | None) -> dict[str, Any]:
    matrices = {
        "mel": lambda: (row["n_frames"], row["n_mels"]),
        "linear": lambda: (row["n_frames"], row["n_bins"]),
        "content": lambda: (row["n_frames"], row["content_dim"]),
        "linguistic": lambda: (len(row["phone_ids"]), row["linguistic_dim"]),
    }
    made: dict[str, Any] = {}
    for name, value in row.items():
        if columns is not None and name not in columns:
            continue
        if name in matrices:
            made[name] = _matrix(name, value, *matrices[name]())
        elif name == "audio":
            made[name] = value["bytes"]
        elif name in ("f0_hz", "energy"):
            made[name] = np.asarray(value, dtype=np.float32)
        elif name in ("phone_ids", "word2ph", "durations"):
            made[name] = np.asarray(value, dtype=np.int32)
        else:
            made[name] = value
    return made


def _matrix(name: str, data: bytes, rows: int, columns: int) -> np.ndarray | None:
    if data:
        return np.frombuffer(data, dtype="<f2").reshape(rows, columns)
    return None if name == "linear" else np.zeros((rows, columns), dtype=np.float16)
