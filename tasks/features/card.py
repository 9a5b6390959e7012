"""The dataset card of a training table (README.md in the form that the Hugging Face hub reads)."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import yaml

_SHOWN_SYMBOLS = 20


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


def dataset_card(rows: Sequence[CardRow], facts: CardFacts, files: Mapping[str, str]) -> str:
    """Markdown with the hub's YAML head. files: split -> glob of its Parquet files."""
    content = f" and content features `{facts.content_backend}`" if facts.content_backend else ""
    total_s = sum(row.duration_s for row in rows)
    languages = sorted({row.language for row in rows})
    head = {
        "license": facts.licence,
        "language": languages,
        "task_categories": ["text-to-speech"],
        "configs": [
            {
                "config_name": "default",
                "data_files": [{"split": split, "path": path} for split, path in files.items()],
            }
        ],
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
        "## Rejected",
        _rejects(facts.rejects),
        "## Symbols outside the table",
        _unknown(rows),
        "## Reading it",
        "```python\nfrom datasets import load_dataset\n\n"
        'table = load_dataset("parquet", data_files={"train": "data/train-*.parquet"}, streaming=True)\n'
        "```",
    ]
    return "\n\n".join(parts) + "\n"


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
