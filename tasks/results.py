"""What a pipeline starts from and what comes of its stages."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from artifacts.manifest import Reject


@dataclass(frozen=True)
class Scan:
    """The recordings as they lie on disk.

    Attributes:
        rows: one per recording; `location` is the absolute path and never enters a key.
        rejects: what could not be taken.
        warnings: what the user should know.
    """

    rows: Sequence[dict[str, Any]]
    rejects: Sequence[Reject] = ()
    warnings: Sequence[str] = ()


@dataclass(frozen=True)
class StageResult:
    """How one stage went."""

    name: str
    status: str
    """`computed` or `cached`."""
    key: str
    output_digest: str
    rows_total: int
    rows_computed: int
    rows_cached: int
    rejects: int
    warnings: tuple[str, ...]
    seconds: float
    reason: str
    metrics: Mapping[str, float] = field(default_factory=dict)
    series: Mapping[str, Sequence[tuple[int, float]]] = field(default_factory=dict)
    files: Mapping[str, Path] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
