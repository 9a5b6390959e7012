"""Time, arithmetic and memory of one training step, and the machine's peak rate."""

from __future__ import annotations

import resource
import statistics
import time
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from itertools import pairwise
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional
from torch.utils.flop_counter import FlopCounterMode

from bench.measuring.clock import Seconds, taking_turns
from models.acoustics.batch import AcousticBatch
from tasks.finetune.machine import Machine

PEAK_PRODUCTS = (1024, 2048, 4096)
PEAK_CONVOLUTION = (512, 4096, 3)
"""Channels in and out, frames, width."""
PEAK_REPEATS = 7


def timed(work: Callable[[], object], repeats: int, machine: Machine) -> dict[str, float]:
    """Times of a work after one run that is not timed but counted: the summary and `flops`."""
    with FlopCounterMode(display=False) as counter:
        work()
    seconds = taking_turns({"work": work}, repeats, partial(wait, machine))["work"]
    return {**seconds.summary(), "flops": counter.get_total_flops()}


def timed_parts(
    step: Callable[[Callable[[], None]], None],
    optimisers: Iterable[torch.optim.Optimizer],
    parts: Sequence[str],
    repeats: int,
    machine: Machine,
) -> dict[str, Any]:
    """Times of a training step and of its parts, after one run that is not timed but counted.

    Args:
        step: one update; it calls its argument where the first part begins and where each one ends, except
            before and after an optimiser's work.
        optimisers: these mark their work themselves.
        parts: names, in order.
        repeats: timed steps.
        machine: whose work each mark waits for.
    """
    marks: list[float] = []

    def mark(*_: Any) -> None:
        wait(machine)
        marks.append(time.perf_counter())

    for optimiser in optimisers:
        optimiser.register_step_pre_hook(mark)
        optimiser.register_step_post_hook(mark)
    with FlopCounterMode(display=False) as counter:
        step(mark)
    seconds, spans = Seconds([], []), []
    for _ in range(repeats):
        marks.clear()
        cpu = time.process_time()
        step(mark)
        seconds.cpu.append(time.process_time() - cpu)
        seconds.wall.append(marks[-1] - marks[0])
        spans.append([after - before for before, after in pairwise(marks)])
    medians = [statistics.median(times) for times in zip(*spans, strict=True)]
    return {
        **seconds.summary(),
        "parts_s": dict(zip(parts, medians, strict=True)),
        "flops": counter.get_total_flops(),
    }


def peak_flops_per_s(machine: Machine) -> float:
    """The best rate of what runs fastest here with the same threads and precision: products and convolutions.

    Large enough to pay for their start and to fill the caches, small enough to take no more than a second
    each; the best of several, since everything that disturbs a measurement makes it slower.
    """
    kind = torch.bfloat16 if machine.bf16 else torch.float32
    channels, frames, width = PEAK_CONVOLUTION

    def made(*shape: int) -> Tensor:
        return torch.randn(*shape, device=machine.device, dtype=kind)

    sides = {size: (made(size, size), made(size, size)) for size in PEAK_PRODUCTS}
    signal, kernel = made(1, channels, frames), made(channels, channels, width)
    works = {f"product {size}": partial(torch.matmul, *pair) for size, pair in sides.items()}
    works["convolution"] = partial(functional.conv1d, signal, kernel, padding=width // 2)
    flops = {f"product {size}": 2 * size**3 for size in PEAK_PRODUCTS}
    flops["convolution"] = 2 * channels**2 * width * frames
    with torch.inference_mode():
        for work in works.values():
            work()
        times = taking_turns(works, PEAK_REPEATS, partial(wait, machine))
    return max(flops[name] / min(times[name].wall) for name in works)


def wait(machine: Machine) -> None:
    """Return once a GPU has done what it was given."""
    if machine.device.type == "cuda":
        torch.cuda.synchronize()


def peak_memory_mb(machine: Machine) -> float:
    """Of the device; on a CPU of the whole process so far, the libraries included."""
    if machine.device.type == "cuda":
        return torch.cuda.max_memory_allocated() / 1e6
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e3


def unfused(optimiser: torch.optim.Optimizer) -> torch.optim.AdamW:
    """The same optimiser with one kernel per parameter."""
    plain = [{**group, "fused": None, "foreach": False} for group in optimiser.param_groups]
    return torch.optim.AdamW(plain, foreach=False)


def acoustic_batch(
    rows: int, tokens: int, frames: int, *, n_symbols: int, n_mels: int, hop_samples: int, speaker: str
) -> AcousticBatch:
    """A batch of StyleTTS 2 or Kokoro: random numbers of these shapes, durations as even as they can be."""
    shares = torch.full((rows, tokens), frames // 2 // tokens)
    shares[:, -1] += frames // 2 - shares.sum(1)
    return AcousticBatch(
        tokens=torch.randint(1, n_symbols, (rows, tokens)),
        token_lengths=(tokens,) * rows,
        mel=torch.randn(rows, n_mels, frames),
        mel_lengths=(frames,) * rows,
        wave=0.1 * torch.randn(rows, frames * hop_samples),
        durations=shares,
        f0_hz=torch.full((rows, frames), 120.0),
        speakers=(speaker,) * rows,
        utterance_ids=tuple(map(str, range(rows))),
    )
