"""Text to phones of a symbol table: the one entry point of the text front end.

Which front end speaks depends on the table: GPT-SoVITS's tables hold ARPAbet for English and initials and
finals for Chinese, and a model fine-tuned from published weights must get exactly those. Every other
language uses espeak's IPA and our own `ipa` table, for which no published weights exist: such a voice is
trained from scratch.
"""

from __future__ import annotations

import itertools
from typing import NamedTuple

from configs.errors import UserError
from models.frontend.text.arpabet import arpabet_words
from models.frontend.text.characters import Token
from models.frontend.text.espeak_ipa import (
    UnsupportedLanguageError,
    espeak_voice,
    espeak_words,
    segment_phones,
)
from models.frontend.text.normalize import normalize, normalized_text
from models.frontend.text.pinyin import pinyin_of, syllable_symbols
from models.frontend.text.symbols import UNKNOWN, load_symbol_table

_BASE_OF = {"cmn": "zh", "iw": "he", "nn": "nb", "no": "nb"}
_GPT_SOVITS_LANGUAGES = frozenset(("en", "zh"))
_WITHOUT_FRONT_END = {
    "ja": "espeak reads its characters as 'Chinese letter', and this version has no Japanese front end",
}
AUTOMATIC = "auto"


class TextError(UserError):
    """A text that cannot become phones. code: unsupported_language, no_words or table_language."""

    def __init__(self, code: str, field: str, value: str, reason: str, remedy: str) -> None:
        super().__init__(f"{field} = {value!r}: {reason}. {remedy}")
        self.code, self.field, self.value, self.reason, self.remedy = code, field, value, reason, remedy


class Phonemized(NamedTuple):
    """words and marks in order; word2ph[i] phones belong to words[i], so sum(word2ph) == len(phones).

    phone_ids index `symbol_table`; what the table lacks is UNK there and listed in `unknown`.
    """

    normalized_text: str
    language: str
    symbol_table: str
    words: list[str]
    phones: list[str]
    phone_ids: list[int]
    word2ph: list[int]
    unknown: list[str]

    @property
    def unknown_ratio(self) -> float:
        """Share of the phones that the table does not hold, 0-1."""
        return len(self.unknown) / max(1, len(self.phones))


def base_language(language: str) -> str:
    """ "en-US" -> "en", "cmn" -> "zh"."""
    base = language.strip().lower().replace("_", "-").split("-")[0]
    return _BASE_OF.get(base, base)


def choose_table(language: str, family_table: str) -> str:
    """The family's own table where it holds the language, else `ipa` (a voice trained from scratch)."""
    covered = family_table == "ipa" or base_language(language) in _GPT_SOVITS_LANGUAGES
    return family_table if covered else "ipa"


def phonemize(text: str, language: str, symbol_table: str) -> Phonemized:
    """Phones of a text. symbol_table: one of `symbols.TABLE_NAMES`.

    Any Unicode is accepted. Raises TextError when the language has no front end, the table does not
    cover it, or nothing in the text can be spoken.
    """
    base = base_language(language)
    _require_front_end(language, base, symbol_table)
    tokens = normalize(text, base)
    if not any(not token.is_mark for token in tokens):
        raise TextError(
            "no_words", "text", text[:60], "it has no word that can be spoken", "Give the words spoken."
        )
    table = load_symbol_table(symbol_table)
    unknown: list[str] = []
    if symbol_table == "ipa":
        spoken = _ipa_tokens(tokens, language, unknown)
    elif base == "zh":
        spoken = _chinese_tokens(tokens)
    else:
        spoken = _english_tokens(tokens)
    words: list[str] = []
    phones: list[str] = []
    word2ph: list[int] = []
    for word, word_phones in spoken:
        if not word_phones:
            # espeak or the dictionary had nothing to say: keep the word in step, and count it.
            unknown.append(word)
            word_phones = [UNKNOWN]
        known, _, missing = table.encode(word_phones)
        unknown.extend(missing)
        words.append(word)
        phones.extend(known)
        word2ph.append(len(known))
    phone_ids = [table.ids[phone] for phone in phones]
    written = normalized_text(tokens, base)
    return Phonemized(written, base, symbol_table, words, phones, phone_ids, word2ph, unknown)


def _require_front_end(language: str, base: str, symbol_table: str) -> None:
    if base in _WITHOUT_FRONT_END:
        raise TextError(
            "unsupported_language", "language", language, _WITHOUT_FRONT_END[base],
            "Remove these clips, or give them another language code if the code is wrong.",
        )  # fmt: skip
    if symbol_table != "ipa":
        if base not in _GPT_SOVITS_LANGUAGES:
            raise TextError(
                "table_language", "language", language,
                f"table {symbol_table} holds front ends for {', '.join(sorted(_GPT_SOVITS_LANGUAGES))} here",
                "Use the table ipa (features.phonemize.symbol_table), which trains from scratch.",
            )  # fmt: skip
        return
    try:
        espeak_voice(language)
    except UnsupportedLanguageError as error:
        raise TextError(
            "unsupported_language", "language", language, error.reason,
            "Give one of espeak-ng's language codes.",
        ) from error  # fmt: skip


def _clauses(tokens: list[Token]) -> list[tuple[bool, list[str]]]:
    """Runs of words and runs of marks, in order: (is_mark, texts)."""
    return [
        (is_mark, [token.text for token in run])
        for is_mark, run in itertools.groupby(tokens, key=lambda token: token.is_mark)
    ]


def _ipa_tokens(tokens: list[Token], language: str, unknown: list[str]) -> list[tuple[str, list[str]]]:
    voice = espeak_voice(language)
    spoken: list[tuple[str, list[str]]] = []
    for is_mark, texts in _clauses(tokens):
        if is_mark:
            spoken.extend((mark, [mark]) for mark in texts)
            continue
        for word, ipa in zip(texts, espeak_words(texts, language), strict=True):
            phones, lost = segment_phones(ipa, voice)
            unknown.extend(lost)
            spoken.append((word, phones))
    return spoken


def _english_tokens(tokens: list[Token]) -> list[tuple[str, list[str]]]:
    spoken: list[tuple[str, list[str]]] = []
    for is_mark, texts in _clauses(tokens):
        phones = [[mark] for mark in texts] if is_mark else arpabet_words(texts)
        spoken.extend(zip(texts, phones, strict=True))
    return spoken


def _chinese_tokens(tokens: list[Token]) -> list[tuple[str, list[str]]]:
    """One word per Han character (BERT's features are per character); Latin words are read as English."""
    spoken: list[tuple[str, list[str]]] = []
    for token in tokens:
        if token.is_mark:
            spoken.append((token.text, [token.text]))
            continue
        for is_han, run in itertools.groupby(token.text, key=_is_han):
            stretch = "".join(run)
            if is_han:
                readings = zip(stretch, pinyin_of(stretch), strict=True)
                spoken.extend((char, list(syllable_symbols(read) or ())) for char, read in readings)
            else:
                spoken.append((stretch, arpabet_words([stretch])[0]))
    return spoken


def _is_han(character: str) -> bool:
    return "\u4e00" <= character <= "\u9fff" or "\u3400" <= character <= "\u4dbf" or character == "〇"
