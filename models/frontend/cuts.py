"""Stretches of a recording whose texts are known (subtitles, TextGrids, manifests) as utterances."""

from __future__ import annotations

import re
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from models.frontend.activity import HOP_S
from models.frontend.segmenter import Limits
from models.frontend.timed_text import Cut

_SENTENCE_END = re.compile("[.!?…。！？]['\"”’»)）」』]*$")
_WITHOUT_SPACES = re.compile("[\u0e00-\u0eff\u3040-\u30ff\u3400-\u9fff\uff00-\uffef]")
_OVERLAP_S = 0.05
_NEAR_S = 1.0


def join_cuts(cuts: Sequence[Cut], limits: Limits) -> list[Cut]:
    """Utterances out of stretches in order of their starts.

    Stretches that join go together until a sentence ends, a pause of `split_pause_s` comes, the speaker
    changes or `max_s` is reached (then the longest gap parts them). What overlaps goes together, and what is
    shorter than `min_s` goes with the next. The others stay as they are.
    """
    chains: list[list[Cut]] = []
    for cut in cuts:
        if chains and _belong(chains[-1], cut, limits):
            chains[-1].append(cut)
        else:
            chains.append([cut])
    return [_joined(part) for chain in chains for part in _parts(chain, limits.max_s)]


def placed(
    cuts: Sequence[Cut], at: int, pause: NDArray[np.bool_], pad_s: float
) -> tuple[float, float] | None:
    """Start and end in seconds of one of a recording's stretches; None where nothing but pause is in it.

    Subtitles come and go a little beside the speech: stretches that join reach `pad_s` further, at most half
    way to a neighbour, and end `pad_s` beside the first and the last sound. The others are exact.

    Args:
        cuts: all of the recording, in order.
        at: which one.
        pause: frames that are no sound, `[n_frames]`.
    """
    cut = cuts[at]
    before_s = cuts[at - 1].end_s if at else 0.0
    after_s = cuts[at + 1].start_s if at + 1 < len(cuts) else pause.size * HOP_S
    start_s, end_s = cut.start_s, cut.end_s
    if cut.joins:
        start_s = max(0.0, start_s - min(pad_s, max(0.0, start_s - before_s) / 2))
        end_s = end_s + min(pad_s, max(0.0, after_s - end_s) / 2)
    first = int(start_s / HOP_S)
    sound = np.flatnonzero(~pause[first : max(first + 1, int(np.ceil(end_s / HOP_S)))])
    if sound.size == 0:
        return None
    if not cut.joins:
        return start_s, end_s
    first_s, last_s = (first + sound[0]) * HOP_S, (first + sound[-1] + 1) * HOP_S
    return max(start_s, float(first_s) - pad_s), min(end_s, float(last_s) + pad_s)


def _belong(chain: Sequence[Cut], cut: Cut, limits: Limits) -> bool:
    last = chain[-1]
    if not (last.joins and cut.joins and last.speaker == cut.speaker):
        return False
    gap_s = cut.start_s - max(one.end_s for one in chain)
    if gap_s < -_OVERLAP_S:
        return True
    if last.end_s - chain[0].start_s < limits.min_s and gap_s < _NEAR_S:
        return cut.end_s - chain[0].start_s <= limits.max_s
    return gap_s < limits.split_pause_s and not _SENTENCE_END.search(last.text)


def _parts(chain: Sequence[Cut], max_s: float) -> list[Sequence[Cut]]:
    """A chain that is too long in two at its longest gap, the one nearest to the middle, and so on."""
    if len(chain) == 1 or chain[-1].end_s - chain[0].start_s <= max_s:
        return [chain]
    middle_s = (chain[0].start_s + chain[-1].end_s) / 2

    def worth(at: int) -> tuple[float, float]:
        gap_s = chain[at].start_s - chain[at - 1].end_s
        return round(gap_s, 2), -abs(chain[at].start_s - middle_s)

    parting = max(range(1, len(chain)), key=worth)
    return [*_parts(chain[:parting], max_s), *_parts(chain[parting:], max_s)]


def _joined(chain: Sequence[Cut]) -> Cut:
    text = chain[0].text
    for cut in chain[1:]:
        tight = _WITHOUT_SPACES.match(text[-1:]) and _WITHOUT_SPACES.match(cut.text[:1])
        text += cut.text if tight else f" {cut.text}"
    end_s = max(cut.end_s for cut in chain)
    return Cut(chain[0].start_s, end_s, text, chain[0].speaker, chain[0].joins)
