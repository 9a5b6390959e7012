"""Text to phones of a symbol table: the one entry point of the text front end.

Which front end speaks depends on the table: GPT-SoVITS's tables hold ARPAbet for English, initials and finals
for Chinese and symbols of their own for Japanese, Korean and Cantonese, and a model fine-tuned from published
weights must get exactly those. Every other language uses espeak's IPA and our own `ipa` table, for which no
published weights exist: such a voice is trained from scratch.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import NamedTuple

from configs.errors import UserError
from models.frontend.text.arpabet import arpabet_words
from models.frontend.text.cantonese import jyutping_of, jyutping_symbols
from models.frontend.text.characters import Token
from models.frontend.text.espeak_ipa import (
    UnsupportedLanguageError,
    espeak_voice,
    espeak_words,
    segment_phones,
)
from models.frontend.text.japanese import PITCH_MARKS, japanese_phones
from models.frontend.text.korean import is_hangul, korean_phones
from models.frontend.text.normalize import normalize, normalized_text
from models.frontend.text.pinyin import pinyin_of, syllable_symbols
from models.frontend.text.reader_process import BreakdownError
from models.frontend.text.symbols import UNKNOWN, load_symbol_table

_BASE_OF = {"cmn": "zh", "iw": "he", "nn": "nb", "no": "nb"}
_LANGUAGES_OF = {
    "gpt-sovits-v1": ("en", "zh", "ja"),
    "gpt-sovits-v2": ("en", "zh", "ja", "ko", "yue"),
    "ipa": (),
}
_WITHOUT_IPA = {
    "ja": "espeak reads its characters as 'Chinese letter'",
}
MAX_TEXT_CHARACTERS = 2000
"""More than the longest clip (60 s) holds of fast speech; reading takes longer with length, to 0.3 s."""
_WORD_BREAK = "空"
AUTOMATIC = "auto"


class TextError(UserError):
    """A text that cannot become phones, or phones that cannot become characters.

    code: unsupported_language, no_words, table_language, unknown_symbols, too_many_characters or
    unreadable_text.
    """

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


def table_languages(symbol_table: str) -> tuple[str, ...]:
    """Languages that the published weights of a table speak; none for our own table."""
    return _LANGUAGES_OF[symbol_table]


def choose_table(language: str, family_table: str) -> str:
    """The family's own table where it holds the language, else `ipa` (a voice trained from scratch)."""
    covered = family_table == "ipa" or base_language(language) in _LANGUAGES_OF[family_table]
    return family_table if covered else "ipa"


def phonemize(text: str, language: str, symbol_table: str) -> Phonemized:
    """Phones of a text. symbol_table: one of `symbols.TABLE_NAMES`.

    Any Unicode is accepted. Raises TextError when the language has no front end, the table does not cover it,
    nothing in the text can be spoken, it is longer than MAX_TEXT_CHARACTERS, or the front end breaks down on
    it, and MissingFrontEndError when its package is missing.
    """
    base = base_language(language)
    _require_front_end(language, base, symbol_table)
    if len(text) > MAX_TEXT_CHARACTERS:
        raise TextError(
            "too_many_characters", "text", text[:60],
            f"it has {len(text)} characters, and at most {MAX_TEXT_CHARACTERS} are read at once",
            "Split it, or check that it is the text of this recording.",
        )  # fmt: skip
    try:
        return _phonemize(text, language, base, symbol_table)
    except BreakdownError as error:
        raise TextError(
            "unreadable_text", "text", error.text[:60], f"{error.reader} {error.how} on it",
            "Write it in another way, or leave the recording out.",
        ) from error  # fmt: skip


def _phonemize(text: str, language: str, base: str, symbol_table: str) -> Phonemized:
    tokens = normalize(text, base)
    if not any(not token.is_mark for token in tokens):
        raise TextError(
            "no_words", "text", text[:60], "it has no word that can be spoken", "Give the words spoken."
        )
    table = load_symbol_table(symbol_table)
    unknown: list[str] = []
    is_ipa = symbol_table == "ipa"
    spoken = _ipa_tokens(tokens, language, unknown) if is_ipa else _FRONT_ENDS[base](tokens)
    words: list[str] = []
    phones: list[str] = []
    word2ph: list[int] = []
    for word, said in spoken:
        # The older table has no pitch marks; the phones alone are what its weights know.
        word_phones = [phone for phone in said if phone in table.ids or phone not in PITCH_MARKS]
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
    if symbol_table != "ipa":
        covered = _LANGUAGES_OF[symbol_table]
        if base not in covered:
            raise TextError(
                "table_language", "language", language,
                f"table {symbol_table} holds phones of {', '.join(covered)}",
                "Use the table ipa (features.phonemize.symbol_table), which trains from scratch.",
            )  # fmt: skip
        return
    if base in _WITHOUT_IPA:
        raise TextError(
            "unsupported_language", "language", language, _WITHOUT_IPA[base],
            "Use the table gpt-sovits-v2, which has a front end for it, or give these clips another "
            "language code if the code is wrong.",
        )  # fmt: skip
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
    return _by_character(tokens, lambda han: [list(syllable_symbols(read) or ()) for read in pinyin_of(han)])


def _cantonese_tokens(tokens: list[Token]) -> list[tuple[str, list[str]]]:
    return _by_character(tokens, lambda han: [jyutping_symbols(read) for read in jyutping_of(han)])


def _by_character(
    tokens: list[Token], symbols_of: Callable[[str], list[list[str]]]
) -> list[tuple[str, list[str]]]:
    """One word per Han character (BERT's features are per character); Latin words are read as English."""
    spoken: list[tuple[str, list[str]]] = []
    for token in tokens:
        if token.is_mark:
            spoken.append((token.text, [token.text]))
            continue
        for is_han, run in itertools.groupby(token.text, key=_is_han):
            stretch = "".join(run)
            if is_han:
                spoken.extend(zip(stretch, symbols_of(stretch), strict=True))
            else:
                spoken.append((stretch, arpabet_words([stretch])[0]))
    return spoken


def _japanese_tokens(tokens: list[Token]) -> list[tuple[str, list[str]]]:
    return [(token.text, [token.text] if token.is_mark else japanese_phones(token.text)) for token in tokens]


def _korean_tokens(tokens: list[Token]) -> list[tuple[str, list[str]]]:
    """A break after each word that another follows, as published weights know it; Latin words are English."""
    spoken: list[tuple[str, list[str]]] = []
    for token, following in zip(tokens, [*tokens[1:], None], strict=True):
        if token.is_mark:
            spoken.append((token.text, [token.text]))
            continue
        phones: list[str] = []
        for hangul, run in itertools.groupby(token.text, key=is_hangul):
            part = "".join(run)
            phones += korean_phones(part) if hangul else arpabet_words([part])[0]
        is_joined = bool(phones) and following is not None and not following.is_mark
        spoken.append((token.text, [*phones, _WORD_BREAK] if is_joined else phones))
    return spoken


def _is_han(character: str) -> bool:
    return "\u4e00" <= character <= "\u9fff" or "\u3400" <= character <= "\u4dbf" or character == "〇"


_FRONT_ENDS: dict[str, Callable[[list[Token]], list[tuple[str, list[str]]]]] = {
    "en": _english_tokens,
    "zh": _chinese_tokens,
    "ja": _japanese_tokens,
    "ko": _korean_tokens,
    "yue": _cantonese_tokens,
}
