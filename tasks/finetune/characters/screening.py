"""Which clips of characters can be trained on, and why the others cannot."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple, Protocol

from artifacts.manifest import Reject
from tasks.finetune.characters.clips import Clips, FamilyOfCharacters, read_clips
from tasks.finetune.shards import Refusal, refuse, require_clips


class Limits(Protocol):
    """The settings that decide which clips are trained on; see configs.train_styletts2."""

    @property
    def max_clip_s(self) -> float: ...

    @property
    def max_tokens(self) -> int: ...

    @property
    def cache_mb(self) -> int: ...


class Shortest(NamedTuple):
    """The fewest mel frames of a clip, and what needs them."""

    frames: int
    needed_by: str


class Usable(NamedTuple):
    """Clips that the networks can learn from."""

    training: Clips
    validation: Clips
    rejects: list[Reject]
    """Of the training clips."""


def usable_clips(
    files: Mapping[str, Path], section: str, limits: Limits, shortest: Shortest, family: FamilyOfCharacters
) -> Usable:
    """Open the shards and refuse what the networks cannot learn from.

    Args:
        files: The shard stage's files by name.
        section: Where the limits are set, for messages: `train.styletts2`.
        limits: The settings of the family.
        shortest: What the family's networks need.
        family: Audio frame, silence at the edges and characters.

    Raises:
        UserError: no training clip is usable.
    """
    frame_rate_hz = family.sample_rate / family.hop_samples

    def screened(split: str) -> tuple[Clips, list[Reject]]:
        clips = read_clips(files, split, family, limits.cache_mb)

        def refusal(index: int) -> Refusal | None:
            summary = clips.summaries[index]
            return _refusal(summary.n_frames, summary.n_tokens, section, limits, shortest, frame_rate_hz)

        return refuse(clips, refusal)

    training, rejects = screened("train")
    require_clips(section, training, rejects)
    return Usable(training, screened("validation")[0], rejects)


def _refusal(
    frames: int, tokens: int, section: str, limits: Limits, shortest: Shortest, frame_rate_hz: float
) -> Refusal | None:
    seconds = frames / frame_rate_hz
    if frames < shortest.frames:
        reason = (
            f"{seconds:.2f} s with the silence around it, and {shortest.needed_by} needs "
            f"{shortest.frames / frame_rate_hz:.2f} s"
        )
        return Refusal("too_short", "n_frames", str(frames), reason, "segment it longer")
    if seconds > limits.max_clip_s:
        reason = f"longer than {section}.max_clip_s = {limits.max_clip_s} s"
        return Refusal("too_long", "n_frames", str(frames), reason, "segment it shorter, or raise the limit")
    if tokens > limits.max_tokens:
        reason = f"more than {section}.max_tokens = {limits.max_tokens}"
        return Refusal("too_many_tokens", "tokens", str(tokens), reason, "segment it shorter")
    if tokens > frames // 2:
        reason = f"its {frames // 2} frames of 25 ms are fewer than its tokens, each of which needs one"
        return Refusal("too_fast", "tokens", str(tokens), reason, "check its transcript")
    return None
