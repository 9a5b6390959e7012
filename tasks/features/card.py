"""The dataset card of a training table (README.md in the form that the Hugging Face hub reads)."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import pyarrow as pa
import yaml

from tasks.features.examples import Column

_SHOWN_SYMBOLS = 20
_EXAMPLE = """```python
import io

import soundfile
from datasets import load_dataset

table = load_dataset("FOLDER", streaming=True)  # this folder, or its name on the hub
for row in table["train"].decode(False):
    samples, sample_rate = soundfile.read(io.BytesIO(row["audio"]["bytes"]))
    print(row["speaker"], row["text"], len(samples) / sample_rate)
```"""


class CardRow(NamedTuple):
    """What the card counts of one clip."""

    split: str
    speaker: str
    language: str
    duration_s: float
    unknown: tuple[str, ...]


class CardFacts(NamedTuple):
    """What the card says of the whole table.

    content_backend: None where the family learns from no content features; rejects: (stage, code) -> clips.
    """

    licence: str
    family: str
    symbol_table: str
    sample_rate: int
    content_backend: str | None
    n_recordings: int
    rejects: Mapping[tuple[str, str], int]


def dataset_card(
    rows: Sequence[CardRow], facts: CardFacts, files: Mapping[str, str], columns: Sequence[Column]
) -> str:
    """Markdown with the hub's YAML head. files: split -> glob of its Parquet files."""
    content = f" and content features `{facts.content_backend}`" if facts.content_backend else ""
    total_s = sum(row.duration_s for row in rows)
    languages = sorted({row.language for row in rows})
    head = {
        "license": facts.licence.lower(),  # the hub's names of licences have no capitals
        "language": languages,
        "task_categories": ["text-to-speech"],
        "configs": [
            {
                "config_name": "default",
                "data_files": [{"split": split, "path": path} for split, path in files.items()],
            }
        ],
        "dataset_info": {"features": [_feature(column, facts.sample_rate) for column in columns]},
    }
    parts = [
        f"---\n{yaml.safe_dump(head, sort_keys=False, allow_unicode=True)}---",
        "# Training table",
        f"{len(rows)} clips, {_hours(total_s)}. Recordings: {facts.n_recordings}; speakers: "
        f"{len({row.speaker for row in rows})}; languages: {', '.join(languages)}.",
        f"Made for the family {facts.family} at {facts.sample_rate} Hz with the symbol table "
        f"`{facts.symbol_table}`{content}. "
        f"Licence of the recordings: {facts.licence}.",
        "## Splits",
        "A clip's split follows from its content, so it stays when clips are added.",
        _table(("split", "clips", "duration"), _grouped(rows, "split")),
        "## Speakers",
        _table(("speaker", "clips", "duration"), _grouped(rows, "speaker")),
        "## Languages",
        _table(("language", "clips", "duration"), _grouped(rows, "language")),
        "## Columns",
        _table(("column", "type", "meaning"), [(one.name, _shown(one.kind), one.about) for one in columns]),
        "## Rejected",
        _rejects(facts.rejects),
        "## Symbols outside the table",
        _unknown(rows),
        "## Reading it",
        f"{_EXAMPLE}\n\nWith `torchcodec` installed, `audio` is decoded without `.decode(False)` too.",
    ]
    return "\n\n".join(parts) + "\n"


def _feature(column: Column, sample_rate: int) -> dict[str, Any]:
    """A column as the hub's head says it."""
    if pa.types.is_struct(column.kind):
        return {"name": column.name, "dtype": {"audio": {"sampling_rate": sample_rate}}}
    if pa.types.is_list(column.kind):
        return {"name": column.name, "list": _dtype(column.kind.value_type)}
    return {"name": column.name, "dtype": _dtype(column.kind)}


def _dtype(kind: pa.DataType) -> str:
    return {"float": "float32", "double": "float64"}.get(str(kind), str(kind))


def _shown(kind: pa.DataType) -> str:
    if pa.types.is_struct(kind):
        return "audio"
    return f"list of {_dtype(kind.value_type)}" if pa.types.is_list(kind) else _dtype(kind)


def _grouped(rows: Sequence[CardRow], field: str) -> list[tuple[str, str, str]]:
    durations: dict[str, list[float]] = defaultdict(list)
    for row in rows:
        durations[getattr(row, field)].append(row.duration_s)
    return [(name, str(len(each)), _hours(sum(each))) for name, each in sorted(durations.items())]


def _rejects(rejects: Mapping[tuple[str, str], int]) -> str:
    if not rejects:
        return "Nothing was rejected."
    listed = [(stage, code, str(count)) for (stage, code), count in sorted(rejects.items())]
    return _table(("stage", "reason", "clips"), listed)


def _unknown(rows: Sequence[CardRow]) -> str:
    counts = Counter(symbol for row in rows for symbol in row.unknown)
    if not counts:
        return "None."
    listed = sorted(counts.items(), key=lambda item: (-item[1], item[0]))[:_SHOWN_SYMBOLS]
    return _table(("symbol", "times"), [(symbol, str(count)) for symbol, count in listed])


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(cell.replace("|", "\\|") for cell in row) + " |" for row in lines)


def _hours(seconds: float) -> str:
    return f"{seconds / 3600:.2f} h" if seconds >= 3600 else f"{seconds / 60:.1f} min"
