"""Recordings from a real folder to canonical rows."""

from __future__ import annotations

import os
import shutil
import tracemalloc
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import soundfile

from artifacts import schemas
from configs.corpus import CorpusSettings
from configs.errors import UserError
from models.frontend.audio import decode_flac
from tasks.corpus.ingest import ingest_rows
from tasks.corpus.scan import scan_recordings
from tasks.corpus.stages import INGEST
from tasks.stage import ConfigView, Outcome


def ingest(root: Path, cache: Path, **settings) -> tuple[list[dict], list[Outcome]]:
    """Scan rows and their outcomes."""
    chosen = CorpusSettings(**settings)
    rows = list(scan_recordings(root, chosen, cache / "digests.json").rows)
    view = ConfigView(SimpleNamespace(corpus=chosen), INGEST.config)
    return rows, ingest_rows(rows, view, {})


@pytest.fixture
def clip(speech) -> Path:
    return next(iter(sorted((speech / "ljs-mini" / "wavs").iterdir())))


@pytest.mark.slow
def test_rows_fit_the_schema_and_do_not_depend_on_the_place(speech, tmp_path):
    _, outcomes = ingest(speech / "ljs-mini", tmp_path)
    rows = [row for outcome in outcomes for row in outcome.rows]
    table = pa.Table.from_pylist(rows, schema=schemas.INGEST)
    assert table.num_rows == len(outcomes)
    assert {row["transcript_source"] for row in rows} == {"ljspeech"}
    for row in rows:
        decoded = decode_flac(row["audio"])
        assert decoded.sample_rate == row["sample_rate"]
        assert decoded.samples.size / decoded.sample_rate == pytest.approx(row["duration_s"])
    copied = shutil.copytree(speech / "ljs-mini", tmp_path / "copy")
    _, again = ingest(copied, tmp_path)
    assert [row for outcome in again for row in outcome.rows] == rows


def test_flac_keeps_its_samples(clip, tmp_path):
    root = tmp_path / "in"
    root.mkdir()
    shutil.copy(clip, root)
    _, (outcome,) = ingest(root, tmp_path)
    wanted, _ = soundfile.read(clip, dtype="float32")
    assert np.array_equal(decode_flac(outcome.rows[0]["audio"]).samples, wanted)


@pytest.mark.parametrize("layout", ["beside", "above", "named"])
def test_browser_recordings_take_their_texts(speech, tmp_path, layout):
    corpus = speech / "kerstin-de"
    root = tmp_path / "in"
    inner = root if layout == "beside" else root / "raw"
    shutil.copytree(corpus / "raw", inner)
    settings = {"language": "de"}
    if layout == "named":
        settings["metadata"] = str(corpus / "metadata.csv")
    else:
        shutil.copy(corpus / "metadata.csv", root)
    rows, outcomes = ingest(root, tmp_path, **settings)
    assert len(rows) == len(list(inner.glob("*.webm")))
    for row, outcome in zip(rows, outcomes, strict=True):
        (made,) = outcome.rows
        assert made["text"] == row["text"] and made["language"] == "de"
        assert made["sample_rate"] == 48_000 and made["duration_s"] > 1
        trimmed = soundfile.info(corpus / "wavs" / f"{row['recording_id']}.flac").duration
        assert trimmed - 0.1 < made["duration_s"] < trimmed + 10


@pytest.mark.slow
@pytest.mark.parametrize("corpus", ["readers", "kinds"])
def test_whole_corpora(speech, tmp_path, corpus):
    rows, outcomes = ingest(speech / corpus, tmp_path)
    assert not [one for outcome in outcomes for one in outcome.rejects]
    for row, outcome in zip(rows, outcomes, strict=True):
        header = soundfile.info(row["location"])
        assert outcome.rows[0]["duration_s"] == pytest.approx(header.duration, abs=0.01)
        assert outcome.rows[0]["sample_rate"] == min(header.samplerate, 48_000)


def test_an_empty_list_is_refused_and_the_way_out_works(speech, tmp_path):
    with pytest.raises(UserError, match="bad_metadata"):
        ingest(speech / "no-texts", tmp_path)
    rows, outcomes = ingest(speech / "no-texts", tmp_path, transcripts="none")
    assert len({row["speaker"] for row in rows}) == len(rows) > 10
    assert all(outcome.rows for outcome in outcomes)


def test_settings_decide(clip, tmp_path):
    root = tmp_path / "in"
    root.mkdir()
    shutil.copy(clip, root)
    for settings, code in (
        ({"min_sample_rate_hz": 44_100}, "low_sample_rate"),
        ({"min_duration_s": 100}, "too_short"),
        ({"max_duration_s": 1.5}, "too_long"),
    ):
        _, (outcome,) = ingest(root, tmp_path, **settings)
        assert [one.code for one in outcome.rejects] == [code]
    _, (outcome,) = ingest(root, tmp_path, max_sample_rate_hz=16_000)
    assert outcome.rows[0]["sample_rate"] == 16_000
    assert outcome.rows[0]["conversions"] == ["resampled 22050 -> 16000 Hz"]


def test_what_changes_or_vanishes_in_between_is_refused_and_its_neighbours_go_on(clip, tmp_path):
    root = tmp_path / "in"
    root.mkdir()
    for name in ("a", "b", "c", "d"):
        shutil.copy(clip, root / f"{name}.flac")
    settings = CorpusSettings()
    rows = scan_recordings(root, settings, tmp_path / "digests.json").rows
    (root / "a.flac").write_bytes(clip.read_bytes() + b"x")
    (root / "b.flac").unlink()
    (root / "c.flac").unlink()
    os.mkfifo(root / "c.flac")
    view = ConfigView(SimpleNamespace(corpus=settings), INGEST.config)
    outcomes = ingest_rows(list(rows), view, {})
    codes = [[one.code for one in outcome.rejects] for outcome in outcomes]
    assert codes == [["changed"], ["read_error"], ["read_error"], []]
    assert set(INGEST.passing) == {"changed", "read_error"}
    assert len(outcomes[3].rows) == 1


def test_a_file_whose_reading_fails_is_refused(clip, tmp_path):
    root = tmp_path / "in"
    root.mkdir()
    shutil.copy(clip, root / "a.flac")
    settings = CorpusSettings()
    (row,) = scan_recordings(root, settings, tmp_path / "digests.json").rows
    view = ConfigView(SimpleNamespace(corpus=settings), INGEST.config)
    # It can be opened, and every read of it fails.
    (outcome,) = ingest_rows([dict(row, location="/proc/self/mem")], view, {})
    assert [(one.code, one.row_id) for one in outcome.rejects] == [("read_error", "a")]
    assert "cannot be read any more" in outcome.rejects[0].reason


def test_a_folder_that_vanishes_stops_the_run(clip, tmp_path):
    root = tmp_path / "in"
    root.mkdir()
    shutil.copy(clip, root / "a.flac")
    settings = CorpusSettings()
    rows = scan_recordings(root, settings, tmp_path / "digests.json").rows
    shutil.rmtree(root)
    view = ConfigView(SimpleNamespace(corpus=settings), INGEST.config)
    with pytest.raises(UserError, match="folder is gone"):
        ingest_rows(list(rows), view, {})


def test_parquet_members_are_decoded(clip, tmp_path):
    root = tmp_path / "in"
    root.mkdir()
    rows = {"audio": [{"bytes": clip.read_bytes(), "path": "a.flac"}] * 2, "text": ["one", "two"]}
    pq.write_table(pa.table(rows), root / "train.parquet")
    _, outcomes = ingest(root, tmp_path)
    assert [outcome.rows[0]["text"] for outcome in outcomes] == ["one", "two"]


@pytest.mark.slow
def test_memory_is_bounded_by_the_compressed_size(tmp_path):
    """Five minutes, stereo, 48 kHz: 115 MB as floats."""
    root = tmp_path / "in"
    root.mkdir()
    second = np.random.default_rng(0).standard_normal((48_000, 2)).astype(np.float32)
    second *= np.linspace(0, 0.1, 48_000)[:, None].astype(np.float32)
    with soundfile.SoundFile(root / "a.flac", "w", 48_000, 2) as file:
        for _ in range(60):
            file.write(second)
        for _ in range(240):
            file.write(0 * second)
    tracemalloc.start()
    _, (outcome,) = ingest(root, tmp_path)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert outcome.rows[0]["duration_s"] == 300
    assert peak < 30e6
