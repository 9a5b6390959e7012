"""The stage train_t2s with its other optimiser, the preference, accumulation and published weights."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
import torch
from pydantic import ValidationError
from safetensors.torch import load_file

from artifacts.digest import of_file
from configs.errors import UserError
from configs.train_t2s import T2sTrainSettings
from models.frontend.text.symbols import load_symbol_table
from models.t2s.config import T2SConfig
from models.t2s.model import TextToSemantic
from models.t2s.upstream import load_decoder, save_decoder
from tasks.finetune.gpt_sovits.stages import TRAIN_T2S
from tasks.finetune.gpt_sovits.t2s.train import train_t2s
from tasks.outcome import Produced, StoppedError
from tests.tasks.finetune import synthetic

N_CODES = 16
PUBLISHED = T2SConfig(
    n_symbols=len(load_symbol_table("ipa").symbols),
    n_codes=N_CODES,
    linguistic_channels=8,
    width=16,
    n_heads=2,
    n_layers=1,
    feed_forward=32,
)


@pytest.fixture(scope="module")
def inputs(tmp_path_factory: pytest.TempPathFactory) -> synthetic.FakeInputs:
    folder = tmp_path_factory.mktemp("inputs")
    sovits = folder / "config.json"
    sovits.write_text(json.dumps({"sizes": {"codebook_size": N_CODES}}))
    random = np.random.default_rng(0)
    rows = [
        {"utterance_id": f"tone_{n:03d}", "source_digest": f"{n:064x}", "codes": codes.tolist()}
        for n, codes in enumerate(random.integers(0, N_CODES, (11, 30)))
    ]
    return synthetic.FakeInputs(
        {"shard": synthetic.write_shards(folder), "train_sovits": {"config.json": sovits}},
        {"semantic": pa.Table.from_pylist(rows)},
    )


def _train(
    inputs: synthetic.FakeInputs,
    folder: Path,
    stop_after: int | None = None,
    processes: int = 1,
    **changes: object,
) -> Produced:
    settings = synthetic.settings(t2s=changes, compute={"processes": processes})
    cfg = synthetic.view(TRAIN_T2S, settings)
    return train_t2s(inputs, cfg, synthetic.work(folder, stop_after))


@pytest.mark.slow
@pytest.mark.parametrize("stop_after", [1, 4, 7])
def test_scaled_adam_and_preference_resume_bit_for_bit(
    inputs: synthetic.FakeInputs, tmp_path: Path, stop_after: int
) -> None:
    options = {
        "optimizer": "scaled_adam",
        "weight_preference": 0.01,
        "accumulate": 3,
        "max_steps": 9,
        "checkpoint_every_steps": 50,
    }
    whole = _train(inputs, tmp_path / "whole", **options)
    with pytest.raises(StoppedError):
        _train(inputs, tmp_path / "parts", stop_after, **options)
    resumed = _train(inputs, tmp_path / "parts", **options)
    assert synthetic.file_bytes(resumed) == synthetic.file_bytes(whole)
    ours, theirs = (
        load_file(sorted((tmp_path / run / "checkpoints").glob("step-*/tensors.safetensors"))[-1])
        for run in ("whole", "parts")
    )
    assert any("size_exp_avg_sq" in name for name in ours)
    assert ours.keys() == theirs.keys()
    assert all(torch.equal(ours[name], theirs[name]) for name in ours)
    assert {"train/cross_entropy", "train/preference"} <= whole.metrics.keys()


@pytest.mark.slow
def test_two_processes_end_like_one(inputs: synthetic.FakeInputs, tmp_path: Path) -> None:
    options = {"accumulate": 3, "max_steps": 4, "validate_every_steps": 2}
    alone = _train(inputs, tmp_path / "alone", **options)
    with pytest.raises(StoppedError):
        _train(inputs, tmp_path / "two", 1, processes=2, **options)
    two = _train(inputs, tmp_path / "two", processes=2, **options)
    one, other = (load_file(made.files["decoder.safetensors"]) for made in (alone, two))
    distance = sum(float((other[n] - t).square().sum()) for n, t in one.items()) ** 0.5
    size = sum(float(t.square().sum()) for t in one.values()) ** 0.5
    assert size > 0 and distance / size < 1e-5
    losses = [made.series["train/cross_entropy"][-1][1] for made in (alone, two)]
    assert losses[0] == pytest.approx(losses[1], rel=1e-6)


@pytest.mark.slow
def test_scaled_adam_learns(inputs: synthetic.FakeInputs, tmp_path: Path) -> None:
    produced = _train(
        inputs,
        tmp_path,
        optimizer="scaled_adam",
        learning_rate=0.03,
        max_steps=80,
        validate_every_steps=0,
        checkpoint_every_steps=80,
    )
    curve = produced.series["train/cross_entropy"]
    assert curve[-1][1] < 0.8 * curve[0][1]


def test_accumulation_reaches_past_the_end_of_an_epoch(inputs: synthetic.FakeInputs, tmp_path: Path) -> None:
    """Seven clips make four batches; five batches to a step would otherwise never step."""
    produced = _train(inputs, tmp_path, accumulate=5, max_steps=None, max_epochs=5, validate_every_steps=0)
    assert produced.metrics["steps"] == 4


def test_training_goes_on_from_published_weights(inputs: synthetic.FakeInputs, tmp_path: Path) -> None:
    torch.manual_seed(5)
    path = tmp_path / "s1.ckpt"
    save_decoder(path, TextToSemantic(PUBLISHED), "test")
    start = load_decoder(path).state_dict()
    options = {"sizes": {}, "max_steps": 1, "learning_rate": 1e-6, "warmup_steps": 0}
    produced = _train(inputs, tmp_path / "run", pretrained=str(path), **options)
    config = json.loads(produced.files["config.json"].read_text())
    assert config["from_scratch"] is False
    assert config["pretrained"] == {"decoder": of_file(path)}
    assert config["sizes"]["width"] == PUBLISHED.width
    trained = load_file(produced.files["decoder.safetensors"])
    assert all(torch.allclose(trained[name], start[name], atol=1e-5) for name in start)
    assert any(not torch.equal(trained[name], start[name]) for name in start)


def test_training_goes_on_from_an_exported_voice(inputs: synthetic.FakeInputs, tmp_path: Path) -> None:
    earlier = _train(inputs, tmp_path / "earlier", max_steps=1, validate_every_steps=0)
    voice = tmp_path / "voice" / "t2s.safetensors"
    voice.parent.mkdir()
    voice.write_bytes(earlier.files["decoder.safetensors"].read_bytes())
    described = {"file": voice.name, "sizes": json.loads(earlier.files["config.json"].read_text())["sizes"]}
    (voice.parent / "voice.json").write_text(json.dumps({"networks": {"t2s": described}}))
    options = {"sizes": {}, "max_steps": 1, "learning_rate": 1e-12, "warmup_steps": 0}
    produced = _train(inputs, tmp_path / "run", pretrained=str(voice), **options)
    assert json.loads(produced.files["config.json"].read_text())["pretrained"] == {"decoder": of_file(voice)}
    began, trained = load_file(voice), load_file(produced.files["decoder.safetensors"])
    assert all(torch.allclose(trained[name], tensor, atol=1e-6) for name, tensor in began.items())


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"n_symbols": 732}, r"732 symbols.*family\.symbol_table"),
        ({"n_codes": 1024}, r"1024 codes, this voice needs 16"),
        ({"linguistic_channels": 1024}, r"1024 channels of linguistic features.*needs 8"),
    ],
)
def test_a_network_of_other_symbols_or_codes_is_refused(
    inputs: synthetic.FakeInputs, tmp_path: Path, changes: dict[str, int], message: str
) -> None:
    path = tmp_path / "s1.ckpt"
    save_decoder(path, TextToSemantic(T2SConfig(**{**PUBLISHED.__dict__, **changes})), "test")
    with pytest.raises(UserError, match=message):
        _train(inputs, tmp_path, sizes={}, pretrained=str(path))


def test_an_absent_file_and_contradicting_settings_are_refused(
    inputs: synthetic.FakeInputs, tmp_path: Path
) -> None:
    with pytest.raises(UserError, match=r"none\.ckpt"):
        _train(inputs, tmp_path, sizes={}, pretrained=str(tmp_path / "none.ckpt"))
    with pytest.raises(ValidationError, match=r"sizes\.width"):
        T2sTrainSettings(pretrained="s1.ckpt", sizes={"width": 16})
