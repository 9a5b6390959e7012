"""Clips out of the shards: kept in memory within a limit, refused by name."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from configs.errors import UserError
from tasks.finetune.shards import (
    MIB,
    BoundedCache,
    Place,
    Refusal,
    Split,
    decoded_clips,
    refuse,
    require_clips,
)


class Summary(NamedTuple):
    utterance_id: str
    speaker: str
    n_frames: int


class Clip(NamedTuple):
    name: str
    size_bytes: int = 1


def split(*frames: int) -> Split[Summary, Clip]:
    names = [f"c{index}" for index in range(len(frames))]
    clips = BoundedCache(lambda place: Clip(names[place.row]), lambda clip: clip.size_bytes, 100)
    return Split(
        [Summary(name, "anna", n) for name, n in zip(names, frames, strict=True)],
        [Place(Path("x"), 0, index) for index in range(len(frames))],
        clips,
    )


def test_what_does_not_fit_is_refused_by_name_and_the_rest_is_kept() -> None:
    clips = split(10, 50, 20, 51)

    def refusal(index: int) -> Refusal | None:
        frames = clips.frames[index]
        return Refusal("too_long", "n_frames", str(frames), "too long", "cut it") if frames > 50 else None

    kept, rejects = refuse(clips, refusal)
    assert kept.frames == [10, 50, 20]
    assert [kept[index].name for index in range(len(kept))] == ["c0", "c1", "c2"]
    assert [(reject.row_id, reject.value) for reject in rejects] == [("c3", "51")]


def test_nothing_to_train_on_says_why() -> None:
    clips = split(60)
    none, rejects = refuse(clips, lambda _: Refusal("too_long", "n_frames", "60", "it is too long", "cut it"))
    with pytest.raises(UserError, match=r"train\.x: none of 1 .*c0, is refused: it is too long; cut it"):
        require_clips("train.x", none, rejects)
    with pytest.raises(UserError, match="0 clips; add recordings"):
        require_clips("train.x", split(), [])
    require_clips("train.x", clips, [])


def test_a_clip_is_decoded_without_its_neighbours(tmp_path: Path) -> None:
    """Batches are drawn from the whole corpus: what lies beside a clip is rarely wanted with it."""
    rows = [{"name": f"c{index}", "large": b"x" * 10} for index in range(32)]
    pq.write_table(pa.Table.from_pylist(rows), tmp_path / "train.parquet", row_group_size=16)
    decoded: list[str] = []

    def decode(row: Mapping[str, Any]) -> Clip:
        decoded.append(row["name"])
        return Clip(row["name"], MIB // 2)

    clips = decoded_clips(["name"], decode, cache_mb=1)
    places = [Place(tmp_path / "train.parquet", group, row) for group in range(2) for row in range(16)]
    for index in (20, 3, 20, 3, 31, 20):
        assert clips(places[index]).name == f"c{index}"
    assert decoded == ["c20", "c3", "c31", "c20"]


def test_cache_keeps_within_its_limit() -> None:
    loads: list[int] = []

    def load(index: int) -> np.ndarray:
        loads.append(index)
        return np.full(10, index, np.uint8)

    cache = BoundedCache(load, lambda clip: clip.nbytes, limit_bytes=25)
    for index in (0, 1, 0, 1, 2, 0):
        assert cache(index)[0] == index
    assert loads == [0, 1, 2, 0]
