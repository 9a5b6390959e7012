"""The training table's schema.

One row is one utterance with everything that training needs. The files are plain Parquet, which
`datasets.load_dataset("parquet", ..., streaming=True)` reads as it is; `audio` has the form that
`datasets.Audio` can be cast to.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import NamedTuple

import pyarrow as pa

_AUDIO = pa.struct([("bytes", pa.binary()), ("path", pa.string())])
_FIELDS: tuple[tuple[str, pa.DataType, str], ...] = (
    ("utterance_id", pa.string(), "identifier"),
    ("source_digest", pa.string(), "SHA-256 of the recording file"),
    ("split", pa.string(), "train, validation or test"),
    ("speaker", pa.string(), "speaker's name"),
    ("language", pa.string(), "language code"),
    ("text", pa.string(), "what is spoken"),
    ("normalized_text", pa.string(), "numbers, dates and abbreviations written out"),
    ("symbol_table", pa.string(), "table that phone_ids index"),
    ("words", pa.list_(pa.string()), "words and punctuation marks"),
    ("phones", pa.list_(pa.string()), "phone symbols"),
    ("phone_ids", pa.list_(pa.int32()), "indices into the symbol table"),
    ("word2ph", pa.list_(pa.int32()), "phones per word"),
    ("own_words", pa.list_(pa.int32()), "places of the words whose phones the text or a lexicon gave"),
    ("durations", pa.list_(pa.int32()), "frames per phone; they add up to n_frames"),
    (
        "pause_frames",
        pa.list_(pa.int32()),
        "silence at the end of each phone's frames, the last phone's apart",
    ),
    ("lead_frames", pa.int32(), "silence at the start of the first phone's frames"),
    ("trail_frames", pa.int32(), "silence at the end of the last phone's frames"),
    ("audio", _AUDIO, "FLAC, mono, 24 bit, at sample_rate; without the family's edge silence"),
    ("sample_rate", pa.int32(), "samples per second; the family's"),
    ("duration_s", pa.float64(), "seconds"),
    ("n_frames", pa.int32(), "frames of every per-frame feature, those of the edge silence included"),
    ("frame_rate_hz", pa.float32(), "frames per second"),
    ("mel", pa.binary(), "log-mel as the family defines it, float16 [n_frames, n_mels], C order"),
    ("n_mels", pa.int32(), "mel bands"),
    ("linear", pa.binary(), "linear magnitude, float16 [n_frames, n_bins]; empty when not kept"),
    ("n_bins", pa.int32(), "frequency bins"),
    ("content", pa.binary(), "content features, float16 [n_frames, content_dim]"),
    ("content_dim", pa.int32(), "size of a content vector"),
    ("linguistic", pa.binary(), "text features, float16 [phones, linguistic_dim]; empty is zeros"),
    ("linguistic_dim", pa.int32(), "size of a text vector"),
    ("speaker_vector", pa.binary(), "float32 [20480] that v2Pro is conditioned on; empty when not made"),
    ("f0_hz", pa.list_(pa.float32()), "fundamental frequency per frame, Hz; 0 where unvoiced"),
    (
        "energy",
        pa.list_(pa.float32()),
        "per frame: L2 norm of the linear magnitudes; mel styletts2: natural log of that of the mel's power",
    ),
)
_OF_FEATURE = {
    "content": ("content", "content_dim"),
    "linguistic": ("linguistic", "linguistic_dim"),
    "speaker_vector": ("speaker_vector",),
}
"""Columns that only the tables of families have that learn from the feature."""


class Column(NamedTuple):
    """A column of the table and what it holds, in words."""

    name: str
    kind: pa.DataType
    about: str


def example_columns(features: Collection[str]) -> list[Column]:
    """The columns of a table, with these of the features that not every family reads."""
    left_out = {name for feature, own in _OF_FEATURE.items() if feature not in features for name in own}
    return [Column(*field) for field in _FIELDS if field[0] not in left_out]


def example_schema(features: Collection[str]) -> pa.Schema:
    """The schema of a table as its files have it; see `example_columns`."""
    return pa.schema([pa.field(column.name, column.kind) for column in example_columns(features)])
