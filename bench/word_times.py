"""How well the times of words that a voice tells agree with an alignment of its sound.

    PYTHONPATH=. python bench/word_times.py WORKSPACE [--voice kokoro/af_heart] [--sentences 20] [--out FILE]

The voice says our own English sentences; pocketsphinx aligns the same words to the sound, without knowing the
voice's times. A word counts with its beginning and its end. `median_ms` is the median of the absolute
differences, `late_ms` the median of what the voice's times are later by.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from bench.measuring.sentences import SENTENCES
from models.aligner import sphinx
from models.aligner.alignment import AlignError
from models.frontend.text.g2p import phonemize
from tasks.opening import open_named
from tasks.release.voice import Piece, SpeakOptions, Voice


def main() -> None:
    """Measure each voice and print the rows."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("workspace", type=Path)
    parser.add_argument("--voice", action="append", default=[], help="English; repeat it for more")
    parser.add_argument("--sentences", type=int, default=20)
    parser.add_argument("--out", type=Path, help="write the JSON here too")
    given = parser.parse_args()
    rows = []
    for name in given.voice or ["kokoro/af_heart", "kokoro/am_michael"]:
        voice = open_named(given.workspace, name)
        rows.append({"voice": name, **measured(voice, SENTENCES["en"][: given.sentences])})
    text = json.dumps({"rows": rows}, indent=1)
    print(text)
    if given.out:
        given.out.write_text(text + "\n", encoding="utf-8")


def measured(voice: Voice[Any], sentences: Sequence[str]) -> dict[str, Any]:
    """Differences over all words of some sentences, milliseconds."""
    starts, ends = [], []
    for sentence in sentences:
        for piece in voice.pieces(sentence, SpeakOptions(batch_sentences=1)):
            for start_s, end_s in differences(piece, voice.sample_rate):
                starts.append(start_s)
                ends.append(end_s)
    both = np.array([*starts, *ends]) * 1000
    return {
        "words": len(starts),
        "median_ms": round(float(np.median(np.abs(both))), 1),
        "late_ms": round(float(np.median(both)), 1),
        "start_late_ms": round(float(np.median(starts)) * 1000, 1),
        "end_late_ms": round(float(np.median(ends)) * 1000, 1),
        "within_50_ms": round(float(np.mean(np.abs(both) <= 50)), 3),
    }


def differences(piece: Piece, sample_rate: int) -> Iterator[tuple[float, float]]:
    """By word: by how much the voice's times are later, seconds; none where it cannot be aligned."""
    own = piece.words or ()
    words = [word.text for word in own]
    phones = [phonemize(word, "en", "ipa").phones for word in words]
    try:
        heard = sphinx.align(piece.samples, sample_rate, words, phones)
    except AlignError:
        return
    for word, interval in zip(own, heard.words, strict=True):
        yield word.start / sample_rate - interval.start_s, word.end / sample_rate - interval.end_s


if __name__ == "__main__":
    main()
