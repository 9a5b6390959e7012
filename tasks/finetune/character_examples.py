"""Clips as StyleTTS 2 and Kokoro train on them, out of the shards: mel, pitch and wave on one grid; tokens.

Tokens and their durations are made of the clip's phones when it is read, so that the shards know of no
family's characters.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple, Protocol

import numpy as np
import torch

from artifacts.manifest import Reject
from models.acoustics.batch import AcousticBatch
from models.frontend.text.character_tokens import Tokens, character_table, encode, token_durations
from tasks.features.frames import FrameSettings, family_wave
from tasks.finetune.batches import BoundedCache, pad_frames
from tasks.finetune.examples import MIB, Place, finite_values, group_rows, small_rows
from tasks.stage import reject

_TEXT = ("language", "words", "phones", "word2ph", "durations", "lead_frames", "trail_frames", "pause_frames")
_SMALL = ("utterance_id", "speaker", "n_frames", *_TEXT)
_LARGE = (*_SMALL, "mel", "n_mels", "f0_hz", "audio")


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
        return sum(array.nbytes for array in (self.tokens, self.durations, self.mel, self.f0_hz, self.wave))


@dataclass(frozen=True)
class Clips:
    """A split, or a part of it: small columns in memory, clips on demand.

    Attributes:
        utterance_ids, speakers: Of each clip, in the shards' order.
        frames: Mel frames of each clip, even.
        token_counts: Tokens of each clip.
        unknown: Characters without a token, of each clip.
        places: Where each clip lies.
        groups: Decoded row groups by (path, group).
    """

    utterance_ids: Sequence[str]
    speakers: Sequence[str]
    frames: Sequence[int]
    token_counts: Sequence[int]
    unknown: Sequence[tuple[str, ...]]
    places: Sequence[Place]
    groups: BoundedCache[tuple[Path, int], list[Clip]]

    def __len__(self) -> int:
        return len(self.utterance_ids)

    def __getitem__(self, index: int) -> Clip:
        place = self.places[index]
        return self.groups((place.path, place.group))[place.row]

    def subset(self, indices: Iterable[int]) -> Clips:
        """The clips of some indices, in their order."""
        chosen = list(indices)
        return Clips(
            [self.utterance_ids[i] for i in chosen],
            [self.speakers[i] for i in chosen],
            [self.frames[i] for i in chosen],
            [self.token_counts[i] for i in chosen],
            [self.unknown[i] for i in chosen],
            [self.places[i] for i in chosen],
            self.groups,
        )


def read_clips(files: Mapping[str, Path], split: str, family: FamilyOfCharacters, cache_mb: int) -> Clips:
    """Open the shards of a split.

    Args:
        files: The shard stage's files by name.
        split: `train`, `validation` or `test`.
        family: Audio frame, silence at the edges and characters.
        cache_mb: Memory for decoded clips, MiB.
    """
    rows = list(small_rows(files, split, _SMALL))
    tokens = [_tokens(row, family) for _, row in rows]

    def load(place: tuple[Path, int]) -> list[Clip]:
        return [_decode(row, family) for row in group_rows(place, _LARGE)]

    return Clips(
        [row["utterance_id"] for _, row in rows],
        [row["speaker"] for _, row in rows],
        [row["n_frames"] for _, row in rows],
        [len(t.ids) for t in tokens],
        [tuple(t.unknown) for t in tokens],
        [place for place, _ in rows],
        BoundedCache(load, lambda group: sum(clip.size_bytes for clip in group), cache_mb * MIB),
    )


def _tokens(row: Mapping[str, Any], family: FamilyOfCharacters) -> Tokens:
    table = character_table(family.character_table or "styletts2", row["language"])
    return encode(row["words"], row["phones"], row["word2ph"], table)


def _decode(row: Mapping[str, Any], family: FamilyOfCharacters) -> Clip:
    n_frames = row["n_frames"]
    tokens = _tokens(row, family)
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


class Limits(Protocol):
    """The settings that decide which clips are trained on; see configs.train_styletts2."""

    @property
    def max_clip_s(self) -> float: ...

    @property
    def max_tokens(self) -> int: ...


class Shortest(NamedTuple):
    """The fewest mel frames of a clip, and what needs them."""

    frames: int
    needed_by: str


def refuse_unfit(
    clips: Clips, section: str, limits: Limits, shortest: Shortest, frame_rate_hz: float
) -> tuple[Clips, list[Reject]]:
    """The clips that the networks can learn from, and a reject for each of the others.

    Args:
        clips: Of a split.
        section: Where the limits are set, for messages: `train.styletts2`.
        limits: The settings of the family.
        shortest: What the family's networks need.
        frame_rate_hz: Of the mel.
    """
    kept: list[int] = []
    rejects: list[Reject] = []
    for index, name in enumerate(clips.utterance_ids):
        frames, tokens = clips.frames[index], clips.token_counts[index]
        seconds = frames / frame_rate_hz
        if frames < shortest.frames:
            refused = (
                "too_short",
                "n_frames",
                str(frames),
                f"{seconds:.2f} s with the silence around it, and {shortest.needed_by} needs "
                f"{shortest.frames / frame_rate_hz:.2f} s",
                "segment it longer",
            )
        elif seconds > limits.max_clip_s:
            refused = (
                "too_long",
                "n_frames",
                str(frames),
                f"longer than {section}.max_clip_s = {limits.max_clip_s} s",
                "segment it shorter, or raise the limit",
            )
        elif tokens > limits.max_tokens:
            refused = (
                "too_many_tokens",
                "tokens",
                str(tokens),
                f"more than {section}.max_tokens = {limits.max_tokens}",
                "segment it shorter",
            )
        elif tokens > frames // 2:
            refused = (
                "too_fast",
                "tokens",
                str(tokens),
                f"its {frames // 2} frames of 25 ms are fewer than its tokens, each of which needs one",
                "check its transcript",
            )
        else:
            kept.append(index)
            continue
        rejects.append(reject(name, *refused))
    return clips.subset(kept), rejects


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
    counts: dict[str, int] = {}
    for characters in clips.unknown:
        for character in characters:
            counts[character] = counts.get(character, 0) + 1
    if not counts:
        return []
    listed = ", ".join(f"{c!r} {n} times" for c, n in sorted(counts.items(), key=lambda each: -each[1])[:10])
    return [f"family.character_table: it has no token for {listed}; these were left out of the texts"]


References = Callable[[AcousticBatch, torch.Generator], AcousticBatch]
"""Adds another clip by each row's speaker."""


def no_references(batch: AcousticBatch, rng: torch.Generator) -> AcousticBatch:
    """The batch as it is: a single-speaker model hears no reference."""
    del rng
    return batch


def references_among(clips: Clips) -> References:
    """For each row of a batch another clip by its speaker, drawn anew in every step; its own where alone."""
    of_speaker: dict[str, list[int]] = {}
    for index, speaker in enumerate(clips.speakers):
        of_speaker.setdefault(speaker, []).append(index)
    place = {name: index for index, name in enumerate(clips.utterance_ids)}

    def add(batch: AcousticBatch, rng: torch.Generator) -> AcousticBatch:
        shares = torch.rand(len(batch.speakers), generator=rng).tolist()
        mels = []
        for name, speaker, share in zip(batch.utterance_ids, batch.speakers, shares, strict=True):
            others = [index for index in of_speaker[speaker] if index != place.get(name)]
            candidates = others or of_speaker[speaker]
            mels.append(clips[candidates[int(share * len(candidates))]].mel)
        return batch._replace(
            reference_mel=pad_frames(mels).float(), reference_lengths=tuple(mel.shape[1] for mel in mels)
        )

    return add
