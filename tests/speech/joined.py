"""Long recordings, joined from clips, whose speech and pauses are known."""

from __future__ import annotations

import json
from collections.abc import Sequence
from itertools import cycle, pairwise
from pathlib import Path
from typing import Any

import numpy as np
import soundfile

from tests.speech.clips import RECORDINGS, Clip, Samples, at_rate, listed, read_aloud

LJ, PEOPLE, SONNETS = "long_johnson", "long_people", "long_sonnets"
LEAD_S = 1.9
# Between sentences of somebody who reads, from a breath to a turned page.
PAUSES_S = (2.2, 2.2, 0.12, 0.6, 1.4, 0.4, 3.0, 0.8)
ROOM_TONE = 1e-4
FRAME_S, RANGE_DB = 0.01, 35.0
SECOND_SONNET_S = 53.267
FIRST = "LJ001-0032"


def write_long(folder: Path) -> None:
    """`wavs/NAME.flac`, `NAME.truth.json` and `metadata.csv` of three recordings.

    LJ is one reader with her texts, PEOPLE three who take turns, SONNETS a recording as it was published,
    of which only the parts' beginnings are known. Pauses are digital silence and room tone by turns.
    """
    clips = sorted(read_aloud(), key=lambda clip: clip.name != FIRST)
    by_turns = zip(clips, listed("kathleen"), listed("kerstin"), strict=False)
    turns = [clip for three in by_turns for clip in three]
    (folder / "wavs").mkdir(parents=True)
    with (folder / "metadata.csv").open("w", encoding="utf-8") as metadata:
        for name, chosen, rate in ((LJ, clips, 22_050), (PEOPLE, turns, 16_000)):
            samples, segments = _joined(chosen, rate)
            _write(folder, name, samples, rate, segments)
            metadata.write(f"{name}|{' '.join(clip.text for clip in chosen)}\n")
    samples, rate = soundfile.read(RECORDINGS / "others" / "sonnets.opus")
    joints_s = (0.0, SECOND_SONNET_S, len(samples) / rate)
    parts = [{"start_s": start, "end_s": end} for start, end in pairwise(joints_s)]
    _write(folder, SONNETS, samples, rate, parts)


def _write(folder: Path, name: str, samples: Samples, rate: int, segments: list[dict[str, Any]]) -> None:
    file = f"wavs/{name}.flac"
    soundfile.write(folder / file, np.clip(samples, -1, 1), rate, "PCM_16")
    truth = {"file": file, "segments": segments}
    (folder / f"{name}.truth.json").write_text(json.dumps(truth), encoding="utf-8")


def _joined(clips: Sequence[Clip], rate: int) -> tuple[Samples, list[dict[str, Any]]]:
    """All clips with pauses between them, and where each lies and sounds."""
    rng = np.random.default_rng(0)
    at = int(LEAD_S * rate)
    pieces, segments = [np.zeros(at)], []
    for number, (clip, pause_s) in enumerate(zip(clips, cycle(PAUSES_S), strict=False)):
        samples = at_rate(*clip.read(), rate)
        first_s, last_s = _sounding(samples, rate)
        segments.append(
            {
                "start_s": at / rate,
                "end_s": (at + len(samples)) / rate,
                "speech_start_s": at / rate + first_s,
                "speech_end_s": at / rate + last_s,
            }
        )
        tone = ROOM_TONE * (number % 2) * rng.standard_normal(int(pause_s * rate))
        pieces += [samples, tone]
        at += len(samples) + len(tone)
    return np.concatenate(pieces), segments


def _sounding(samples: Samples, rate: int) -> tuple[float, float]:
    """The first and the last moment of a clip that is loud, s."""
    hop = int(FRAME_S * rate)
    frames = samples[: len(samples) // hop * hop].reshape(-1, hop)
    level_db = 10 * np.log10((frames**2).mean(axis=1) + 1e-12)
    loud = np.flatnonzero(level_db > np.percentile(level_db, 95) - RANGE_DB)
    return float(loud[0] * FRAME_S), float((loud[-1] + 1) * FRAME_S)
