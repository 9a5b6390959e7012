"""Rendered clips as files and a listing, whichever paths a family renders by."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from models.frontend.audio import Samples, encode_flac
from tasks.outcome import Work
from tasks.release.clips import ClipFacts
from tasks.release.test_sentences import Spoken
from tasks.stage import Produced

LISTING = "samples.json"


class Kind(NamedTuple):
    """A path that makes audio of a clip.

    Attributes:
        about: What the path hears and makes, for people.
        in_step: Its audio has the recording's timing, and can be compared with it frame by frame.
    """

    about: str
    in_step: bool


RECORDING = "recording"
SENTENCES = "sentences"
"""The kind of what is said without a recording to compare it with."""
Kinds = Mapping[str, Kind]
"""A family's paths by name; `recording`, the clip itself, is one of them."""


class Sample(NamedTuple):
    """One rendering of a clip.

    Attributes:
        kind: Which path made it.
        samples: float32 `[S]`.
        cut_off: No end was found, and it was stopped.
    """

    kind: str
    samples: Samples
    cut_off: bool = False


def write_samples(
    clips: Sequence[ClipFacts],
    render: Callable[[ClipFacts], Iterable[Sample]],
    kinds: Kinds,
    sample_rate: int,
    work: Work,
    spoken: Iterable[Spoken] = (),
    count: int = 0,
) -> Produced:
    """Render clips to FLAC, and sentences beside them; `samples.json` lists what was made.

    Args:
        clips: Which, the least seen first.
        render: Every rendering of a clip.
        kinds: The family's paths.
        sample_rate: Of the renderings, Hz.
        work: The stage's surroundings.
        spoken: Sentences that are in no corpus, said one after the other.
        count: How many of them there will be.
    """
    listing: list[dict[str, Any]] = []
    made: dict[str, Path] = {}
    for number, clip in enumerate(clips):
        work.heed_stop()
        for sample in render(clip):
            name = f"samples/{clip.utterance_id}.{sample.kind}.flac"
            made[name] = work.dir / name
            made[name].parent.mkdir(parents=True, exist_ok=True)
            made[name].write_bytes(encode_flac(sample.samples, sample_rate))
            listing.append(_entry(clip, sample, name, kinds[sample.kind], sample_rate))
        work.progress(number + 1, len(clips) + count, clip.utterance_id)
    real_time = _write_sentences(spoken, count, len(clips), sample_rate, work, listing, made)
    made[LISTING] = work.dir / LISTING
    made[LISTING].write_text(json.dumps(listing, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    cut_off = [entry["utterance_id"] for entry in listing if entry["cut_off"]]
    said = len({entry["utterance_id"] for entry in listing})
    warnings = []
    if clips[0].split == "train":
        warnings.append("no clip was held out: the samples are clips that the voice was trained on")
    if cut_off:
        warnings.append(
            f"the decoder found no end for {len(cut_off)} of {said} sentences ({', '.join(cut_off)}); "
            "train T2S longer"
        )
    metrics = {"clips": float(len(clips)), "cut_off": float(len(cut_off))} | real_time
    return Produced(files=made, metrics=metrics, warnings=warnings)


def _write_sentences(
    spoken: Iterable[Spoken],
    count: int,
    before: int,
    sample_rate: int,
    work: Work,
    listing: list[dict[str, Any]],
    made: dict[str, Path],
) -> dict[str, float]:
    """Write and list them; the time that they took per second of speech, which no result depends on."""
    took_s = said_s = 0.0
    for number, one in enumerate(spoken):
        work.heed_stop()
        name = f"samples/{one.utterance_id}.{SENTENCES}.flac"
        made[name] = work.dir / name
        made[name].parent.mkdir(parents=True, exist_ok=True)
        made[name].write_bytes(encode_flac(one.samples, sample_rate))
        duration_s = len(one.samples) / sample_rate
        listing.append(
            {
                "utterance_id": one.utterance_id,
                "speaker": one.speaker,
                "language": one.language,
                "text": one.text,
                "split": "none",
                "kind": SENTENCES,
                "about": "a sentence that is in no corpus, as the voice speaks",
                "in_step": False,
                "file": name,
                "duration_s": duration_s,
                "cut_off": one.cut_off,
            }
        )
        took_s, said_s = took_s + one.seconds, said_s + duration_s
        work.progress(before + number + 1, before + count, one.text)
    return {"real_time_factor": took_s / said_s} if said_s else {}


def _entry(clip: ClipFacts, sample: Sample, name: str, kind: Kind, sample_rate: int) -> dict[str, Any]:
    return {
        "utterance_id": clip.utterance_id,
        "speaker": clip.speaker,
        "language": clip.language,
        "text": clip.text,
        "split": clip.split,
        "kind": sample.kind,
        "about": kind.about,
        "in_step": kind.in_step,
        "file": name,
        "duration_s": len(sample.samples) / sample_rate,
        "cut_off": sample.cut_off,
    }
