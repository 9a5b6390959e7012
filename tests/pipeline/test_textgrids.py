"""Phone times leave the store as TextGrids that read back as they were."""

from __future__ import annotations

from pathlib import Path

import pytest

from models.aligner.textgrid import read_textgrid
from tasks.release.textgrids import export_textgrids
from tasks.voice import open_pipeline
from tests.pipeline.finished import Finished


@pytest.mark.slow
def test_every_aligned_clip_has_its_textgrid(finished: Finished, tmp_path: Path):
    pipeline = open_pipeline(tmp_path / "workspace", finished.copied(tmp_path))
    written = list(export_textgrids(pipeline, tmp_path / "textgrids"))
    rows = {row["utterance_id"]: row for row in pipeline.table("align").to_pylist()}
    pipeline.close()
    assert sorted(path.stem for path in written) == sorted(rows)
    for path in written:
        tiers = read_textgrid(path.read_text(encoding="utf-8"))
        spoken = [w for w in rows[path.stem]["words"] if w["end_s"] > w["start_s"]]
        read = [interval for interval in tiers["words"] if interval.label]
        assert [interval.label for interval in read] == [word["label"] for word in spoken]
        for interval, word in zip(read, spoken, strict=True):
            assert interval.start_s == pytest.approx(word["start_s"], abs=1e-5)
