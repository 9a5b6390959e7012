"""Phones of the table `ipa` as the characters that StyleTTS 2 and Kokoro read, one token each.

Both networks spell pronunciation as espeak's IPA string is written: stress and length marks are characters of
their own, words are parted by a space, and the whole lies between two pads. The tables and the rules that
lead into them are data (`tables/characters_*.json`); the two tables give the same characters different
identifiers, so a voice trained with the wrong one learns nonsense.
"""

from __future__ import annotations

import functools
import itertools
import json
import unicodedata
from collections.abc import Collection, Mapping, Sequence
from importlib import resources
from typing import Any, NamedTuple

from models.frontend.text.characters import MARKS
from models.frontend.text.dictionary import Dictionary, InContext, aligned, load_forms
from models.frontend.text.phonemized import TextError, base_language
from models.frontend.text.regions import regional
from models.frontend.text.symbols import UNKNOWN

READS_FILES = ("tables/characters_{family.character_table}.json",)
CHARACTER_TABLES = ("styletts2", "kokoro")
MAX_CHARACTERS = 510
"""Between the pads: PL-BERT has 512 positions, a Kokoro voice 510 rows."""
NO_PHONE = -1
_SHOWN_CHARACTERS = 12


class CharacterTable(NamedTuple):
    """ids: character -> identifier below n_symbols; pad_id begins and ends every sequence.

    rules: what stands for a run of characters inside one phone, the longest run first; they go before ids.
    space_before_marks: whether a space parts a mark from the word before it.
    dictionary: of the language, which goes before rules and ids; None where the network learned without one.
    joined: words, by the word before them, that no space parts from it.
    """

    name: str
    ids: Mapping[str, int]
    n_symbols: int
    pad_id: int
    rules: Mapping[str, str]
    space_before_marks: bool
    dictionary: Dictionary | None
    joined: Mapping[str, frozenset[str]]


class Tokens(NamedTuple):
    """ids[i] belongs to phone phone_of[i]; pads and spaces to NO_PHONE. unknown: what has no character."""

    ids: tuple[int, ...]
    phone_of: tuple[int, ...]
    unknown: tuple[str, ...]


@functools.lru_cache(maxsize=32)
def character_table(name: str, language: str = "") -> CharacterTable:
    """One of CHARACTER_TABLES, with the rules of a language code where it has its own ("en-GB", else "en").

    Raises ValueError for any other name.
    """
    if name not in CHARACTER_TABLES:
        raise ValueError(f"character table {name!r} does not exist: use one of {', '.join(CHARACTER_TABLES)}")
    source = resources.files(__package__).joinpath("tables", f"characters_{name}.json")
    data = json.loads(source.read_text(encoding="utf-8"))
    code = language.strip().lower().replace("_", "-")
    known = (data["languages"].get(one) for one in (code, regional(code), base_language(code)))
    own: dict[str, Any] = next((rules for rules in known if rules), {})
    words = own.get("dictionary")
    dictionary = words and Dictionary(
        forms=load_forms(f"{name}_{words['of']}"),
        in_context={word: InContext(*forms) for word, forms in words["in_context"].items()},
        ending_vowel=words["ending_vowel"],
        flaps=words["flaps"],
    )
    return CharacterTable(
        name=name,
        ids=data["ids"],
        n_symbols=data["n_symbols"],
        pad_id=data["pad_id"],
        rules={**data["rules"], **own.get("rules", {})},
        space_before_marks=data["space_before_marks"],
        dictionary=dictionary,
        joined={word: frozenset(others) for word, others in own.get("joined", {}).items()},
    )


def encode(
    words: Sequence[str],
    phones: Sequence[str],
    word2ph: Sequence[int],
    table: CharacterTable,
    own_words: Collection[int] = (),
) -> Tokens:
    """Tokens of phones of the table `ipa`; word2ph[i] of them belong to words[i].

    A mark is spelled as it is written: `;` and `:` have characters of their own, and a comma for a phone.
    The phones of words[i] go before a dictionary's characters for each i of own_words.
    What neither the table nor a rule holds is left out and listed in `unknown` (see `require_encodable`).
    """
    unknown = list[str]()
    looked_up = ["" if place in own_words else word for place, word in enumerate(words)]
    spelled = _spelled_words(looked_up, phones, word2ph, table, unknown)
    ids, phone_of = [table.pad_id], [NO_PHONE]
    for before, word, characters in zip(["", *words], words, spelled, strict=False):
        attached = word in MARKS and word != "-" and not table.space_before_marks
        joined = word.lower() in table.joined.get(before.lower(), ())
        if characters and len(ids) > 1 and not attached and not joined:
            ids.append(table.ids[" "])
            phone_of.append(NO_PHONE)
        for character, phone in characters:
            ids.append(table.ids[character])
            phone_of.append(phone)
    return Tokens((*ids, table.pad_id), (*phone_of, NO_PHONE), tuple(unknown))


def require_encodable(tokens: Tokens, text: str, table: CharacterTable, unknown_ratio_max: float) -> None:
    """Raises TextError (unknown_symbols, too_many_characters) that names the sentence."""
    spoken = sum(phone != NO_PHONE for phone in tokens.phone_of)
    ratio = len(tokens.unknown) / max(1, spoken + len(tokens.unknown))
    if ratio > unknown_ratio_max or not spoken:
        listed = " ".join(sorted(set(tokens.unknown))[:_SHOWN_CHARACTERS])
        raise TextError(
            "unknown_symbols", "unknown_ratio", f"{ratio:.3f}",
            f"the characters of {table.name} lack {listed or 'every phone'} in {text[:60]!r}, above the "
            f"limit of {unknown_ratio_max}",
            "Check the text and its language, or raise `unknown_ratio_max`.",
        )  # fmt: skip
    if (n_characters := len(tokens.ids) - 2) > MAX_CHARACTERS:
        raise TextError(
            "too_many_characters", "text", text[:60],
            f"it is spoken in {n_characters} characters, and {table.name} reads at most {MAX_CHARACTERS}",
            "Split the sentence.",
        )  # fmt: skip


def token_durations(
    tokens: Tokens,
    phone_frames: Sequence[int],
    lead_frames: int,
    trail_frames: int,
    pause_frames: Sequence[int] = (),
) -> list[int]:
    """Frames of every token at half the rate of phone_frames; they add up to half their sum exactly.

    Every token gets at least one frame where there are enough, as monotonic alignment gives it and synthesis
    rounds up to.

    Args:
        phone_frames: Frames of each phone, an even number in all.
        lead_frames: How many of the first phone's are silence before it; they are the first pad's.
        trail_frames: How many of the last phone's are silence after it; they are the last pad's.
        pause_frames: How many of each phone's are silence after it; where a space follows, they are its.

    Raises:
        ValueError: the frames are odd in number.
    """
    n_frames = sum(phone_frames)
    if n_frames % 2:
        raise ValueError(f"{n_frames} frames cannot be halved: a frame of durations is two of them")
    spans = _phone_spans(phone_frames, lead_frames, trail_frames, pause_frames)
    starts = _token_starts(tokens.phone_of, spans, n_frames)
    boundaries = _whole([start / 2.0 for start in starts], n_frames // 2)
    return [end - start for start, end in itertools.pairwise(boundaries)]


def _spelled_words(
    words: Sequence[str],
    phones: Sequence[str],
    word2ph: Sequence[int],
    table: CharacterTable,
    unknown: list[str],
) -> list[list[tuple[str, int]]]:
    """Characters of each word, each with the phone that it is part of; what has none goes to unknown.

    words: "" for those that are not looked up in the dictionary.
    """
    ends = list(itertools.accumulate(word2ph))
    said = [
        [
            (character, index)
            for index in range(end - n_phones, end)
            for character in _spelled(word if word in MARKS else phones[index], table, unknown)
        ]
        for word, n_phones, end in zip(words, word2ph, ends, strict=True)
    ]
    if table.dictionary is None:
        return said
    written = table.dictionary.written(words, ["".join(one for one, _ in word) for word in said])
    return [
        aligned(word, known) if word and known else word for word, known in zip(said, written, strict=True)
    ]


def _spelled(phone: str, table: CharacterTable, unknown: list[str]) -> list[str]:
    """Characters of one phone; what has none goes to unknown."""
    if phone == UNKNOWN:
        unknown.append(phone)
        return []
    # Nasal vowels may be one code point, of which the tables hold the parts.
    written = "".join(
        part if part in table.ids or part in table.rules else unicodedata.normalize("NFD", part)
        for part in phone
    )
    spelled: list[str] = []
    position = 0
    while position < len(written):
        run = next(
            (
                written[position:end]
                for end in range(len(written), position, -1)
                if written[position:end] in table.rules
            ),
            written[position],
        )
        if run in table.rules:
            spelled += table.rules[run]
        elif run in table.ids:
            spelled.append(run)
        else:
            unknown.append(run)
        position += len(run)
    return spelled


class _Span(NamedTuple):
    """When a phone is spoken, in frames."""

    start: int
    end: int


def _phone_spans(
    phone_frames: Sequence[int], lead: int, trail: int, pause_frames: Sequence[int]
) -> list[_Span]:
    ends = list(itertools.accumulate(phone_frames))
    pauses = list(pause_frames) or [0] * len(ends)
    spans = [
        _Span(end - frames, end - pause)
        for end, frames, pause in zip(ends, phone_frames, pauses, strict=True)
    ]
    spans[0] = _Span(spans[0].start + lead, max(spans[0].end, spans[0].start + lead))
    spans[-1] = _Span(spans[-1].start, max(spans[-1].end - trail, spans[-1].start))
    return spans


def _token_starts(phone_of: Sequence[int], spans: Sequence[_Span], n_frames: int) -> list[float]:
    """Where each token begins, in frames, and the end: the characters of a phone share its time evenly."""
    starts: list[float] = [0.0]
    reached = 0.0
    for phone, group in itertools.groupby(phone_of[1:-1]):
        n_tokens = len(list(group))
        if phone == NO_PHONE:
            starts += [reached] * n_tokens
            continue
        span = spans[phone]
        step = (span.end - span.start) / n_tokens
        starts += [span.start + step * place for place in range(n_tokens)]
        reached = float(span.end)
    return [*starts, reached if len(starts) > 1 else float(n_frames), float(n_frames)]


def _whole(ideal: Sequence[float], total: int) -> list[int]:
    """Rising whole numbers near the ideal boundaries, from 0 to total; at least 1 apart where that fits."""
    least = 1 if total >= len(ideal) - 1 else 0
    last = len(ideal) - 1
    boundaries = [0]
    for index, wanted in enumerate(ideal[1:], 1):
        room = total - least * (last - index)
        boundaries.append(min(max(round(wanted), boundaries[-1] + least), room))
    return boundaries
