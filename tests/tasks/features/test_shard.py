"""Feature stages on real and made audio, and the training table that they become."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from artifacts import schemas
from configs.content import ContentSettings
from configs.errors import UserError
from configs.family import FamilySettings
from configs.linguistic import LinguisticSettings
from configs.phonemize import PhonemizeSettings
from configs.pitch import PitchSettings
from configs.shard import ShardSettings
from configs.speaker_vector import SpeakerVectorSettings
from configs.spectrogram import SpectrogramSettings
from models.frontend.audio import decode_flac, encode_flac
from tasks.families import FAMILIES
from tasks.features.examples import example_schema
from tasks.features.stages import (
    CONTENT,
    LINGUISTIC,
    PHONEMIZE,
    PITCH,
    SPEAKER_VECTOR,
    SPECTROGRAM,
    shard_stage,
)
from tasks.outcome import ConfigView, Outcome, Reject, StoppedError, Work
from tasks.stage import RowStage, function_of

RATE = 24_000
SENTENCES = ("Hello there.", "Good morning, all.", "One two three four.", "The end is near!")


ALL = FAMILIES["gpt-sovits"].table


def settings(**sections: Any) -> SimpleNamespace:
    features = {
        "phonemize": PhonemizeSettings(),
        "pitch": PitchSettings(),
        "spectrogram": SpectrogramSettings(),
        "content": ContentSettings(),
        "linguistic": LinguisticSettings(),
        "speaker_vector": SpeakerVectorSettings(),
        "shard": ShardSettings(rows_per_file=5, rows_per_group=2),
    }
    family = sections.pop("family", FamilySettings())
    return SimpleNamespace(
        corpus=SimpleNamespace(licence="CC0-1.0"),
        features=SimpleNamespace(**{**features, **sections}),
        family=family,
    )


def run_rows(stage: RowStage, rows: list[dict[str, Any]], tree: Any) -> list[Outcome]:
    outcomes = function_of(stage)(rows, ConfigView(tree, stage.config), {})
    for outcome in outcomes:
        pa.Table.from_pylist(list(outcome.rows), schema=stage.schema)
    return outcomes


def clip(number: int, seconds: float = 0.8) -> dict[str, Any]:
    time_s = np.arange(int(seconds * RATE)) / RATE
    samples = 0.2 * np.sin(2 * np.pi * (120 + 5 * number) * time_s) * (1 + np.sin(9 * time_s)) / 2
    return {
        "utterance_id": f"clip_{number:03d}",
        "source_digest": f"{number:064x}",
        "recording_id": f"clip_{number:03d}",
        "speaker": "ann" if number % 3 else "bob",
        "language": "en",
        "text": SENTENCES[number % len(SENTENCES)],
        "start_s": 0.0,
        "end_s": seconds,
        "duration_s": seconds,
        "audio": encode_flac(samples.astype(np.float32), RATE),
        "sample_rate": RATE,
    }


class FakeInputs:
    """What a corpus stage may read, from rows in memory."""

    def __init__(self, rows: Mapping[str, list[dict[str, Any]]], rejects: Sequence[Reject]) -> None:
        self._rows, self._rejects = rows, rejects

    def table(
        self, stage: str, columns: Sequence[str] | None = None, only: Sequence[str] | None = None
    ) -> pa.Table:
        schema = getattr(schemas, stage.upper())
        names = [name for name in schema.names if columns is None or name in columns]
        by_id = {row[schema.names[0]]: row for row in self._rows[stage]}
        wanted = by_id.values() if only is None else [by_id[name] for name in only]
        chosen = [{name: row.get(name) for name in names} for row in wanted]
        return pa.Table.from_pylist(chosen, schema=pa.schema([schema.field(n) for n in names]))

    def rejects(self, stage: str) -> Sequence[Reject]:
        return self._rejects if stage == "screen" else ()


def corpus(n_clips: int, tree: Any) -> FakeInputs:
    clips = [clip(number) for number in range(n_clips)]
    made: dict[str, list[dict[str, Any]]] = {
        "segment": clips,
        "enhance": clips,
        "screen": clips,
        "division": [],
    }
    for stage in (PHONEMIZE, PITCH, SPECTROGRAM, CONTENT, SPEAKER_VECTOR):
        made[stage.name] = [row for out in run_rows(stage, clips, tree) for row in out.rows]
    made["linguistic"] = [row for out in run_rows(LINGUISTIC, made["phonemize"], tree) for row in out.rows]
    made["align"] = [
        {"utterance_id": row["utterance_id"], "phones": aligned(row)} for row in made["phonemize"]
    ]
    refused = [Reject("x1", "low_snr", "snr_db", "3", "too noisy", "record again")]
    return FakeInputs(made, refused)


def aligned(row: Mapping[str, Any]) -> list[dict[str, Any]]:
    intervals, at = [], 0.05
    for word, count in enumerate(row["word2ph"]):
        if row["words"][word] in "!,.?":
            continue
        for _ in range(count):
            intervals.append({"label": "x", "start_s": at, "end_s": at + 0.03, "score": -1.0, "word": word})
            at += 0.03
    return intervals


def shard(
    inputs: FakeInputs,
    tree: Any,
    folder: Path,
    features: Sequence[str] = ALL,
    stop: Callable[[], bool] = lambda: False,
) -> Any:
    folder.mkdir(parents=True, exist_ok=True)
    work = Work(folder, lambda done, total, text="", **metrics: None, stop)
    stage = shard_stage(features)
    return function_of(stage)(inputs, ConfigView(tree, stage.config), work)


@pytest.fixture(scope="module")
def tree() -> SimpleNamespace:
    return settings()


@pytest.fixture(scope="module")
def inputs(tree: SimpleNamespace) -> FakeInputs:
    return corpus(14, tree)


def test_features_share_one_frame_grid(tree: SimpleNamespace) -> None:
    row = clip(1, seconds=1.0137)
    (pitch,) = run_rows(PITCH, [row], tree)[0].rows
    (spectrogram,) = run_rows(SPECTROGRAM, [row], tree)[0].rows
    (content,) = run_rows(CONTENT, [row], tree)[0].rows
    n_frames = spectrogram["n_frames"]
    assert n_frames == 50
    assert len(pitch["f0_hz"]) == len(pitch["voiced"]) == len(spectrogram["energy"]) == n_frames
    assert content["n_frames"] == n_frames
    assert content["frame_rate_hz"] == pitch["frame_rate_hz"] == 50.0
    assert len(spectrogram["mel"]) == n_frames * 128 * 2
    assert len(spectrogram["linear"]) == n_frames * 1_025 * 2
    assert len(content["features"]) == n_frames * 39 * 2
    assert "no weights" in content["backend"]


def test_clips_too_short_for_a_frame_are_rejected(tree: SimpleNamespace) -> None:
    row = clip(1, seconds=0.02)
    for stage in (SPECTROGRAM, CONTENT):
        (outcome,) = run_rows(stage, [row], tree)
        assert [refused.code for refused in outcome.rejects] == ["too_short"]


@pytest.mark.parametrize(
    ("text", "language", "code"),
    [
        ("🙂", "en", "no_words"),
        (None, "en", "no_words"),
        ("hi", None, "unsupported_language"),
        ("hi", "tlh", "unsupported_language"),
    ],
)
def test_texts_without_phones_are_rejected_with_a_remedy(
    tree: SimpleNamespace, text: str | None, language: str | None, code: str
) -> None:
    row = {"utterance_id": "u", "source_digest": "d", "text": text, "language": language}
    (outcome,) = run_rows(PHONEMIZE, [row], tree)
    (refused,) = outcome.rejects
    assert (refused.row_id, refused.code) == ("u", code)
    assert refused.reason
    assert refused.remedy


def test_an_absent_front_end_stops_the_run_with_the_package_to_install(
    tree: SimpleNamespace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "pyopenjtalk", None)
    row = {"utterance_id": "u", "source_digest": "d", "text": "今日は", "language": "ja"}
    with pytest.raises(UserError, match=r"pip install -e '\.\[ja\]'"):
        run_rows(PHONEMIZE, [row], tree)


def test_a_language_outside_the_familys_table_says_that_it_trains_from_scratch(
    tree: SimpleNamespace,
) -> None:
    row = {"utterance_id": "u", "source_digest": "d", "text": "Guten Tag", "language": "de"}
    (outcome,) = run_rows(PHONEMIZE, [row], tree)
    assert outcome.rows[0]["symbol_table"] == "ipa"
    assert "from scratch" in outcome.warnings[0]


def test_too_many_unknown_symbols_are_rejected_by_name(monkeypatch: pytest.MonkeyPatch) -> None:
    strict = settings(phonemize=PhonemizeSettings(unknown_ratio_max=0.0))
    row = {"utterance_id": "u", "source_digest": "d", "text": "你好㐀㐁㖿", "language": "zh"}
    monkeypatch.setattr(
        "models.frontend.text.pinyin.pinyin_of", lambda text: ["ni3"] + ["?"] * (len(text) - 1)
    )
    (outcome,) = run_rows(PHONEMIZE, [row], strict)
    (refused,) = outcome.rejects
    assert refused.code == "unknown_symbols"
    assert "㐀" in refused.reason


def test_linguistic_is_zeros_outside_chinese(tree: SimpleNamespace) -> None:
    row = {"utterance_id": "u", "source_digest": "d", "language": "en", "words": ["a"], "word2ph": [3]}
    (made,) = run_rows(LINGUISTIC, [row], tree)[0].rows
    assert made["features"] == b""
    assert (made["dim"], made["n_phones"], made["backend"]) == (1_024, 3, "zeros")


def test_the_table_is_read_back_as_it_was_made(
    inputs: FakeInputs, tree: SimpleNamespace, tmp_path: Path
) -> None:
    made = shard(inputs, tree, tmp_path)
    rows = [
        row
        for name, path in sorted(made.files.items())
        if name.endswith(".parquet")
        for row in pq.read_table(path).to_pylist()
    ]
    assert len(rows) == 14
    assert {row["split"] for row in rows} == {"train", "validation", "test"}
    assert made.metrics["clips"] == 14.0
    for row in rows:
        assert len(row["mel"]) == 2 * row["n_frames"] * 128
        assert len(row["linear"]) == 2 * row["n_frames"] * 1_025
        assert len(row["content"]) == 2 * row["n_frames"] * 39
        assert (row["linguistic"], row["linguistic_dim"]) == (b"", 1_024)
        assert row["speaker_vector"] == b""
        assert len(row["f0_hz"]) == len(row["energy"]) == row["n_frames"]
        assert sum(row["durations"]) == row["n_frames"]
        assert len(row["durations"]) == len(row["phones"]) == sum(row["word2ph"])
        wave = decode_flac(row["audio"]["bytes"])
        assert wave.sample_rate == row["sample_rate"] == 32_000
        assert len(wave.samples) // 640 == row["n_frames"]


def test_the_same_clips_give_the_same_bytes(
    inputs: FakeInputs, tree: SimpleNamespace, tmp_path: Path
) -> None:
    first, second = (shard(inputs, tree, tmp_path / name).files for name in ("a", "b"))
    assert set(first) == set(second)
    for name in first:
        assert first[name].read_bytes() == second[name].read_bytes()


def test_a_stop_breaks_it_off(inputs: FakeInputs, tree: SimpleNamespace, tmp_path: Path) -> None:
    with pytest.raises(StoppedError):
        shard(inputs, tree, tmp_path, stop=lambda: True)


def test_the_datasets_library_streams_it(inputs: FakeInputs, tree: SimpleNamespace, tmp_path: Path) -> None:
    from datasets import Audio, load_dataset

    shard(inputs, tree, tmp_path / "table")
    globs = {split: str(tmp_path / f"table/data/{split}-*.parquet") for split in ("train", "validation")}
    table = load_dataset("parquet", data_files=globs, streaming=True, cache_dir=str(tmp_path / "cache"))
    rows = list(table["train"].cast_column("audio", Audio(decode=False)))
    assert len(rows) >= 9
    assert decode_flac(rows[0]["audio"]["bytes"]).sample_rate == 32_000
    assert np.frombuffer(rows[0]["mel"], "<f2").reshape(-1, rows[0]["n_mels"]).shape[0] == rows[0]["n_frames"]


def test_the_card_says_what_is_in_it(inputs: FakeInputs, tree: SimpleNamespace, tmp_path: Path) -> None:
    import yaml

    card = shard(inputs, tree, tmp_path).files["README.md"].read_text(encoding="utf-8")
    head = yaml.safe_load(card.split("---")[1])
    assert head["language"] == ["en"]
    assert head["license"] == "cc0-1.0"
    assert "Licence of the recordings: CC0-1.0." in card
    assert {one["split"] for one in head["configs"][0]["data_files"]} == {"train", "validation", "test"}
    named = {one["name"]: one for one in head["dataset_info"]["features"]}
    assert list(named) == example_schema(ALL).names
    assert named["audio"]["dtype"] == {"audio": {"sampling_rate": 32_000}}
    assert named["f0_hz"]["list"] == "float32" and named["duration_s"]["dtype"] == "float64"
    assert "| phones | list of string | phone symbols |" in card
    assert "| ann | 9 |" in card
    assert "| screen | low_snr | 1 |" in card


def test_no_accepted_clip_is_an_error_with_the_reasons(tree: SimpleNamespace, tmp_path: Path) -> None:
    with pytest.raises(UserError, match="low_snr 1"):
        shard(corpus(0, tree), tree, tmp_path)


def test_a_family_without_content_features_has_a_table_without_them(
    inputs: FakeInputs, tree: SimpleNamespace, tmp_path: Path
) -> None:
    made = shard(inputs, tree, tmp_path, features=())
    columns = pq.read_schema(
        next(path for name, path in made.files.items() if name.endswith(".parquet"))
    ).names
    assert {"mel", "f0_hz", "durations"} <= set(columns)
    assert not {"content", "content_dim", "linguistic", "linguistic_dim", "speaker_vector"} & set(columns)
    assert "content features" not in made.files["README.md"].read_text(encoding="utf-8")


def test_mixed_symbol_tables_are_refused(tree: SimpleNamespace, tmp_path: Path) -> None:
    mixed = corpus(3, tree)
    mixed._rows["phonemize"][1]["symbol_table"] = "ipa"
    with pytest.raises(UserError, match=r"features\.phonemize\.symbol_table: ipa"):
        shard(mixed, tree, tmp_path)


def test_real_speech_has_pitch_where_it_is_loud(speech: Path, tree: SimpleNamespace) -> None:
    import soundfile

    path = sorted((speech / "ljs-mini" / "wavs").glob("*"))[0]
    samples, rate = soundfile.read(path, dtype="float32")
    row = {
        "utterance_id": "u",
        "source_digest": "d",
        "audio": encode_flac(samples, rate),
        "sample_rate": rate,
    }
    (pitch,) = run_rows(PITCH, [row], tree)[0].rows
    (spectrogram,) = run_rows(SPECTROGRAM, [row], tree)[0].rows
    f0_hz, energy = np.array(pitch["f0_hz"]), np.array(spectrogram["energy"])
    voiced = f0_hz > 0
    assert 0.3 < voiced.mean() < 0.9
    assert 150 < np.median(f0_hz[voiced]) < 280
    assert np.median(energy[voiced]) > 3 * np.median(energy[~voiced])


@pytest.mark.slow
def test_ones_own_division_is_kept_unless_it_is_switched_off(
    inputs: FakeInputs, tree: SimpleNamespace, tmp_path: Path
) -> None:
    said = {"clip_003": "validation", "clip_004": "test", "clip_006": "train"}
    rows = [{"recording_id": name, "split": split} for name, split in said.items()]
    divided = FakeInputs({**inputs._rows, "division": rows}, ())

    def held_out(made: Any) -> dict[str, str]:
        tables = [pq.read_table(path, columns=["utterance_id", "split"]) for name, path in made.files.items()
                  if name.endswith(".parquet")]  # fmt: skip
        return {r["utterance_id"]: r["split"] for t in tables for r in t.to_pylist() if r["split"] != "train"}

    own = shard(divided, tree, tmp_path / "own")
    assert held_out(own) == {"clip_003": "validation", "clip_004": "test"}
    anew = settings()
    anew.features.shard = anew.features.shard.model_copy(update={"given_splits": False})
    plain = shard(inputs, tree, tmp_path / "plain")
    assert held_out(shard(divided, anew, tmp_path / "anew")) == held_out(plain) != held_out(own)
    whole = [{"recording_id": f"clip_{n:03d}", "split": "test"} for n in range(14)]
    nothing = shard(FakeInputs({**inputs._rows, "division": whole}, ()), tree, tmp_path / "whole")
    assert held_out(nothing) == held_out(plain)
    assert [one for one in nothing.warnings if "would leave no clip to train on" in one]
