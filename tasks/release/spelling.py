"""Sentences as the characters that a family reads: whole, or in parts that it can say at once."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from models.frontend.text.character_tokens import (
    NO_PHONE,
    Tokens,
    character_table,
    encode,
    require_encodable,
)
from models.frontend.text.characters import MARKS
from models.frontend.text.phonemized import TextError
from tasks.release.sentences import Sentence

UNKNOWN_RATIO_MAX = 0.3
"""Share of a sentence's characters that the table may lack."""

_SHOWN_LETTERS = 24


class Word(NamedTuple):
    """A word or a mark of a sentence, as it is read.

    Attributes:
        text: Normalised.
        phones: Of the table `ipa`.
        language: Base code.
        is_own: Whether it has a pronunciation of its own.
        speed: Above 1 is faster than the rest of the text.
    """

    text: str
    phones: tuple[str, ...]
    language: str
    is_own: bool
    speed: float = 1.0


class Spelled(NamedTuple):
    """What is said at once.

    Attributes:
        tokens: Its characters between two pads; `phone_of` counts the phones of `words`.
        words: What they belong to.
    """

    tokens: Tokens
    words: tuple[Word, ...]

    @property
    def speeds(self) -> list[float]:
        """Of the tokens: a phone's is its word's, a pad's or space's that of the phone before or after it."""
        of_phones = [word.speed for word in self.words for _ in word.phones]
        known = [None if phone == NO_PHONE else of_phones[phone] for phone in self.tokens.phone_of]
        last = next((speed for speed in known if speed is not None), 1.0)
        return [last := last if speed is None else speed for speed in known]


def spelled(sentence: Sentence, table: str) -> Tokens:
    """The characters of a sentence, each of its languages by that language's rules.

    Args:
        sentence: With phones of the table `ipa`.
        table: One of `character_tokens.CHARACTER_TABLES`.

    Raises:
        TextError: it is too long, or the table lacks too many of its characters; the sentence is named.
    """
    return spelled_whole(sentence, table).tokens


def spelled_whole(sentence: Sentence, table: str) -> Spelled:
    """The same, with the words that the characters belong to."""
    return _checked(_words(sentence), sentence, table)


def spelled_in_parts(sentence: Sentence, table: str, longest: int) -> list[Spelled]:
    """A sentence in as few parts as have at most `longest` characters, the pads not counted.

    It is cut after the last mark that leaves a part short enough, or where there is none between words.

    Raises:
        TextError: one word is too long, or the table lacks too many characters; the sentence is named.
    """
    words = _words(sentence)
    if _size(_tokens(words, table)) <= longest:
        return [_checked(words, sentence, table)]
    parts = _parts(list(_units(words)), sentence, table, longest)
    return [_checked(part, sentence, table) for part in parts]


def _parts(
    units: Sequence[tuple[Word, ...]], sentence: Sentence, table: str, longest: int
) -> Iterator[list[Word]]:
    sizes = [_size(_tokens(unit, table)) for unit in units]
    start = 0
    while start < len(units):
        end, size = start + 1, sizes[start]
        if size > longest:
            raise TextError(
                "too_many_characters", "text", sentence.text[:60],
                f"its word {units[start][0].text[:_SHOWN_LETTERS]!r} is spoken in {size} characters, "
                f"and at most {longest} can be said at once",
                "Write the word in parts.",
            )  # fmt: skip
        # A space parts each unit from the one before it.
        while end < len(units) and size + 1 + sizes[end] <= longest:
            size += 1 + sizes[end]
            end += 1
        if end < len(units):
            ends = (at for at in range(end, start, -1) if units[at - 1][-1].text in MARKS)
            end = next(ends, end)
        yield [word for unit in units[start:end] for word in unit]
        start = end


def _words(sentence: Sentence) -> list[Word]:
    return [
        Word(text, tuple(phones), run.language, place in run.own_words, speed)
        for run, speed in zip(sentence.runs, sentence.speeds or (1.0,) * len(sentence.runs), strict=True)
        for stream in [iter(run.phones)]
        for place, (text, count) in enumerate(zip(run.words, run.word2ph, strict=True))
        for phones in [itertools.islice(stream, count)]
    ]


def _units(words: Sequence[Word]) -> Iterator[tuple[Word, ...]]:
    """Words with the marks after them, which stay together."""
    unit: tuple[Word, ...] = ()
    for word in words:
        if unit and word.text not in MARKS:
            yield unit
            unit = ()
        unit = (*unit, word)
    yield unit


def _tokens(words: Sequence[Word], table: str) -> Tokens:
    """Characters of words, language by language, with one pad at each end."""
    pad, space = character_table(table).pad_id, character_table(table).ids[" "]
    ids, phone_of, unknown = [pad], [NO_PHONE], list[str]()
    n_phones = 0
    for language, run in itertools.groupby(words, key=lambda word: word.language):
        own = list(run)
        phones = [phone for word in own for phone in word.phones]
        counts = [len(word.phones) for word in own]
        given = [place for place, word in enumerate(own) if word.is_own]
        part = encode([word.text for word in own], phones, counts, character_table(table, language), given)
        if len(ids) > 1 and _size(part):
            ids.append(space)
            phone_of.append(NO_PHONE)
        ids += part.ids[1:-1]
        phone_of += [phone if phone == NO_PHONE else n_phones + phone for phone in part.phone_of[1:-1]]
        unknown += part.unknown
        n_phones += len(phones)
    return Tokens((*ids, pad), (*phone_of, NO_PHONE), tuple(unknown))


def _size(tokens: Tokens) -> int:
    return len(tokens.ids) - 2


def _checked(words: Sequence[Word], sentence: Sentence, table: str) -> Spelled:
    tokens = _tokens(words, table)
    require_encodable(tokens, sentence.text, character_table(table), UNKNOWN_RATIO_MAX)
    return Spelled(tokens, tuple(words))
