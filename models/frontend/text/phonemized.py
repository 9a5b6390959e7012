"""What reading a text comes to, and which languages each symbol table holds; needs no front end."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from configs.errors import UserError

_BASE_OF = {"cmn": "zh", "iw": "he", "nn": "nb", "no": "nb"}
_LANGUAGES_OF = {
    "gpt-sovits-v1": ("en", "zh", "ja"),
    "gpt-sovits-v2": ("en", "zh", "ja", "ko", "yue"),
    "ipa": (),
}
AUTOMATIC = "auto"


class TextError(UserError):
    """A text that cannot become phones, or phones that cannot become characters.

    code: unsupported_language, no_words, table_language, unknown_symbols, too_many_characters,
    bad_pronunciation or unreadable_text.
    """

    def __init__(self, code: str, field: str, value: str, reason: str, remedy: str) -> None:
        super().__init__(f"{field} = {value!r}: {reason}. {remedy}")
        self.code, self.field, self.value, self.reason, self.remedy = code, field, value, reason, remedy


class Phonemized(NamedTuple):
    """words and marks in order; word2ph[i] phones belong to words[i], so sum(word2ph) == len(phones).

    phone_ids index `symbol_table`; what the table lacks is UNK there and listed in `unknown`; the phone of a
    mark that it lacks is a comma. The phones of words[i] were given, by the text or a lexicon, for each i of
    own_words.
    """

    normalized_text: str
    language: str
    symbol_table: str
    words: list[str]
    phones: list[str]
    phone_ids: list[int]
    word2ph: list[int]
    unknown: list[str]
    own_words: Sequence[int] = ()

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
