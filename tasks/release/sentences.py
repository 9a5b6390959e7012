"""Cutting a text into sentences that a voice can say in one breath."""

from __future__ import annotations

import itertools
import re
from collections.abc import Collection, Iterator, Sequence
from typing import NamedTuple

from configs.errors import UserError
from models.frontend.language import has_words
from models.frontend.text.english.rule import begins_sentence, word_set
from models.frontend.text.g2p import phonemize_marked
from models.frontend.text.lexicon import NO_ENTRIES, Lexicon
from models.frontend.text.marked import STAND_IN, Marked, marked
from models.frontend.text.mixing import Stretch, stretches, unreadable_share
from models.frontend.text.phonemized import Phonemized

MAX_FOREIGN_SHARE = 0.3
"""Letters of another script that a text may hold (names, for example) before it is refused."""

MAX_CHARACTERS = 200
"""Longer sentences are cut at a comma or, failing that, between words: decoders drift on long ones."""

_ENDS = re.compile(r"(?<=[.!?…。！？；;])[\"'”’»)\]]*\s+|(?<=[。！？；])|\n+")
_WHOLE = re.compile(f"{STAND_IN.pattern}|.", re.DOTALL)
_CLAUSES = re.compile(r"(?<=[,，、:：–—])\s*")
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
        runs: Its phones, one run per language, in order.
    """

    text: str
    runs: tuple[Phonemized, ...]

    @property
    def phone_ids(self) -> list[int]:
        """Of all runs together."""
        return [phone_id for run in self.runs for phone_id in run.phone_ids]


def spoken_sentences(text: str, longest: int = MAX_CHARACTERS) -> list[str]:
    """The sentences of a text that hold a word; stray marks between them are left out.

    Args:
        text: Any length.
        longest: Characters of a sentence above which it is cut.

    Raises:
        UserError: there is none.
    """
    sentences = split_sentences(text, longest)
    if not sentences:
        raise UserError("text: it is empty; give the words to speak")
    spoken = [sentence for sentence in sentences if has_words(sentence)]
    if not spoken:
        raise UserError(f"text: {' '.join(sentences)[:60]!r} has no word that can be spoken")
    return spoken


def read_sentences(
    text: str,
    language: str,
    spoken: Collection[str],
    symbol_table: str,
    longest: int = MAX_CHARACTERS,
    lexicon: Lexicon = NO_ENTRIES,
) -> Iterator[Sentence]:
    """Phones of a text; the text is checked at once, each sentence read when it is asked for.

    Args:
        text: Any length.
        language: Code of its main language.
        spoken: Codes of all languages that may be mixed in.
        symbol_table: One of `symbols.TABLE_NAMES`.
        longest: Characters of a sentence above which it is cut.
        lexicon: Pronunciations of one's own; `[word](/phones/)` in the text goes before them.

    Raises:
        UserError: as `spoken_sentences`, or too much of the text is in no spoken language.
    """
    whole = marked(text, language, lexicon, spoken)
    sentences = spoken_sentences(whole.text, longest)
    read = [(one, _with_words(_parts(whole, one, language, spoken))) for one in sentences]
    foreign = unreadable_share([part.letters for _, parts in read for part in parts])
    if foreign > MAX_FOREIGN_SHARE:
        raise UserError(
            f"text: {foreign:.0%} of its letters belong to no script of the language {language}; "
            f"this voice speaks {', '.join(spoken)}"
        )
    return (
        Sentence(whole.plain(one), tuple(part.phones(symbol_table) for part in parts)) for one, parts in read
    )


def read_runs(
    text: str, language: str, spoken: Collection[str], symbol_table: str, lexicon: Lexicon
) -> list[Phonemized]:
    """Phones of a text that is not cut into sentences, a run for each stretch of one language."""
    whole = marked(text, language, lexicon, spoken)
    return [part.phones(symbol_table) for part in _parts(whole, whole.text, language, spoken)]


class _Part(NamedTuple):
    """A stretch of one language. letters: as `Marked.in_letters`; text: with own words marked."""

    letters: Stretch
    text: Marked

    def phones(self, symbol_table: str) -> Phonemized:
        return phonemize_marked(self.text, self.letters.language, symbol_table)


def _parts(whole: Marked, sentence: str, language: str, spoken: Collection[str]) -> list[_Part]:
    parts = stretches(whole.in_letters(sentence), language, spoken)
    ends = itertools.accumulate(len(part.text) for part in parts)
    return [
        _Part(part, whole._replace(text=sentence[end - len(part.text) : end]))
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
