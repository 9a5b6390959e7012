"""Time, arithmetic and memory of one training step, and the machine's matrix-multiply rate."""

from __future__ import annotations

import resource
import statistics
import time
from collections.abc import Callable
from typing import Any

import torch
from torch.utils.flop_counter import FlopCounterMode

from tasks.finetune.machine import Machine
from tasks.finetune.recipe import Recipe, Updater

GEMM_SIZE, GEMM_REPEATS = 1024, 5


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
        wait(machine)
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
        "peak_memory_mb": peak_memory_mb(machine),
    }


def gemm_flops_per_s(machine: Machine) -> float:
    """Rate of a large matrix product with the same threads and precision."""
    kind = torch.bfloat16 if machine.bf16 else torch.float32
    a, b = (torch.randn(GEMM_SIZE, GEMM_SIZE, device=machine.device, dtype=kind) for _ in range(2))
    times = [_timed(lambda: a @ b, machine) for _ in range(GEMM_REPEATS)]
    return 2 * GEMM_SIZE**3 / min(times)


def _timed(work: Callable[[], Any], machine: Machine) -> float:
    start = time.perf_counter()
    work()
    wait(machine)
    return time.perf_counter() - start


def wait(machine: Machine) -> None:
    if machine.device.type == "cuda":
        torch.cuda.synchronize()


def peak_memory_mb(machine: Machine) -> float:
    """Of the device; on a CPU of the whole process so far, the libraries included."""
    if machine.device.type == "cuda":
        return torch.cuda.max_memory_allocated() / 1e6
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e3
