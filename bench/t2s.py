"""How long a training step of the text-to-semantic decoder takes: median over steps of the real recipe.

    PYTHONPATH=. python bench/t2s.py [--size tiny|published] [--steps 7] [--threads 2]
        [--device cpu|cuda]

The batch is random numbers of the shapes that training sees (batch 4, 100 phones, 250 codes), fp32 on a CPU,
bf16 on a GPU. FLOPs are counted by torch's own counter, forward and backward; their share is of the
matrix-multiply rate measured here. Prints one JSON object.
"""

from __future__ import annotations

import argparse
import json
from typing import Any

import torch

from bench.measuring.training import gemm_flops_per_s, measure
from configs.compute import ComputeSettings
from configs.train_t2s import T2sTrainSettings
from models.t2s.config import TINY, T2SConfig, t2s_config
from models.t2s.model import TextToSemantic
from models.t2s.step import T2SBatch, T2SStep
from tasks.finetune.recipe import Recipe
from tasks.finetune.session import Machine, choose_machine
from tasks.finetune.t2s import T2sRecipe

BATCH, PHONES, CODES = 4, 100, 250


def main() -> None:
    """Measure and print what was found."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--size", choices=("tiny", "published"), default="tiny")
    parser.add_argument("--steps", type=int, default=7, help="timed steps, after two that are not")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--device", choices=("cpu", "cuda"), default="cpu")
    chosen = parser.parse_args()
    torch.set_num_threads(chosen.threads)
    machine = choose_machine(ComputeSettings(device=chosen.device))
    peak = gemm_flops_per_s(machine)
    recipe, batch = t2s(chosen.size == "tiny", machine)
    found: dict[str, Any] = {
        "size": chosen.size,
        "threads": chosen.threads,
        "device": machine.device.type,
        "precision": "bf16" if machine.bf16 else "fp32",
        "gemm_gflops_per_s": peak / 1e9,
        "step": measure(recipe, batch, chosen.steps, machine, peak),
    }
    print(json.dumps(found, indent=1))


def t2s(tiny: bool, machine: Machine) -> tuple[Recipe, T2SBatch]:
    """Recipe and batch of the text-to-semantic decoder v2."""
    config: T2SConfig = t2s_config("v2", **(TINY if tiny else {}))
    torch.manual_seed(0)
    model = TextToSemantic(config).to(machine.device)
    batch = T2SBatch(
        phone_ids=torch.randint(config.n_symbols, (BATCH, PHONES)),
        phone_lengths=torch.full((BATCH,), PHONES),
        bert=torch.zeros(BATCH, config.linguistic_channels, PHONES),
        codes=torch.randint(config.n_codes, (BATCH, CODES)),
        code_lengths=torch.full((BATCH,), CODES),
        utterance_ids=tuple(str(n) for n in range(BATCH)),
    )
    return T2sRecipe(T2SStep(model), T2sTrainSettings(), 100, machine), batch


if __name__ == "__main__":
    main()
