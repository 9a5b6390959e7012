"""Clips as StyleTTS 2 and Kokoro train on them, out of the shards: mel, pitch and wave on one grid; tokens.

Tokens and their durations are made of the clip's phones when it is read, so that the shards know of no
family's characters.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple, Protocol

import numpy as np

from models.acoustics.batch import AcousticBatch
from models.frontend.text.character_tokens import Tokens, character_table, encode, token_durations
from tasks.features.frames import FrameSettings, family_wave
from tasks.finetune.batches import pad_frames
from tasks.finetune.shards import Split, decoded_clips, finite_values, read_rows

_TEXT = (
    "language", "words", "phones", "word2ph", "own_words", "durations", "lead_frames", "trail_frames",
    "pause_frames",
)  # fmt: skip
_SMALL = ("utterance_id", "speaker", "n_frames", *_TEXT)
_LARGE = (*_SMALL, "mel", "n_mels", "f0_hz", "audio")
_LISTED_CHARACTERS = 10


class FamilyOfCharacters(FrameSettings, Protocol):
    """The part of the family's settings that clips follow from; see configs.family."""

    character_table: str | None


class Clip(NamedTuple):
    """One clip; T mel frames, T even."""

    utterance_id: str
    speaker: str
    tokens: np.ndarray
    """int64 [L]."""
    durations: np.ndarray
    """int64 [L], frames of 25 ms; their sum is T / 2."""
    mel: np.ndarray
    """float16 [F, T]."""
    f0_hz: np.ndarray
    """float32 [T], 0 where unvoiced."""
    wave: np.ndarray
    """float32 [T * hop_samples]."""

    @property
    def size_bytes(self) -> int:
        """Memory of the arrays."""
        return sum(value.nbytes for value in self if isinstance(value, np.ndarray))


class ClipSummary(NamedTuple):
    """A clip before it is decoded."""

    utterance_id: str
    speaker: str
    n_frames: int
    """Mel frames, even."""
    n_tokens: int
    unknown: tuple[str, ...]
    """Characters without a token."""


@dataclass(frozen=True)
class Clips(Split[ClipSummary, Clip]):
    """A split, or a part of it."""


def read_clips(files: Mapping[str, Path], split: str, family: FamilyOfCharacters, cache_mb: int) -> Clips:
    """Open the shards of a split.

    Args:
        files: The shard stage's files by name.
        split: `train`, `validation` or `test`.
        family: Audio frame, silence at the edges and characters.
        cache_mb: Memory for decoded clips, MiB.
    """
    rows = list(read_rows(files, split, _SMALL))
    return Clips(
        [_summary(row, family) for _, row in rows],
        [place for place, _ in rows],
        decoded_clips(_LARGE, partial(_decode, family=family), cache_mb),
    )


def _summary(row: Mapping[str, Any], family: FamilyOfCharacters) -> ClipSummary:
    tokens = tokens_of(row, family)
    return ClipSummary(
        row["utterance_id"], row["speaker"], row["n_frames"], len(tokens.ids), tuple(tokens.unknown)
    )


def tokens_of(row: Mapping[str, Any], family: FamilyOfCharacters) -> Tokens:
    """The tokens of a row of phones, in the family's characters."""
    table = character_table(family.character_table or "styletts2", row["language"])
    return encode(row["words"], row["phones"], row["word2ph"], table, row["own_words"] or ())


def _decode(row: Mapping[str, Any], family: FamilyOfCharacters) -> Clip:
    n_frames = row["n_frames"]
    tokens = tokens_of(row, family)
    durations = token_durations(
        tokens, row["durations"], row["lead_frames"], row["trail_frames"], row["pause_frames"]
    )
    wave = family_wave({"audio": row["audio"]["bytes"]}, family)
    n_samples = n_frames * family.hop_samples
    mel = finite_values(row, "mel", np.float16).reshape(-1, row["n_mels"]).T
    return Clip(
        row["utterance_id"],
        row["speaker"],
        np.asarray(tokens.ids, dtype=np.int64),
        np.asarray(durations, dtype=np.int64),
        np.ascontiguousarray(mel),
        np.asarray(row["f0_hz"], dtype=np.float32),
        np.pad(wave[:n_samples], (0, max(0, n_samples - len(wave)))),
    )


def collate(clips: Sequence[Clip]) -> AcousticBatch:
    """Pad clips to one batch."""
    return AcousticBatch(
        tokens=pad_frames([clip.tokens for clip in clips]),
        token_lengths=tuple(len(clip.tokens) for clip in clips),
        mel=pad_frames([clip.mel for clip in clips]).float(),
        mel_lengths=tuple(clip.mel.shape[1] for clip in clips),
        wave=pad_frames([clip.wave for clip in clips]),
        durations=pad_frames([clip.durations for clip in clips]),
        f0_hz=pad_frames([clip.f0_hz for clip in clips]),
        speakers=tuple(clip.speaker for clip in clips),
        utterance_ids=tuple(clip.utterance_id for clip in clips),
    )


def unknown_characters(clips: Clips) -> list[str]:
    """A warning that counts the characters which the table lacks."""
    counts = Counter(character for summary in clips.summaries for character in summary.unknown)
    if not counts:
        return []
    listed = ", ".join(f"{c!r} {n} times" for c, n in counts.most_common(_LISTED_CHARACTERS))
    return [f"family.character_table: it has no token for {listed}; these were left out of the texts"]
