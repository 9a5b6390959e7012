"""Cutting a text into sentences that a voice can say in one breath."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterator, Sequence
from typing import NamedTuple

from configs.errors import UserError
from models.frontend.language import has_words
from models.frontend.text.g2p import phonemize
from models.frontend.text.mixing import Stretch, stretches, unreadable_share
from models.frontend.text.phonemized import Phonemized
from tasks.release.marked_text import Breath, Marked, Place, Said, breaths, plain_marks

MAX_FOREIGN_SHARE = 0.3
"""Letters of another script that a text may hold (names, for example) before it is refused."""

MAX_CHARACTERS = 200
"""Longer sentences are cut at a comma or, failing that, between words: decoders drift on long ones."""

_ENDS = re.compile(r"(?<=[.!?…。！？；;])[\"'”’»)\]]*\s+|(?<=[。！？；])|\n+")
_CLAUSES = re.compile(r"(?<=[,，、:：–—])\s*")
# A full stop after these, or after a single letter or a number, ends no sentence.
_ABBREVIATIONS = frozenset(
    [
        "bzw",
        "ca",
        "co",
        "corp",
        "dr",
        "etc",
        "evtl",
        "fr",
        "geb",
        "gen",
        "gov",
        "hr",
        "inc",
        "jr",
        "ltd",
        "mr",
        "mrs",
        "ms",
        "nr",
        "no",
        "prof",
        "rep",
        "rev",
        "sen",
        "sr",
        "st",
        "vgl",
        "vs",
        "usw",
    ]
)
_INNER_STOP = re.compile(r"(?:^|[\s(\"'“])([^\s.]+|(?:[^\W\d]\.)+[^\W\d])\.$")


_INLINE_PHONES = re.compile(r"\[([^\[\]]+)\]\(/[^/()]*/\)")


class Sentence(NamedTuple):
    """What is said in one breath.

    Attributes:
        text: As written.
        runs: Its phones, one run per language or speed, in order.
        speeds: Of the runs, above 1 faster than the rest; none where all are 1.
        place: Where in the text it is, and the pauses around it.
    """

    text: str
    runs: tuple[Phonemized, ...]
    speeds: tuple[float, ...] = ()
    place: Place = Place()

    @property
    def phone_ids(self) -> list[int]:
        """Of all runs together."""
        return [phone_id for run in self.runs for phone_id in run.phone_ids]


def spoken_breaths(text: Marked, longest: int = MAX_CHARACTERS, *, one_speed: bool = False) -> list[Breath]:
    """What is said in one breath each, in order; stray marks between sentences are left out.

    Args:
        text: Any length.
        longest: Characters of a sentence above which it is cut.
        one_speed: Cut sentences where their speed changes too.

    Raises:
        UserError: there is none, or a pause is not understood.
    """
    marks = plain_marks(text) if isinstance(text, str) else text
    return breaths(marks, lambda plain: split_sentences(plain, longest), one_speed=one_speed)


def read_sentences(
    text: Marked,
    language: str,
    spoken: Collection[str],
    symbol_table: str,
    longest: int = MAX_CHARACTERS,
    *,
    one_speed: bool = False,
    asked_language: Callable[[str], str] = str,
) -> Iterator[Sentence]:
    """Phones of a text; the text is checked at once, each sentence read when it is asked for.

    Args:
        text: Any length.
        language: Code of its main language.
        spoken: Codes of all languages that may be mixed in.
        symbol_table: One of `symbols.TABLE_NAMES`.
        longest: Characters of a sentence above which it is cut.
        one_speed: Cut sentences where their speed changes too.
        asked_language: From a language that the text names to the code that reads it; may refuse.

    Raises:
        UserError: as `spoken_breaths`, or too much of the text is in no spoken language.
    """
    found = spoken_breaths(text, longest, one_speed=one_speed)

    def parts_of(span: Said) -> list[Stretch]:
        own = language if span.language is None else asked_language(span.language)
        return _with_words(stretches(span.text, own, spoken))

    read = [(one, [(span, part) for span in one.spans for part in parts_of(span)]) for one in found]
    foreign = unreadable_share([part for _, parts in read for _, part in parts])
    if foreign > MAX_FOREIGN_SHARE:
        raise UserError(
            f"text: {foreign:.0%} of its letters belong to no script of the language {language}; "
            f"this voice speaks {', '.join(spoken)}"
        )
    return (
        Sentence(
            written(one),
            tuple(phonemize(part.text, part.language, symbol_table) for _, part in parts),
            tuple(span.speed for span, _ in parts),
            one.place,
        )
        for one, parts in read
    )


def written(breath: Breath) -> str:
    """A breath as a reader sees it, without inline phones."""
    shown = "".join(span.shown for span in breath.spans)
    return " ".join(_INLINE_PHONES.sub(r"\1", shown).split())


def _with_words(parts: Sequence[Stretch]) -> list[Stretch]:
    return [part for part in parts if has_words(part.text)]


def split_sentences(text: str, longest: int = MAX_CHARACTERS) -> list[str]:
    """Sentences of a text, in order, without outer white space; nothing spoken is lost."""
    whole: list[str] = []
    start = 0
    for end in _ENDS.finditer(text):
        candidate = text[start : end.end()]
        if "\n" not in end.group() and _stops_inside(candidate.rstrip()):
            continue
        whole.append(candidate.strip())
        start = end.end()
    whole.append(text[start:].strip())
    return [piece for sentence in whole if sentence for piece in _shortened(sentence, longest)]


def _stops_inside(sentence: str) -> bool:
    found = _INNER_STOP.search(sentence)
    if found is None:
        return False
    word = found.group(1).lower()
    single = len(word) == 1 and word.isalpha()
    return single or word in _ABBREVIATIONS or "." in word or word.isdigit()


def _shortened(sentence: str, longest: int) -> list[str]:
    if len(sentence) <= longest:
        return [sentence]
    parts = [part for part in _CLAUSES.split(sentence) if part]
    if len(parts) == 1:
        parts = sentence.split(" ") if " " in sentence else _sliced(sentence, longest)
    pieces = [parts[0]]
    for part in parts[1:]:
        gap = " " if " " in sentence else ""
        if len(pieces[-1]) + len(gap) + len(part) <= longest:
            pieces[-1] += gap + part
        else:
            pieces.append(part)
    return [p for piece in pieces for p in (_shortened(piece, longest) if piece != sentence else [piece])]


def _sliced(text: str, longest: int) -> list[str]:
    return [text[at : at + longest] for at in range(0, len(text), longest)]
