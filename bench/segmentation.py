"""How well long recordings are cut: every boundary against known splices and energy pauses.

    python -m bench.segmentation [FOLDER]

FOLDER holds `wavs/NAME.flac` and `NAME.truth.json` with `segments[].speech_start_s/speech_end_s`
(exact splices) or only `start_s/end_s`; pauses inside a spliced clip are read from its energy.
"""

from __future__ import annotations

import itertools
import json
import sys
import time
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from configs.segment import SegmentSettings
from models.frontend.activity import HOP_S, analyse_activity, runs
from models.frontend.segmenter import Limits, Segment, plan_segments

Span = tuple[float, float]
TOLERANCE_S = 0.05
LONG_PAUSE_S = 0.395


class Score(NamedTuple):
    """Shares are 0 to 1; `outside` lists cut times (s) that lie in no pause."""

    n_segments: int
    shortest_s: float
    longest_s: float
    forced: int
    outside: list[float]
    long_pauses: int
    long_pauses_found: int
    speech_inside: float
    sounding_speech_inside: float
    cpu_share: float


def main(folder: Path) -> None:
    for truth_file in sorted(folder.glob("*.truth.json")):
        score = score_recording(folder, json.loads(truth_file.read_text(encoding="utf-8")))
        print(truth_file.name.removesuffix(".truth.json"))
        for name, value in score._asdict().items():
            print(f"  {name:24s} {value:.4f}" if isinstance(value, float) else f"  {name:24s} {value}")


def score_recording(folder: Path, truth: dict[str, Any]) -> Score:
    """Segment one recording with the default settings and compare."""
    import soundfile

    samples, sample_rate = soundfile.read(folder / truth["file"], dtype="float32")
    settings = SegmentSettings()
    limits = Limits(settings.min_s, settings.max_s, settings.pad_s, settings.split_pause_s)
    started = time.process_time()
    activity = analyse_activity(samples, sample_rate)
    segments = plan_segments(activity, limits)
    cpu_s = time.process_time() - started
    speech = [
        (part.get("speech_start_s", part["start_s"]), part.get("speech_end_s", part["end_s"]))
        for part in truth["segments"]
    ]
    between = pauses_between(speech, activity.duration_s)
    inner = [pause for span in speech for pause in pauses_by_energy(activity.energy_db, span)]
    cuts = [time_s for segment in segments for time_s in segment[:2]]
    spoken = _mask(speech, activity.energy_db.size)
    sounding = spoken & ~_mask(inner, activity.energy_db.size)
    inside = _mask([segment[:2] for segment in segments], activity.energy_db.size)
    long_pauses = [pause for pause in between[1:-1] if pause[1] - pause[0] >= LONG_PAUSE_S]
    lengths = [segment.end_s - segment.start_s for segment in segments]
    return Score(
        n_segments=len(segments),
        shortest_s=min(lengths),
        longest_s=max(lengths),
        forced=sum(segment.forced for segment in segments),
        outside=[round(cut, 2) for cut in cuts if not _in_any(cut, [*between, *inner])],
        long_pauses=len(long_pauses),
        long_pauses_found=sum(_is_found(pause, segments) for pause in long_pauses),
        speech_inside=float(inside[spoken].mean()),
        sounding_speech_inside=float(inside[sounding].mean()),
        cpu_share=cpu_s / activity.duration_s,
    )


def pauses_between(speech: list[Span], duration_s: float) -> list[Span]:
    """Gaps before, between and after spans of speech, in order."""
    edges = [0.0, *[edge for span in speech for edge in span], duration_s]
    return list(zip(edges[::2], edges[1::2], strict=True))


def pauses_by_energy(energy_db: NDArray[np.float32], span: Span) -> list[Span]:
    """Stretches of 60 ms or more within 8 dB of the span's floor or 28 dB below its loud frames."""
    first = int(span[0] / HOP_S)
    level = energy_db[first : int(span[1] / HOP_S)]
    quiet_db = max(np.percentile(level, 95) - 28.0, np.percentile(level, 5) + 8.0)
    return [
        ((first + start) * HOP_S, (first + end) * HOP_S)
        for start, end in runs(level < quiet_db)
        if end - start >= 6
    ]


def _in_any(time_s: float, spans: list[Span]) -> bool:
    return any(start - TOLERANCE_S <= time_s <= end + TOLERANCE_S for start, end in spans)


def _is_found(pause: Span, segments: list[Segment]) -> bool:
    middles = [0.5 * (left.end_s + right.start_s) for left, right in itertools.pairwise(segments)]
    return any(pause[0] <= middle <= pause[1] for middle in middles)


def _mask(spans: list[Span], n_frames: int) -> NDArray[np.bool_]:
    mask = np.zeros(n_frames, dtype=bool)
    for start_s, end_s in spans:
        mask[int(start_s / HOP_S) : int(np.ceil(end_s / HOP_S))] = True
    return mask


if __name__ == "__main__":
    main(Path(sys.argv[1] if len(sys.argv) > 1 else "../shared/speech/long"))
