"""The recordings of the tree: the embedded ones of the demo, and those of tests/recordings."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import soundfile
import soxr
from numpy.typing import NDArray

from tasks.corpus.embedded import embedded

RECORDINGS = Path(__file__).resolve().parent.parent / "recordings"

Samples = NDArray[np.float64]


class Clip(NamedTuple):
    """One recording; `text` is empty where nobody wrote down what is said."""

    name: str
    path: Path
    text: str = ""

    def read(self) -> tuple[Samples, int]:
        """Samples and their rate."""
        samples, rate = soundfile.read(self.path)
        return samples, rate


def read_aloud() -> list[Clip]:
    """The embedded recordings of one English reader, in the order of their names."""
    found = [Clip(one.name, one.path, one.text) for use in ("fit", "held-out") for one in embedded(use)]
    return sorted(found)


def listed(folder: str) -> list[Clip]:
    """The clips of a folder of tests/recordings with their texts."""
    lines = (RECORDINGS / folder / "metadata.csv").read_text(encoding="utf-8").splitlines()
    pairs = [line.split("|") for line in lines]
    return [Clip(name, RECORDINGS / folder / f"{name}.opus", text) for name, text in pairs]


# Three public recordings, and where sentences of them begin and end, s.
CUT = {
    "grimmelshausen": ((0.7, 3.7), (6.4, 10.7), (15.3, 20.7), (25.0, 28.2), (30.6, 34.3)),
    "kennedy": ((0.1, 2.4), (2.7, 5.0), (5.2, 7.9), (7.9, 11.0)),
    "sonnets": ((2.5, 5.6), (9.0, 14.5), (15.0, 18.5), (31.0, 34.1), (36.8, 40.4)),
}


@functools.cache
def readers(rate: int) -> dict[str, list[Samples]]:
    """Some sentences of each of six people, all at one rate."""
    found = {
        name: [at_rate(*clip.read(), rate) for clip in clips[:5]]
        for name, clips in (
            ("johnson", read_aloud()),
            ("kathleen", listed("kathleen")),
            ("kerstin", listed("kerstin")),
        )
    }
    for name, times in CUT.items():
        samples, own_rate = soundfile.read(RECORDINGS / "others" / f"{name}.opus")
        parts = [samples[int(start * own_rate) : int(end * own_rate)] for start, end in times]
        found[name] = [at_rate(part, own_rate, rate) for part in parts]
    return found


def at_rate(samples: Samples, rate: int, wanted: int) -> Samples:
    return samples if rate == wanted else soxr.resample(samples, rate, wanted)


def write_corpus(folder: Path, clips: Sequence[tuple[str, Samples]], rate: int) -> None:
    """`wavs/NAME.flac` of every clip, without a list."""
    (folder / "wavs").mkdir(parents=True)
    for name, samples in clips:
        soundfile.write(folder / "wavs" / f"{name}.flac", np.clip(samples, -1, 1), rate, "PCM_16")
