"""How fast SoVITS trains and speaks, beside the published recipe's order of work on the same machine.

    PYTHONPATH=. python bench/sovits.py [--repeats 5] [--threads 2] [--device cpu|cuda] [--out FILE]

A training step is batch 4 of 200 frames and 100 phones (random numbers of those shapes), all of it: generator
forward, discriminator update, updated discriminator again, generator update. Speaking is 5 s of codes.
The baseline runs our networks as the published recipe runs its own: recording and synthesis judged apart,
the discriminator's parameters not frozen while the generator learns, the recording's maps with a graph,
convolutions by their definition, gradient norms parameter by parameter, one optimiser kernel per parameter,
and weight norm and style computed again for every sentence.

Every row is the median of the repeats in a process of its own, so that its peak of memory is the work's.
FLOPs are those executed, by torch's own counter; their share is of the matrix-multiply rate measured in the
same process.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import ExitStack
from itertools import pairwise
from pathlib import Path
from typing import Any
from unittest import mock

import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from bench.measuring.training import gemm_flops_per_s, peak_memory_mb, wait
from configs.compute import ComputeSettings
from configs.train_sovits import SovitsTrainSettings
from models.discriminators.multi_period import MultiPeriodDiscriminator
from models.layers.conv import fold_weight_norm
from models.layers.cpu import winograd
from models.losses.adversarial import discriminator_loss, feature_matching_loss, generator_loss
from models.sovits import hifigan
from models.sovits.config import sovits_config
from models.sovits.model import SovitsGenerator
from models.sovits.step import SovitsBatch, SovitsStep
from tasks.finetune.gpt_sovits.sovits.recipe import SovitsRecipe, loss_weights
from tasks.finetune.machine import Machine, choose_machine
from tasks.finetune.recipe import Updater

BATCH, FRAMES, PHONES = 4, 200, 100
SPOKEN_CODES, SPOKEN_PHONES, REFERENCE_FRAMES = 125, 60, 200
ROWS = ("step v2", "baseline step v2", "decode v2", "baseline decode v2", "step v2Pro")
PARTS = (
    "generator_forward",
    "discriminator_forward",
    "discriminator_backward",
    "discriminator_optimiser",
    "generator_losses",
    "generator_backward",
    "generator_optimiser",
)
"""Of one training step, in order; clipping and the finiteness check count as backward."""


def main() -> None:
    """Measure every row in a child process and print the rows and their ratios."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--repeats", type=int, default=5, help="timed repeats, after one that is not")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--device", choices=("cpu", "cuda"), default="cpu")
    parser.add_argument("--precision", choices=("fp32", "bf16"), help="default: fp32, on a GPU both")
    parser.add_argument("--out", type=Path, help="write the JSON here too")
    parser.add_argument("--row", choices=ROWS, help="measure this one here and print it")
    chosen = parser.parse_args()
    if chosen.row is not None:
        torch.set_num_threads(chosen.threads)
        machine = choose_machine(ComputeSettings(device=chosen.device, precision=chosen.precision or "fp32"))
        print(json.dumps(measured_row(chosen.row, chosen.repeats, machine)))
        return
    both = ("fp32", "bf16") if chosen.device == "cuda" else ("fp32",)
    precisions = (chosen.precision,) if chosen.precision else both
    found: dict[str, Any] = {"threads": chosen.threads, "device": chosen.device}
    for precision in precisions:
        rows = {row: _in_child(row, precision, chosen) for row in ROWS}
        rows["faster_than_baseline"] = {
            kind: rows[f"baseline {kind}"]["median_s"] / rows[kind]["median_s"]
            for kind in ("step v2", "decode v2")
        }
        found[precision] = rows
    text = json.dumps(found, indent=1)
    print(text)
    if chosen.out is not None:
        chosen.out.write_text(text + "\n")


def _in_child(row: str, precision: str, chosen: argparse.Namespace) -> dict[str, Any]:
    options = ["--repeats", str(chosen.repeats), "--threads", str(chosen.threads), "--device", chosen.device]
    command = [sys.executable, __file__, *options, "--precision", precision, "--row", row]
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
    print(row, precision, done.stdout.strip(), file=sys.stderr, flush=True)
    return json.loads(done.stdout)


def measured_row(row: str, repeats: int, machine: Machine) -> dict[str, Any]:
    """One row of the result; `row` is one of `ROWS`."""
    *kind, work, version = row.split()
    baseline = bool(kind)
    gemm = gemm_flops_per_s(machine)
    torch.manual_seed(0)
    with ExitStack() as plain:
        if baseline:
            # Convolutions by their definition, in PyTorch's own layout. Plain functions: a recording mock
            # would keep every tensor it is called with alive.
            plain.enter_context(mock.patch.object(winograd, "pays", new=lambda *_: False))
            plain.enter_context(mock.patch.object(hifigan, "fast_layout", new=lambda x: x))
        if work == "step":
            timed = _time_step(version, baseline, repeats, machine)
        else:
            timed = _time_decode(version, baseline, repeats, machine)
    flops = timed.pop("flops")
    return {
        **timed,
        "gflops": flops / 1e9,
        "gemm_gflops_per_s": gemm / 1e9,
        "share_of_gemm_rate": flops / timed["median_s"] / gemm,
        "peak_memory_mb": peak_memory_mb(machine),
    }


def _time_step(version: str, baseline: bool, repeats: int, machine: Machine) -> dict[str, Any]:
    recipe, batch = sovits(version, machine)
    if baseline:
        recipe.optimisers = {name: _unfused(optimiser) for name, optimiser in recipe.optimisers.items()}
    updater = Updater(recipe, 1, {})
    rng = torch.Generator().manual_seed(0)
    marks: list[float] = []

    def mark(*_: Any) -> None:
        wait(machine)
        marks.append(time.perf_counter())

    def step() -> None:
        marks.clear()
        updater.start_step()
        mark()
        if baseline:
            _published_order(recipe, batch, rng, mark)
        else:
            _our_order(recipe, batch, updater, rng, mark)

    for optimiser in recipe.optimisers.values():
        optimiser.register_step_pre_hook(mark)
        optimiser.register_step_post_hook(mark)
    with FlopCounterMode(display=False) as counter:
        step()
    wall_s, cpu_s, parts = [], [], []
    for _ in range(repeats):
        cpu = time.process_time()
        step()
        cpu_s.append(time.process_time() - cpu)
        wall_s.append(marks[-1] - marks[0])
        parts.append([after - before for before, after in pairwise(marks)])
    medians = [statistics.median(times) for times in zip(*parts, strict=True)]
    return {
        "median_s": statistics.median(wall_s),
        "min_s": min(wall_s),
        "max_s": max(wall_s),
        "cpu_s_median": statistics.median(cpu_s),
        "parts_s": dict(zip(PARTS, medians, strict=True)),
        "flops": counter.get_total_flops(),
    }


def _our_order(
    recipe: SovitsRecipe,
    batch: SovitsBatch,
    updater: Updater,
    rng: torch.Generator,
    mark: Callable[[], None],
) -> None:
    """`SovitsRecipe.train_step` with a mark after each part."""
    batch = recipe.machine.place(batch)
    with recipe.machine.autocast():
        passed = recipe.step.forward_generator(batch, rng)
        mark()
        losses = recipe.step.discriminator_losses(passed)
    mark()
    updater.apply("discriminator", losses, {"discriminator": 1.0})
    with recipe.machine.autocast():
        losses = recipe.step.generator_losses(passed)
    mark()
    updater.apply("generator", losses, recipe.step.weights)


def _published_order(
    recipe: SovitsRecipe, batch: SovitsBatch, rng: torch.Generator, mark: Callable[[], None]
) -> None:
    """The same update as GPT-SoVITS's `s2_train.py` orders its work."""
    step, judge = recipe.step, recipe.step.discriminator.judge
    batch = recipe.machine.place(batch)
    with recipe.machine.autocast():
        passed = step.forward_generator(batch, rng)
        mark()
        real, fake = judge(passed.wave_real), judge(passed.wave_fake.detach())
        loss = discriminator_loss(real.scores, fake.scores)
    mark()
    loss.backward()
    _norm_by_parameter(step.discriminator)
    recipe.optimisers["discriminator"].step()
    with recipe.machine.autocast():
        real, fake = judge(passed.wave_real), judge(passed.wave_fake)
        losses = {
            "adversarial": generator_loss(fake.scores),
            "feature_matching": feature_matching_loss(real.features, fake.features),
            "mel": (step._mel_of_wave(passed.wave_fake) - passed.mel_real).abs().mean(),
            "kl_ssl": passed.kl_ssl,
            "kl": passed.kl,
        }
        total = step.total(losses)
    mark()
    total.backward()
    _norm_by_parameter(step.generator)
    recipe.optimisers["generator"].step()


def _norm_by_parameter(module: nn.Module) -> float:
    """The gradient norm with a transfer from the device for every parameter."""
    norms = [p.grad.norm(2).item() for p in module.parameters() if p.grad is not None]
    return sum(norm**2 for norm in norms) ** 0.5


def _unfused(optimiser: torch.optim.Optimizer) -> torch.optim.AdamW:
    plain = [{**group, "fused": None, "foreach": False} for group in optimiser.param_groups]
    return torch.optim.AdamW(plain, foreach=False)


def _time_decode(version: str, baseline: bool, repeats: int, machine: Machine) -> dict[str, Any]:
    config = sovits_config(version)
    generator = SovitsGenerator(config).to(machine.device).eval()
    codes = torch.randint(config.codebook_size, (1, SPOKEN_CODES), device=machine.device)
    phones = torch.randint(config.n_symbols, (1, SPOKEN_PHONES), device=machine.device)
    reference = torch.rand(1, config.spec_channels, REFERENCE_FRAMES, device=machine.device)
    rng = torch.Generator().manual_seed(0)
    if baseline:

        def speak() -> torch.Tensor:
            with torch.no_grad(), machine.autocast():
                return generator.decode(codes, phones, [reference], rng=rng)

    else:
        fold_weight_norm(generator)
        with torch.inference_mode(), machine.autocast():
            style = generator.mean_style([reference], None)

        def speak() -> torch.Tensor:
            with torch.inference_mode(), machine.autocast():
                return generator.decode_with_style(codes, phones, style, rng=rng)

    with FlopCounterMode(display=False) as counter:
        wave = speak()
    wall_s = []
    for _ in range(repeats):
        start = time.perf_counter()
        speak()
        wait(machine)
        wall_s.append(time.perf_counter() - start)
    median = statistics.median(wall_s)
    return {
        "median_s": median,
        "min_s": min(wall_s),
        "max_s": max(wall_s),
        "real_time_factor": median * config.sample_rate / wave.shape[-1],
        "flops": counter.get_total_flops(),
    }


def sovits(version: str, machine: Machine) -> tuple[SovitsRecipe, SovitsBatch]:
    """Recipe and batch of a published version."""
    config = sovits_config(version)
    settings = SovitsTrainSettings()
    generator = SovitsGenerator(config).to(machine.device)
    discriminator = MultiPeriodDiscriminator(config.discriminator_periods).to(machine.device)
    recipe = SovitsRecipe(SovitsStep(generator, discriminator, loss_weights(settings)), settings, machine)
    speaker = None
    if config.uses_speaker_vector:
        speaker = torch.randn(BATCH, config.speaker_vector_channels)
    batch = SovitsBatch(
        ssl=torch.randn(BATCH, config.content_channels, FRAMES),
        spec=torch.rand(BATCH, config.spec_channels, FRAMES),
        spec_lengths=torch.full((BATCH,), FRAMES),
        wave=0.1 * torch.randn(BATCH, 1, FRAMES * config.hop_samples),
        phone_ids=torch.randint(config.n_symbols, (BATCH, PHONES)),
        phone_lengths=torch.full((BATCH,), PHONES),
        speaker_vector=speaker,
        utterance_ids=tuple(str(n) for n in range(BATCH)),
    )
    return recipe, batch


if __name__ == "__main__":
    main()
