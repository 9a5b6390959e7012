"""Cutting a text into sentences that a voice can say in one breath."""

from __future__ import annotations

import itertools
import re
from collections.abc import Callable, Collection, Iterator, Sequence
from typing import NamedTuple

from configs.errors import UserError
from models.frontend.language import has_words
from models.frontend.text.english.rule import begins_sentence, word_set
from models.frontend.text.g2p import phonemize_marked
from models.frontend.text.inline import without_phones
from models.frontend.text.lexicon import NO_ENTRIES, Lexicon
from models.frontend.text.marked import HIDDEN, Marked, hidden, marked
from models.frontend.text.mixing import Stretch, stretches, unreadable_share
from models.frontend.text.phonemized import Phonemized
from tasks.release.marked_text import Breath, Manuscript, Place, Said, breaths, plain_marks

MAX_FOREIGN_SHARE = 0.3
"""Letters of another script that a text may hold (names, for example) before it is refused."""

MAX_CHARACTERS = 200
"""Longer sentences are cut at a comma or, failing that, between words: decoders drift on long ones."""

_ENDS = re.compile(r"(?<=[.!?…。！？；;])[\"'”’»)\]]*\s+|(?<=[。！？；])|\n+")
_WHOLE = re.compile(rf".[{HIDDEN}\u00a0]*", re.DOTALL)
# Not inside of 1,000, 10:30, 1990–2000 or an address.
_CLAUSES = re.compile(r"(?<=[，、：—])\s*|(?<=[,:–])(?:\s+|(?=[^\x00-\x7f]))")
# A name follows these, so they end no sentence.
_BEFORE_NAMES = word_set(
    "adm bzw capt cf cmdr col cpl dr evtl fr geb gen gov hon hr lt maj mr mrs ms mt prof rep rev sen"
    " sgt st vgl vs jan feb mar apr jun jul aug sep sept oct nov dec mon tue tues wed thu thur thurs fri"
)
# Nor do these before a number.
_BEFORE_FIGURES = word_set("approx apt c ca ext fig figs no nos nr p pp tel vol")
# These end one where what follows begins like one.
_ABBREVIATIONS = word_set(
    "al assoc ave blvd bros ca co corp dept esq est etc ft hwy inc jr ln ltd pkwy rd sq sr univ usw"
)
_INNER_STOP = re.compile(r"(?:^|[\s(\"'“])((?:[^\W\d]{1,3}\.)+[^\W\d]|[^\s.]+)\.$")


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


def spoken_breaths(
    text: Manuscript,
    longest: int = MAX_CHARACTERS,
    *,
    one_speed: bool = False,
    lexicon: Lexicon = NO_ENTRIES,
    spoken: Collection[str] = (),
) -> list[Breath]:
    """What is said in one breath each, in order; stray marks between sentences are left out.

    Args:
        text: Any length.
        longest: Characters of a sentence above which it is cut.
        one_speed: Cut sentences where their speed changes too.
        lexicon, spoken: As `read_sentences`: no word with a pronunciation of its own is cut.

    Raises:
        UserError: there is none, or a pause is not understood.
    """
    marks = plain_marks(text) if isinstance(text, str) else text
    main = next(iter(spoken), "")

    def sentences_of(plain: str) -> list[str]:
        return split_sentences(hidden(plain, main, lexicon, spoken), longest)

    return breaths(marks, sentences_of, one_speed=one_speed)


def read_sentences(
    text: Manuscript,
    language: str,
    spoken: Collection[str],
    symbol_table: str,
    longest: int = MAX_CHARACTERS,
    *,
    one_speed: bool = False,
    asked_language: Callable[[str], str] = str,
    lexicon: Lexicon = NO_ENTRIES,
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
        lexicon: Pronunciations of one's own; `[word](/phones/)` in the text goes before them.

    Raises:
        UserError: as `spoken_breaths`, or too much of the text is in no spoken language.
    """
    found = spoken_breaths(text, longest, one_speed=one_speed, lexicon=lexicon, spoken=spoken)

    def parts_of(span: Said) -> list[_Part]:
        own = language if span.language is None else asked_language(span.language)
        return _with_words(_parts(marked(span.text, own, lexicon, spoken), own, spoken))

    read = [(one, [(span, part) for span in one.spans for part in parts_of(span)]) for one in found]
    foreign = unreadable_share([part.letters for _, parts in read for _, part in parts])
    if foreign > MAX_FOREIGN_SHARE:
        raise UserError(
            f"text: {foreign:.0%} of its letters belong to no script of the language {language}; "
            f"this voice speaks {', '.join(spoken)}"
        )
    return (
        Sentence(
            written(one),
            tuple(part.phones(symbol_table) for _, part in parts),
            tuple(span.speed for span, _ in parts),
            one.place,
        )
        for one, parts in read
    )


def read_runs(
    text: str, language: str, spoken: Collection[str], symbol_table: str, lexicon: Lexicon
) -> list[Phonemized]:
    """Phones of a text that is not cut into sentences, a run for each stretch of one language."""
    whole = marked(text, language, lexicon, spoken)
    return [part.phones(symbol_table) for part in _parts(whole, language, spoken)]


def written(breath: Breath) -> str:
    """A breath as a reader sees it, without inline phones."""
    shown = "".join(span.shown for span in breath.spans)
    return " ".join(without_phones(shown).split())


class _Part(NamedTuple):
    """A stretch of one language. letters: as `Marked.in_letters`; text: with own words marked."""

    letters: Stretch
    text: Marked

    def phones(self, symbol_table: str) -> Phonemized:
        return phonemize_marked(self.text, self.letters.language, symbol_table)


def _parts(whole: Marked, language: str, spoken: Collection[str]) -> list[_Part]:
    parts = stretches(whole.in_letters(whole.text), language, spoken)
    ends = itertools.accumulate(len(part.text) for part in parts)
    return [
        _Part(part, whole._replace(text=whole.text[end - len(part.text) : end]))
        for part, end in zip(parts, ends, strict=True)
    ]


def _with_words(parts: Sequence[_Part]) -> list[_Part]:
    return [part for part in parts if has_words(part.letters.text)]


def split_sentences(text: str, longest: int = MAX_CHARACTERS) -> list[str]:
    """Sentences of a text, in order, without outer white space; nothing spoken is lost."""
    whole: list[str] = []
    start = 0
    for end in _ENDS.finditer(text):
        candidate = text[start : end.end()]
        if "\n" not in end.group() and _stops_inside(candidate.rstrip(), text[end.end() :]):
            continue
        whole.append(candidate.strip())
        start = end.end()
    whole.append(text[start:].strip())
    return [piece for sentence in whole if sentence for piece in _shortened(sentence, longest)]


def _stops_inside(sentence: str, following: str) -> bool:
    """Whether the full stop of an abbreviation, an initial or an ordinal is all that ends the sentence."""
    found = _INNER_STOP.search(sentence)
    if found is None:
        return False
    word = found.group(1).lower()
    if word in _BEFORE_NAMES or (word in _BEFORE_FIGURES and following[:1].isdigit()):
        return True
    single = len(word) == 1 and word.isalpha()
    may_stop = single or word in _ABBREVIATIONS or "." in word or word.isdigit()
    return may_stop and not begins_sentence(following)


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
    """Cut anywhere but inside of what stands for a word."""
    pieces = [""]
    for one in _WHOLE.findall(text):
        if len(pieces[-1]) + len(one) > longest:
            pieces.append("")
        pieces[-1] += one
    return pieces
