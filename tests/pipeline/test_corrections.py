"""A correction reruns its own row in each stage; a dropped clip leaves the sets. With the real stages."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from tasks.corpus.corrections_file import take_in
from tasks.pipeline import Pipeline, StageResult
from tasks.review.clips import review_of
from tasks.review.page import review_page
from tasks.stage import RowStage
from tasks.voice import Request, open_pipeline
from tests.pipeline.finished import Finished

READ_TEXTS = {"transcribe", "phonemize", "align", "linguistic"}
"""Stages that read what is said, row by row."""


@pytest.fixture
def prepared(
    finished: Finished, tmp_path: Path
) -> Iterator[Callable[[], tuple[Pipeline, dict[str, StageResult]]]]:
    """Run all stages of a voice that was finished before, up to the training table."""
    opened: list[Pipeline] = []
    request = finished.copied(tmp_path)

    def run() -> tuple[Pipeline, dict[str, StageResult]]:
        pipeline = open_pipeline(tmp_path / "workspace", request)
        opened.append(pipeline)
        results = {}
        for name in pipeline.stages:
            results[name] = pipeline.run_stage(name)
            if name == "shard":
                break
        return pipeline, results

    yield run
    for pipeline in opened:
        pipeline.close()


def correct(tmp_path: Path, text: str) -> None:
    path = tmp_path / "saved.tsv"
    path.write_text(text, encoding="utf-8")
    take_in(tmp_path / "workspace", "v", path)


def clips(pipeline: Pipeline) -> dict[str, str]:
    """Text by clip in the training table, whatever the split."""
    return {
        row["utterance_id"]: row["text"]
        for name, path in pipeline.files("shard").items()
        if name.endswith(".parquet")
        for row in pq.read_table(path, columns=["utterance_id", "text"]).to_pylist()
    }


def computed(pipeline: Pipeline, results: dict[str, StageResult]) -> dict[str, int]:
    return {
        name: results[name].rows_computed
        for name, stage in pipeline.stages.items()
        if isinstance(stage, RowStage) and name in results and results[name].rows_computed
    }


@pytest.mark.slow
def test_a_correction_costs_its_row_and_a_dropped_clip_leaves_the_sets(
    prepared: Callable[[], tuple[Pipeline, dict[str, StageResult]]], tmp_path: Path
) -> None:
    pipeline, _ = prepared()
    before = clips(pipeline)
    first, second = sorted(before)[:2]

    other = f"{before[first].rstrip('.')} too."
    correct(tmp_path, f"{first}\ttext\t{other}\ngone\tdrop\n")
    would, reasons = open_pipeline(tmp_path / "workspace", Request(tmp_path / "recordings", "v", "tiny")).why(
        "transcribe"
    )
    assert would and f"correction of {first} None -> {other}" in reasons
    pipeline, results = prepared()
    rows = computed(pipeline, results)
    assert rows == dict.fromkeys(rows, 1)
    assert set(rows) == READ_TEXTS
    assert "correction of gone: there is no such clip now" in results["transcribe"].warnings
    after = clips(pipeline)
    assert {name for name in before if after[name] != before[name]} == {first}
    assert after[first] == other
    texts = {row["utterance_id"]: row["text_source"] for row in pipeline.table("transcribe").to_pylist()}
    assert texts[first] == "corrected" and texts[second] == "given"

    correct(tmp_path, f"{first}\tkeep\n{second}\tdrop\n")
    pipeline, results = prepared()
    # The text of before is known: nothing of it is computed again.
    assert computed(pipeline, results) == {"transcribe": 1}
    assert clips(pipeline) == {name: text for name, text in before.items() if name != second}
    [refused] = [one for stage, one in pipeline.rejects() if stage == "transcribe"]
    assert (refused.row_id, refused.code, refused.reason) == (second, "dropped", "dropped by you")

    review = review_of(pipeline, 3)
    assert len(before) > 3
    assert (len(review.clips), review.total, review.lost) == (3, len(before), ("gone",))
    last = review_of(pipeline, 99).clips[-1]
    assert (last.clip, last.doubt.reasons) == (second, ("dropped by you",))
    assert review_page(review).count("<textarea") == 3
