"""Real speech through the data stages for a family that reads characters."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pyarrow.parquet as pq
import pytest

from models.frontend.audio import decode_flac
from models.frontend.text.character_tokens import (
    CHARACTER_TABLES,
    NO_PHONE,
    character_table,
    encode,
    token_durations,
)
from models.frontend.text.characters import MARKS
from tasks.voice import Request, open_pipeline

N_CLIPS = 12
FRAME_SAMPLES = 600
EDGE_SAMPLES = 5_000
FAMILY = {
    "family.name": "styletts2",
    "family.sample_rate": 24_000,
    "family.hop_samples": FRAME_SAMPLES // 2,
    "family.n_mels": 80,
    "family.mel": "styletts2",
    "family.edge_silence_samples": EDGE_SAMPLES,
    "family.symbol_table": "ipa",
    "family.character_table": "styletts2",
    "corpus.language": "de",
    "compute.workers": "1",
    "tracking.enabled": "false",
}

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def rows(speech: Path, tmp_path_factory: pytest.TempPathFactory) -> list[dict[str, Any]]:
    """The training table of a few German clips."""
    workspace = tmp_path_factory.mktemp("table")
    corpus, recordings = speech / "kerstin-de", workspace / "recordings"
    (recordings / "wavs").mkdir(parents=True)
    lines = (corpus / "metadata.csv").read_text(encoding="utf-8").splitlines()[:N_CLIPS]
    (recordings / "metadata.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    for line in lines:
        (found,) = (corpus / "wavs").glob(f"{line.split('|')[0]}.*")
        shutil.copyfile(found, recordings / "wavs" / found.name)
    overrides = tuple(f"{name}={value}" for name, value in FAMILY.items())
    pipeline = open_pipeline(workspace / "workspace", Request(recordings, "v", None, None, overrides))
    try:
        for name in pipeline.stages:
            result = pipeline.run_stage(name)
            if name == "shard":
                break
    finally:
        pipeline.close()
    tables = [path for name, path in sorted(result.files.items()) if name.endswith(".parquet")]
    return [row for path in tables for row in pq.read_table(path).to_pylist()]


class Spoken(NamedTuple):
    """Loudness and voicing of a row's frames of durations, by what is spoken in them."""

    loudness: dict[str, list[float]]
    voiced: dict[str, list[bool]]


def spoken(rows: list[dict[str, Any]], name: str) -> Spoken:
    found = Spoken({}, {})
    for row in rows:
        tokens = encode(row["words"], row["phones"], row["word2ph"], character_table(name, row["language"]))
        assert tokens.unknown == ()
        durations = token_durations(
            tokens, row["durations"], row["lead_frames"], row["trail_frames"], row["pause_frames"]
        )
        assert sum(durations) * 2 == row["n_frames"]
        assert min(durations) >= 1
        last = len(durations) - 1
        kinds = []
        for index, (phone, duration) in enumerate(zip(tokens.phone_of, durations, strict=True)):
            symbol = "space" if phone == NO_PHONE else row["phones"][phone]
            kind = "pad" if index in (0, last) else "mark" if symbol in MARKS else symbol.lstrip("ˈˌ")
            kinds += [kind] * duration
        energy = np.reshape(row["energy"], (-1, 2)).mean(axis=1)
        voicing = np.reshape(row["f0_hz"], (-1, 2)).min(axis=1) > 0
        for kind, loudness, is_voiced in zip(kinds, energy, voicing, strict=True):
            found.loudness.setdefault(kind, []).append(float(loudness))
            found.voiced.setdefault(kind, []).append(bool(is_voiced))
    return found


def test_frames_cover_the_clip_and_its_edge_silence(rows: list[dict[str, Any]]) -> None:
    assert len(rows) >= N_CLIPS - 2
    for row in rows:
        n_samples = len(decode_flac(row["audio"]["bytes"]).samples) + 2 * EDGE_SAMPLES
        assert abs(row["n_frames"] * FRAME_SAMPLES // 2 - n_samples) <= FRAME_SAMPLES // 2
        assert len(row["mel"]) == 2 * 80 * row["n_frames"]
        assert len(row["f0_hz"]) == len(row["energy"]) == sum(row["durations"]) == row["n_frames"]
        edge_frames = EDGE_SAMPLES // (FRAME_SAMPLES // 2)
        assert row["lead_frames"] >= edge_frames
        assert row["trail_frames"] >= edge_frames


@pytest.mark.parametrize("name", CHARACTER_TABLES)
def test_characters_lie_where_they_are_spoken(rows: list[dict[str, Any]], name: str) -> None:
    found = spoken(rows, name)
    vowels = ("aɪ", "aʊ", "a", "ɛ", "ɔ", "iː", "eː", "oː", "uː")
    in_vowels = [is_voiced for vowel in vowels for is_voiced in found.voiced.get(vowel, [])]
    loud = [loudness for vowel in vowels for loudness in found.loudness.get(vowel, [])]
    assert np.mean(in_vowels) > 0.7
    assert np.mean(found.voiced["pad"]) < 0.05
    assert np.mean(found.voiced["s"]) < 0.4
    assert np.median(loud) > np.median(found.loudness["mark"]) + 5 > np.median(found.loudness["pad"])
