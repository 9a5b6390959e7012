"""Two processes that take steps of StyleTTS 2 and run its stages together; the tests start it by torchrun."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from contextlib import nullcontext
from pathlib import Path
from typing import Any
from unittest import mock

import torch
from safetensors.torch import save_file
from torch import Tensor

from models.acoustics.batch import AcousticBatch
from tasks.finetune import worker
from tasks.finetune.distributed import current_ranks, joined
from tasks.finetune.recipe import Updater
from tests.models.styletts2 import training_case
from tests.tasks.finetune.styletts2 import case as styletts2_case

CASES = {
    "aligned": ("stage1", 3),
    "prosody": ("stage2", 0),
    "diffusion": ("stage2", 3),
    "joint": ("stage2", 4),
    "finetune_joint": ("finetune", 4),
}
"""A stage and a step of it, by the name of the phase."""

BATCHES = ((72, 76), (70,), (68, 74))
"""Frames of the clips of a step's batches. The second one's process finds nothing for the SLM adversary."""

OPTIMISER = {"lr": 1e-6, "ft_lr": 1e-6, "bert_lr": 1e-6, "epsilon": 1e-6}
"""Steps that do not magnify rounding: by the published epsilon, AdamW takes full ones along gradients that
are 0 but for it, as behind a norm they are, and a loss over few scores jumps where one passes the median."""

STANDING = {"lr": 1e-12, "ft_lr": 1e-12, "bert_lr": 1e-12}
"""Rates by which no weight moves: every optimiser of a step meets its gradients at the same weights."""


def batch(number: int) -> AcousticBatch:
    return training_case.batch(BATCHES[number], seed=number)


def gradients_of_one_step(case: str, slm: Mapping[str, Any]) -> tuple[dict[str, Tensor], dict[str, float]]:
    """Every optimiser's gradients as it meets them, in turn; and the losses."""
    torch.set_num_threads(1)
    stage, position = CASES[case]
    recipe = styletts2_case.recipe_of(stage, slm=slm, optimiser=STANDING)
    recipe.set_learning_rates(position, 0)
    assert recipe.phase.name == case
    update = Updater(recipe, len(BATCHES), {}, current_ranks())
    seen: dict[str, Tensor] = {}
    for name, optimiser in recipe.optimisers.items():

        def keep(*_: object, name: str = name) -> None:
            for module, network in recipe.modules.items():
                for key, parameter in network.named_parameters():
                    if parameter.grad is not None:
                        # A second step by the same moments is another optimiser's, and kept under its name.
                        seen.setdefault(f"{name}/{module}.{key}", parameter.grad.clone())

        optimiser.register_step_pre_hook(keep)
    update.start_step()
    for _ in update.passes():
        for number in update.numbers:
            torch.manual_seed(number)
            recipe.train_step(batch(number), update, torch.Generator().manual_seed(number))
    return seen, update.losses


def main() -> None:
    """`FOLDER SLM_SETTINGS [JOB_FILE ...]`: the gradients of every case, then the jobs by the real worker."""
    folder, slm = Path(sys.argv[1]), json.loads(sys.argv[2])
    with joined(on_gpu=False) as ranks:
        for case in CASES:
            gradients, losses = gradients_of_one_step(case, slm)
            save_file(gradients, folder / f"{case}-{ranks.index}.safetensors")
            (folder / f"{case}-{ranks.index}.json").write_text(json.dumps(losses))
        # One start of the processes serves all jobs.
        with mock.patch.object(worker, "joined", lambda _: nullcontext(ranks)):
            for job in sys.argv[3:]:
                worker.main(Path(job))


if __name__ == "__main__":
    main()
