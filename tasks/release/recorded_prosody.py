"""Held-out clips of families that read characters: rendered with what training knows of them, and listed."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path

from tasks.finetune.characters.clips import Clip, FamilyOfCharacters, read_clips
from tasks.release.clips import ClipFacts
from tasks.release.samples import RECORDING, Kind, Kinds, Sample, write_samples
from tasks.release.test_sentences import Spoken
from tasks.stage import Produced, Work

CACHE_MB = 256


def timed_kinds(own: str, voices: str) -> Kinds:
    """The paths: `recording`, `resynthesis`, `timed` and `text`.

    Args:
        own: What `resynthesis` takes of the recording, for people.
        voices: What `timed` takes of the voice.
    """
    return {
        RECORDING: Kind("the held-out recording", in_step=True),
        "resynthesis": Kind(f"from the recording's own {own} (decoder check)", in_step=True),
        "timed": Kind(f"the recording's timing; {voices} are the voice's", in_step=True),
        "text": Kind("from text alone, as the voice speaks", in_step=False),
    }


def render_with_prosody(
    clips: Sequence[ClipFacts],
    files: Mapping[str, Path],
    family: FamilyOfCharacters,
    render: Callable[[ClipFacts, Clip], list[Sample]],
    kinds: Kinds,
    work: Work,
    spoken: Iterable[Spoken] = (),
    count: int = 0,
) -> Produced:
    """Render clips, and sentences beside them; `samples.json` lists what was made.

    Args:
        clips: Which, the least seen first.
        files: The shards.
        family: Audio frame, silence at the edges and characters.
        render: Every rendering of a clip, given it as training reads it: tokens, durations, pitch and mel.
        kinds: The family's paths.
        work: The stage's surroundings.
        spoken, count: As for `write_samples`.
    """
    splits = {split: read_clips(files, split, family, CACHE_MB) for split in {c.split for c in clips}}

    def rendered(clip: ClipFacts) -> list[Sample]:
        known = splits[clip.split]
        return render(clip, known[list(known.utterance_ids).index(clip.utterance_id)])

    return write_samples(clips, rendered, kinds, family.sample_rate, work, spoken, count)
