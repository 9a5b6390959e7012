"""Two processes train as one does: same gradients, same weights, one decision."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file
from torch import Tensor

from configs.errors import UserError
from tasks.finetune.checkpoint import Checkpoints
from tasks.finetune.distributed import Ranks
from tasks.finetune.recipe import Updater
from tests.tasks.finetune import together, toy

ROOT = Path(__file__).resolve().parents[3]
pytestmark = pytest.mark.slow


def two_processes(*arguments: str) -> None:
    launcher = (sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node=2")
    command = [*launcher, "-m", "tests.tasks.finetune.together", *arguments]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-3000:]


def run_toy(folder: Path, stop_at: str = "-", poisoned: str = "-", **changes: object) -> list[list]:
    folder.mkdir(exist_ok=True)
    settings = [f"{name}={json.dumps(value)}" for name, value in changes.items()]
    two_processes("toy", str(folder), stop_at, poisoned, *settings)
    return [json.loads((folder / f"ended-{rank}.json").read_text()) for rank in (0, 1)]


def worst(found: dict[str, Tensor], expected: dict[str, Tensor]) -> float:
    """Largest relative L2 distance, against at least a thousandth of the largest tensor's norm."""
    assert found.keys() == expected.keys()
    floor = 1e-3 * max(float(tensor.norm()) for tensor in expected.values())
    return max(float((found[k] - t).norm()) / max(float(t.norm()), floor) for k, t in expected.items())


def weights_of(folder: Path, rank: int) -> dict[str, Tensor]:
    return load_file(folder / f"weights-{rank}.safetensors")


def test_sovits_gradients_match_one_process(tmp_path: Path) -> None:
    two_processes("gradients", str(tmp_path))
    expected, losses = together.gradients_of_one_step()
    assert any(name.startswith("discriminator/") for name in expected)
    for rank in (0, 1):
        found = load_file(tmp_path / f"gradients-{rank}.safetensors")
        assert worst(found, expected) < 1e-5
        said = json.loads((tmp_path / f"losses-{rank}.json").read_text())
        assert said == pytest.approx(losses, rel=1e-5)
    one, other = (load_file(tmp_path / f"gradients-{rank}.safetensors") for rank in (0, 1))
    assert all(torch.equal(one[name], other[name]) for name in one)


def test_one_process_with_all_batches_judges_by_the_updated_discriminator() -> None:
    """What two processes are compared with is itself the gradient of the mean loss over the batches."""
    found, _ = together.gradients_of_one_step()
    recipe = together.sovits_recipe()
    step, discriminator = recipe.step, recipe.optimisers["discriminator"]

    def passes() -> list:
        made = []
        for number in range(together.N_BATCHES):
            torch.manual_seed(number)
            made.append(step.forward_generator(together.batch(number), torch.Generator().manual_seed(number)))
        return made

    made = passes()
    torch.stack([step.discriminator_losses(p)["discriminator"] for p in made]).mean().backward()
    expected = {f"discriminator/{k}": p.grad.clone() for k, p in step.discriminator.named_parameters()}
    discriminator.step()
    torch.stack([step.total(step.generator_losses(p)) for p in made]).mean().backward()
    expected |= {f"generator/{k}": p.grad for k, p in step.generator.named_parameters() if p.grad is not None}
    assert worst(found, expected) < 1e-5


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run of two processes that nobody stopped."""
    folder = tmp_path_factory.mktemp("whole")
    assert run_toy(folder, max_steps=12) == [[True, 12], [True, 12]]
    return folder


def test_two_processes_end_with_the_weights_of_one(whole: Path, tmp_path: Path) -> None:
    alone = toy.run(tmp_path, max_steps=12, sees=False)
    expected = {f"{m}/{k}": t for m, tensors in alone.weights.items() for k, t in tensors.items()}
    assert worst(weights_of(whole, 0), expected) < 1e-5
    one, other = (weights_of(whole, rank) for rank in (0, 1))
    assert all(torch.equal(one[name], other[name]) for name in one)


def test_no_thread_of_the_group_outlives_it(whole: Path) -> None:
    # One that does takes the process down at its very end, in one run of thirty.
    for rank in (0, 1):
        threads = json.loads((whole / f"threads-{rank}.json").read_text())
        assert threads and not [name for name in threads if "gloo" in name]


def test_two_processes_stop_together_and_go_on_exactly(whole: Path, tmp_path: Path) -> None:
    assert run_toy(tmp_path, stop_at="7", max_steps=12) == [[False, 7], [False, 7]]
    assert run_toy(tmp_path, max_steps=12) == [[True, 12], [True, 12]]
    first, second = (Checkpoints(folder).latest() for folder in (whole, tmp_path))
    assert first is not None and second is not None
    assert all(torch.equal(tensor, second.tensors[name]) for name, tensor in first.tensors.items())
    assert first.scalars == second.scalars and first.history == second.history


def test_a_clip_that_one_process_cannot_learn_from_is_skipped_by_both(tmp_path: Path) -> None:
    alone = toy.run(tmp_path / "alone", max_steps=12, poisoned=frozenset({"clip3"}), sees=False)
    run_toy(tmp_path / "two", poisoned="clip3", max_steps=12)
    snapshot = Checkpoints(tmp_path / "two").latest()
    assert snapshot is not None
    assert snapshot.scalars["loop"]["skipped"] == alone.state.skipped > 0
    one, other = (weights_of(tmp_path / "two", rank) for rank in (0, 1))
    assert all(torch.equal(one[name], other[name]) for name in one)


def test_more_processes_than_batches_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tasks.finetune.loop.current_ranks", lambda: Ranks(0, 3))
    with pytest.raises(UserError, match=r"accumulate = 2: 3 processes"):
        toy.run(tmp_path)


def test_batches_are_dealt_out() -> None:
    shares = [Updater(toy.ToyRecipe(), 5, {}, Ranks(rank, 2)).numbers for rank in (0, 1)]
    assert shares == [(0, 2, 4), (1, 3)]
