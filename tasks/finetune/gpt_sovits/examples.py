"""Clips as GPT-SoVITS trains on them: spectrogram, content and waveform; phones and linguistic features."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property, partial
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch

from models.frontend.audio import decode_flac, resample
from models.frontend.level import training_gain
from models.frontend.mel import SpectrogramParameters, linear_spectrogram
from tasks.finetune.shards import Place, Split, decoded_clips, finite_values, read_rows

_SMALL = ("utterance_id", "speaker", "n_frames", "phone_ids", "symbol_table", "linguistic_dim")
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
        linear: float16 `[F, T]` magnitudes of `wave`; `[F, 0]` when read without audio, like the next two.
        content: float16 `[D, T]`.
        wave: float32 `[S]` at the family's sample rate, at the level of `training_gain`.
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
        return sum(value.nbytes for value in self if isinstance(value, np.ndarray))


class ExampleSummary(NamedTuple):
    """A clip before it is decoded."""

    utterance_id: str
    speaker: str
    n_frames: int
    """Of the spectrogram."""
    n_phones: int


@dataclass(frozen=True)
class Examples(Split[ExampleSummary, Example]):
    """A split, or a part of it.

    Attributes:
        symbol_table: The table that all phone ids index (the shard stage sees to it).
        linguistic_channels: Size of a linguistic vector.
    """

    symbol_table: str
    linguistic_channels: int

    @cached_property
    def phone_counts(self) -> list[int]:
        """Phones of each clip."""
        return [summary.n_phones for summary in self.summaries]


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
    summaries: list[ExampleSummary] = []
    places: list[Place] = []
    symbol_table, linguistic_channels = "", 0
    for place, row in read_rows(files, split, _SMALL):
        summaries.append(
            ExampleSummary(row["utterance_id"], row["speaker"], row["n_frames"], len(row["phone_ids"]))
        )
        places.append(place)
        symbol_table, linguistic_channels = row["symbol_table"], row["linguistic_dim"]
    clips = decoded_clips([*_TEXT, *(_AUDIO if audio else ())], partial(_decode, frame=frame), cache_mb)
    return Examples(summaries, places, clips, symbol_table, linguistic_channels)


def _decode(row: Mapping[str, Any], frame: SpectrogramParameters) -> Example:
    name = row["utterance_id"]
    phone_ids = np.asarray(row["phone_ids"], dtype=np.int64)
    linguistic = _track(row, "linguistic", row["linguistic_dim"]) if row["linguistic"] else None
    nothing = np.zeros((1, 0), np.float16)
    if "audio" not in row:
        return Example(name, phone_ids, linguistic, nothing, nothing, nothing[0], None)
    recorded = decode_flac(row["audio"]["bytes"])
    wave = resample(recorded.samples, recorded.sample_rate, frame.sample_rate)
    gain = np.float32(training_gain(wave))
    wave = wave * gain
    if row["linear"]:
        # Magnitudes follow the level; they were stored at the recording's own.
        linear = (_track(row, "linear", row["n_bins"]) * gain).astype(np.float16)
    else:
        spectrogram = linear_spectrogram(torch.from_numpy(wave)[None], frame)[0]
        linear = spectrogram.numpy().astype(np.float16)
    content = _track(row, "content", row["content_dim"])
    vector = finite_values(row, "speaker_vector", np.float32) if row["speaker_vector"] else None
    return Example(name, phone_ids, linguistic, linear, content, wave, vector)


def _track(row: Mapping[str, Any], column: str, channels: int) -> np.ndarray:
    """A stored `[T, D]` float16 column as `[D, T]`; raises as `finite_values`."""
    return np.ascontiguousarray(finite_values(row, column, np.float16).reshape(-1, channels).T)
