"""The speaker vector of v2Pro from a recording to a training step."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import torch

from configs.compute import ComputeSettings
from configs.errors import UserError
from configs.speaker_vector import SpeakerVectorSettings
from configs.train_sovits import SovitsTrainSettings
from models.discriminators.multi_period import MultiPeriodDiscriminator
from models.frontend.audio import decode_flac, encode_flac
from models.sovits.config import sovits_config
from models.sovits.model import SovitsGenerator
from models.sovits.step import SovitsStep
from models.speaker.eres2netv2 import VECTOR_SIZE, ERes2NetV2, embed_speaker_vector, load_eres2netv2
from models.threads import arithmetic_threads
from tasks.families import FAMILIES
from tasks.features.examples import example_schema
from tasks.features.frames import spectrogram_parameters
from tasks.features.stages import SPEAKER_VECTOR
from tasks.finetune.gpt_sovits.examples import Examples, read_split
from tasks.finetune.gpt_sovits.sovits.batch import collate
from tasks.finetune.gpt_sovits.sovits.recipe import loss_weights
from tasks.outcome import Outcome
from tasks.stage import function_of, view
from tests.models.tiny import TINY_SOVITS
from tests.tasks.finetune import synthetic

HOP = synthetic.FAMILY.hop_samples


@pytest.fixture(scope="module", autouse=True)
def one_thread() -> Iterator[None]:
    with arithmetic_threads(1):
        yield


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Random weights in the published file's form and full size."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        table = ERes2NetV2().half().state_dict()
    path = tmp_path_factory.mktemp("weights") / "stand_in.ckpt"
    torch.save(table, path)
    yield path
    load_eres2netv2.cache_clear()


def run(rows: list[dict[str, Any]], **changes: Any) -> list[Outcome]:
    settings = SpeakerVectorSettings(**changes)
    tree = SimpleNamespace(
        features=SimpleNamespace(speaker_vector=settings), compute=ComputeSettings(device="cpu")
    )
    outcomes = function_of(SPEAKER_VECTOR)(rows, view(SPEAKER_VECTOR, tree), {})
    for outcome in outcomes:
        pa.Table.from_pylist(list(outcome.rows), schema=SPEAKER_VECTOR.schema)
    return outcomes


def utterance(row: dict[str, Any]) -> dict[str, Any]:
    """The row of the stage enhance that a training row came from."""
    return {**row, "audio": row["audio"]["bytes"]}


def examples(rows: list[dict[str, Any]], folder: Path) -> Examples:
    path = folder / "train-0.parquet"
    columns = [field for field in example_schema(FAMILIES["gpt-sovits"].table) if field.name in rows[0]]
    pq.write_table(pa.Table.from_pylist(rows, schema=pa.schema(columns)), path)
    return read_split({path.name: path}, "train", spectrogram_parameters(synthetic.FAMILY), 10)


@pytest.mark.slow
def test_from_a_recording_to_a_training_step(weights: Path, tmp_path: Path) -> None:
    rows = [synthetic.row(index, 0.5 + 0.1 * index) for index in range(2)]
    outcomes = run([utterance(row) for row in rows], backend="eres2netv2", model=str(weights))
    for row, outcome in zip(rows, outcomes, strict=True):
        row["speaker_vector"] = outcome.rows[0]["vector"]
    table = examples(rows, tmp_path)
    for index, row in enumerate(rows):
        clip = decode_flac(row["audio"]["bytes"])
        # GPT-SoVITS hears its training clips half scaled to a peak of .95.
        samples = 0.5 * clip.samples + 0.5 * clip.samples * np.float32(0.95 / np.abs(clip.samples).max())
        expected = embed_speaker_vector(samples, clip.sample_rate, weights)
        np.testing.assert_allclose(table[index].speaker_vector, expected, rtol=1e-3, atol=1e-4)
        unlevelled = embed_speaker_vector(clip.samples, clip.sample_rate, weights)
        assert np.abs(unlevelled - expected).max() > 10 * np.abs(table[index].speaker_vector - expected).max()

    batch = collate([table[0], table[1]], HOP, uses_speaker_vector=True)
    assert batch.speaker_vector is not None
    assert batch.speaker_vector.shape == (2, VECTOR_SIZE)
    assert batch.speaker_vector.dtype == torch.float32
    sizes = synthetic.TINY_SOVITS["sizes"]
    config = sovits_config(
        "v2Pro",
        **{**TINY_SOVITS, **sizes, "style_channels": 16},
        n_symbols=1000,
        content_channels=12,
        sample_rate=synthetic.FAMILY.sample_rate,
        hop_samples=HOP,
        n_fft=synthetic.FAMILY.n_fft,
        n_mels=synthetic.FAMILY.n_mels,
    )
    assert config.uses_speaker_vector
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(1)
        generator = SovitsGenerator(config)
        discriminator = MultiPeriodDiscriminator(config.discriminator_periods, config.discriminator_divisor)
        step = SovitsStep(generator, discriminator, loss_weights(SovitsTrainSettings()))
        passed = step.forward_generator(batch, torch.Generator().manual_seed(0))
        torch.stack(list(step.generator_losses(passed).values())).sum().backward()
    assert generator.sv_emb.weight.grad is not None
    assert generator.sv_emb.weight.grad.abs().sum() > 0


def test_without_a_backend_there_is_no_vector_and_no_network(tmp_path: Path) -> None:
    rows = [synthetic.row(index, 0.7) for index in range(2)]
    for outcome in run([utterance(row) for row in rows], model=str(tmp_path / "absent")):
        assert (outcome.rows[0]["vector"], outcome.rows[0]["backend"]) == (b"", "none")
    table = examples(rows, tmp_path)
    assert table[0].speaker_vector is None
    assert collate([table[0], table[1]], HOP).speaker_vector is None
    with pytest.raises(UserError, match=r"tone_000 has none.*features\.speaker_vector\.backend=eres2netv2"):
        collate([table[0], table[1]], HOP, uses_speaker_vector=True)


def test_a_version_without_speaker_vectors_leaves_them_out(tmp_path: Path) -> None:
    row = synthetic.row(0, 0.7)
    row["speaker_vector"] = np.ones(VECTOR_SIZE, np.float32).tobytes()
    table = examples([row], tmp_path)
    assert table[0].speaker_vector is not None
    assert collate([table[0]], HOP).speaker_vector is None


def test_a_vector_that_is_not_finite_names_the_clip(tmp_path: Path) -> None:
    row = synthetic.row(3, 0.7)
    row["speaker_vector"] = np.full(VECTOR_SIZE, np.nan, np.float32).tobytes()
    with pytest.raises(UserError, match="speaker_vector of tone_003"):
        examples([row], tmp_path)[0]


def test_a_clip_shorter_than_a_frame_is_a_reject(weights: Path) -> None:
    samples = np.zeros(399, np.float32)
    row = {
        "utterance_id": "blip",
        "source_digest": "d",
        "audio": encode_flac(samples, 16_000),
        "sample_rate": 16_000,
    }
    (refused,) = run([row], backend="eres2netv2", model=str(weights))[0].rejects
    assert (refused.row_id, refused.code) == ("blip", "too_short")


def test_missing_weights_stop_the_stage(tmp_path: Path) -> None:
    row = utterance(synthetic.row(0, 0.7))
    with pytest.raises(UserError, match="108 MB"):
        run([row], backend="eres2netv2", model=str(tmp_path))
