"""The preset `small` learns from real speech: a run cut short already shows it on clips it never hears."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import soundfile
import torch

from configs.loading import resolve
from models.content.mfcc import mfcc_features
from models.frontend.audio import encode_flac, resample
from models.frontend.mel import linear_spectrogram
from models.frontend.text.g2p import phonemize
from tasks.features.frames import spectrogram_parameters
from tasks.finetune.gpt_sovits.sovits.train import train_sovits
from tasks.finetune.gpt_sovits.stages import TRAIN_SOVITS
from tests.tasks.finetune import synthetic

TRAINED, HELD_OUT = 8, 2
STEPS = 80
CONTENT_CHANNELS = 39


@pytest.fixture(scope="module")
def shards(speech: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """The shortest clips of `ljs-mini` in the shard stage's form, the first two held out."""
    corpus = speech / "ljs-mini"
    with (corpus / "metadata.csv").open(encoding="utf-8", newline="") as lines:
        texts = {row[0]: row[-1] for row in csv.reader(lines, delimiter="|", quoting=csv.QUOTE_NONE)}
    recordings = {path.stem: path for path in (corpus / "wavs").iterdir()}
    by_length = sorted(recordings, key=lambda name: soundfile.info(recordings[name]).duration)
    rows = [_row(recordings[name], texts[name]) for name in by_length[: HELD_OUT + TRAINED]]
    folder = tmp_path_factory.mktemp("real")
    files = {}
    for split, chosen in (("validation", rows[:HELD_OUT]), ("train", rows[HELD_OUT:])):
        files[f"data/{split}-0.parquet"] = folder / f"{split}.parquet"
        pq.write_table(pa.Table.from_pylist(chosen), files[f"data/{split}-0.parquet"])
    return files


def _row(recording: Path, text: str) -> dict[str, Any]:
    family = resolve("small").settings.family
    frame = spectrogram_parameters(family)
    recorded, rate = soundfile.read(recording, dtype="float32")
    wave = resample(recorded, rate, frame.sample_rate)
    linear = linear_spectrogram(torch.from_numpy(wave)[None], frame)[0]
    return {
        "utterance_id": recording.stem,
        "symbol_table": family.symbol_table,
        "phone_ids": phonemize(text, "en", family.symbol_table).phone_ids,
        "audio": {"bytes": encode_flac(wave, frame.sample_rate)},
        "sample_rate": frame.sample_rate,
        "speaker": "speaker",
        "linear": synthetic.as_bytes(linear),
        "n_frames": linear.shape[-1],
        "n_bins": frame.n_bins,
        "content": synthetic.as_bytes(mfcc_features(linear, frame, CONTENT_CHANNELS)),
        "content_dim": CONTENT_CHANNELS,
        "linguistic": b"",
        "linguistic_dim": 1024,
        "speaker_vector": b"",
    }


def _validated(shards: dict[str, Path], folder: Path, steps: int) -> dict[str, float]:
    """The validation after some steps with the preset."""
    given = resolve(
        "small", overrides=[f"train.sovits.max_steps={steps}", "train.sovits.validate_every_steps=1000"]
    )
    produced = train_sovits(
        synthetic.FakeInputs({"shard": shards}),
        synthetic.view(TRAIN_SOVITS, given.settings),
        synthetic.work(folder),
    )
    found: dict[str, float] = json.loads(produced.files["curves.json"].read_text())["validation"][-1]
    return found


@pytest.mark.slow
def test_a_short_run_on_real_speech_lowers_the_mel_distance_of_held_out_clips(
    shards: dict[str, Path], tmp_path: Path
) -> None:
    untrained = _validated(shards, tmp_path / "untrained", 1)
    trained = _validated(shards, tmp_path / "trained", STEPS)
    assert trained["step"] == STEPS
    # Pitch takes ten times as many steps (bench/real_training.py); here it only has to be measured.
    assert trained["mel"] < 0.7 * untrained["mel"]
    assert -1.0 <= trained["f0_correlation"] <= 1.0
    assert trained["f0_frames"] > 0
