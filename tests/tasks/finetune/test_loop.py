"""The loop resumes exactly, refuses non-finite updates, and stops when told."""

from __future__ import annotations

import json
import random
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

from configs.errors import UserError
from tasks.finetune.checkpoint import Checkpoints, Snapshot
from tasks.finetune.length import total_steps
from tasks.finetune.loop import Callbacks, Trained, train
from tasks.finetune.recipe import Updater
from tests.tasks.finetune import toy

ROOT = Path(__file__).resolve().parents[3]


def final_state(folder: Path) -> Snapshot:
    snapshot = Checkpoints(folder).latest()
    assert snapshot is not None
    return snapshot


def assert_same(one: Snapshot, other: Snapshot) -> None:
    assert one.tensors.keys() == other.tensors.keys()
    for name, tensor in one.tensors.items():
        assert torch.equal(tensor, other.tensors[name]), name
    assert one.scalars == other.scalars
    assert one.history == other.history


@pytest.fixture(scope="module")
def uninterrupted(tmp_path_factory: pytest.TempPathFactory) -> Snapshot:
    folder = tmp_path_factory.mktemp("uninterrupted")
    assert toy.run(folder).finished
    return final_state(folder)


@pytest.mark.slow
@pytest.mark.parametrize("attempt", range(4))
def test_stops_at_random_steps_leave_no_trace(attempt: int, uninterrupted: Snapshot, tmp_path: Path) -> None:
    chance = random.Random()
    stops = []
    finished = False
    while not finished:
        stop_at = chance.randint(1, 15)
        stops.append(stop_at)
        finished = toy.run(tmp_path, stop_at=stop_at, loader_threads=chance.randint(0, 3)).finished
    print("stopped after", stops)
    assert_same(final_state(tmp_path), uninterrupted)


@pytest.mark.slow
def test_a_stop_breaks_a_validation_off_which_the_next_run_makes_anew(
    uninterrupted: Snapshot, tmp_path: Path
) -> None:
    broken_off = toy.run(tmp_path, stop_at=8)
    assert not broken_off.finished
    assert final_state(tmp_path).step == 8
    assert broken_off.state.validation_curve == []
    toy.run(tmp_path)
    assert_same(final_state(tmp_path), uninterrupted)


@pytest.mark.slow
def test_kill_9_leaves_no_trace(uninterrupted: Snapshot, tmp_path: Path) -> None:
    program = [sys.executable, "-m", "tests.tasks.finetune.toy", str(tmp_path)]
    for kill_at in sorted(random.sample(range(1, 40), 2)):
        killed = subprocess.run([*program, str(kill_at)], cwd=ROOT, check=False)
        assert killed.returncode == -9
    subprocess.run([*program, "-1"], cwd=ROOT, check=True)
    assert_same(final_state(tmp_path), uninterrupted)


@pytest.mark.slow
def test_damaged_newest_checkpoint_falls_back_to_the_one_before(
    uninterrupted: Snapshot, tmp_path: Path
) -> None:
    toy.run(tmp_path, stop_at=20)
    newest = max(tmp_path.glob("step-*"))
    tensors = newest / "tensors.safetensors"
    tensors.write_bytes(tensors.read_bytes()[:-100])
    assert final_state(tmp_path).step < 20
    toy.run(tmp_path)
    assert_same(final_state(tmp_path), uninterrupted)


def test_where_a_checkpoint_was_saved_is_told(tmp_path: Path) -> None:
    saved = Checkpoints(tmp_path).save(Snapshot(3, {"a": torch.ones(2)}, {}, [], {}))
    assert saved == tmp_path / "step-00000003" and (saved / "tensors.safetensors").is_file()


@pytest.mark.slow
def test_half_written_checkpoint_is_ignored_and_swept(tmp_path: Path) -> None:
    toy.run(tmp_path, stop_at=7)
    (tmp_path / "partial-00000099-1").mkdir()
    (tmp_path / "step-00000099").mkdir()
    assert final_state(tmp_path).step == 7
    toy.run(tmp_path)
    assert [f.name for f in sorted(tmp_path.iterdir())] == ["step-00000035", "step-00000040"]


@pytest.mark.slow
def test_last_two_checkpoints_stay(tmp_path: Path) -> None:
    toy.run(tmp_path)
    assert [f.name for f in sorted(tmp_path.iterdir())] == ["step-00000035", "step-00000040"]


@pytest.mark.slow
def test_finished_run_does_nothing_more(uninterrupted: Snapshot, tmp_path: Path) -> None:
    toy.run(tmp_path)
    again = toy.run(tmp_path)
    assert again.finished
    assert again.state.step == 40
    assert_same(final_state(tmp_path), uninterrupted)


def test_checkpoint_of_other_settings_is_refused(tmp_path: Path) -> None:
    toy.run(tmp_path, stop_at=6)
    with pytest.raises(UserError, match="other settings"):
        toy.run(tmp_path, identity={"rate": 0.02})


@pytest.mark.slow
def test_learns_and_logs(tmp_path: Path) -> None:
    trained = toy.run(tmp_path, max_steps=150)
    curve = trained.state.train_curve
    assert curve[-1]["generator/total"] < 0.7 * curve[0]["generator/total"]
    assert [point["step"] for point in curve] == [*range(3, 151, 3)]
    assert [point["step"] for point in trained.state.validation_curve] == [*range(8, 151, 8), 150]
    json.dumps(curve, allow_nan=False)


def test_weights_are_the_average_where_one_is_kept(tmp_path: Path) -> None:
    trained = toy.run(tmp_path, max_steps=10)
    snapshot = final_state(tmp_path)
    for key, tensor in trained.weights["generator"].items():
        assert torch.equal(tensor, snapshot.tensors[f"average/generator/{key}"])
    assert not torch.equal(
        snapshot.tensors["average/generator/net.0.weight"],
        snapshot.tensors["module/generator/net.0.weight"],
    )


def test_one_bad_clip_is_skipped_and_named(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    trained = toy.run(tmp_path, poisoned=frozenset({"clip3"}), accumulate=1)
    assert trained.state.step == 40
    assert trained.state.skipped == sum("clip3" in r.getMessage() for r in caplog.records) > 0
    for weights in trained.weights.values():
        assert all(torch.isfinite(tensor).all() for tensor in weights.values())


def test_too_many_bad_steps_fail_with_names_and_remedy(tmp_path: Path) -> None:
    everyone = frozenset(f"clip{i}" for i in range(23))
    with pytest.raises(UserError, match=r"step 4: non-finite generator.*clip\d+.*learning rate"):
        toy.run(tmp_path, poisoned=everyone, accumulate=1)


def test_skipped_generator_step_leaves_generator_untouched(tmp_path: Path) -> None:
    everyone = frozenset(f"clip{i}" for i in range(23))
    before = {k: v.clone() for k, v in toy.ToyRecipe().generator.net.state_dict().items()}
    trained: Trained = toy.run(tmp_path, poisoned=everyone, max_steps=2, accumulate=1, ema_decay=0.0)
    after = trained.weights["generator"]
    assert all(torch.equal(after[f"net.{key}"], value) for key, value in before.items())


@pytest.mark.slow
def test_early_stopping_ends_the_run(tmp_path: Path) -> None:
    trained = toy.run(
        tmp_path,
        max_steps=10_000,
        validate_every_steps=2,
        watched=("l1",),
        early_stop_patience=3,
        checkpoint_every_steps=1000,
        ema_decay=0.0,
    )
    assert trained.finished
    curve = [point["l1"] for point in trained.state.validation_curve]
    assert trained.state.step < 10_000
    assert int(np.argmin(curve)) == len(curve) - 4
    # The result is what validated best, not what came last.
    recipe = toy.ToyRecipe()
    for name, module in recipe.modules.items():
        module.load_state_dict(dict(trained.weights[name]))
        module.eval()
    with torch.no_grad():
        assert float(recipe.validate(toy.held_out()[0])["l1"]) == min(curve)


def test_accumulation_matches_one_large_batch() -> None:
    from torch import nn

    results = []
    data = torch.randn(8, 3, generator=torch.Generator().manual_seed(1))
    for parts in (1, 4):
        recipe = toy.ToyRecipe()
        layer = nn.Linear(3, 1)
        with torch.no_grad():
            layer.weight.fill_(0.5), layer.bias.zero_()
        recipe.optimisers = {"layer": torch.optim.SGD(layer.parameters(), lr=0.1)}
        update = Updater(recipe, parts, {"layer": 10.0})
        update.start_step()
        for part in data.chunk(parts):
            update.apply("layer", {"loss": (layer(part) ** 2).mean()}, {"loss": 1.0})
        results.append((layer.weight.detach(), update.losses["loss"]))
    assert torch.allclose(results[0][0], results[1][0], atol=1e-7)
    assert results[0][1] == pytest.approx(results[1][1], rel=1e-6)


def test_callbacks_hear_of_every_step_point_and_checkpoint(tmp_path: Path) -> None:
    heard: dict[str, list[int]] = {"train": [], "validation": [], "progress": [], "saved": []}
    train(
        toy.ToyRecipe(),
        toy.feed(0),
        toy.held_out(),
        toy.settings(max_steps=10),
        Checkpoints(tmp_path),
        Callbacks(
            log=lambda split, step, _: heard[split].append(step),
            progress=lambda done, total, _: heard["progress"].append(done),
            checkpointed=heard["saved"].append,
        ),
    )
    assert heard["train"] == [3, 6, 9, 10]
    assert heard["validation"] == [8, 10]
    assert heard["progress"] == list(range(1, 11))
    assert heard["saved"] == [5, 10]


def test_steps_and_epochs_bound_the_run() -> None:
    assert total_steps(40, None, 2, 6) == 40
    assert total_steps(None, 3, 2, 6) == 9
    assert total_steps(5, 3, 2, 6) == 5
    assert total_steps(None, 1, 9, 6) == 1
    with pytest.raises(UserError, match="max_steps"):
        total_steps(None, None, 1, 6)


@pytest.mark.parametrize("steps", [1, 2])
def test_the_average_keeps_nine_tenths_at_each_step(steps: int, tmp_path: Path) -> None:
    name = "net.0.weight"
    expected = toy.ToyRecipe().generator.state_dict()[name].clone()
    for step in range(1, steps + 1):
        toy.run(tmp_path / str(step), max_steps=step, ema_decay=0.9)
        tensors = final_state(tmp_path / str(step)).tensors
        expected = 0.9 * expected + 0.1 * tensors[f"module/generator/{name}"]
    torch.testing.assert_close(tensors[f"average/generator/{name}"], expected)


class Drawing(toy.ToyRecipe):
    """Validates by chance."""

    def __init__(self) -> None:
        super().__init__()
        self.drawn: list[float] = []

    def validate(self, batch: toy.Batch) -> dict[str, torch.Tensor]:
        self.drawn.append(float(torch.rand(())))
        return {"l1": torch.tensor(self.drawn[-1])}


def test_every_validation_draws_the_same_noise_and_every_batch_another(tmp_path: Path) -> None:
    recipe = Drawing()
    two = [*toy.held_out(), *toy.held_out()]
    trained = train(recipe, toy.feed(0), two, toy.settings(max_steps=24), Checkpoints(tmp_path))
    first, second = recipe.drawn[:2]
    assert recipe.drawn == 3 * [first, second]
    assert first != second
    # Both batches are of one size.
    assert [point["l1"] for point in trained.state.validation_curve] == 3 * [
        pytest.approx((first + second) / 2)
    ]


class Worsening(toy.ToyRecipe):
    """Validates best at once and worse at each validation."""

    validations = 0

    def validate(self, batch: toy.Batch) -> dict[str, torch.Tensor]:
        Worsening.validations += 1
        return {"l1": torch.tensor(float(Worsening.validations))}


@pytest.mark.slow
def test_the_best_weights_outlive_a_stop(tmp_path: Path) -> None:
    Worsening.validations = 0
    settings = toy.settings(watched=("l1",), ema_decay=0.0)

    def stopped_after(steps: int) -> Trained:
        asked = iter(range(steps + 1))
        stop = Callbacks(stop=lambda: next(asked) == steps)
        return train(Worsening(), toy.feed(0), toy.held_out(), settings, Checkpoints(tmp_path), stop)

    best = {key: value.clone() for key, value in stopped_after(8).weights["generator"].items()}
    for steps in (6, 100):
        after = stopped_after(steps).weights["generator"]
        assert all(torch.equal(after[key], value) for key, value in best.items())
    assert not torch.equal(
        final_state(tmp_path).tensors["module/generator/net.0.weight"], best["net.0.weight"]
    )


@pytest.mark.parametrize(
    ("accumulate", "wanted"),
    [(1, [["discriminator", "generator"]]), (2, [["discriminator"], ["generator"]])],
)
def test_batches_that_are_accumulated_pass_once_for_each_optimiser(
    accumulate: int, wanted: list[list[str]]
) -> None:
    update = Updater(toy.ToyRecipe(), accumulate, {})
    names = ("discriminator", "generator")
    assert all(map(update.wants, names))
    assert [[name for name in names if update.wants(name)] for _ in update.passes()] == wanted
    assert all(map(update.wants, names))


class PoisonedLater(toy.ToyRecipe):
    """No step is finite from the fourth on."""

    def set_learning_rates(self, step: int, epoch: int) -> None:
        super().set_learning_rates(step, epoch)
        self.poisoned = frozenset(f"clip{i}" for i in range(23)) if step >= 3 else frozenset()


def test_steps_that_were_skipped_make_no_point(tmp_path: Path) -> None:
    settings = toy.settings(max_steps=7, max_skipped_in_a_row=9)
    trained = train(PoisonedLater(), toy.feed(0), toy.held_out(), settings, Checkpoints(tmp_path))
    assert trained.state.skipped == 4
    assert [point["step"] for point in trained.state.train_curve] == [3]
