"""Random texts over every language and symbol table: each is phones in step with its words, or one refusal.

By hand: `python -m tests.fuzz.texts --count 5000 --seed 1`.
"""

from __future__ import annotations

import contextlib
import random
import sys
import unicodedata
from collections import defaultdict
from collections.abc import Iterator
from functools import lru_cache
from typing import NamedTuple

from models.frontend.language import foreign_share, identify, script_of, scripts_of
from models.frontend.text.character_tokens import CHARACTER_TABLES, character_table, encode
from models.frontend.text.characters import fold
from models.frontend.text.espeak_ipa import supported_languages
from models.frontend.text.extras import MissingFrontEndError
from models.frontend.text.g2p import phonemize, table_languages
from models.frontend.text.mixing import stretches
from models.frontend.text.symbols import TABLE_NAMES, load_symbol_table
from tests.fuzz import harness

LIMIT_S = 1.0

_DIGITS = "0123456789" * 3 + "٠٣٩۴८৫๗௧፩፲፻〇²½Ⅳ①𝟗"
_NUMBER_SIGNS = ".,:-−/%€$£¥°§ '\u00a0\u202f+=#@&⁄"
_WORDS = (
    *("Mr.", "Dr.", "z. B.", "Nr.", "St.", "No.", "e.g.", "3rd", "Nov.", "Uhr", "Euro", "million", "1980s"),
    *("2024年", "摄氏度", "Jahrhundert", "[[h@l'oU]]", "<speak>", "</s>", "&amp;", "&#0;", "\\n", "_:", "{}"),
)
_ODD = (
    *("\x00", "\x07", "\x1b[31m", "\x85", "\ud800", "\udfff", "\ufffe", "\U0010ffff", "\ue000", "\u0378"),
    *("\u202e", "\u2066", "\u200b", "\u200c", "\u200d", "\ufeff", "\u0301", "\u0336", "\u20dd", "\ufe0f"),
    *("👩‍👩‍👧", "🇩🇪", "\u115f", "\u1160", "\u3164", "\ud7fc", "\ufdfa", "…", "⋯", "⁉", "|", "^", "~", "ͅ"),
)


class Case(NamedTuple):
    """What is read, as which language, into the phones of which table."""

    language: str
    symbol_table: str
    text: str


def targets() -> list[tuple[str, str]]:
    """Every language with every table that reads it."""
    published = [(code, table) for table in TABLE_NAMES for code in table_languages(table)]
    return published + [(code, "ipa") for code in supported_languages()]


def cases(count: int, seed: int) -> Iterator[Case]:
    """Texts for one target after the other; the same for the same seed."""
    every = targets()
    for at in range(seed, seed + count):
        chance = random.Random(at)
        language, table = every[at % len(every)]
        yield Case(language, table, _text(chance, language))


def prepare() -> None:
    """Load dictionaries and models, which are read once and would count as the first text's time."""
    for language, table in (("en", "gpt-sovits-v2"), ("zh", "gpt-sovits-v2"), ("sv", "ipa")):
        read(Case(language, table, "Bild 12, 图."))
    for extra in ("ja", "yue"):
        with contextlib.suppress(MissingFrontEndError):
            read(Case(extra, "gpt-sovits-v2", "图."))


def read(case: Case) -> str:
    """Read one text as the pipeline does, and check what comes out.

    Raises:
        TextError: it cannot be read.
        AssertionError: phones and words do not match, or the result depends on something else.
    """
    folded = fold(case.text)
    folded.encode()
    assert fold(folded) == folded
    identify(case.text)
    foreign_share(case.text, case.language)
    parts = stretches(case.text, case.language, (case.language, "en", "zh"))
    assert "".join(part.text for part in parts) == case.text
    spoken = phonemize(case.text, case.language, case.symbol_table)
    table = load_symbol_table(case.symbol_table)
    assert len(spoken.words) == len(spoken.word2ph) and min(spoken.word2ph) >= 1
    assert sum(spoken.word2ph) == len(spoken.phones) == len(spoken.phone_ids)
    assert [table.symbols[index] for index in spoken.phone_ids] == spoken.phones
    spoken.normalized_text.encode()
    if case.symbol_table == "ipa":
        for name in CHARACTER_TABLES:
            encode(spoken.words, spoken.phones, spoken.word2ph, character_table(name, case.language))
    return f"{len(spoken.phones)} phones"


def _text(chance: random.Random, language: str) -> str:
    kind = chance.random()
    if kind < 0.08:
        return _long(chance, language)
    if kind < 0.16:
        return "".join(chr(chance.randrange(sys.maxunicode + 1)) for _ in range(chance.randrange(60)))
    makers = (_word, _number, _odd, lambda one, _: one.choice(_WORDS), _mark)
    weights = [chance.random() for _ in makers]
    chosen = chance.choices(makers, weights, k=chance.randrange(1, 30))
    return chance.choice(("", " ", " ")).join(maker(chance, language) for maker in chosen)


def _word(chance: random.Random, language: str) -> str:
    alphabet = _alphabet(language)
    return "".join(chance.choices(alphabet, k=chance.randrange(1, 14)))


def _number(chance: random.Random, language: str) -> str:
    del language
    digits = "".join(
        chance.choices(_DIGITS if chance.random() < 0.3 else "0123456789", k=chance.randrange(1, 20))
    )
    sign = chance.choice(_NUMBER_SIGNS)
    step = chance.randrange(1, 6)
    pieces = [digits[at : at + step] for at in range(0, len(digits), step)]
    form = chance.randrange(4)
    if form == 0:
        return digits
    if form == 1:
        return sign.join(pieces)
    return sign + digits if form == 2 else digits + sign


def _odd(chance: random.Random, language: str) -> str:
    return chance.choice(_ODD) + (_word(chance, language) if chance.random() < 0.5 else "")


def _mark(chance: random.Random, language: str) -> str:
    del language
    return chance.choice("!,-.?…;:。、،؟।()\"'«»—")


def _long(chance: random.Random, language: str) -> str:
    """What no sentence is: one thing over and over."""
    piece = chance.choice((_word, _number, _odd, _mark))(chance, language)
    return (piece + chance.choice(("", "", " "))) * chance.randrange(1, 2000)


def _alphabet(language: str) -> str:
    """Letters, marks and digits of the scripts that a language is written in."""
    return "".join(_characters_of().get(script, "") for script in sorted(scripts_of(language))) + "aeiou"


@lru_cache(maxsize=1)
def _characters_of() -> dict[str, str]:
    found: dict[str, list[str]] = defaultdict(list)
    for character in map(chr, range(0x20, 0x30000)):
        if unicodedata.category(character)[0] in "LMN":
            found[script_of(character)].append(character)
    return {script: "".join(characters) for script, characters in found.items()}


def main() -> int:
    """Run by hand; how many faults there were, at most 1."""
    given = harness.arguments(5000, __doc__)
    return min(
        1, harness.report(harness.judge(read, cases(given.count, given.seed), LIMIT_S, prepare=prepare))
    )


if __name__ == "__main__":
    sys.exit(main())
