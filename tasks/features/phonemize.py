"""Stage phonemize: text to phone symbols, words kept in step."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from configs.errors import UserError
from configs.naming import in_settings
from models.frontend.text.character_tokens import character_table, encode, require_encodable
from models.frontend.text.front_ends import rules
from models.frontend.text.g2p import phonemize
from models.frontend.text.inline import without_phones
from models.frontend.text.lexicon import NO_ENTRIES
from models.frontend.text.numbers import espeak_counting, says_numbers
from models.frontend.text.phonemized import AUTOMATIC, Phonemized, TextError, choose_table
from models.frontend.text.symbols import UNKNOWN
from tasks.stage import ConfigView, Outcome, reject

_SHOWN_SYMBOLS = 12


def phonemize_rows(
    rows: list[dict[str, Any]], cfg: ConfigView, files: Mapping[str, Mapping[str, Path]]
) -> list[Outcome]:
    """One outcome per row; a text without phones, or with too many unknown ones, is rejected.

    For a family that reads characters, so is one that its characters cannot spell or that is too long for it.
    Raises UserError when a table is set that such a family cannot read, or an entry of the lexicon has no
    phones in the table.
    """
    del files
    chosen = cfg.features.phonemize.symbol_table
    if cfg.family.character_table and chosen not in (AUTOMATIC, cfg.family.symbol_table):
        raise UserError(
            f"features.phonemize.symbol_table = {chosen}: the characters of {cfg.family.character_table} are "
            f"made from IPA. Set features.phonemize.symbol_table: {AUTOMATIC}."
        )
    return [_phonemize_row(row, cfg) for row in rows]


def _phonemize_row(row: dict[str, Any], cfg: ConfigView) -> Outcome:
    utterance_id, language = row["utterance_id"], row["language"] or ""
    settings, family_table = cfg.features.phonemize, cfg.family.symbol_table
    automatic = settings.symbol_table == AUTOMATIC
    table = choose_table(language, family_table) if automatic else settings.symbol_table
    unknown_ratio_max = settings.unknown_ratio_max
    try:
        spoken = phonemize(row["text"] or "", language, table, row.get("lexicon") or NO_ENTRIES)
        unspelled = _unspelled(spoken, row["text"], language, cfg)
    except TextError as error:
        remedy = in_settings("features.phonemize", error.remedy)
        refusal = reject(utterance_id, error.code, error.field, error.value, error.reason, remedy)
        return Outcome(rejects=[refusal])
    if spoken.unknown_ratio > unknown_ratio_max:
        listed = sorted(set(spoken.unknown))[:_SHOWN_SYMBOLS]
        refusal = reject(
            utterance_id,
            "unknown_symbols",
            "unknown_ratio",
            f"{spoken.unknown_ratio:.3f}",
            f"table {table} has no symbol for {' '.join(listed)}, above the limit of {unknown_ratio_max}",
            "Check the text and its language, or raise features.phonemize.unknown_ratio_max.",
        )
        return Outcome(rejects=[refusal])
    made = {
        "utterance_id": utterance_id,
        "source_digest": row["source_digest"],
        "text": without_phones(row["text"]),
        **spoken._replace(unknown=[*spoken.unknown, *unspelled])._asdict(),
    }
    warnings = [
        *_warnings(spoken.language, table, family_table),
        *_without_rules(row["text"], spoken.language),
        *_digits_left(utterance_id, spoken),
    ]
    return Outcome(rows=[made], warnings=warnings)


def _unspelled(spoken: Phonemized, text: str, language: str, cfg: ConfigView) -> list[str]:
    """What the family's characters leave out of the phones. Raises TextError when that is too much."""
    if cfg.family.character_table is None:
        return []
    table = character_table(cfg.family.character_table, language)
    tokens = encode(spoken.words, spoken.phones, spoken.word2ph, table, spoken.own_words)
    require_encodable(tokens, text, table, cfg.features.phonemize.unknown_ratio_max)
    return [symbol for symbol in tokens.unknown if symbol != UNKNOWN]


def _warnings(language: str, table: str, family_table: str) -> list[str]:
    if table == family_table:
        return []
    return [
        f"language {language}: its phones use the table {table}, not {family_table}; no published weights "
        f"fit it, so the voice trains from scratch"
    ]


def _without_rules(text: str, language: str) -> list[str]:
    """What becomes of figures in a language without rules of its own; the same for every text of it."""
    if rules(language) is not None or not any(character.isdecimal() for character in text):
        return []
    numbers = "its numbers are said in words" if says_numbers(language) else espeak_counting(language)
    return [f"language {language}: no rules for dates, times, money and units; {numbers}"]


def _digits_left(utterance_id: str, spoken: Phonemized) -> list[str]:
    """Numbers that should be words by now: espeak reads digits too, but other words may have been said."""
    numbers = [
        word
        for at, word in enumerate(spoken.words)
        if at not in spoken.own_words and any(character.isdecimal() for character in word)
    ]
    left_to_reader = rules(spoken.language) is not None
    if not numbers or left_to_reader or not says_numbers(spoken.language):
        return []
    return [
        f"{utterance_id}: text: num2words cannot say {', '.join(numbers[:3])} in language {spoken.language}, "
        "so espeak-ng read the digits; write the number in words if that is not what is said"
    ]
