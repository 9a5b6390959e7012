"""English alignment with pocketsphinx and the acoustic model inside its package: needs no training.

What makes it accurate and safe (docs/decisions/alignment.md): a decoder of its own for every pass, because
an exception poisons one; a dictionary that holds only the clip's words, spelt with our phones; very wide
beams; the words first, then the phones inside them; two passes half a frame apart, averaged, which halves
the 10 ms grid. Input is checked before, because the library raises bare RuntimeErrors.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from importlib.metadata import version
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from models.aligner.alignment import AlignError, Alignment, Transcript, assemble, read_transcript
from models.aligner.arpabet import map_phones
from models.aligner.features import SAMPLE_RATE, to_16k
from models.aligner.quality import check_silence

NAME = "pocketsphinx"
_FRAME_S = 0.010
# A frame's 25.6 ms window starts where the frame does, so what it hears is centred later than its name;
# the median over six synthetic voices with known times is 5 ms.
_BIAS_S = 0.005
_SHIFTS_SAMPLES = (0, 80)
_MIN_SAMPLES_PER_PHONE = 3 * 160
_PEAK = 0.9


class _Timed(NamedTuple):
    """[n] starts and ends in seconds and log-likelihood per frame of every ARPAbet phone in order."""

    starts_s: NDArray[np.float64]
    ends_s: NDArray[np.float64]
    scores: NDArray[np.float64]


def backend_version() -> str:
    """Version of pocketsphinx; its acoustic model is part of it."""
    return version("pocketsphinx")


def align(
    samples: NDArray[np.float32],
    sample_rate: int,
    words: Sequence[str],
    phones_per_word: Sequence[Sequence[str]],
) -> Alignment:
    """Times of the phones of one English clip.

    samples: mono [n] in -1..1; phones: ARPAbet (stress is ignored) or espeak's English IPA; marks may be
    among them. score is pocketsphinx's, relative to the best senone of each frame: about -10 when right.
    Raises AlignError(align_failed).
    """
    transcript = read_transcript(words, phones_per_word)
    mapped, unknown = map_phones(transcript.spoken_labels)
    if unknown:
        raise AlignError(
            "align_failed",
            "phones",
            " ".join(sorted(set(unknown))),
            "pocketsphinx's English model has no such phone",
            "set `backend` to hmm, which learns any phone",
        )
    signal = _checked(to_16k(samples, sample_rate), sum(len(phones) for phones in mapped))
    spelling = _spell(transcript, mapped)
    passes = [_decode(signal[shift:], spelling) for shift in _SHIFTS_SAMPLES]
    offsets = [shift / SAMPLE_RATE + _BIAS_S for shift in _SHIFTS_SAMPLES]
    starts = np.mean([p.starts_s + o for p, o in zip(passes, offsets, strict=True)], axis=0)
    ends = np.mean([p.ends_s + o for p, o in zip(passes, offsets, strict=True)], axis=0)
    scores = np.mean([p.scores for p in passes], axis=0)
    # One of our phones may be several of pocketsphinx's (ɑːɹ is AA R).
    counts = np.array([len(phones) for phones in mapped])
    last = np.cumsum(counts) - 1
    first = last - counts + 1
    frames = (ends - starts) / _FRAME_S
    weighted = np.add.reduceat(scores * frames, first) / np.add.reduceat(frames, first)
    duration_s = len(samples) / sample_rate
    phones, word_intervals = assemble(transcript, starts[first], ends[last], weighted, duration_s)
    return Alignment(
        phones=phones,
        words=word_intervals,
        score=float(np.average(scores, weights=frames)),
        loud_silence_ratio=check_silence(phones, samples, sample_rate).loud_ratio,
        backend=NAME,
        backend_version=backend_version(),
    )


def _checked(signal: NDArray[np.float32], n_phones: int) -> NDArray[np.float32]:
    """The signal with its peak at 0.9, or an AlignError that names what is wrong."""
    if not np.all(np.isfinite(signal)):
        raise AlignError(
            "align_failed", "samples", "not finite", "the audio holds NaN or infinity", "re-record"
        )
    peak = float(np.abs(signal).max(initial=0.0))
    if peak < 1e-4:
        raise AlignError(
            "align_failed", "peak", f"{peak:.1e}", "the clip is silent", "re-record or remove it"
        )
    if len(signal) < n_phones * _MIN_SAMPLES_PER_PHONE:
        raise AlignError(
            "align_failed",
            "duration_s",
            f"{len(signal) / SAMPLE_RATE:.2f}",
            f"the clip is too short for {n_phones} phones",
            "check that the text belongs to this clip",
        )
    return signal * np.float32(_PEAK / peak)


def _spell(transcript: Transcript, mapped: Sequence[Sequence[str]]) -> list[list[str]]:
    """ARPAbet phones of each spoken word in order."""
    spelling: list[list[str]] = []
    opens = True
    for phones, ends in zip(mapped, transcript.word_ends, strict=True):
        if opens:
            spelling.append([])
        spelling[-1].extend(phones)
        opens = ends
    return spelling


def _decode(signal: NDArray[np.float32], spelling: Sequence[Sequence[str]]) -> _Timed:
    decoder = _decoder()
    pcm = np.round(signal * 32767).astype("<i2").tobytes()
    names = [f"w{index}" for index in range(len(spelling))]
    try:
        for name, phones in zip(names, spelling, strict=True):
            decoder.add_word(name, " ".join(phones), name == names[-1])
        decoder.set_align_text(" ".join(names))
        _process(decoder, pcm)
        if decoder.hyp() is None:
            raise RuntimeError("no hypothesis")
        decoder.set_alignment()
        _process(decoder, pcm)
        timed = [
            (phone.start, phone.start + phone.duration, phone.score / max(1, phone.duration))
            for word in decoder.get_alignment()
            if word.name in names
            for phone in word
        ]
    except RuntimeError as error:
        raise _no_path(str(error)) from error
    if len(timed) != sum(len(phones) for phones in spelling):
        raise _no_path(f"{len(timed)} phones came back")
    table = np.array(timed, dtype=np.float64)
    return _Timed(table[:, 0] * _FRAME_S, table[:, 1] * _FRAME_S, table[:, 2])


def _process(decoder: Any, pcm: bytes) -> None:
    decoder.start_utt()
    decoder.process_raw(pcm, full_utt=True)
    decoder.end_utt()


def _no_path(detail: str) -> AlignError:
    return AlignError(
        "align_failed",
        "text",
        detail[:80] or "no path",
        "pocketsphinx found no way to read the text into the sound",
        "check that the text belongs to this clip",
    )


@lru_cache(maxsize=1)
def _model_folder() -> str:
    from pocketsphinx import get_model_path

    return str(get_model_path("en-us/en-us"))


def _decoder() -> Any:
    from pocketsphinx import Decoder

    return Decoder(
        hmm=_model_folder(),
        lm=None,
        dict=None,
        bestpath=False,
        cmn="batch",
        beam=1e-200,
        pbeam=1e-150,
        wbeam=1e-200,
        samprate=SAMPLE_RATE,
        loglevel="FATAL",
    )
