"""Training folders of NumPy files: taken over as recordings with transcripts, and read however broken."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

from artifacts.manifest import Reject
from configs.corpus import CorpusSettings
from configs.errors import UserError
from tasks.corpus.imported_folder import import_folder
from tasks.corpus.npy_folder import NpyUtterance, read_npy_folder
from tasks.corpus.scan import scan_recordings

TEXTS = {"one": "One, two,\n three.", "two": "今天天气很好。", "three": "Seven | days."}
N_PHONES, N_CODES = 12, 30


def arrays(seed: int) -> dict[str, np.ndarray]:
    random = np.random.default_rng(seed)
    samples = 640 * 2 * N_CODES + 100
    return {
        "phoneme_ids": random.integers(0, 732, N_PHONES).astype(np.int32),
        "bert_features": random.standard_normal((1024, N_PHONES)).astype(np.float32),
        "semantic_ids": random.integers(0, 1024, N_CODES).astype(np.int32),
        "audio": (0.1 * random.standard_normal(samples)).astype(np.float32),
        "spec": random.random((1025, 2 * N_CODES)).astype(np.float32),
    }


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    place = tmp_path / "anna"
    samples = []
    for seed, (name, text) in enumerate(TEXTS.items()):
        for part, array in arrays(seed).items():
            (place / part).mkdir(parents=True, exist_ok=True)
            np.save(place / part / f"{name}.npy", array)
        lengths = {"phoneme_len": N_PHONES, "semantic_len": N_CODES}
        samples.append({"id": name, "audio_path": "/gone.wav", "transcript": text, **lengths})
    (place / "metadata.json").write_text(json.dumps({"num_samples": 3, "samples": samples}))
    return place


def test_sound_and_transcripts_come_out_as_a_corpus(folder: Path, tmp_path: Path) -> None:
    taken = list(import_folder(folder, tmp_path / "out"))
    assert all(isinstance(one, NpyUtterance) for one in taken)
    for seed, name in enumerate(TEXTS):
        samples, rate = soundfile.read(tmp_path / "out" / f"{name}.flac", dtype="float32")
        assert rate == 32_000
        np.testing.assert_allclose(samples, arrays(seed)["audio"], atol=1e-6)
    scan = scan_recordings(tmp_path / "out", CorpusSettings(), tmp_path / "digests.json")
    assert not scan.rejects
    told = {Path(row["location"]).stem: (row["speaker"], row["language"], row["text"]) for row in scan.rows}
    assert told == {
        "one": ("anna", "en", "One, two, three."),
        "two": ("anna", "zh", "今天天气很好。"),
        "three": ("anna", "en", "Seven days."),
    }


def test_parts_that_sound_does_not_need_may_be_absent(folder: Path) -> None:
    for part in ("bert_features", "semantic_ids", "spec"):
        for path in (folder / part).iterdir():
            path.unlink()
        (folder / part).rmdir()
    assert len(list(read_npy_folder(folder))) == 3
    assert not [one for one in read_npy_folder(folder) if isinstance(one, Reject)]


def saved(part: str, array: Any) -> Callable[[Path], None]:
    def break_it(folder: Path) -> None:
        np.save(folder / part / "two.npy", array, allow_pickle=True)

    return break_it


def cut_short(folder: Path) -> None:
    path = folder / "audio" / "two.npy"
    path.write_bytes(path.read_bytes()[:-4_000])


@pytest.mark.parametrize(
    ("break_it", "code", "reason"),
    [
        (saved("phoneme_ids", np.full(N_PHONES, 732)), "damaged", "not from 0 to 731"),
        (saved("phoneme_ids", np.ones(5, np.int32)), "mismatch", "phoneme_len = 12"),
        (saved("phoneme_ids", np.ones(N_PHONES)), "damaged", "whole numbers"),
        (saved("semantic_ids", np.full(N_CODES, 1024)), "damaged", "not from 0 to 1023"),
        (saved("bert_features", np.zeros((768, N_PHONES), np.float32)), "mismatch", r"not \[1024, 12\]"),
        (saved("spec", np.zeros((1025, 40), np.float32)), "mismatch", "40 frames where the audio has 60"),
        (saved("audio", np.zeros(40_000, np.float32)), "too_short", "silence"),
        (saved("audio", np.full(40_000, np.nan, np.float32)), "damaged", "finite"),
        (saved("audio", np.array([{"a": 1}], dtype=object)), "damaged", "no array of numbers"),
        (cut_short, "damaged", "no array of numbers"),
        (lambda folder: (folder / "spec" / "two.npy").unlink(), "missing", "spec/two.npy is missing"),
    ],
)
def test_one_broken_utterance_is_named_and_the_others_are_taken(
    folder: Path, break_it: Callable[[Path], None], code: str, reason: str
) -> None:
    break_it(folder)
    found = list(read_npy_folder(folder))
    (refused,) = (one for one in found if isinstance(one, Reject))
    assert (refused.row_id, refused.code) == ("two", code)
    assert re.search(reason, refused.reason)
    assert len(found) == 3


def test_a_list_that_is_none_is_told(folder: Path) -> None:
    path = folder / "metadata.json"
    told = json.loads(path.read_text())["samples"]
    path.write_text(json.dumps({"samples": [*told, told[0], {"id": "../up"}, 3]}))
    refused = [one for one in read_npy_folder(folder) if isinstance(one, Reject)]
    assert [one.row_id for one in refused] == ["entry 4", "entry 5", "entry 6"]
    for text in ("{", "[]", json.dumps({"samples": []})):
        path.write_text(text)
        with pytest.raises(UserError, match=r"metadata\.json"):
            list(read_npy_folder(folder))


def test_without_sound_there_is_nothing_to_train_from(folder: Path, tmp_path: Path) -> None:
    for path in (folder / "audio").iterdir():
        path.unlink()
    (folder / "audio").rmdir()
    with pytest.raises(UserError, match="without sound no voice can be trained"):
        list(import_folder(folder, tmp_path / "out"))
