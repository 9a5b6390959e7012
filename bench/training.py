"""How long a training step takes: SoVITS and T2S, medians over steps of the real recipe.

    PYTHONPATH=. python bench/training.py [--size tiny|published] [--steps 7] [--threads 2]
        [--device cpu|cuda]

Batches are random numbers of the shapes that training sees (batch 4; 200 frames; 100 phones, 250 codes), fp32
on a CPU, bf16 on a GPU. FLOPs are counted by torch's own counter, forward and backward; their share is of the
matrix-multiply rate measured here. Prints one JSON object.
"""

from __future__ import annotations

import argparse
import json
import resource
import statistics
import time
from collections.abc import Callable
from typing import Any

import torch
from torch.utils.flop_counter import FlopCounterMode

from configs.compute import ComputeSettings
from configs.train import SovitsTrainSettings, T2sTrainSettings
from models.discriminators.multi_period import MultiPeriodDiscriminator
from models.sovits.config import TINY as TINY_SOVITS
from models.sovits.config import SovitsConfig, sovits_config
from models.sovits.model import SovitsGenerator
from models.sovits.step import SovitsBatch, SovitsStep
from models.t2s.config import TINY as TINY_T2S
from models.t2s.config import T2SConfig, t2s_config
from models.t2s.model import TextToSemantic
from models.t2s.step import T2SBatch, T2SStep
from tasks.finetune.recipe import Recipe, Updater
from tasks.finetune.session import Machine, choose_machine
from tasks.finetune.sovits import SovitsRecipe, loss_weights
from tasks.finetune.t2s import T2sRecipe

BATCH, FRAMES, PHONES, CODES = 4, 200, 100, 250
GEMM_SIZE, GEMM_REPEATS = 1024, 5


def main() -> None:
    """Measure both families and print what was found."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--size", choices=("tiny", "published"), default="tiny")
    parser.add_argument("--steps", type=int, default=7, help="timed steps, after two that are not")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--device", choices=("cpu", "cuda"), default="cpu")
    chosen = parser.parse_args()
    torch.set_num_threads(chosen.threads)
    machine = choose_machine(ComputeSettings(device=chosen.device))
    peak = gemm_flops_per_s(machine)
    found: dict[str, Any] = {
        "size": chosen.size,
        "threads": chosen.threads,
        "device": machine.device.type,
        "precision": "bf16" if machine.bf16 else "fp32",
        "gemm_gflops_per_s": peak / 1e9,
    }
    for name, build in (("sovits", sovits), ("t2s", t2s)):
        recipe, batch = build(chosen.size == "tiny", machine)
        found[name] = measure(recipe, batch, chosen.steps, machine, peak)
    print(json.dumps(found, indent=1))


def measure(recipe: Recipe, batch: Any, steps: int, machine: Machine, peak: float) -> dict[str, float]:
    """Median and extremes of whole steps: forward, backward, clipping, finiteness check, optimiser."""
    updater = Updater(recipe, 1, dict.fromkeys(recipe.optimisers, 1000.0))
    rng = torch.Generator().manual_seed(0)

    def step() -> None:
        updater.start_step()
        recipe.train_step(batch, updater, rng)

    step()
    with FlopCounterMode(display=False) as counter:
        step()
    wall_s, cpu_s = [], []
    for _ in range(steps):
        wall, cpu = time.perf_counter(), time.process_time()
        step()
        _wait(machine)
        wall_s.append(time.perf_counter() - wall)
        cpu_s.append(time.process_time() - cpu)
    median = statistics.median(wall_s)
    return {
        "step_s_median": median,
        "step_s_min": min(wall_s),
        "step_s_max": max(wall_s),
        "step_cpu_s_median": statistics.median(cpu_s),
        "gflops_per_step": counter.get_total_flops() / 1e9,
        "share_of_gemm_rate": counter.get_total_flops() / median / peak,
        "parameters": sum(p.numel() for m in recipe.modules.values() for p in m.parameters()),
        "peak_memory_mb": _peak_memory_mb(machine),
    }


def sovits(tiny: bool, machine: Machine) -> tuple[Recipe, SovitsBatch]:
    """Recipe and batch of SoVITS v2."""
    config: SovitsConfig = sovits_config("v2", **(TINY_SOVITS if tiny else {}))
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


def t2s(tiny: bool, machine: Machine) -> tuple[Recipe, T2SBatch]:
    """Recipe and batch of the text-to-semantic decoder v2."""
    config: T2SConfig = t2s_config("v2", **(TINY_T2S if tiny else {}))
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


def gemm_flops_per_s(machine: Machine) -> float:
    """Rate of a large matrix product with the same threads and precision."""
    kind = torch.bfloat16 if machine.bf16 else torch.float32
    a, b = (torch.randn(GEMM_SIZE, GEMM_SIZE, device=machine.device, dtype=kind) for _ in range(2))
    times = [_timed(lambda: a @ b, machine) for _ in range(GEMM_REPEATS)]
    return 2 * GEMM_SIZE**3 / min(times)


def _timed(work: Callable[[], Any], machine: Machine) -> float:
    start = time.perf_counter()
    work()
    _wait(machine)
    return time.perf_counter() - start


def _wait(machine: Machine) -> None:
    if machine.device.type == "cuda":
        torch.cuda.synchronize()


def _peak_memory_mb(machine: Machine) -> float:
    """Of the device; on a CPU of the whole process so far, the libraries included."""
    if machine.device.type == "cuda":
        return torch.cuda.max_memory_allocated() / 1e6
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e3


if __name__ == "__main__":
    main()
