"""Known phone times beside recordings: TextGrid, `.lab` and `.json` files, as intervals."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from models.aligner.alignment import Interval
from models.aligner.mfa_output import intervals_of
from models.aligner.textgrid import read_textgrid

TIERS = ("Phonetic", "phone", "phones")
SILENT_LABELS = frozenset({"", "pau", "sil", "sp", "<eps>"})
_HTK_UNIT_S = 1e-7
_LABELS = ("label", "phone", "text")
_STARTS = ("start_s", "start", "begin")
_ENDS = ("end_s", "end")


def read_truth(folder: Path, name: str) -> list[Interval]:
    """A clip's phones in order, silences as "", from `NAME.TextGrid`, `.lab` or `.json` below the folder.

    Raises ValueError when there is none, or it cannot be read.
    """
    for suffix, read in _READERS.items():
        for path in sorted(folder.rglob(f"{name}{suffix}")):
            found = [i for i in read(path.read_text("utf-8")) if i.end_s > i.start_s]
            return [Interval("" if i.label in SILENT_LABELS else i.label, i.start_s, i.end_s) for i in found]
    raise ValueError(f"{folder}: no {', '.join(_READERS)} file of {name}")


def phone_tier(tiers: Mapping[str, Sequence[Interval]]) -> Sequence[Interval]:
    """The tier that holds phones. Raises ValueError when none does."""
    for name in TIERS:
        if name in tiers:
            return tiers[name]
    raise ValueError(f"no tier {' or '.join(TIERS)} among {', '.join(tiers) or 'none'}")


def of_lab(text: str) -> list[Interval]:
    """Label files: `start end label` in seconds or HTK's units of 100 ns, or Xwaves' `end colour label`.

    Xwaves' have a header that ends in a line `#`; an interval begins there where the last one ended.
    """
    lines = [line.split() for line in text.splitlines() if line.strip()]
    header = next((at for at, words in enumerate(lines) if words == ["#"]), None)
    if header is not None:
        ends = [(float(words[0]), words[-1] if len(words) > 2 else "") for words in lines[header + 1 :]]
        starts = [0.0, *(end for end, _ in ends)]
        return [Interval(label, start, end) for start, (end, label) in zip(starts, ends, strict=False)]
    unit_s = _HTK_UNIT_S if all(word.isdigit() for words in lines for word in words[:2]) else 1.0
    return [
        Interval(words[2] if len(words) > 2 else "", float(words[0]) * unit_s, float(words[1]) * unit_s)
        for words in lines
    ]


def of_json(text: str) -> list[Interval]:
    """MFA's JSON, or a list (also under `phones`) of `[start, end, label]` or of objects; seconds."""
    found = json.loads(text)
    if isinstance(found, dict) and "tiers" in found:
        return list(phone_tier(intervals_of(text, "json")))
    entries = found.get("phones") if isinstance(found, dict) else found
    if not isinstance(entries, list):
        raise ValueError("neither tiers nor a list of phones")
    return [_entry(entry) for entry in entries]


def _entry(entry: Any) -> Interval:
    if isinstance(entry, list):
        start_s, end_s, label = entry
        return Interval(str(label), float(start_s), float(end_s))

    def first(names: Sequence[str]) -> Any:
        return next(entry[name] for name in names if name in entry)

    return Interval(str(first(_LABELS)), float(first(_STARTS)), float(first(_ENDS)))


_READERS: dict[str, Callable[[str], Sequence[Interval]]] = {
    ".TextGrid": lambda text: phone_tier(read_textgrid(text)),
    ".lab": of_lab,
    ".json": of_json,
}
