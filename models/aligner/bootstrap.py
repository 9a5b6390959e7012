"""A model for little audio: learned from synthetic speech of the same texts, then adapted to the voice.

Half a minute of recordings is too little for a flat start, but espeak says the same sentences with known
phone times in as many voices as are wanted.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from models.aligner import hmm
from models.aligner.alignment import AlignError
from models.aligner.arpabet import PHONES, to_arpabet
from models.aligner.features import HOP_S, PAD_S
from models.aligner.hmm_aligner import Utterance, acoustic_unit, prepare
from models.aligner.hmm_training import Clip, adapt, model_of_segmentation, reestimate
from models.frontend.espeak import Synthesis, synthesize
from models.frontend.text.espeak_ipa import segment_phones

# One voice low, one high: the adaptation has less far to go.
_VARIANTS = ("", "+f3")
_RATE_WPM = 150
_SHORTEST_SILENCE_S = 0.03
_SUBSTITUTION, _GAP = 1.0, 0.7


class _Token(NamedTuple):
    """One phone as espeak spoke it, in the labels of the text's symbol table."""

    unit: str
    start_s: float
    end_s: float


def bootstrap(utterances: Sequence[Utterance], voice: str) -> hmm.Model:
    """A model adapted to the utterances, from espeak's `voice` ("de", "en-us") saying their words.

    Raises AlignError(align_failed) when espeak says none of it, EspeakError when it lacks the voice.
    """
    clips: list[Clip] = []
    paths: list[NDArray[np.int64]] = []
    for variant in _VARIANTS:
        for utterance in utterances:
            spoken = synthesize(" ".join(utterance.words), voice + variant, _RATE_WPM)
            try:
                _, clip = prepare(utterance._replace(samples=spoken.samples, sample_rate=spoken.sample_rate))
            except AlignError:
                # What espeak leaves out or says in no time teaches nothing; the other clips do.
                continue
            clips.append(clip)
            paths.append(_known_path(clip, spoken, voice))
    if not clips:
        raise AlignError(
            "align_failed",
            "text",
            " ".join(utterances[0].words)[:60] if utterances else "(none)",
            "espeak cannot say the texts",
            "check the corpus's language",
        )
    model = reestimate(model_of_segmentation(clips, paths, n_mix=1), clips, 1.0)
    return adapt(model, [prepare(utterance)[1] for utterance in utterances])


def _known_path(clip: Clip, spoken: Synthesis, voice: str) -> NDArray[np.int64]:
    """State of each frame of a synthetic clip: int [T], 3 x position + state, -1 silence."""
    duration_s = len(spoken.samples) / spoken.sample_rate
    ends_s = [phoneme.start_s for phoneme in spoken.phonemes[1:]] + [duration_s]
    tokens: list[_Token] = []
    silences: list[tuple[float, float]] = [(-1.0, spoken.phonemes[0].start_s)]
    arpabet = all(unit in PHONES for unit in clip.units)
    for phoneme, end_s in zip(spoken.phonemes, ends_s, strict=True):
        units = _units_of(phoneme.label, voice, arpabet)
        if phoneme.label == "" and end_s - phoneme.start_s >= _SHORTEST_SILENCE_S:
            silences.append((phoneme.start_s, end_s))
        edges = np.linspace(phoneme.start_s, end_s, len(units) + 1)
        tokens += [_Token(*t) for t in zip(units, edges[:-1].tolist(), edges[1:].tolist(), strict=True)]
    times_s = (np.arange(len(clip.silent)) + 0.5) * HOP_S - PAD_S
    if not tokens:
        return np.full(len(times_s), -1)
    starts_s = _start_times(clip.units, tokens)
    bounds = np.append(starts_s, tokens[-1].end_s)
    position = np.clip(np.searchsorted(starts_s, times_s, side="right") - 1, 0, len(starts_s) - 1)
    length = np.maximum(bounds[position + 1] - bounds[position], HOP_S)
    state = np.clip((times_s - bounds[position]) / length * hmm.STATES_PER_PHONE, 0, 2).astype(np.int64)
    path = hmm.STATES_PER_PHONE * position + state
    silences.append((tokens[-1].end_s, times_s[-1] + 1.0))
    for start_s, end_s in silences:
        path[(times_s >= start_s) & (times_s < end_s)] = -1
    return path


def _units_of(label: str, voice: str, arpabet: bool) -> list[str]:
    if not label:
        return []
    phones = (to_arpabet(label) or []) if arpabet else segment_phones(label, voice)[0]
    return [acoustic_unit(phone) for phone in phones]


def _start_times(units: Sequence[str], tokens: Sequence[_Token]) -> NDArray[np.float64]:
    """Start of each unit, seconds: of the token that an edit-distance alignment gives it, else in between."""
    n, m = len(units), len(tokens)
    cost = np.zeros((n + 1, m + 1))
    cost[:, 0] = _GAP * np.arange(n + 1)
    cost[0, :] = _GAP * np.arange(m + 1)
    for i, unit in enumerate(units, 1):
        for j, token in enumerate(tokens, 1):
            swap = cost[i - 1, j - 1] + (0.0 if unit == token.unit else _SUBSTITUTION)
            cost[i, j] = min(swap, cost[i - 1, j] + _GAP, cost[i, j - 1] + _GAP)
    known: dict[int, float] = {}
    i, j = n, m
    while i and j:
        swap = cost[i - 1, j - 1] + (0.0 if units[i - 1] == tokens[j - 1].unit else _SUBSTITUTION)
        if cost[i, j] == swap:
            i, j = i - 1, j - 1
            known[i] = tokens[j].start_s
        elif cost[i, j] == cost[i - 1, j] + _GAP:
            i -= 1
        else:
            j -= 1
    known.setdefault(0, tokens[0].start_s)
    known.setdefault(n, tokens[-1].end_s)
    positions = sorted(known)
    return np.interp(np.arange(n), positions, [known[position] for position in positions])
