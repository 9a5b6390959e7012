"""What the Montreal Forced Aligner 3 writes, read back: TextGrid, JSON, CSV and its table of scores.

All functions take text; `intervals_of` brings any format to the same tiers, `alignment_of` to our result.
"""

from __future__ import annotations

import csv
import io
import json
import math
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from models.aligner.alignment import (
    AlignError,
    Alignment,
    Interval,
    Transcript,
    assemble,
    read_transcript,
)
from models.aligner.quality import check_silence, check_times
from models.aligner.textgrid import read_textgrid

NAME = "mfa"
# "" in cleaned TextGrids; the others with --no_textgrid_cleanup and from `mfa align_one`.
SILENCES = frozenset({"", "<eps>", "sil", "sp"})
_SLACK_S = 0.011


class Analysis(NamedTuple):
    """One row of alignment_analysis.csv; None where MFA left the column blank (the clip was not aligned).

    snr_db: speech frames against silence frames as aligned; about -2 when silence and speech were confused.
    """

    speech_log_likelihood: float | None
    phone_duration_deviation: float | None
    snr_db: float | None


def intervals_of(text: str, file_format: str) -> dict[str, list[Interval]]:
    """Tiers "words" and "phones" without silences, in time order.

    file_format: the file's ending, TextGrid (long or short), json or csv. Raises ValueError saying what is
    wrong with the text.
    """
    readers = {"textgrid": _from_textgrid, "json": _from_json, "csv": _from_csv}
    reader = readers.get(file_format.lower())
    if reader is None:
        raise ValueError(f"MFA writes TextGrid, json or csv, not {file_format!r}")
    tiers = reader(text)
    missing = {"words", "phones"} - tiers.keys()
    if missing:
        raise ValueError(f"the tier {sorted(missing)[0]} is missing")
    return {
        name: sorted(
            (interval for interval in tiers[name] if interval.label not in SILENCES),
            key=lambda interval: interval.start_s,
        )
        for name in ("words", "phones")
    }


def _from_textgrid(text: str) -> dict[str, list[Interval]]:
    # With several speakers MFA names tiers "speaker - words".
    return {name.rsplit(" - ", 1)[-1]: list(tier) for name, tier in read_textgrid(text).items()}


def _from_json(text: str) -> dict[str, list[Interval]]:
    try:
        tiers = json.loads(text)["tiers"]
        return {
            name.rsplit(" - ", 1)[-1]: [
                Interval(str(label), _seconds(start), _seconds(end)) for start, end, label in tier["entries"]
            ]
            for name, tier in tiers.items()
        }
    except (KeyError, TypeError, ValueError, AttributeError, OverflowError, RecursionError) as error:
        raise ValueError(f"not MFA's JSON: {str(error)[:80]}") from error


def _from_csv(text: str) -> dict[str, list[Interval]]:
    tiers: dict[str, list[Interval]] = {"words": [], "phones": []}
    try:
        for row in csv.DictReader(io.StringIO(text)):
            interval = Interval(_label(row["Label"]), _seconds(row["Begin"]), _seconds(row["End"]))
            tiers.setdefault(row["Type"], []).append(interval)
    except (KeyError, TypeError, ValueError, csv.Error) as error:
        raise ValueError(f"not MFA's CSV: {str(error)[:80]}") from error
    return tiers


def _label(value: str | None) -> str:
    if value is None:
        raise ValueError("a row without a label")
    return value


def _seconds(value: str | float) -> float:
    """JSON and CSV hold float32 noise (0.5799999833); MFA's grid is 10 ms."""
    seconds = float(value)
    if not math.isfinite(seconds):
        raise ValueError(f"a time of {seconds} s")
    return round(seconds, 5)


def read_analysis(text: str) -> dict[str, Analysis]:
    """alignment_analysis.csv by clip. Raises ValueError when it is something else."""
    try:
        return {
            row["file"]: Analysis(
                _number(row["speech_log_likelihood"]),
                _number(row["phone_duration_deviation"]),
                _number(row["snr"]),
            )
            for row in csv.DictReader(io.StringIO(text))
        }
    except (KeyError, ValueError, csv.Error) as error:
        raise ValueError(f"not MFA's alignment_analysis.csv: {str(error)[:80]}") from error


def _number(cell: str | None) -> float | None:
    return float(cell) if cell else None


def alignment_of(
    tiers: Mapping[str, Sequence[Interval]],
    analysis: Analysis | None,
    samples: NDArray[np.float32],
    sample_rate: int,
    words: Sequence[str],
    phones_per_word: Sequence[Sequence[str]],
    pad_s: float,
    version: str,
) -> Alignment:
    """Our result from MFA's tiers of a clip that was padded by pad_s on both sides.

    Raises AlignError(align_failed) where MFA gave no score, other phones than those it was given, or times
    that no clip has.
    """
    if analysis is None or analysis.speech_log_likelihood is None:
        raise _refused("score", "blank", "MFA did not align the clip")
    transcript = read_transcript(words, phones_per_word)
    duration_s = len(samples) / sample_rate
    phones = [Interval(p.label, p.start_s - pad_s, p.end_s - pad_s) for p in tiers["phones"]]
    _require_same_phones(transcript, phones)
    if phones[0].start_s < -pad_s - _SLACK_S or phones[-1].end_s > duration_s + pad_s + _SLACK_S:
        raise _refused(
            "phones",
            f"{phones[0].start_s:.2f}-{phones[-1].end_s:.2f} s",
            f"MFA's times lie outside the clip of {duration_s:.2f} s",
        )
    check_times([Interval("", max(0.0, p.start_s), max(0.0, p.end_s)) for p in phones])
    placed, word_intervals = assemble(
        transcript,
        np.array([p.start_s for p in phones]),
        np.array([p.end_s for p in phones]),
        np.full(len(phones), analysis.speech_log_likelihood),
        duration_s,
    )
    return Alignment(
        phones=placed,
        words=word_intervals,
        score=analysis.speech_log_likelihood,
        loud_silence_ratio=check_silence(placed, samples, sample_rate).loud_ratio,
        backend=NAME,
        backend_version=version,
    )


def _require_same_phones(transcript: Transcript, phones: Sequence[Interval]) -> None:
    wanted, got = transcript.spoken_labels, [phone.label for phone in phones]
    if got == wanted:
        return
    place = next(
        (i for i, (a, b) in enumerate(zip(wanted, got, strict=False)) if a != b),
        min(len(wanted), len(got)),
    )
    raise _refused(
        "phones",
        " ".join(got[place : place + 3]) or "(end)",
        f"MFA's phone {place + 1} differs from the text's ({' '.join(wanted[place : place + 3]) or 'end'})",
    )


def _refused(field: str, value: str, reason: str) -> AlignError:
    return AlignError(
        "align_failed",
        field,
        value,
        reason,
        "check the clip and its text; `mfa validate` on the corpus says more",
    )
