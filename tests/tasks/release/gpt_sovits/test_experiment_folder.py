"""GPT-SoVITS's experiment folders: written, read back, and read however broken."""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import soundfile
import torch

from artifacts.manifest import Reject
from configs.corpus import CorpusSettings
from configs.errors import UserError
from models.frontend.audio import decode_flac, encode_flac
from models.frontend.mel import frame_count
from models.frontend.text.g2p import phonemize
from tasks.corpus.experiment_folder import (
    ExperimentUtterance,
    read_experiment,
)
from tasks.corpus.imported_folder import import_folder, language_of_script
from tasks.corpus.scan import scan_recordings
from tasks.features.frames import spectrogram_parameters
from tasks.release.gpt_sovits.experiment_folder import write_experiment
from tests.models.golden_fill import integers, normal, test_wave

TEXTS = {
    "en_1": ("en", "One two three."),
    "zh_1": ("zh", "今天天气很好。"),
    "en_2": ("en", "Seven days, then."),
}
CODES = {name: integers(f"folder/codes/{name}", 0, 1024, 40 + 5 * i).tolist() for i, name in enumerate(TEXTS)}


def _row(name: str, settings: Any) -> dict[str, Any]:
    language, text = TEXTS[name]
    spoken = phonemize(text, language, "gpt-sovits-v2")
    samples = test_wave(f"folder/{name}", 640 * 2 * len(CODES[name])).numpy()
    n_frames = frame_count(len(samples), spectrogram_parameters(settings))
    bert = normal(f"folder/bert/{name}", len(spoken.phones), 1024).numpy().astype("<f2")
    return {
        "utterance_id": name,
        "language": language,
        "normalized_text": spoken.normalized_text,
        "symbol_table": "gpt-sovits-v2",
        "phones": spoken.phones,
        "word2ph": spoken.word2ph,
        "audio": {"bytes": encode_flac(samples, 32_000), "path": f"{name}.flac"},
        "sample_rate": 32_000,
        "n_frames": n_frames,
        "content": normal(f"folder/ssl/{name}", n_frames, 768).numpy().astype("<f2").tobytes(),
        "content_dim": 768,
        "linguistic": bert.tobytes() if language == "zh" else b"",
        "linguistic_dim": 1024,
        "speaker_vector": normal(f"folder/sv/{name}", 20480).numpy().astype("<f4").tobytes(),
    }


@pytest.fixture(scope="module")
def rows() -> dict[str, dict[str, Any]]:
    from configs.family import FamilySettings

    return {name: _row(name, FamilySettings()) for name in TEXTS}


@pytest.fixture
def experiment(rows: dict[str, dict[str, Any]], tmp_path: Path) -> Path:
    return _written(list(rows.values()), tmp_path)


def _written(rows: list[dict[str, Any]], folder: Path) -> Path:
    pq.write_table(pa.Table.from_pylist(rows), folder / "shard.parquet")
    list(write_experiment({"data/train.parquet": folder / "shard.parquet"}, CODES, folder / "exp"))
    return folder / "exp"


def test_a_written_folder_has_what_the_training_scripts_look_for(experiment: Path) -> None:
    names = [f"{name}.wav" for name in TEXTS]
    lines = [line.split("\t") for line in (experiment / "2-name2text.txt").read_text().splitlines()]
    assert [line[0] for line in lines] == names
    assert all(len(line) == 4 for line in lines)
    table = (experiment / "6-name2semantic.tsv").read_text().splitlines()
    assert table[0] == "item_name\tsemantic_audio"
    assert [row.split("\t")[0] for row in table[1:]] == names
    assert {p.name for p in (experiment / "3-bert").iterdir()} == {"zh_1.wav.pt"}
    for name in names:
        info = soundfile.info(experiment / "5-wav32k" / name)
        assert (info.samplerate, info.channels, info.subtype) == (32_000, 1, "PCM_16")
        content = torch.load(experiment / "4-cnhubert" / f"{name}.pt", weights_only=True)
        assert content.shape == (1, 768, info.frames // 640)
        assert content.dtype == torch.float16
        vector = torch.load(experiment / "7-sv_cn" / f"{name}.pt", weights_only=True)
        assert vector.shape == (1, 20480)


def test_waves_are_written_at_the_level_of_training(
    experiment: Path, rows: dict[str, dict[str, Any]]
) -> None:
    for name, row in rows.items():
        recorded = decode_flac(row["audio"]["bytes"]).samples
        written, _ = soundfile.read(experiment / "5-wav32k" / f"{name}.wav", dtype="float32")
        expected = 0.5 * recorded + 0.475 * recorded / np.abs(recorded).max()
        np.testing.assert_allclose(written, expected, atol=1e-4)
        assert np.abs(expected - recorded).max() > 0.01


def test_what_was_written_is_read_back(experiment: Path, rows: dict[str, dict[str, Any]]) -> None:
    found = list(read_experiment(experiment))
    assert all(isinstance(one, ExperimentUtterance) for one in found)
    for one, (name, row) in zip(found, rows.items(), strict=True):
        assert one.name == f"{name}.wav"
        assert one.text == row["normalized_text"]
        assert list(one.phones) == row["phones"]
        assert list(one.codes) == CODES[name]
        assert one.content[0].T.numpy().tobytes() == row["content"]
        assert one.speaker_vector[0].numpy().tobytes() == row["speaker_vector"]
        if row["language"] == "zh":
            assert list(one.word2ph) == row["word2ph"]
            assert one.bert.T.contiguous().numpy().tobytes() == row["linguistic"]
        else:
            assert one.word2ph is None
            assert one.bert is None


def test_recordings_come_out_with_transcripts_and_languages(experiment: Path, tmp_path: Path) -> None:
    list(import_folder(experiment, tmp_path / "out", speaker="anna"))
    scan = scan_recordings(tmp_path / "out", CorpusSettings(), tmp_path / "digests.json")
    assert not scan.rejects
    told = {Path(row["location"]).stem: (row["speaker"], row["language"], row["text"]) for row in scan.rows}
    assert told == {
        row_name: ("anna", language, _normalized(row_name)) for row_name, (language, _) in TEXTS.items()
    }
    original, _ = soundfile.read(experiment / "5-wav32k" / "zh_1.wav")
    copied, _ = soundfile.read(tmp_path / "out" / "zh_1.wav")
    assert np.array_equal(original, copied)
    with pytest.raises(UserError, match="is not an empty folder"):
        list(import_folder(experiment, tmp_path / "out"))


def _normalized(name: str) -> str:
    language, text = TEXTS[name]
    return phonemize(text, language, "gpt-sovits-v2").normalized_text


class _Harmful:
    def __reduce__(self) -> tuple[object, tuple[str]]:
        return (os.system, ("echo must never run",))


def _drop(part: str) -> Callable[[Path], None]:
    return lambda folder: (folder / part).unlink()


def _put(part: str, value: object) -> Callable[[Path], None]:
    return lambda folder: torch.save(value, folder / part)


def _edit(part: str, old: str, new: str) -> Callable[[Path], None]:
    def edit(folder: Path) -> None:
        text = (folder / part).read_text(encoding="utf-8")
        assert old in text
        (folder / part).write_text(text.replace(old, new, 1), encoding="utf-8")

    return edit


@pytest.mark.parametrize(
    ("damage", "code", "part", "reason"),
    [
        (_drop("5-wav32k/zh_1.wav"), "missing", "5-wav32k", "is missing"),
        (_drop("4-cnhubert/zh_1.wav.pt"), "missing", "4-cnhubert", "is missing"),
        (_drop("3-bert/zh_1.wav.pt"), "missing", "3-bert", "is missing"),
        (_drop("7-sv_cn/zh_1.wav.pt"), "missing", "7-sv_cn", "is missing"),
        (
            _put("4-cnhubert/zh_1.wav.pt", torch.zeros(1, 768, 12)),
            "mismatch",
            "4-cnhubert",
            "lasts 12 frames",
        ),
        (_put("4-cnhubert/zh_1.wav.pt", torch.zeros(768, 90)), "mismatch", "4-cnhubert", "shape"),
        (_put("4-cnhubert/zh_1.wav.pt", torch.full((1, 768, 90), np.nan)), "damaged", "4-cnhubert", "finite"),
        (_put("3-bert/zh_1.wav.pt", torch.zeros(1024, 3)), "mismatch", "3-bert", "shape"),
        (_put("7-sv_cn/zh_1.wav.pt", torch.zeros(1, 192)), "mismatch", "7-sv_cn", "shape"),
        (_put("3-bert/zh_1.wav.pt", _Harmful()), "damaged", "3-bert", r"wants to run \w+\.system"),
        (_put("3-bert/zh_1.wav.pt", [1]), "damaged", "3-bert", "holds list"),
        (
            _edit("6-name2semantic.tsv", "zh_1.wav\t", "other\t"),
            "missing",
            "6-name2semantic.tsv",
            "not name it",
        ),
        (
            _edit("6-name2semantic.tsv", "zh_1.wav\t", "zh_1.wav\t1024 "),
            "damaged",
            "6-name2semantic.tsv",
            "1024",
        ),
        (
            _edit("6-name2semantic.tsv", "zh_1.wav\t", "zh_1.wav\t" + "7 " * 9),
            "mismatch",
            "6-name2semantic.tsv",
            "frames",
        ),
        (_edit("2-name2text.txt", "[2, ", "[3, "), "mismatch", "2-name2text.txt", "another number of phones"),
        (
            _edit("2-name2text.txt", "[2, ", "__import__('os') #"),
            "bad_metadata",
            "2-name2text.txt",
            "no list",
        ),
    ],
)
def test_an_incomplete_utterance_is_named_and_its_neighbours_go_on(
    experiment: Path,
    capfd: pytest.CaptureFixture[str],
    damage: Callable[[Path], None],
    code: str,
    part: str,
    reason: str,
) -> None:
    damage(experiment)
    found = list(read_experiment(experiment))
    assert [one.name for one in found if isinstance(one, ExperimentUtterance)] == ["en_1.wav", "en_2.wav"]
    (refused,) = (one for one in found if isinstance(one, Reject))
    assert (refused.row_id, refused.code, refused.field) == ("zh_1.wav", code, part)
    assert re.search(reason, refused.reason)
    assert "must never run" not in capfd.readouterr().out


def test_a_name_cannot_leave_the_folder(experiment: Path) -> None:
    _edit("2-name2text.txt", "zh_1.wav", "../../zh_1.wav")(experiment)
    assert [one.row_id for one in read_experiment(experiment) if isinstance(one, Reject)] == [
        "../../zh_1.wav"
    ]


def test_parts_that_the_experiment_does_not_have_are_not_missed(experiment: Path) -> None:
    for part in ("4-cnhubert", "7-sv_cn"):
        for path in (experiment / part).iterdir():
            path.unlink()
        (experiment / part).rmdir()
    (experiment / "6-name2semantic.tsv").unlink()
    found = list(read_experiment(experiment))
    assert [one.name for one in found if isinstance(one, ExperimentUtterance)] == [f"{n}.wav" for n in TEXTS]
    assert found[0].content is found[0].codes is found[0].speaker_vector is None


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (_drop("2-name2text.txt"), r"holds no 2-name2text\.txt"),
        (_edit("6-name2semantic.tsv", "item_name", "id"), "its first line is"),
        (lambda folder: (folder / "2-name2text.txt").write_bytes(b"\xff\xfe\xfa"), "as UTF-8 text"),
    ],
)
def test_a_folder_that_is_none_is_refused(
    experiment: Path, damage: Callable[[Path], None], message: str
) -> None:
    damage(experiment)
    with pytest.raises(UserError, match=message):
        list(read_experiment(experiment))


@pytest.mark.parametrize(
    ("change", "setting"),
    [
        ({"content_dim": 39}, "features.content.backend"),
        ({"sample_rate": 24_000}, "family.sample_rate"),
        ({"symbol_table": "ipa"}, "features.phonemize.symbol_table"),
    ],
)
def test_features_of_another_kind_are_not_exported(
    rows: dict[str, dict[str, Any]], tmp_path: Path, change: dict[str, Any], setting: str
) -> None:
    with pytest.raises(UserError, match=setting):
        _written([{**rows["en_1"], **change}], tmp_path)


def test_script_tells_the_language() -> None:
    texts = {
        "今天天气": "zh",
        "これはペンです": "ja",
        "日本語の本": "ja",
        "안녕하세요": "ko",
        "Hello 1": "en",
        "12": "en",
    }
    assert {text: language_of_script(text) for text in texts} == texts
