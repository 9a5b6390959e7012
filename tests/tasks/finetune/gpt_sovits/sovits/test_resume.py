"""A SoVITS run that was stopped anywhere ends as one that was not: files, slots, losses, sounds."""

from __future__ import annotations

import json
import random
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file

from configs.errors import UserError
from models.frontend.audio import decode_flac
from tasks.finetune.checkpoint import Checkpoints
from tasks.finetune.gpt_sovits.sovits.train import train_sovits
from tasks.finetune.gpt_sovits.stages import TRAIN_SOVITS
from tasks.outcome import Produced, StoppedError
from tests.tasks.finetune import synthetic, together

pytestmark = pytest.mark.slow

EVERYTHING = {
    "max_steps": 9,
    "accumulate": 2,
    "ema_decay": 0.8,
    "early_stop_patience": 50,
    "validate_every_steps": 2,
    "checkpoint_every_steps": 3,
    "warmup_steps": 4,
    "clip_generator": 50.0,
    "learning_rate_decay": 0.9,
    "freeze_quantizer": False,
    "validation_clips": 2,
}
"""Seven clips in batches of two, four batches an epoch: nine steps of two batches end within one."""


@pytest.fixture(scope="module")
def shards(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    return synthetic.write_shards(tmp_path_factory.mktemp("shards"))


def train(
    shards: dict[str, Path],
    folder: Path,
    stop_after: int | None = None,
    compute: dict[str, Any] | None = None,
    **changes: Any,
) -> Produced:
    tree = synthetic.settings(sovits={**EVERYTHING, **changes}, compute=compute or {})
    cfg = synthetic.view(TRAIN_SOVITS, tree)
    return train_sovits(synthetic.FakeInputs({"shard": shards}), cfg, synthetic.work(folder, stop_after))


@pytest.fixture(scope="module")
def whole(shards: dict[str, Path], tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Produced]:
    folder = tmp_path_factory.mktemp("whole")
    return folder, train(shards, folder)


def test_stopped_at_random_steps_with_other_loaders_ends_the_same(
    whole: tuple[Path, Produced], shards: dict[str, Path], tmp_path: Path
) -> None:
    folder, expected = whole
    chance = random.Random()
    resumed, stops = None, []
    while resumed is None:
        stops.append((chance.randint(1, 6), chance.choice([0, 1, 3])))
        try:
            resumed = train(shards, tmp_path, stops[-1][0], compute={"loader_threads": stops[-1][1]})
        except StoppedError:
            continue
    print("stopped after steps, with loader threads:", stops)
    assert synthetic.file_bytes(resumed) == synthetic.file_bytes(expected)
    assert resumed.metrics == expected.metrics and resumed.series == expected.series
    first, second = (Checkpoints(place / "checkpoints").latest() for place in (folder, tmp_path))
    assert first is not None and second is not None
    assert {name.split("/")[0] for name in first.tensors} == {"module", "optimiser", "average", "best"}
    assert first.tensors.keys() == second.tensors.keys()
    assert all(torch.equal(tensor, second.tensors[name]) for name, tensor in first.tensors.items())
    assert first.scalars == second.scalars and first.history == second.history


def test_loader_threads_are_no_part_of_the_key() -> None:
    assert "compute.loader_threads" not in TRAIN_SOVITS.config
    assert "compute.loader_threads" in TRAIN_SOVITS.machine


def test_voice_is_what_validated_best(whole: tuple[Path, Produced]) -> None:
    folder, produced = whole
    curve = dict(produced.series["validation/mel"])
    best_step = json.loads(produced.files["config.json"].read_text())["best_step"]
    assert curve[best_step] == min(curve.values())
    snapshot = Checkpoints(folder / "checkpoints").latest()
    assert snapshot is not None
    weights = load_file(produced.files["generator.safetensors"])
    assert all(torch.equal(t, snapshot.tensors[f"best/generator/{n}"]) for n, t in weights.items())


def test_first_best_and_last_validation_are_heard(
    whole: tuple[Path, Produced], shards: dict[str, Path]
) -> None:
    _, produced = whole
    best_step = json.loads(produced.files["config.json"].read_text())["best_step"]
    heard = {name for name in produced.files if name.startswith("samples/")}
    assert heard == {
        f"samples/step-{step:08d}/tone_007.{path}.flac"
        for step in {2, best_step, 9}
        for path in ("posterior", "prior")
    }
    recorded = synthetic.row(7, 0.1)["sample_rate"]
    for name in heard:
        sound = decode_flac(produced.files[name].read_bytes())
        assert sound.sample_rate == recorded
        assert len(sound.samples) > 0.7 * recorded


def test_no_sample_is_made_where_none_is_asked_for(shards: dict[str, Path], tmp_path: Path) -> None:
    produced = train(shards, tmp_path, max_steps=2, sample_clips=0)
    assert not [name for name in produced.files if name.startswith("samples/")]


def test_stage_in_two_processes_ends_like_one(shards: dict[str, Path], tmp_path: Path) -> None:
    # Adam's first steps follow the gradients' signs, which rounding may flip where they are next to zero;
    # its epsilon keeps those parameters still.
    changes = {"freeze_quantizer": True, "max_steps": 4, "epsilon": 1e-3}
    alone = train(shards, tmp_path / "alone", **changes)
    with pytest.raises(StoppedError):
        train(shards, tmp_path / "two", 1, compute={"processes": 2}, **changes)
    two = train(shards, tmp_path / "two", compute={"processes": 2}, **changes)
    assert two.metrics["steps"] == 4
    one, other = (load_file(made.files["generator.safetensors"]) for made in (alone, two))
    distance = sum(float((other[n] - t).square().sum()) for n, t in one.items()) ** 0.5
    size = sum(float(t.square().sum()) for t in one.values()) ** 0.5
    assert size > 0 and distance / size < 1e-5
    assert two.files.keys() == alone.files.keys()


def test_what_ends_the_processes_reaches_the_user(shards: dict[str, Path], tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"accumulate = 1: 2 processes .*at least 2"):
        train(shards, tmp_path, compute={"processes": 2}, accumulate=1, freeze_quantizer=True)


def test_a_learning_codebook_is_not_shared(shards: dict[str, Path], tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"freeze_quantizer = false with compute\.processes = 2"):
        train(shards, tmp_path, compute={"processes": 2})


def test_rates_follow_the_position_alone() -> None:
    recipe = together.sovits_recipe(warmup_steps=4, learning_rate=1e-4)

    def rates(step: int, epoch: int) -> dict[str, list[float]]:
        recipe.set_learning_rates(step, epoch)
        return {name: [g["lr"] for g in o.param_groups] for name, o in recipe.optimisers.items()}

    full = {"discriminator": [1e-4], "generator": [1e-4, 0.4e-4]}
    assert rates(0, 0) == {name: pytest.approx([r / 4 for r in each]) for name, each in full.items()}
    assert rates(3, 0) == {name: pytest.approx(each) for name, each in full.items()}
    late = {name: pytest.approx([r * 0.999875**10 for r in each]) for name, each in full.items()}
    assert rates(50, 10) == late == rates(50, 10)
    for optimiser in recipe.optimisers.values():
        group = optimiser.param_groups[0]
        assert (group["betas"], group["eps"], group["weight_decay"]) == ((0.8, 0.99), 1e-9, 0.01)
