"""The built-in aligner from samples to intervals, and its model as bytes."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from models.aligner import hmm
from models.aligner.alignment import (
    AlignError,
    Alignment,
    Transcript,
    assemble,
    is_pause,
    read_transcript,
)
from models.aligner.features import HOP_S, PAD_S, SAMPLE_RATE, extract, padded, to_16k
from models.aligner.hmm_training import Clip, flat_start, quiet_silence
from models.aligner.quality import check_silence, loudness, without_short_runs

NAME = "hmm"
VERSION = "1"
# Quiet stretches shorter than this are taken for stop closures, not for silence, in the first guess.
_MIN_SILENCE_FRAMES = 16
# Log odds that silence follows a word: with and without a mark in the text.
_PAUSE_LOG_ODDS = {True: 1.0, False: -1.5}
# Fewer phones are often the same in another order.
_MIN_DECOY_PHONES = 6
_STRESS_MARKS = str.maketrans("", "", "ˈˌ")


class Utterance(NamedTuple):
    """One clip as it comes in: mono samples [n] in -1..1, its words and their phones."""

    samples: NDArray[np.float32]
    sample_rate: int
    words: Sequence[str]
    phones_per_word: Sequence[Sequence[str]]


def acoustic_unit(label: str) -> str:
    """The label without stress and tone, which minutes cannot teach: AH0 -> AH, ˈaɪ -> aɪ, ang4 -> ang."""
    bare = label.translate(_STRESS_MARKS)
    without_digits = bare.rstrip("0123456789")
    return without_digits or bare or label


def train(utterances: Sequence[Utterance], progress: Callable[[int, int], None] | None = None) -> hmm.Model:
    """A model from clips and their phones alone (flat start); the same clips give the same model.

    progress: called with iterations done and wanted.
    Raises AlignError for a clip that cannot be used, ValueError when there is none.
    """
    if not utterances:
        raise ValueError("no clips to train the aligner on")
    clips = [prepare(utterance)[1] for utterance in utterances]
    return flat_start(clips, progress)


def align(
    model: hmm.Model,
    samples: NDArray[np.float32],
    sample_rate: int,
    words: Sequence[str],
    phones_per_word: Sequence[Sequence[str]],
) -> Alignment:
    """Times of the phones of one clip by Viterbi.

    score is the log-likelihood of the phones under that of each frame's best state: near 0 when right,
    lower the worse. Raises AlignError(align_failed).
    """
    transcript, clip = prepare(Utterance(samples, sample_rate, words, phones_per_word))
    likelihoods = model.log_likelihoods(clip.features.vectors)
    relative = likelihoods - likelihoods.max(axis=1, keepdims=True)
    graphs = [
        hmm.build_graph(model, units, clip.pause_log_odds)
        for units in [list(clip.units), *_decoys(clip.units)]
    ]
    judged = quiet_silence(relative.copy(), clip.loud)
    paths, _ = hmm.viterbi(hmm.stack(graphs, [judged] * len(graphs)))
    graph, path = graphs[0], paths[0]
    if len(path) == 0:
        raise _refused(
            "duration_s",
            f"{len(samples) / sample_rate:.2f}",
            f"the clip is too short for {len(clip.units)} phones",
            "check that the text belongs to this clip",
        )
    phone = graph.phone[path]
    spoken = np.flatnonzero(phone >= 0)
    starts = spoken[np.flatnonzero(np.diff(phone[spoken], prepend=-1))]
    ends = spoken[np.flatnonzero(np.diff(phone[spoken], append=len(clip.units)))] + 1
    frame_scores = relative[np.arange(len(path)), graph.emission[path]].astype(np.float64)
    cumulative = np.concatenate([[0.0], np.cumsum(frame_scores)])
    scores = (cumulative[ends] - cumulative[starts]) / (ends - starts)
    phones, word_intervals = assemble(
        transcript,
        starts * HOP_S - PAD_S,
        ends * HOP_S - PAD_S,
        scores,
        len(samples) / sample_rate,
    )
    return Alignment(
        phones=phones,
        words=word_intervals,
        score=float(frame_scores[spoken].mean()),
        loud_silence_ratio=check_silence(phones, samples, sample_rate).loud_ratio,
        backend=NAME,
        backend_version=VERSION,
        match=_match([_spoken_score(relative, g, p) for g, p in zip(graphs, paths, strict=True)]),
    )


def _decoys(units: Sequence[str]) -> list[list[str]]:
    """The same phones in orders that nobody said, as a measure of how well any text would fit this clip."""
    if len(units) < _MIN_DECOY_PHONES:
        return []
    half, third = len(units) // 2, len(units) // 3
    forwards = list(units)
    return [
        forwards[::-1],
        forwards[half:] + forwards[:half],
        forwards[third:][::-1] + forwards[:third],
    ]


def _spoken_score(relative: NDArray[np.float32], graph: hmm.Graph, path: NDArray[np.int64]) -> float:
    scores = relative[np.arange(len(path)), graph.emission[path]]
    return float(scores[graph.phone[path] >= 0].mean())


def _match(scores: Sequence[float]) -> float:
    """1 - own / decoys: unlike the score itself, it does not depend on how sharp the model is."""
    own, decoys = scores[0], scores[1:]
    return 1.0 - own / float(np.mean(decoys)) if decoys else float("nan")


def prepare(utterance: Utterance) -> tuple[Transcript, Clip]:
    """Padded features and acoustic units of a clip. Raises AlignError(align_failed)."""
    transcript = read_transcript(utterance.words, utterance.phones_per_word)
    signal = to_16k(utterance.samples, utterance.sample_rate)
    if not np.all(np.isfinite(signal)):
        raise _refused("samples", "not finite", "the audio holds NaN or infinity", "re-record")
    peak = float(np.abs(signal).max(initial=0.0))
    if peak < 1e-4:
        raise _refused("peak", f"{peak:.1e}", "the clip is silent", "re-record or remove it")
    units = [acoustic_unit(label) for label in transcript.spoken_labels]
    if len(signal) < len(units) * hmm.STATES_PER_PHONE * HOP_S * SAMPLE_RATE:
        raise _refused(
            "duration_s",
            f"{len(signal) / SAMPLE_RATE:.2f}",
            f"the clip is too short for {len(units)} phones",
            "check that the text belongs to this clip",
        )
    whole = padded(signal)
    features = extract(whole)
    n_frames = len(features.vectors)
    loud = loudness(whole, SAMPLE_RATE).loud[:n_frames]
    return transcript, Clip(
        features=features,
        units=units,
        pause_log_odds=_pause_log_odds(transcript),
        silent=without_short_runs(~loud, _MIN_SILENCE_FRAMES),
        loud=loud,
    )


def save(model: hmm.Model) -> bytes:
    """The model as safetensors: the same model gives the same bytes."""
    from safetensors.numpy import save as to_bytes

    arrays = {
        "means": model.means,
        "variances": model.variances,
        "log_weights": model.log_weights,
        "log_stay": model.log_stay,
    }
    contiguous = {name: np.ascontiguousarray(array) for name, array in arrays.items()}
    return to_bytes(contiguous, metadata={"labels": json.dumps(list(model.labels))})


def load(data: bytes) -> hmm.Model:
    """Reads `save`'s bytes. Raises ValueError when they are something else."""
    from safetensors import SafetensorError
    from safetensors.numpy import load as from_bytes

    try:
        arrays = from_bytes(data)
        header = json.loads(data[8 : 8 + int.from_bytes(data[:8], "little")])
        labels = tuple(json.loads(header["__metadata__"]["labels"]))
        return hmm.Model(labels=labels, **arrays)
    except (SafetensorError, KeyError, TypeError, json.JSONDecodeError) as error:
        raise ValueError(f"not an aligner's model: {error}") from error


def digest(data: bytes) -> str:
    """SHA-256 of a model's bytes, hexadecimal."""
    return hashlib.sha256(data).hexdigest()


def _pause_log_odds(transcript: Transcript) -> list[float]:
    odds = []
    ends = transcript.word_ends
    for position, index in enumerate(transcript.spoken):
        if not ends[position]:
            odds.append(-np.inf)
            continue
        following = transcript.spoken[position + 1 : position + 2] or (len(transcript.labels),)
        marked = any(is_pause(label) for label in transcript.labels[index + 1 : following[0]])
        odds.append(_PAUSE_LOG_ODDS[marked])
    return odds


def _refused(field: str, value: str, reason: str, remedy: str) -> AlignError:
    return AlignError("align_failed", field, value, reason, remedy)
