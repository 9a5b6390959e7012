"""How long a training step of SoVITS takes: median over steps of the real recipe.

    PYTHONPATH=. python bench/sovits.py [--size tiny|published] [--steps 7] [--threads 2]
        [--device cpu|cuda]

The batch is random numbers of the shapes that training sees (batch 4, 200 frames), fp32 on a CPU, bf16 on
a GPU. FLOPs are counted by torch's own counter, forward and backward; their share is of the
matrix-multiply rate measured here. Prints one JSON object.
"""

from __future__ import annotations

import argparse
import json
from typing import Any

import torch

from bench.measuring.training import gemm_flops_per_s, measure
from configs.compute import ComputeSettings
from configs.train_sovits import SovitsTrainSettings
from models.discriminators.multi_period import MultiPeriodDiscriminator
from models.sovits.config import TINY, SovitsConfig, sovits_config
from models.sovits.model import SovitsGenerator
from models.sovits.step import SovitsBatch, SovitsStep
from tasks.finetune.recipe import Recipe
from tasks.finetune.session import Machine, choose_machine
from tasks.finetune.sovits import SovitsRecipe, loss_weights

BATCH, FRAMES, PHONES = 4, 200, 100


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
    recipe, batch = sovits(chosen.size == "tiny", machine)
    found: dict[str, Any] = {
        "size": chosen.size,
        "threads": chosen.threads,
        "device": machine.device.type,
        "precision": "bf16" if machine.bf16 else "fp32",
        "gemm_gflops_per_s": peak / 1e9,
        "step": measure(recipe, batch, chosen.steps, machine, peak),
    }
    print(json.dumps(found, indent=1))


def sovits(tiny: bool, machine: Machine) -> tuple[Recipe, SovitsBatch]:
    """Recipe and batch of SoVITS v2."""
    config: SovitsConfig = sovits_config("v2", **(TINY if tiny else {}))
    settings = SovitsTrainSettings()
    torch.manual_seed(0)
    generator = SovitsGenerator(config).to(machine.device)
    discriminator = MultiPeriodDiscriminator(config.discriminator_periods, config.discriminator_divisor).to(
        machine.device
    )
    recipe = SovitsRecipe(SovitsStep(generator, discriminator, loss_weights(settings)), settings, machine)
    batch = SovitsBatch(
        ssl=torch.randn(BATCH, config.content_channels, FRAMES),
        spec=torch.rand(BATCH, config.spec_channels, FRAMES),
        spec_lengths=torch.full((BATCH,), FRAMES),
        wave=0.1 * torch.randn(BATCH, 1, FRAMES * config.hop_samples),
        phone_ids=torch.randint(config.n_symbols, (BATCH, PHONES)),
        phone_lengths=torch.full((BATCH,), PHONES),
        speaker_vector=None,
        utterance_ids=tuple(str(n) for n in range(BATCH)),
    )
    return recipe, batch


if __name__ == "__main__":
    main()
