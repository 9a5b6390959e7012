"""What the report draws: charts, sound and the choice of clips."""

from __future__ import annotations

import base64
import io
import json
import math
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from artifacts import schemas
from artifacts.manifest import Reject
from configs.loading import resolve
from configs.settings import Settings
from models.frontend.audio import decode_flac, encode_flac
from tasks.families import FAMILIES
from tasks.features.examples import example_schema
from tasks.release import charts, report_audio
from tasks.release.report import chosen_clips, settings_file
from tasks.stage import ConfigView, Work, function_of
from tasks.stages import every_way

numbers = st.floats(-1e6, 1e6, allow_nan=False, width=32)


@given(st.lists(numbers, min_size=1, max_size=80))
def test_histogram_counts_every_value_inside_its_frame(values: list[float]) -> None:
    drawn = charts.histogram(values, "s")
    assert sum(int(bar.label.rsplit(": ", 1)[1]) for bar in drawn.bars) == len(values)
    assert len(drawn.bars) <= 200
    for bar in drawn.bars:
        assert bar.x >= charts.LEFT
        assert bar.x + bar.width <= charts.WIDTH - charts.RIGHT + 0.02
        assert bar.height >= 0


@given(st.lists(st.tuples(st.integers(0, 10_000), numbers), min_size=1, max_size=600))
def test_curve_stays_inside_its_frame(points: list[tuple[int, float]]) -> None:
    drawn = charts.curve_chart([("training", sorted(points))])
    numbers_drawn = [float(v) for v in re.findall(r"-?\d+\.?\d*", drawn.strokes[0].path)]
    assert len(numbers_drawn) <= 2 * charts.MAX_CURVE_POINTS + 1
    assert all(-0.01 <= v <= charts.WIDTH for v in numbers_drawn)


def test_values_that_are_not_finite_leave_the_rest_of_a_curve() -> None:
    drawn = charts.curve_chart([("a", [(0, math.nan), (1, 2.0), (2, math.inf)]), ("b", [(0, math.nan)])])
    assert [(s.label, s.points, s.last) for s in drawn.strokes] == [("a", 1, "2")]
    with pytest.raises(ValueError, match="finite"):
        charts.curve_chart([("a", [(0, math.nan)])])


@pytest.mark.parametrize(
    ("value", "text"),
    [(0, "0"), (-23.456, "−23.46"), (1234.5, "1,234"), (0.5, "0.5"), (100, "100"), (3.2e-7, "3.20e−07")],
)
def test_numbers_read_like_a_person_wrote_them(value: float, text: str) -> None:
    assert charts.plain(value) == text


def test_player_holds_the_samples_to_16_bit_and_is_no_bigger_than_that() -> None:
    samples = (0.3 * np.random.default_rng(0).normal(size=16_000)).astype(np.float32)
    samples[:2] = (1.5, np.nan)
    kind, data = report_audio.player_uri(samples, 16_000).split(";base64,")
    flac = base64.b64decode(data)
    wave = decode_flac(flac)
    assert kind == "data:audio/flac"
    assert wave.sample_rate == 16_000
    assert np.abs(wave.samples[2:] - np.clip(samples[2:], -1, 1)).max() <= 2**-15
    assert wave.samples[1] == 0
    assert len(flac) < 2.05 * len(samples)


def test_spectrogram_image_has_a_pixel_per_band_and_frame_with_low_bands_at_the_bottom() -> None:
    import matplotlib.image

    mel = np.full((30, 12), -8.0)
    mel[:, 0] = 0.0
    mel[3, 3] = np.nan
    uri = report_audio.mel_image(mel)
    png = base64.b64decode(uri.split("base64,")[1])
    pixels = matplotlib.image.imread(io.BytesIO(png), format="png")
    assert pixels.shape[:2] == (12, 30)
    assert pixels[-1, :, :3].mean() > pixels[0, :, :3].mean() + 0.3


def test_pitch_is_drawn_only_where_it_is_voiced() -> None:
    f0 = np.array([0, 200, 210, 0, 0, 190, 0], dtype=np.float32)
    track = report_audio.pitch_track(f0)
    assert track is not None
    assert track.path.count("M") == 2
    assert track.median_hz == 200
    assert report_audio.pitch_track(np.zeros(9)) is None


def test_waveform_of_any_length_fits_its_box() -> None:
    for size in (1, 7, 599, 600, 5000):
        path = report_audio.wave_path(np.sin(np.arange(size, dtype=np.float32)))
        heights = [float(y) for y in re.findall(r"[ML]\d+ ([\d.e+-]+)", path)]
        assert len(heights) == 2 * min(size, report_audio.WAVE_COLUMNS)
        assert min(heights) >= 0
        assert max(heights) <= 100


def _row(name: str, speaker: str, duration_s: float, score: float) -> dict[str, object]:
    return {
        "utterance_id": name,
        "speaker": speaker,
        "duration_s": duration_s,
        "alignment_score": score,
    }


def test_clips_to_look_at_are_typical_ones_of_every_speaker_and_the_worst_aligned() -> None:
    rows = [_row(f"{s}{i}", s, 3 + 0.1 * i, -50.0 - i) for s in "abc" for i in range(9)]
    rows.append(_row("long", "a", 25.0, -90.0))
    chosen = chosen_clips(rows)
    assert {name[0] for name, remark in chosen.items() if remark == "typical length"} == set("abc")
    assert [n for n, remark in chosen.items() if remark == "lowest alignment score"] == ["a8", "b8"]
    assert list(chosen_clips(rows[::-1])) == list(chosen)


def test_a_corpus_of_two_clips_shows_both() -> None:
    rows = [_row("one", "a", 0.8, -50.0), _row("two", "a", 20.0, -51.0)]
    assert set(chosen_clips(rows)) == {"one", "two"}


class _Inputs:
    """What the stage gets to read, from plain tables and a folder of files per stage."""

    def __init__(self, folder: Path, tables: dict[str, pa.Table], rejects: dict[str, list[Reject]]) -> None:
        self._folder, self._tables, self._rejects = folder, tables, rejects

    def table(self, stage: str, columns: Sequence[str] | None = None) -> pa.Table:
        found = self._tables[stage]
        return found if columns is None else found.select([n for n in found.column_names if n in columns])

    def files(self, stage: str) -> dict[str, Path]:
        folder = self._folder / stage
        return {str(p.relative_to(folder)): p for p in folder.rglob("*") if p.is_file()}

    def rejects(self, stage: str) -> Sequence[Reject]:
        return self._rejects.get(stage, ())

    def record(self, stage: str) -> dict[str, Any]:
        names = list(REPORT.reads)
        before = names[names.index(stage) - 1] if stage in names[1:] else "scan"
        return {
            "stage": stage,
            "key": f"key of {stage}",
            "output": f"output of {stage}",
            "parts": {"inputs": {before: "x"}, "config": {"seed": 1}, "libraries": {"numpy": "2"}},
            "rows": self._tables[stage].num_rows if stage in self._tables else 0,
            "rejects": len(self.rejects(stage)),
            "warnings": ["texts were not checked"] if stage == "transcribe" else [],
            "files": dict.fromkeys(self.files(stage), "f" * 64),
            "metrics": {},
            "series": {},
        }


RATE, FRAMES, MELS = 32_000, 100, 16
REPORT = every_way()["gpt-sovits"].release[-1]
TABLE = example_schema(FAMILIES["gpt-sovits"].table)


def _tables(clips: int) -> dict[str, pa.Table]:
    t = np.arange(2 * RATE) / RATE
    rows: dict[str, list[dict[str, Any]]] = {}
    for index in range(clips):
        name = f"clip{index}"
        mel = np.random.default_rng(index).normal(size=(FRAMES, MELS)).astype("<f2")
        span = {"label": "a", "start_s": 0.1, "end_s": 0.9, "score": -50.0}
        values: dict[str, Any] = {
            "utterance_id": name,
            "recording_id": f"r{index}",
            "source_path": f"{name}.wav",
            "source_digest": f"{index:064d}",
            "speaker": "ann",
            "language": "en",
            "text": f"Text {index}.",
            "audio": encode_flac((0.3 * np.sin(900 * t)).astype(np.float32), RATE),
            "sample_rate": RATE,
            "duration_s": 2.0,
            "snr_db": 20.0 + index,
            "loudness_lufs": -23.0,
            "alignment_score": -50.0 - index,
            "backend": "mfcc-20 (no weights)",
            "backend_version": "1",
            "phones": [{**span, "word": 0}],
            "words": [span],
            "f0_hz": [150.0] * FRAMES,
            "frame_rate_hz": 50.0,
            "mel": mel.tobytes(),
            "n_frames": FRAMES,
            "n_mels": MELS,
        }
        for stage in ("ingest", "segment", "enhance", "measure", "align", "screen", "content"):
            rows.setdefault(stage, []).append(values)
        rows.setdefault("shard", []).append(
            {
                **values,
                "phones": [],
                "words": [],
                "audio": {"bytes": values["audio"]},
                "split": "train" if index else "test",
            }
        )
    return {
        stage: pa.Table.from_pylist([{n: row.get(n) for n in schema.names} for row in found], schema=schema)
        for stage, found in rows.items()
        for schema in [TABLE if stage == "shard" else getattr(schemas, stage.upper())]
    }


def _inputs(folder: Path, clips: int = 5) -> _Inputs:
    curve = [{"step": step, "mel": 5.0 / step, "kl": 1.0} for step in (10, 20, 30)]
    for stage in ("train_sovits", "train_t2s"):
        (folder / stage).mkdir(parents=True)
        (folder / stage / "config.json").write_text(json.dumps({"steps": 30, "from_scratch": True}))
        curves = {"train": curve, "validation": curve[-1:]}
        (folder / stage / "curves.json").write_text(json.dumps(curves))
    (folder / "synthesize" / "samples").mkdir(parents=True)
    (folder / "evaluate").mkdir()
    tone = np.sin(np.arange(RATE) / 20).astype(np.float32) / 2
    listing = []
    for kind in ("recording", "text"):
        name = f"samples/clip0.{kind}.flac"
        (folder / "synthesize" / name).write_bytes(encode_flac(tone, RATE))
        entry = {"utterance_id": "clip0", "language": "en", "text": "Text 0.", "split": "test"}
        rest = {"about": f"about {kind}", "file": name, "duration_s": 1.0, "cut_off": kind == "text"}
        listing.append({**entry, **rest, "kind": kind})
    (folder / "synthesize" / "samples.json").write_text(json.dumps(listing))
    means = {
        f"{kind}/speaker_similarity": {"mean": mean, "about": f"{kind}: cosine", "clips": 1}
        for kind, mean in (("recording", 0.9), ("text", 0.4321))
    }
    (folder / "evaluate" / "evaluation.json").write_text(json.dumps({"metrics": means}))
    (folder / "export").mkdir()
    (folder / "export" / "voice.safetensors").write_bytes(b"x")
    noisy = Reject("clip9", "low_snr", "snr_db", "2.1", "too noisy", "record again")
    tables = _tables(clips)
    (folder / "shard" / "data").mkdir(parents=True)
    pq.write_table(tables.pop("shard"), folder / "shard" / "data" / "train-0.parquet")
    return _Inputs(folder, tables, {"screen": [noisy]})


def _run(folder: Path) -> dict[str, bytes]:
    work = Work(folder / "work", progress=lambda *_, **__: None, stop=lambda: False)
    work.dir.mkdir()
    made = function_of(REPORT)(_inputs(folder), ConfigView(Settings(), REPORT.config), work)
    return {name: path.read_bytes() for name, path in made.files.items()}


@pytest.mark.slow
def test_stage_makes_pages_and_figures_and_the_same_inputs_the_same_bytes(tmp_path: Path) -> None:
    (tmp_path / "one").mkdir()
    (tmp_path / "other").mkdir()
    made = _run(tmp_path / "one")
    assert made == _run(tmp_path / "other")
    assert {"report.html", "lineage.html", "figures/f0.png", "figures/mel.png"} <= set(made)
    assert {"figures/alignment.png", "figures/duration.png", "figures/train_sovits.png"} <= set(made)


@pytest.mark.slow
def test_page_says_what_was_refused_and_that_a_tiny_training_proves_no_quality(tmp_path: Path) -> None:
    html = _run(tmp_path)["report.html"].decode()
    assert "too noisy" in html
    assert "30 SoVITS" in html
    assert "proves that the machinery works" in html
    assert "MFCC" in html
    assert "texts were not checked" in html
    assert str(tmp_path) not in html
    assert html.count('<article class="card utterance">') == 4
    assert "learned from 8.0 s of speech in 4 clips, out of 5 recordings" in html


@pytest.mark.slow
def test_samples_stand_beside_their_recording_and_measures_beside_their_yardstick(tmp_path: Path) -> None:
    html = _run(tmp_path)["report.html"].decode()
    assert "about text; cut off" in html
    assert "clip0 · held-out clip (test)" in html
    row = re.search(r"<tr><th[^>]*>Speaker similarity</th>(.*?)</tr>", html)
    assert row is not None
    assert re.findall(r">([\d.]+)</td>", row[1]) == ["0.9", "0.432"]


@pytest.mark.slow
def test_recordings_count_the_utterances_that_passed(tmp_path: Path) -> None:
    html = _run(tmp_path)["lineage.html"].decode()
    assert html.count('data-label="Used">1<') == 5
    assert "voice.safetensors" in html


@pytest.mark.parametrize("preset", ["kokoro-fit", None])
def test_the_settings_on_the_page_are_a_file_that_gives_the_same(tmp_path: Path, preset: str | None) -> None:
    told = resolve(preset, overrides=("seed=7",), voice="anna").settings
    (tmp_path / "page.yaml").write_text(settings_file(ConfigView(told, REPORT.config)), encoding="utf-8")
    given = resolve(file=tmp_path / "page.yaml", voice="anna").settings
    assert [name for name in REPORT.config if getattr(given, name) != getattr(told, name)] == []
