"""Settings of what is done with the recordings before features are made."""

from __future__ import annotations

import codecs
from typing import Literal

from pydantic import Field, field_validator

from configs.base import Section
from configs.languages import language_code

SPELLED_SO = ("utf-8", "latin-1", "cp1252", "utf-16", "gb18030", "shift_jis")
"""Encodings that keys hold by these names, not by Python's."""
NO_ENCODINGS = ("idna", "punycode", "raw-unicode-escape", "undefined", "unicode-escape")
COLUMNS = ("id", "text", "raw", "speaker", "language", "start", "end", "duration")


class CorpusSettings(Section):
    """The recordings folder: what is read, who speaks, in which language."""

    language: str = Field(
        "auto",
        description="Language of the recordings: a code such as `en`, `de` or `deu`, or a name such as "
        "`German` or `Deutsch`; `auto` takes it from the transcripts.",
    )
    speaker: str = Field(
        "auto",
        min_length=1,
        max_length=64,
        description="Who speaks: `folder` (one sub-folder per speaker), `prefix` (the ids' first part, as "
        "in LibriSpeech and VCTK), `auto` (the transcript list, else folder, else prefix, else one "
        "speaker), or the one speaker's name.",
    )
    licence: str = Field(
        "unknown",
        min_length=1,
        description="Licence of the recordings (an SPDX name where there is one), for the cards of "
        "the training table and the voice.",
    )
    transcripts: Literal["auto", "none"] = Field(
        "auto",
        description="`auto` reads every transcript list and text file in the folder; `none` ignores them "
        "and recognises the speech.",
    )
    metadata: str | None = Field(
        None,
        description="Transcript list to use instead of those in the folder; it may lie outside.",
    )
    columns: str | None = Field(
        None,
        description="What the columns of the transcript lists are, in their order, such as "
        "`id,text,speaker`: `id` (or a path), `text`, `raw` (the text before it was normalised), `speaker`, "
        "`language`, `start`, `end`, `duration` (seconds) and `-` for one that is not read. By default the "
        "header and what is in the columns decide.",
    )
    corrections: str | None = Field(
        None,
        description="File of corrected texts and dropped clips. null: `corrections/VOICE.tsv` of the "
        "workspace, where it is there, which `voicewright corpus correct` writes.",
    )
    encoding: str = Field(
        "utf-8",
        description="Character encoding of transcript lists and text files without a byte order mark: "
        "`utf-8`, `cp1252`, `latin-1`, `cp1250`, `utf-16`, `gb18030`, `shift_jis`, or another text encoding "
        "of Python's.",
    )
    min_sample_rate_hz: int = Field(
        16_000, ge=4_000, description="Recordings below this sample rate are refused, Hz."
    )
    max_sample_rate_hz: int = Field(
        48_000,
        ge=16_000,
        le=192_000,
        description="Recordings above this sample rate are resampled to it, Hz.",
    )
    min_duration_s: float = Field(0.2, gt=0, description="Recordings shorter than this are refused, seconds.")
    max_duration_s: float = Field(
        5_400.0, gt=1, description="Recordings longer than this are refused, seconds."
    )
    silence_dbfs: float = Field(
        -60.0,
        ge=-120,
        le=-20,
        description="A recording whose loudest 50 ms stay below this level without rising out of its "
        "noise is refused as silent, dBFS.",
    )
    keep_truncated: bool = Field(
        False, description="Use what is left of recordings that were cut off, with a warning."
    )

    @field_validator("language")
    @classmethod
    def _language_by_its_code(cls, language: str) -> str:
        return language if language == "auto" else language_code(language)

    @field_validator("encoding")
    @classmethod
    def _text_encoding(cls, encoding: str) -> str:
        try:
            found = codecs.lookup(encoding)
        except (LookupError, ValueError):
            found = None
        # The others turn bytes into bytes, or are escapes and names of hosts.
        if found is None or not found._is_text_encoding or found.name in NO_ENCODINGS:
            raise ValueError(
                f"{encoding!r} is no text encoding that is known here; name one such as cp1252 (Western "
                "Europe), cp1250 (Central Europe), cp1251 (Cyrillic), gb18030, shift_jis or utf-16, or save "
                "the files as UTF-8"
            )
        return encoding if encoding in SPELLED_SO else found.name

    @field_validator("columns")
    @classmethod
    def _known_columns(cls, columns: str | None) -> str | None:
        if columns is None:
            return None
        names = [name.strip() for name in columns.split(",")]
        unknown = [name for name in names if name not in (*COLUMNS, "-")]
        if unknown:
            raise ValueError(f"{unknown[0]!r} is no column; name them by {', '.join(COLUMNS)} and -")
        twice = [name for name in COLUMNS if names.count(name) > 1]
        if twice:
            raise ValueError(f"{twice[0]!r} is named twice")
        if "id" not in names or "text" not in names:
            raise ValueError("id and text are needed, such as id,text,speaker")
        return ",".join(names)
