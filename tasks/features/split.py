"""Which clips are trained on, validated on and tested on: decided by content, never by order or name."""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Sequence
from typing import Literal, NamedTuple

Split = Literal["train", "validation", "test"]
SPLITS: tuple[Split, ...] = ("train", "validation", "test")

_MIN_CLIPS_FOR_TEST = 10
_MIN_CLIPS_FOR_VALIDATION = 2
_LEAST_VALIDATION_S = 3.0
_HASH_BITS = 64


class Clip(NamedTuple):
    """content: digest of what the clip holds; equal content always shares a split; seconds: it lasts; given:
    the split that it is to have, where somebody said so."""

    content: str
    speaker: str
    seconds: float
    given: Split | None = None


def split_clips(clips: Sequence[Clip], validation_share: float, test_share: float) -> list[Split]:
    """The split of each clip, in order.

    A clip's place is its content's hash as a number in 0-1: the lowest `test_share` are test, the next
    `validation_share` are validation. So a clip keeps its split when others are added or removed. Where a
    set would stay empty, the clips next in line fill it: one validation clip from two clips up and one test
    clip from ten up, for every speaker with ten clips and for the corpus as a whole (then from the speaker
    with most clips). A speaker with fewer than three clips is trained on only.

    Of fewer than ten clips one alone is validation, whatever the hashes say: two of five, or the longest,
    would be half of all there is to learn from. It is the one whose length is nearest to `validation_share`
    of the whole, and to three seconds where that is less.

    Clips that are given to be held out are, and nothing else is but validation clips where none are given:
    these come from the rest, by the rules above.
    """
    held_out = held_out_as_given(clips)
    if held_out:
        rest = [clip._replace(given=None) for clip in clips if clip.content not in held_out]
        share = 0.0 if "validation" in held_out.values() else validation_share
        others = dict(zip((one.content for one in rest), split_clips(rest, share, 0.0), strict=True))
        return [(held_out | others)[clip.content] for clip in clips]
    clip_of: dict[str, Clip] = {}
    for clip in clips:
        clip_of.setdefault(clip.content, clip)
    by_speaker: dict[str, list[str]] = defaultdict(list)
    for content in sorted(clip_of, key=_place):
        by_speaker[clip_of[content].speaker].append(content)

    chosen: dict[str, Split] = {}
    everything = list(clip_of)
    many = len(everything) >= _MIN_CLIPS_FOR_TEST
    for contents in by_speaker.values():
        if len(contents) < 3 or not many:
            continue
        for content in contents:
            place = _place(content)
            if place < test_share:
                chosen[content] = "test"
            elif place < test_share + validation_share:
                chosen[content] = "validation"
        if len(contents) >= _MIN_CLIPS_FOR_TEST:
            _fill(chosen, contents, validation_share, test_share)
        _keep_training(chosen, contents)

    largest = max(by_speaker.values(), key=lambda contents: (len(contents), contents[0]), default=[])
    if many:
        _fill(chosen, largest, validation_share, test_share, everything)
    elif len(everything) >= _MIN_CLIPS_FOR_VALIDATION:
        wanted_s = max(_LEAST_VALIDATION_S, validation_share * sum(one.seconds for one in clip_of.values()))
        fitting = sorted(largest, key=lambda content: abs(clip_of[content].seconds - wanted_s))
        _fill(chosen, fitting, validation_share, 0.0, everything)
    return [chosen.get(clip.content, "train") for clip in clips]


def held_out_as_given(clips: Sequence[Clip]) -> dict[str, Split]:
    """Split by content of what is given to be held out; empty where that would leave nothing to train on.

    What is both trained on and held out by what is given is held out.
    """
    found: dict[str, Split] = {}
    for clip in clips:
        if clip.given in ("validation", "test"):
            found[clip.content] = max(clip.given, found.get(clip.content, clip.given), key=SPLITS.index)
    return found if any(clip.content not in found for clip in clips) else {}


def _fill(
    chosen: dict[str, Split],
    candidates: Sequence[str],
    validation_share: float,
    test_share: float,
    within: Sequence[str] | None = None,
) -> None:
    """Gives every wanted set that has no clip among `within` the first candidate still in training."""
    present = {chosen.get(content) for content in (within or candidates)}
    wanted: tuple[tuple[Split, float], ...] = (("test", test_share), ("validation", validation_share))
    for split, share in wanted:
        if share <= 0.0 or split in present:
            continue
        free = [content for content in candidates if content not in chosen]
        if len(free) > 1 or (free and len(candidates) < len(within or candidates)):
            chosen[free[0]] = split


def _keep_training(chosen: dict[str, Split], contents: Sequence[str]) -> None:
    """At least half of a speaker's clips are trained on, however the hashes fall."""
    held_out = [content for content in contents if content in chosen]
    for content in held_out[len(contents) // 2 :]:
        del chosen[content]


def _place(content: str) -> float:
    value = int.from_bytes(hashlib.sha256(content.encode()).digest()[: _HASH_BITS // 8], "big")
    return value / 2**_HASH_BITS
