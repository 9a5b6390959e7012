"""Text to phones of a symbol table: the one entry point of the text front end.

Which front end reads depends on the table: GPT-SoVITS's tables hold ARPAbet for English, initials and finals
for Chinese and symbols of their own for Japanese, Korean and Cantonese, and a model fine-tuned from published
weights must get exactly those. Every other language uses espeak's IPA and our own `ipa` table, for which no
published weights exist: such a voice is trained from scratch. Front ends are imported by name when a text
asks for them (see `front_ends`).
"""

from __future__ import annotations

from models.frontend.text.characters import MARKS, Token, clauses
from models.frontend.text.espeak_ipa import (
    UnsupportedLanguageError,
    espeak_voice,
    espeak_words,
    segment_phones,
)
from models.frontend.text.front_ends import reader
from models.frontend.text.lexicon import NO_ENTRIES, Lexicon
from models.frontend.text.marked import Marked, marked
from models.frontend.text.normalize import normalize, normalized_text
from models.frontend.text.own_words import OwnWords, Spoken
from models.frontend.text.phonemized import Phonemized, TextError, base_language, table_languages
from models.frontend.text.reader_process import BreakdownError
from models.frontend.text.symbols import PITCH_MARKS, UNKNOWN, SymbolTable, load_symbol_table

_WITHOUT_IPA = {
    "ja": "espeak reads its characters as 'Chinese letter'",
}
MAX_TEXT_CHARACTERS = 2000
"""More than the longest clip (60 s) holds of fast speech; reading takes longer with length, to 0.3 s."""


def phonemize(text: str, language: str, symbol_table: str, lexicon: Lexicon = NO_ENTRIES) -> Phonemized:
    """Phones of a text. symbol_table: one of `symbols.TABLE_NAMES`; lexicon: pronunciations of one's own.

    Any Unicode is accepted. Raises TextError when the language has no front end, the table does not cover it,
    nothing in the text can be spoken, it is longer than MAX_TEXT_CHARACTERS, an inline pronunciation cannot
    be said, or the front end breaks down on it; UserError when an entry of the lexicon cannot be said; and
    MissingFrontEndError when the front end's package is missing.
    """
    return phonemize_marked(marked(text, language, lexicon), language, symbol_table)


def phonemize_marked(text: Marked, language: str, symbol_table: str) -> Phonemized:
    """Phones of a text whose own words are marked. Raises as `phonemize`."""
    base = base_language(language)
    _require_front_end(language, base, symbol_table)
    if len(text.text) > MAX_TEXT_CHARACTERS:
        raise TextError(
            "too_many_characters", "text", text.plain(text.text[:60]),
            f"it has {len(text.text)} characters, and at most {MAX_TEXT_CHARACTERS} are read at once",
            "Split it, or check that it is the text of this recording.",
        )  # fmt: skip
    try:
        return _phonemize(text, language, base, symbol_table)
    except BreakdownError as error:
        raise TextError(
            "unreadable_text", "text", error.text[:60], f"{error.reader} {error.how} on it",
            "Write it in another way, or leave the recording out.",
        ) from error  # fmt: skip


def _phonemize(text: Marked, language: str, base: str, symbol_table: str) -> Phonemized:
    tokens = normalize(text.text, language)
    if not any(not token.is_mark for token in tokens):
        raise TextError(
            "no_words", "text", text.plain(text.text[:60]), "it has no word that can be spoken",
            "Give the words spoken.",
        )  # fmt: skip
    table = load_symbol_table(symbol_table)
    if symbol_table != "ipa":
        # GPT-SoVITS's text cleaner writes a comma for `;` and `:`, and BERT reads what it wrote.
        tokens = [
            token._replace(text=_said(token.text, table)) if token.is_mark else token for token in tokens
        ]

    def read(tokens: list[Token]) -> list[Spoken]:
        if symbol_table == "ipa":
            return _ipa_tokens(tokens, language)
        return [Spoken(word, phones) for word, phones in reader(base)(tokens)]

    said = OwnWords(text.own, language, symbol_table, read).spoken(tokens) if text.own else read(tokens)
    words: list[str] = []
    phones: list[str] = []
    word2ph: list[int] = []
    unknown = [lost for one in said for lost in one.lost]
    for one in said:
        # The older table has no pitch marks; the phones alone are what its weights know.
        word_phones = [phone for phone in one.phones if phone in table.ids or phone not in PITCH_MARKS]
        if not word_phones:
            # espeak or the dictionary had nothing to say: keep the word in step, and count it.
            unknown.append(one.word)
            word_phones = [UNKNOWN]
        known, _, missing = table.encode(word_phones)
        unknown.extend(missing)
        words.append(one.word)
        phones.extend(known)
        word2ph.append(len(known))
    phone_ids = [table.ids[phone] for phone in phones]
    written = (
        normalized_text([Token(word, word in MARKS) for word in words], base)
        if text.own
        else (normalized_text(tokens, base))
    )
    own_words = [index for index, one in enumerate(said) if one.is_own]
    return Phonemized(written, base, symbol_table, words, phones, phone_ids, word2ph, unknown, own_words)


def _require_front_end(language: str, base: str, symbol_table: str) -> None:
    if symbol_table != "ipa":
        covered = table_languages(symbol_table)
        if base not in covered:
            raise TextError(
                "table_language", "language", language,
                f"table {symbol_table} holds phones of {', '.join(covered)}",
                "Use the table ipa (`symbol_table`), which trains from scratch.",
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


def _said(mark: str, table: SymbolTable) -> str:
    """A mark's phone: a comma where the table has no such mark."""
    return mark if mark in table.marks else ","


def _ipa_tokens(tokens: list[Token], language: str) -> list[Spoken]:
    """`;` and `:` are spoken as a comma and kept as words, which families of characters spell."""
    voice, table = espeak_voice(language), load_symbol_table("ipa")
    spoken: list[Spoken] = []
    for is_mark, texts in clauses(tokens):
        if is_mark:
            spoken.extend(Spoken(mark, [_said(mark, table)]) for mark in texts)
            continue
        for word, ipa in zip(texts, espeak_words(texts, language), strict=True):
            phones, lost = segment_phones(ipa, voice)
            spoken.append(Spoken(word, phones, tuple(lost)))
    return spoken
