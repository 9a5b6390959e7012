"""Cutting a text into sentences that a voice can say in one breath."""

from __future__ import annotations

import itertools
import re
from collections.abc import Callable, Collection, Iterator, Sequence
from typing import NamedTuple

from configs.errors import UserError
from models.frontend.language import has_words
from models.frontend.text.g2p import phonemize_marked
from models.frontend.text.inline import without_phones
from models.frontend.text.lexicon import NO_ENTRIES, Lexicon
from models.frontend.text.marked import HIDDEN, Marked, hidden, marked
from models.frontend.text.mixing import Stretch, stretches, unreadable_share
from models.frontend.text.phonemized import Phonemized
from tasks.release.marked_text import Breath, Manuscript, Place, Said, breaths, plain_marks
from tasks.release.sentence_ends import sentence_ends

MAX_FOREIGN_SHARE = 0.3
"""Letters of another script that a text may hold (names, for example) before it is refused."""

MAX_CHARACTERS = 200
"""Longer sentences are cut at a comma or, failing that, between words: decoders drift on long ones."""

_WHOLE = re.compile(rf".[{HIDDEN}\u00a0]*", re.DOTALL)
# Not inside of 1,000, 10:30, 1990–2000 or an address.
_CLAUSES = re.compile(r"(?<=[，、：—])\s*|(?<=[,:–])(?:\s+|(?=[^\x00-\x7f]))")


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
    language: str | None = None,
) -> list[Breath]:
    """What is said in one breath each, in order; stray marks between sentences are left out.

    Args:
        text: Any length.
        longest: Characters of a sentence above which it is cut.
        one_speed: Cut sentences where their speed changes too.
        lexicon, spoken: As `read_sentences`: no word with a pronunciation of its own is cut.
        language: As `read_sentences`; None is the first that is spoken.

    Raises:
        UserError: there is none, or a pause is not understood.
    """
    marks = plain_marks(text) if isinstance(text, str) else text
    main = next(iter(spoken), "")

    def sentences_of(plain: str) -> list[str]:
        return split_sentences(hidden(plain, main, lexicon, spoken), longest, language or main or "en")

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
    found = spoken_breaths(
        text, longest, one_speed=one_speed, lexicon=lexicon, spoken=spoken, language=language
    )

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


def split_sentences(text: str, longest: int = MAX_CHARACTERS, language: str = "en") -> list[str]:
    """Sentences of a text, in order, without outer white space; nothing spoken is lost."""
    ends = [0, *sentence_ends(text, language), len(text)]
    whole = [text[start:end].strip() for start, end in itertools.pairwise(ends)]
    return [piece for sentence in whole if sentence for piece in _shortened(sentence, longest)]


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
