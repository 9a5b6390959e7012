"""Clips out of the shards, decoded when asked for and kept in memory up to a limit."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from threading import Lock
from typing import Any, Generic, NamedTuple, Protocol, Self, TypeVar

import numpy as np
import pyarrow.parquet as pq

from artifacts.manifest import Reject
from configs.errors import UserError
from tasks.outcome import reject

MIB = 1 << 20

KeyT = TypeVar("KeyT")
ValueT = TypeVar("ValueT")


class Summary(Protocol):
    """What is known of a clip before it is decoded."""

    @property
    def utterance_id(self) -> str: ...

    @property
    def speaker(self) -> str: ...

    @property
    def n_frames(self) -> int: ...


class Sized(Protocol):
    """A decoded clip."""

    @property
    def size_bytes(self) -> int: ...


SummaryT = TypeVar("SummaryT", bound=Summary)
ClipT = TypeVar("ClipT", bound=Sized)
SplitT = TypeVar("SplitT", bound="Split[Any, Any]")


class Place(NamedTuple):
    """Where a row lies in the shards."""

    path: Path
    group: int
    row: int


class BoundedCache(Generic[KeyT, ValueT]):
    """Loaded values, the least recently used dropped when they outgrow a limit. Safe across threads.

    Args:
        load: Value of a key.
        size_bytes: Memory a value takes.
        limit_bytes: What all kept values may take; the newest one is kept even when it is larger.
    """

    def __init__(
        self,
        load: Callable[[KeyT], ValueT],
        size_bytes: Callable[[ValueT], int],
        limit_bytes: int,
    ) -> None:
        self.load = load
        self.size_bytes = size_bytes
        self.limit_bytes = limit_bytes
        self._values: OrderedDict[KeyT, ValueT] = OrderedDict()
        self._held_bytes = 0
        self._lock = Lock()

    def __call__(self, key: KeyT) -> ValueT:
        """The value of a key, from memory where it is still there."""
        with self._lock:
            if key in self._values:
                self._values.move_to_end(key)
                return self._values[key]
        value = self.load(key)
        with self._lock:
            if key not in self._values:
                self._values[key] = value
                self._held_bytes += self.size_bytes(value)
            while self._held_bytes > self.limit_bytes and len(self._values) > 1:
                _, dropped = self._values.popitem(last=False)
                self._held_bytes -= self.size_bytes(dropped)
        return value


@dataclass(frozen=True)
class Split(Generic[SummaryT, ClipT]):
    """A split of the shards, or a part of it: small columns in memory, clips on demand.

    Attributes:
        summaries: Of each clip, in the shards' order.
        places: Where each clip lies.
        clips: Decoded clips by their places.
    """

    summaries: Sequence[SummaryT]
    places: Sequence[Place]
    clips: BoundedCache[Place, ClipT]

    def __len__(self) -> int:
        return len(self.places)

    def __getitem__(self, index: int) -> ClipT:
        return self.clips(self.places[index])

    @cached_property
    def utterance_ids(self) -> list[str]:
        """Of each clip."""
        return [summary.utterance_id for summary in self.summaries]

    @cached_property
    def speakers(self) -> list[str]:
        """Of each clip."""
        return [summary.speaker for summary in self.summaries]

    @cached_property
    def frames(self) -> list[int]:
        """Frames of each clip."""
        return [summary.n_frames for summary in self.summaries]

    def subset(self, indices: Iterable[int]) -> Self:
        """The clips of some indices, in their order."""
        chosen = list(indices)
        return replace(
            self,
            summaries=[self.summaries[i] for i in chosen],
            places=[self.places[i] for i in chosen],
        )


def read_rows(
    files: Mapping[str, Path], split: str, columns: Sequence[str]
) -> Iterator[tuple[Place, dict[str, Any]]]:
    """A few columns of every row of a split, in the shards' order, and where the row lies.

    Args:
        files: The shard stage's files by name.
        split: `train`, `validation` or `test`.
        columns: Small ones: all rows are read.
    """
    for name in sorted(n for n in files if is_of_split(n, split)):
        source = pq.ParquetFile(files[name])
        for group in range(source.num_row_groups):
            for at, row in enumerate(source.read_row_group(group, columns=list(columns)).to_pylist()):
                yield Place(files[name], group, at), row


def decoded_clips(
    columns: Sequence[str], decode: Callable[[Mapping[str, Any]], ClipT], cache_mb: int
) -> BoundedCache[Place, ClipT]:
    """Clips by their places, each decoded when it is asked for.

    Batches are drawn from the whole corpus, so that a row's neighbours are rarely wanted with it.

    Args:
        columns: What `decode` reads of a row.
        decode: Clip of a row.
        cache_mb: Memory for decoded clips, MiB.
    """

    def load(place: Place) -> ClipT:
        group = pq.ParquetFile(place.path).read_row_group(place.group, columns=list(columns))
        (row,) = group.slice(place.row, 1).to_pylist()
        return decode(row)

    return BoundedCache(load, lambda clip: clip.size_bytes, cache_mb * MIB)


def is_of_split(name: str, split: str) -> bool:
    """Whether a file of the shard stage holds rows of a split."""
    return name.endswith(".parquet") and name.rsplit("/", 1)[-1].startswith(split)


class Refusal(NamedTuple):
    """Why a clip is not trained on; see `artifacts.manifest.Reject`."""

    code: str
    field: str
    value: str
    reason: str
    remedy: str


def refuse(split: SplitT, refusal: Callable[[int], Refusal | None]) -> tuple[SplitT, list[Reject]]:
    """The clips that can be trained on, and a reject for each of the others.

    Args:
        split: All clips.
        refusal: What is wrong with the clip of an index, if anything is.
    """
    kept: list[int] = []
    rejects: list[Reject] = []
    for index, name in enumerate(split.utterance_ids):
        refused = refusal(index)
        if refused is None:
            kept.append(index)
        else:
            rejects.append(reject(name, *refused))
    return split.subset(kept), rejects


def require_clips(section: str, clips: Split[Any, Any], rejects: Sequence[Reject]) -> None:
    """Check that there is something to train on.

    Args:
        section: Of the settings, for the message.
        clips: To train on.
        rejects: Those that were refused.

    Raises:
        UserError: there is nothing.
    """
    if len(clips):
        return
    if not rejects:
        raise UserError(
            f"{section}: the training split has 0 clips; add recordings, or loosen corpus.screen so that "
            "some pass"
        )
    first = rejects[0]
    raise UserError(
        f"{section}: none of {len(rejects)} training clips is usable; the first, {first.row_id}, is refused: "
        f"{first.reason}; {first.remedy}"
    )


def finite_values(row: Mapping[str, Any], column: str, kind: type[np.floating]) -> np.ndarray:
    """A stored column's values, flat.

    Raises:
        UserError: it holds a value that is not a number, which no training step could survive.
    """
    values = np.frombuffer(row[column], kind)
    if not np.isfinite(values).all():
        raise UserError(
            f"shard: {column} of {row['utterance_id']} holds infinite values or NaN; listen to the "
            "clip, and remove it if it is broken"
        )
    return values
