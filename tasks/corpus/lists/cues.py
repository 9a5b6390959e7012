"""Subtitles (`.srt`, `.vtt`) and Praat's TextGrids beside recordings: what is said, and when."""

from __future__ import annotations

import html
import itertools
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from models.aligner.alignment import Interval
from models.aligner.textgrid import read_textgrid
from models.frontend.timed_text import Cut
from tasks.corpus.lists.entries import ListError, clean, file_name, has_control, legible
from tasks.corpus.lists.lines import read_whole

_TIME = r"(?:(\d+):)?(\d{1,2}):(\d{1,2})[.,](\d{1,3})"
_TIMES = re.compile(rf"^\s*{_TIME}\s*-->\s*{_TIME}(?:\s.*)?$")
# No bracket inside a bracket: else a text of brackets alone would take hours.
_VOICE = re.compile(r"<v(?:\.[^\s<>]*)? +([^<>]+)>")
_TAGS = re.compile(r"</?[a-zA-Z][^<>]*>|<[\d:.,]+>|\{\\?[a-zA-Z][^{}]*\}")
_SOUNDS = re.compile(r"\[[^\[\]]*\]|【[^【】]*】|♪[^♪]*♪?|[♪♫]")
_WHOLE_SOUND = re.compile(r"\([^)]*\)|（[^）]*）|\*[^*]*\*")
_DASH = re.compile(r"^\s*(?:[-–—]|>>+)\s*")
_TEXT_TIERS = re.compile(
    r"text|utt|sent|trans|phrase|ortho?g?|ort|segment|line|word.?string|文|句", re.IGNORECASE
)
_NO_TEXT_TIERS = re.compile(r"(^|[^a-z])(phon|syll|ipa|tones?$|breaks?$|pitch)|音素", re.IGNORECASE)
_SILENCES = frozenset(("", "sil", "sp", "spn", "<eps>", "<sil>", "<unk>", "silence", "pause", "#", "xxx"))


class Cues(NamedTuple):
    """A file's stretches in order; `are_words` where each is a single word, without signs."""

    cuts: tuple[Cut, ...]
    are_words: bool


def read_cues(path: Path, encoding: str) -> Cues:
    """The stretches in a `.srt`, `.vtt` or `.TextGrid` file.

    Raises:
        ListError: it holds none, is damaged, or has several texts.
        OSError: it cannot be read.
    """
    text = read_whole(path, encoding)
    if has_control(text):
        what = f"{file_name(path)} holds control characters"
        raise ListError("bad_row", legible(text), what, "save it as plain text, or remove it")
    if path.suffix.lower() == ".textgrid":
        cues = _of_tiers(path, text)
    else:
        cues = Cues(tuple(_subtitles(path, text.split("\n"))), are_words=False)
    if not cues.cuts:
        what = f"{file_name(path)} holds no times with texts"
        raise ListError("empty_text", legible(text), what, "export it again, or remove it")
    return cues


# -- subtitles


def _subtitles(path: Path, lines: Sequence[str]) -> Iterator[Cut]:
    starts = [at for at, line in enumerate(lines) if _TIMES.match(line)]
    before: list[str] = []
    last_start_s = 0.0
    for at, following in itertools.pairwise([*starts, len(lines) + 1]):
        start_s, end_s = _times(path, at + 1, lines[at])
        if end_s < start_s or start_s < last_start_s:
            what = f"{file_name(path)}, line {at + 1}: the times run backwards"
            raise ListError("bad_row", legible(lines[at]), what, "correct the times")
        last_start_s = start_s
        said = _cue_lines(lines[at + 1 : following - 1])
        # Captions that roll show a line again above the next one.
        new = said[1:] if before and said[:1] == before[-1:] else said
        before = said or before
        speaker = next((found[1] for line in new for found in [_VOICE.search(line)] if found), None)
        text = _spoken(new)
        if text and end_s > start_s:
            yield Cut(start_s, end_s, text, clean(speaker or "") or None, joins=True)


def _cue_lines(lines: Sequence[str]) -> list[str]:
    """A cue's lines: until the first empty one."""
    taken: list[str] = []
    for line in lines:
        if not line.strip():
            if taken:
                break
            continue
        taken.append(line)
    return taken


def _times(path: Path, number: int, line: str) -> tuple[float, float]:
    found = _TIMES.match(line)
    if found is None:
        raise ListError("bad_row", legible(line), f"{file_name(path)}, line {number}", "correct the times")
    return _seconds(found.groups()[:4]), _seconds(found.groups()[4:])


def _seconds(parts: Sequence[str | None]) -> float:
    hours, minutes, seconds, fraction = (part or "0" for part in parts)
    return min(int(hours[:6]), 99_999) * 3600 + int(minutes) * 60 + int(seconds) + float(f"0.{fraction}")


def _spoken(lines: Sequence[str]) -> str:
    """A cue's words: no tags, no sounds (`[Music]`, `♪`, a whole `(laughs)`), no dashes of a dialogue."""
    bare = (_DASH.sub("", html.unescape(_TAGS.sub("", line))) for line in lines)
    text = clean(_SOUNDS.sub(" ", " ".join(bare)))
    return "" if _WHOLE_SOUND.fullmatch(text) else text


# -- TextGrids


def _of_tiers(path: Path, text: str) -> Cues:
    try:
        tiers = read_textgrid(text)
    except ValueError as error:
        what = f"{file_name(path)}: {error}"
        raise ListError("bad_row", legible(text), what, "export it again from Praat") from error
    spoken = {name: _said(intervals) for name, intervals in tiers.items() if not _NO_TEXT_TIERS.search(name)}
    spoken = {name: intervals for name, intervals in spoken.items() if intervals}
    sentences = {name: intervals for name, intervals in spoken.items() if not _are_words(intervals)}
    chosen = _one_tier(path, sentences) or _one_tier(path, spoken)
    are_words = not sentences
    cuts = (Cut(i.start_s, i.end_s, clean(i.label), None, joins=are_words) for i in chosen)
    return Cues(tuple(cuts), are_words)


def _said(intervals: Sequence[Interval]) -> list[Interval]:
    found = [i for i in intervals if i.label.strip().lower() not in _SILENCES and i.end_s > i.start_s >= 0]
    return sorted(found, key=lambda i: i.start_s)


def _are_words(intervals: Sequence[Interval]) -> bool:
    """Mostly single words, a second long at most."""
    single = sum(len(i.label.split()) == 1 and i.end_s - i.start_s <= 1.0 for i in intervals)
    return 10 * single >= 9 * len(intervals)


def _one_tier(path: Path, tiers: Mapping[str, Sequence[Interval]]) -> Sequence[Interval]:
    """The tier that holds the text.

    Raises:
        ListError: several may.
    """
    named = [name for name in tiers if _TEXT_TIERS.search(name)]
    names = named if len(named) == 1 else list(tiers)
    if len(names) > 1:
        shown = "; ".join(
            f"`{legible(name)[:30]}`: “{legible(tiers[name][0].label)[:30]}”" for name in names[:4]
        )
        what = f"{file_name(path)}: several tiers may be the text ({shown})"
        raise ListError(
            "columns", legible(names[0]), what, "call the one that is `text`, or remove the others"
        )
    return tiers[names[0]] if names else ()
