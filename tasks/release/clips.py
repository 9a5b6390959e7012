"""The clips of a training table, without their audio and features, and which of them are rendered."""

from __future__ import annotations

import difflib
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

from configs.errors import UserError
from models.frontend.audio import Samples, decode_flac
from models.frontend.text.phonemized import Phonemized
from tasks.pipeline import Pipeline
from tasks.turns import in_turns

COMFORTABLE_REFERENCE_S = 6.0
_SPOKEN = (
    "normalized_text", "language", "symbol_table", "words", "phones", "phone_ids", "word2ph", "own_words",
)  # fmt: skip


@dataclass(frozen=True)
class ClipFacts:
    """One clip of the training table, without its audio and features.

    Attributes:
        path: Shard file that holds it.
        utterance_id: Which clip.
        split: train, validation or test.
        speaker: Who speaks.
        language: Language code.
        text: What is said.
        duration_s: Seconds.
    """

    path: Path
    utterance_id: str
    split: str
    speaker: str
    language: str
    text: str
    duration_s: float


def clip_facts(files: Mapping[str, Path]) -> list[ClipFacts]:
    """Every clip of the shards, in their order."""
    columns = ["utterance_id", "split", "speaker", "language", "text", "duration_s"]
    return [
        ClipFacts(path, **row)
        for name, path in sorted(files.items())
        if name.endswith(".parquet")
        for row in pq.read_table(path, columns=columns).to_pylist()
    ]


def rendered_clips(files: Mapping[str, Path]) -> list[ClipFacts]:
    """As `clip_facts`, of a table that must hold some.

    Raises:
        UserError: the shards hold no clip.
    """
    clips = clip_facts(files)
    if not clips:
        raise UserError("synthesize: the shards hold 0 clips; run the stage shard again")
    return clips


def clip_row(clip: ClipFacts, columns: Sequence[str]) -> dict[str, Any]:
    """Some columns of one clip, as they are stored."""
    chosen = [("utterance_id", "==", clip.utterance_id)]
    row: dict[str, Any] = pq.read_table(clip.path, columns=list(columns), filters=chosen).to_pylist()[0]
    return row


def clip_speech(clip: ClipFacts) -> Phonemized:
    """What is said in a clip, as the corpus has it."""
    return Phonemized(**clip_row(clip, _SPOKEN), unknown=[])


def clip_samples(clip: ClipFacts) -> Samples:
    """Samples `[S]` of a clip at the family's rate."""
    return decode_flac(clip_row(clip, ["audio"])["audio"]["bytes"]).samples


def corpus_clip(pipeline: Pipeline, utterance_id: str) -> ClipFacts:
    """A clip of a finished voice's corpus.

    Raises:
        UserError: the corpus has no such clip, or is not finished.
    """
    if pipeline.known("shard") is None:
        raise UserError(f"voice {pipeline.voice}: its corpus is not finished; run the pipeline first")
    clips = clip_facts(pipeline.files("shard"))
    found = {clip.utterance_id: clip for clip in clips}
    if utterance_id not in found:
        near = difflib.get_close_matches(utterance_id, found, n=3, cutoff=0.0)
        raise UserError(
            f"--reference-clip: the corpus of {pipeline.voice} holds no clip {utterance_id!r}; there are, "
            f"for example, {', '.join(near)}"
        )
    return found[utterance_id]


def languages_of(clips: Sequence[ClipFacts]) -> tuple[str, ...]:
    """Language codes, the one with most clips first."""
    counts = Counter(clip.language for clip in clips)
    return tuple(sorted(counts, key=lambda language: (-counts[language], language)))


def held_out(clips: Sequence[ClipFacts], count: int, references: set[str]) -> list[ClipFacts]:
    """Clips to render: test before validation before training, references last within each, else in turns."""
    order = {"test": 0, "validation": 1, "train": 2}
    turns = in_turns([clip.speaker for clip in clips], [clip.utterance_id for clip in clips])
    ranked = sorted(
        (clips[index] for index in turns), key=lambda c: (order[c.split], c.utterance_id in references)
    )
    unseen = [clip for clip in ranked if clip.split != "train"]
    return (unseen or ranked)[:count]


def representative(profile: Mapping[str, Any], clips: Sequence[ClipFacts]) -> ClipFacts:
    """The clip of a speaker's profile, or where the shards lack it the speaker's most comfortable one."""
    own = [clip for clip in clips if clip.speaker == profile["speaker"]]
    return min(
        own,
        key=lambda clip: (
            clip.utterance_id != profile["reference_utterance_id"],
            abs(clip.duration_s - COMFORTABLE_REFERENCE_S),
            clip.utterance_id,
        ),
    )
