"""What a recogniser makes of a voice's rendered clips, beside its recordings: words, phones and hum."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from typing import Any

import numpy as np

from bench.measuring.voices import files_of, read
from configs.errors import UserError
from models.frontend.asr import SAMPLE_RATE, recognise_whisper, word_errors
from models.frontend.audio import decode_flac, resample
from models.frontend.text.g2p import phonemize
from models.metrics.codes import edit_distance
from models.metrics.frame_lines import frame_line_db
from tasks.finetune.shards import read_rows
from tasks.pipeline import Pipeline
from tasks.weights import LocalWeights, weights_folder

RECOGNISER = "whisper-base"
BEAM = 5


def heard(pipeline: Pipeline) -> dict[str, Any]:
    """By kind of rendering: word and phone errors per word and phone said, and lines at the frame rate.

    A phone error is one between the phones that espeak gives what was heard and those it gives the text, so
    it counts near misses for less than words do. Recognisers guess words, more so in silence and hum. The
    workspace has fetched the recogniser.
    """
    family = pipeline.settings.family
    folder = LocalWeights(weights_folder(pipeline.settings, pipeline.workspace)).of(RECOGNISER)
    files = files_of(pipeline, "synthesize")
    said = {
        row["utterance_id"]: row
        for split in ("train", "validation", "test")
        for _, row in read_rows(files_of(pipeline, "shard"), split, ("utterance_id", "language", "text"))
    }
    counts: dict[str, list[tuple[int, int, int, int]]] = defaultdict(list)
    lines: dict[str, list[float]] = defaultdict(list)
    for entry in read(pipeline, "synthesize", "samples.json"):
        wave, rate = decode_flac(files[entry["file"]].read_bytes())
        row = said[entry["utterance_id"]]
        got = recognise_whisper(resample(wave, rate, SAMPLE_RATE), folder, row["language"], BEAM).text
        words = word_errors(row["text"], got)
        wanted, found = (phones(text, row["language"]) for text in (row["text"], got))
        errors = distance(wanted, found)
        counts[entry["kind"]].append((words.errors, words.words, errors, len(wanted)))
        lines[entry["kind"]].append(frame_line_db(wave, rate, rate / family.hop_samples))
    return {
        kind: {
            "clips": len(each),
            "word_error_rate": rate_of([(one[0], one[1]) for one in each]),
            "phone_error_rate": rate_of([(one[2], one[3]) for one in each]),
            "frame_line_db": float(np.nanmean(lines[kind])),
        }
        for kind, each in counts.items()
    }


def phones(text: str, language: str) -> list[str]:
    """What a text says; nothing where it says nothing."""
    try:
        return [phone for phone in phonemize(text, language, "ipa").phones if phone.isalpha()]
    except UserError:
        return []


def distance(wanted: Sequence[str], found: Sequence[str]) -> int:
    """Edits between two sequences of phones."""
    ids: dict[str, int] = {}
    numbered = [[ids.setdefault(phone, len(ids)) for phone in each] for each in (wanted, found)]
    return edit_distance(*numbered)


def rate_of(errors: Sequence[tuple[int, int]]) -> float:
    """Errors per thing said, no clip with more than it has."""
    return sum(min(wrong, of) for wrong, of in errors) / sum(of for _, of in errors)
