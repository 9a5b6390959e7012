"""Training examples out of the shards, decoded when asked for and kept in memory up to a limit."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pyarrow.parquet as pq
import torch

from artifacts.manifest import Reject
from configs.errors import UserError
from models.frontend.audio import decode_flac, resample
from models.frontend.mel import SpectrogramParameters, linear_spectrogram
from tasks.finetune.batches import Admitted, BoundedCache
from tasks.stage import reject

MIB = 1 << 20
_LIGHT = ("utterance_id", "n_frames", "phone_ids", "symbol_table", "linguistic_dim")
_TEXT = ("utterance_id", "phone_ids", "linguistic", "linguistic_dim")
_AUDIO = (
    "audio",
    "sample_rate",
    "linear",
    "n_frames",
    "n_bins",
    "content",
    "content_dim",
    "speaker_vector",
)


class Example(NamedTuple):
    """One clip as training wants it; arrays are `[channels, time]`.

    Attributes:
        utterance_id: Which clip.
        phone_ids: int64 `[L]`.
        linguistic: float16 `[D, L]`, or None for zeros.
        linear: float16 `[F, T]` magnitudes; `[F, 0]` when read without audio, like the next two.
        content: float16 `[D, T]`.
        wave: float32 `[S]` at the family's sample rate.
        speaker_vector: float32 `[20480]`; None when the shards have none, or read without audio.
    """

    utterance_id: str
    phone_ids: np.ndarray
    linguistic: np.ndarray | None
    linear: np.ndarray
    content: np.ndarray
    wave: np.ndarray
    speaker_vector: np.ndarray | None

    @property
    def size_bytes(self) -> int:
        """Memory of the arrays."""
        arrays = (
            self.phone_ids,
            self.linguistic,
            self.linear,
            self.content,
            self.wave,
            self.speaker_vector,
        )
        return sum(array.nbytes for array in arrays if array is not None)


class Place(NamedTuple):
    """Where a row lies in the shards."""

    path: Path
    group: int
    row: int


@dataclass(frozen=True)
class Examples:
    """A split, or a part of it: small columns in memory, examples on demand.

    Attributes:
        utterance_ids: Ids in the shards' order.
        frames: Spectrogram frames of each clip.
        phone_counts: Phones of each clip.
        symbol_table: The table that all phone ids index (the shard stage sees to it).
        linguistic_channels: Size of a linguistic vector.
        places: Where each example lies.
        groups: Decoded row groups by (path, group).
    """

    utterance_ids: Sequence[str]
    frames: Sequence[int]
    phone_counts: Sequence[int]
    symbol_table: str
    linguistic_channels: int
    places: Sequence[Place]
    groups: BoundedCache[tuple[Path, int], list[Example]]

    def __len__(self) -> int:
        return len(self.utterance_ids)

    def __getitem__(self, index: int) -> Example:
        place = self.places[index]
        return self.groups((place.path, place.group))[place.row]

    def subset(self, indices: Sequence[int]) -> Examples:
        """The examples of some indices, in their order."""
        return Examples(
            [self.utterance_ids[i] for i in indices],
            [self.frames[i] for i in indices],
            [self.phone_counts[i] for i in indices],
            self.symbol_table,
            self.linguistic_channels,
            [self.places[i] for i in indices],
            self.groups,
        )


def read_split(
    files: Mapping[str, Path],
    split: str,
    frame: SpectrogramParameters,
    cache_mb: int,
    audio: bool = True,
) -> Examples:
    """Open the shards of a split.

    Args:
        files: The shard stage's files by name.
        split: `train`, `validation` or `test`.
        frame: The family's audio frame.
        cache_mb: Memory for decoded examples, MiB.
        audio: False leaves spectrogram, content and waveform out.
    """
    utterance_ids: list[str] = []
    frames: list[int] = []
    phone_counts: list[int] = []
    symbol_table, linguistic_channels = "", 0
    places: list[Place] = []
    for place, row in small_rows(files, split, _LIGHT):
        utterance_ids.append(row["utterance_id"])
        frames.append(row["n_frames"])
        phone_counts.append(len(row["phone_ids"]))
        symbol_table, linguistic_channels = row["symbol_table"], row["linguistic_dim"]
        places.append(place)

    def load(place: tuple[Path, int]) -> list[Example]:
        return [_decode(row, frame) for row in group_rows(place, [*_TEXT, *(_AUDIO if audio else ())])]

    cache = BoundedCache(load, lambda group: sum(e.size_bytes for e in group), cache_mb * MIB)
    return Examples(utterance_ids, frames, phone_counts, symbol_table, linguistic_channels, places, cache)


def small_rows(
    files: Mapping[str, Path], split: str, columns: Sequence[str]
) -> Iterator[tuple[Place, dict[str, Any]]]:
    """A few columns of every row of a split, in the shards' order, and where the row lies."""
    for name in sorted(n for n in files if is_of_split(n, split)):
        source = pq.ParquetFile(files[name])
        for group in range(source.num_row_groups):
            for at, row in enumerate(source.read_row_group(group, columns=list(columns)).to_pylist()):
                yield Place(files[name], group, at), row


def group_rows(place: tuple[Path, int], columns: Sequence[str]) -> list[dict[str, Any]]:
    """Some columns of the rows of one group."""
    rows: list[dict[str, Any]] = (
        pq.ParquetFile(place[0]).read_row_group(place[1], columns=list(columns)).to_pylist()
    )
    return rows


def is_of_split(name: str, split: str) -> bool:
    """Whether a file of the shard stage holds rows of a split."""
    return name.endswith(".parquet") and name.rsplit("/", 1)[-1].startswith(split)


def refuse_long(examples: Examples, admitted: Admitted, max_clip_s: float) -> tuple[Examples, list[Reject]]:
    """The clips that fit, and a reject for each of the others."""
    rejects = [
        reject(
            examples.utterance_ids[index],
            "too_long",
            "n_frames",
            str(length),
            f"longer than train.sovits.max_clip_s = {max_clip_s} s",
            "segment it shorter, or raise the limit",
        )
        for index, length in admitted.refused
    ]
    return examples.subset(admitted.kept), rejects


def _decode(row: Mapping[str, Any], frame: SpectrogramParameters) -> Example:
    name = row["utterance_id"]
    phone_ids = np.asarray(row["phone_ids"], dtype=np.int64)
    linguistic = _track(row, "linguistic", row["linguistic_dim"]) if row["linguistic"] else None
    nothing = np.zeros((1, 0), np.float16)
    if "audio" not in row:
        return Example(name, phone_ids, linguistic, nothing, nothing, nothing[0], None)
    recorded = decode_flac(row["audio"]["bytes"])
    wave = resample(recorded.samples, recorded.sample_rate, frame.sample_rate)
    if row["linear"]:
        linear = _track(row, "linear", row["n_bins"])
    else:
        spectrogram = linear_spectrogram(torch.from_numpy(wave)[None], frame)[0]
        linear = spectrogram.numpy().astype(np.float16)
    content = _track(row, "content", row["content_dim"])
    vector = finite_values(row, "speaker_vector", np.float32) if row["speaker_vector"] else None
    return Example(name, phone_ids, linguistic, linear, content, wave, vector)


def _track(row: Mapping[str, Any], column: str, channels: int) -> np.ndarray:
    """A stored `[T, D]` float16 column as `[D, T]`; raises as `finite_values`."""
    return np.ascontiguousarray(finite_values(row, column, np.float16).reshape(-1, channels).T)


def finite_values(row: Mapping[str, Any], column: str, kind: type[np.floating]) -> np.ndarray:
    """A stored column's values, flat.

    Raises:
        UserError: it holds a value that is not a number, which no training step could survive.
    """
    values = np.frombuffer(row[column], kind)
    if not np.isfinite(values).all():
        raise UserError(
            f"shard: {column} of {row['utterance_id']} holds infinite values or NaN; listen to the "
            "clip, and remove it if it is broken"
        )
    return values
