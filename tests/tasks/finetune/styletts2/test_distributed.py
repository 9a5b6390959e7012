"""Two processes train every stage and phase of StyleTTS 2 as one does."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import torch
from safetensors.torch import load_file
from torch import Tensor

from tasks.finetune.checkpoint import Checkpoints, under
from tasks.finetune.distributed import Job
from tasks.finetune.styletts2 import train as training
from tests.tasks.finetune import synthetic
from tests.tasks.finetune.styletts2 import case as styletts2_case
from tests.tasks.finetune.styletts2 import together as styletts2_together
from tests.tasks.finetune.test_distributed import ROOT

pytestmark = pytest.mark.slow

STEPS = {"stage1": 2, "stage2": 3, "finetune": 3}
"""One of each phase."""
_PHASES = {"max_steps": 3, "max_epochs": None, "diff_step": 1, "joint_step": 2}
LENGTHS = {
    "stage1": {"max_steps": 2, "max_epochs": None, "tma_step": 1},
    "stage2": _PHASES,
    "finetune": _PHASES,
}
EVERY = {"validate_every_steps": 3, "checkpoint_every_steps": 3, "sample_clips": 0}


class Together(NamedTuple):
    """Folders of what was made."""

    gradients: Path
    alone: dict[str, Path]
    two: dict[str, Path]
    slm: dict[str, Any]


@pytest.fixture(scope="module")
def together(tmp_path_factory: pytest.TempPathFactory) -> Together:
    """All cases and stages in one start of two processes; the stages alone before, to go on from."""
    folder = tmp_path_factory.mktemp("together")
    slm = styletts2_case.slm(folder / "slm")
    shards = styletts2_case.write_shards(folder / "shards", seconds=0.8)
    changes = {**LENGTHS, **EVERY, "accumulate": 2, "slm": slm, "optimiser": styletts2_together.OPTIMISER}
    alone, two, jobs = {}, {}, []
    files = {"shard": shards}
    for stage in STEPS:
        if stage == "finetune":
            files = {"shard": shards}
            changes["pretrained"] = str(alone["stage2"] / "result")
        alone[stage], two[stage] = folder / f"{stage}-alone", folder / f"{stage}-two"
        two[stage].mkdir()
        styletts2_case.train(stage, files, alone[stage], **changes)
        declaration = styletts2_case.TRAININGS[stage]
        cfg = synthetic.view(declaration, styletts2_case.settings(**changes, compute={"processes": 2}))
        jobs.append(Job.of(getattr(training, f"prepare_{stage}"), files, cfg, two[stage]).write())
        written = (alone[stage] / "result").iterdir()
        files = {"shard": shards, declaration.name: {path.name: path for path in written}}
    launcher = (sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node=2")
    module = ("-m", "tests.tasks.finetune.styletts2.together")
    command = [*launcher, *module, str(folder), json.dumps(slm), *map(str, jobs)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-3000:]
    return Together(folder, alone, two, slm)


@pytest.mark.parametrize("case", styletts2_together.CASES)
def test_gradients_match_one_process(together: Together, case: str) -> None:
    expected, losses = styletts2_together.gradients_of_one_step(case, together.slm)
    one, other = (load_file(together.gradients / f"{case}-{rank}.safetensors") for rank in (0, 1))
    distance = distances(one, expected)
    assert max(distance.values()) < 1e-5, distance
    assert all(torch.equal(one[name], other[name]) for name in expected)
    owners = {name.split("/")[0] for name in expected}
    judges = set() if case == "prosody" else {"discriminator"}
    adversary = {"slm_discriminator", "slm"} if case.endswith("joint") else set()
    assert owners == {"generator", *judges, *adversary}
    for rank in (0, 1):
        said = json.loads((together.gradients / f"{case}-{rank}.json").read_text())
        assert said == pytest.approx(losses, rel=1e-5)


@pytest.mark.parametrize("stage", STEPS)
def test_two_processes_end_with_the_weights_of_one(together: Together, stage: str) -> None:
    expected, found = (_snapshot(folder[stage]) for folder in (together.alone, together.two))
    assert found.step == expected.step == STEPS[stage]
    assert found.scalars["loop"]["skipped"] == 0
    distance = distances(_weights(found), _weights(expected))
    # Three steps at these rates move the weights by 3e-5 or so. The SLM's discriminator hears speech whose
    # durations were made whole frames, where a weight's last digit can decide.
    hears_slm = {name: far for name, far in distance.items() if name.startswith("wd/")}
    assert max(far for name, far in distance.items() if name not in hears_slm) < 2e-6, distance
    assert max(hears_slm.values(), default=0.0) < 2e-5, hears_slm
    curve = found.history["train_curve"]
    for point, alone in zip(curve, expected.history["train_curve"], strict=True):
        for name, value in alone.items():
            # The adversary makes its durations whole frames, and a weight's last digit can decide about one.
            # What the speech language model hears of it in the same step moves by a thousandth or so.
            # Its gradient is of other samples then; `test_gradients_match_one_process` holds the arithmetic.
            if name == "slm/grad_norm":
                continue
            rel = {"slm": 0.01}.get(name, 0.1 if name.startswith("slm") else 1e-3)
            assert point[name] == pytest.approx(value, rel=rel, abs=1e-5), name
        assert point.keys() == alone.keys()
    if stage != "stage1":
        assert any("slm_gen" in point for point in curve)


def _snapshot(folder: Path) -> Any:
    found = Checkpoints(folder / "checkpoints").latest()
    assert found is not None
    return found


def _weights(snapshot: Any) -> dict[str, Tensor]:
    """The networks' own tensors."""
    return {name: tensor.float() for name, tensor in under(snapshot.tensors, "module/").items()}


def distances(found: dict[str, Tensor], expected: dict[str, Tensor]) -> dict[str, float]:
    """Relative L2 distance of each network's tensors taken together, by what their names begin with."""
    assert found.keys() == expected.keys()
    sums: dict[str, list[float]] = {}
    for name, tensor in expected.items():
        both = sums.setdefault(name.split(".")[0], [0.0, 0.0])
        both[0] += float((found[name] - tensor).double().square().sum())
        both[1] += float(tensor.double().square().sum())
    return {name: (apart / size) ** 0.5 for name, (apart, size) in sums.items()}
