"""Words to IPA phones with espeak-ng, one token per phonetic segment.

espeak comes as a wheel (`espeakng-loader`) and is driven through phonemizer. Its output is close to IPA, but
each of its ~100 voices leaks some of espeak's own ASCII names; `segment_phones` folds those and cuts the
stream into the segments of our `ipa` table.
"""

from __future__ import annotations

import functools
import itertools
import unicodedata
from pathlib import Path

from models.frontend.text.characters import is_han
from models.frontend.text.reader_process import ask
from models.frontend.text.regions import regional
from models.frontend.text.symbols import (
    PRIMARY_STRESS,
    SECONDARY_STRESS,
    UNKNOWN,
    VOWELS,
    SymbolTable,
    load_symbol_table,
)
from models.frontend.text.word_spans import word_spans

_VOICE_OF = {
    "en": "en-us", "fr": "fr-fr", "zh": "cmn", "no": "nb", "nn": "nb", "iw": "he", "fil": "tl",
    "zh-tw": "cmn", "zh-cn": "cmn", "yue": "yue",
}  # fmt: skip
_DICTIONARY_OF = {"nb": "no"}
# Measured with espeak-ng 1.52: the process dies of a segmentation fault on ordinary words.
_CRASHING_VOICES = frozenset(("kl",))
_TONE_VOICES = frozenset(("cmn", "yue", "hak", "vi", "th", "my", "shn"))
# The letter, which espeak reads as the article where a word follows.
_ENGLISH_SPELLINGS = {"A": "eigh"}
_STRESS_MARKS = PRIMARY_STRESS + SECONDARY_STRESS
# espeak's own names that leak through its IPA, and ligatures.
_LEAKS = (
    ("tS", "tʃ"), ("dZ", "dʒ"), ("S", "ʃ"), ("Z", "ʒ"), ("N", "ŋ"), ("g", "ɡ"), ("ε", "ɛ"), ("ʦ", "ts"),
    ("ʣ", "dz"), ("ʧ", "tʃ"), ("ʤ", "dʒ"), ("X", "χ"), ("A", "ɑ"), ("Φ", "ɸ"), ("K", "ɬ"), ("?", "ʔ"),
    (":", "ː"), ("ä", "a"), ("ɝ", "ɜɹ"), ("kh", "kʰ"), ("ph", "pʰ"), ("th", "tʰ"),
)  # fmt: skip
_IGNORED = frozenset("[]()#\"^`-.+'͡|*;~_")


class UnsupportedLanguageError(ValueError):
    """espeak has no usable voice for the language; `reason` says why, without naming the language."""

    def __init__(self, language: str, reason: str) -> None:
        super().__init__(f"language {language!r}: {reason}")
        self.language = language
        self.reason = reason


def espeak_voice(language: str) -> str:
    """espeak's voice for a language code ("de-AT" -> "de", "en" -> "en-us", "es-MX" -> "es-419").

    Raises UnsupportedLanguageError.
    """
    code = language.strip().lower().replace("_", "-")
    known = {voice.lower(): voice for voice in _usable_voices()}
    base = code.split("-")[0]
    for candidate in (code, _VOICE_OF.get(code), regional(code), base, _VOICE_OF.get(base)):
        if candidate in _CRASHING_VOICES:
            raise UnsupportedLanguageError(language, "espeak-ng 1.52 crashes in this voice")
        if candidate is not None and candidate in known:
            return known[candidate]
    raise UnsupportedLanguageError(language, "espeak-ng has no voice for it")


def supported_languages() -> tuple[str, ...]:
    """espeak's usable voices, sorted."""
    return tuple(sorted(_usable_voices()))


def espeak_words(words: list[str], language: str) -> list[str]:
    """IPA of each word, phones separated by "_"; "" where espeak says nothing.

    Han characters that the voice does not know stand at the end of their word as they are.
    The words, which no mark parts, are pronounced together, so that weak forms and liaison come out right.
    Where espeak joins or splits some, `word_spans` finds each one's part, and the parts in order are all
    that espeak said; only where `word_spans` finds none is each word pronounced alone.
    Raises UnsupportedLanguageError, and BreakdownError where espeak breaks down on the words.
    """
    voice = espeak_voice(language)
    split = [_split_unread(word, voice) for word in words]
    said = iter(_espeak_words([word for word, _ in split if word], voice))
    return ["_".join([next(said) if word else "", *unread]).strip("_") for word, unread in split]


def _espeak_words(words: list[str], voice: str) -> list[str]:
    if not words:
        return []
    if voice.startswith("en"):
        words = [_ENGLISH_SPELLINGS.get(word, word) for word in words]
    together, *apart = ask("espeak", " ".join(words), voice)
    groups = [_phones(group) for group in together.split("|")]
    one_each = len(groups) == len(words) and all(groups) and not any("|" in word for word in apart)
    counts = [len(group) for group in groups]
    if not one_each:
        alone = [_phones(word) for word in apart]
        found = word_spans(alone, groups)
        if found is None:
            return ["_".join(phones) for phones in alone]
        counts = found
    spoken = itertools.chain.from_iterable(groups)
    return ["_".join(itertools.islice(spoken, count)) for count in counts]


def _split_unread(word: str, voice: str) -> tuple[str, list[str]]:
    """A word without the Han characters that the voice would spell ("Chinese letter two zero"), and these."""
    if not any(map(is_han, word)):
        return word, []
    unread = [character for character in word if is_han(character) and not _reads(voice, character)]
    return "".join(character for character in word if character not in unread), unread


def _reads(voice: str, han: str) -> bool:
    """Whether espeak-ng 1.52 has a reading of the character: in two languages, of Unicode's first blocks."""
    return voice.split("-")[0] in ("cmn", "yue") and (
        han == "〇" or "\u3400" <= han <= "\u4db5" or "\u4e00" <= han <= "\u9fa5"
    )


def segment_phones(spoken: str, voice: str) -> tuple[list[str], list[str]]:
    """One word of espeak output as tokens of the `ipa` table, and the characters that have no token.

    Longest match first ("tʃ", "aɪ", "ɜː" are one token). Stress goes on the next vowel's token
    ("ˈaɪ"); diacritics that the table does not distinguish are dropped; tone numbers are tokens.
    """
    for leak, ipa in _LEAKS:
        spoken = spoken.replace(leak, ipa)
    table = load_symbol_table("ipa")
    phones: list[str] = []
    unknown: list[str] = []
    stress = ""
    for segment in spoken.split("_"):
        if voice in _TONE_VOICES and len(segment) > 1 and segment.endswith("ɜ"):
            segment = segment[:-1] + "3"  # espeak's phoneme "3" as it comes through its IPA conversion
        position = 0
        while position < len(segment):
            if segment[position] in _STRESS_MARKS:
                stress = segment[position]
                position += 1
                continue
            token = _longest_token(segment, position, table)
            if token:
                is_vowel = token[0] in VOWELS
                phones.append(stress + token if is_vowel else token)
                stress = "" if is_vowel else stress
                position += len(token)
                continue
            if not _is_diacritic(segment[position]):
                phones.append(UNKNOWN)
                unknown.append(segment[position])
            position += 1
    return phones, unknown


def _longest_token(segment: str, start: int, table: SymbolTable) -> str:
    for end in range(min(len(segment), start + 4), start, -1):
        candidate = segment[start:end]
        if candidate in table.ids and candidate not in table.marks and candidate != "_":
            return candidate
    return ""


def _is_diacritic(character: str) -> bool:
    return character in _IGNORED or unicodedata.category(character) in ("Mn", "Lm", "Sk", "Zs")


@functools.lru_cache(maxsize=1)
def _usable_voices() -> frozenset[str]:
    """Voices whose dictionary is in the wheel: espeak reads others letter by letter, or crashes."""
    import espeakng_loader

    folder = Path(espeakng_loader.get_data_path())
    usable = set()
    for voice in ask("espeak_voices"):
        base = voice.split("-")[0]
        has_dictionary = (folder / f"{_DICTIONARY_OF.get(base, base)}_dict").is_file()
        if has_dictionary and voice not in _CRASHING_VOICES:
            usable.add(voice)
    return frozenset(usable)


def _phones(spoken: str) -> list[str]:
    """Of one or several groups as espeak gives them."""
    return [phone for phone in spoken.replace("|", "_").split("_") if phone]
