"""How fast Kokoro trains, and in how much memory, beside the same step in plain operations.

    PYTHONPATH=. python bench/kokoro_step.py [--steps 3] [--threads 2] [--device cpu|cuda] [--out FILE]

A step at full size, batch 2 of 200 frames and 60 tokens (random numbers of those shapes), with and without
the discriminators. No training code of Kokoro is published; the baseline runs the same networks with every
layer as the operations that it is defined by and with one optimiser kernel per parameter, as StyleTTS 2's
published code does. Every row is the median of the steps in a process of its own, so that its peak of memory
is the work's.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import torch

from bench.measuring.published_order import published_operations, unfused
from bench.measuring.training import gemm_flops_per_s, measure
from configs.compute import ComputeSettings
from configs.train_kokoro import KokoroTrainSettings
from models.acoustics.batch import AcousticBatch
from models.discriminators.resolution import RESOLUTIONS
from models.kokoro.config import KokoroConfig
from models.kokoro.model import Kokoro
from models.kokoro.step import KokoroNetworks, KokoroStep
from models.kokoro.voice_table import VoiceTable, VoiceTableConfig
from models.losses.spectral import MultiResolutionMelLoss
from tasks.finetune.kokoro.recipe import KokoroRecipe
from tasks.finetune.kokoro.start import fresh_judges
from tasks.finetune.machine import Machine, choose_machine

BATCH, FRAMES, TOKENS = 2, 200, 60
SAMPLE_RATE, HOP_SAMPLES = 24_000, 300
ROWS = ("step", "step with discriminators")


def main() -> None:
    """Measure every row in a child process and print the rows and their ratios."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--steps", type=int, default=3, help="timed steps, after two that are not")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--device", choices=("cpu", "cuda"), default="cpu")
    parser.add_argument("--precision", choices=("fp32", "bf16"), default="fp32")
    parser.add_argument("--out", type=Path, help="write the JSON here too")
    parser.add_argument("--row", choices=ROWS, help="measure this one here and print it")
    parser.add_argument("--baseline", action="store_true", help="that row in plain operations")
    given = parser.parse_args()
    if given.row is not None:
        torch.set_num_threads(given.threads)
        machine = choose_machine(ComputeSettings(device=given.device, precision=given.precision))
        print(json.dumps(measured_row(given.row, given.baseline, given.steps, machine)))
        return
    rows: dict[str, Any] = {}
    for row in ROWS:
        ours, plain = _in_child(given, row), _in_child(given, row, "--baseline")
        rows[row] = {"ours": ours, "baseline": plain} | {
            f"faster_{kind}": plain[kind] / ours[kind] for kind in ("step_s_median", "step_cpu_s_median")
        }
    found = {"threads": given.threads, "device": given.device, "precision": given.precision, "rows": rows}
    text = json.dumps(found, indent=1)
    print(text)
    if given.out is not None:
        given.out.write_text(text + "\n")


def _in_child(given: argparse.Namespace, row: str, *more: str) -> dict[str, Any]:
    options = [f"--{name}={getattr(given, name)}" for name in ("steps", "threads", "device", "precision")]
    command = [sys.executable, __file__, *options, "--row", row, *more]
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
    print(row, *more, done.stdout.strip(), file=sys.stderr, flush=True)
    return json.loads(done.stdout)


def measured_row(row: str, baseline: bool, steps: int, machine: Machine) -> dict[str, Any]:
    """One row of the result; `row` is one of `ROWS`."""
    gemm = gemm_flops_per_s(machine)
    recipe, batch = full_size_recipe(row != "step", machine)
    if baseline:
        recipe.optimisers = {name: unfused(optimiser) for name, optimiser in recipe.optimisers.items()}
    recipe.set_learning_rates(0, 0)
    with published_operations() if baseline else nullcontext():
        return measure(recipe, batch, steps, machine, gemm)


def full_size_recipe(adversarial: bool, machine: Machine) -> tuple[KokoroRecipe, AcousticBatch]:
    """Recipe at the published sizes with fresh weights, all of which learn, and a batch."""
    settings = KokoroTrainSettings(
        pretrained=None,
        adversarial_step=0 if adversarial else None,
        adversarial_epoch=None,
        max_len_frames=FRAMES,
        batch_size=BATCH,
        max_steps=100,
    )
    torch.manual_seed(0)
    config, width = KokoroConfig(), 192
    judges = fresh_judges(settings, 0)
    networks = KokoroNetworks(
        Kokoro(config).to(machine.device),
        VoiceTable(VoiceTableConfig(embedding=width)).to(machine.device),
        torch.randn(1, width, device=machine.device),
        ("speaker",),
        None if judges is None else judges.mpd.to(machine.device),
        None if judges is None else judges.msd.to(machine.device),
    )
    distance = MultiResolutionMelLoss(SAMPLE_RATE, RESOLUTIONS).to(machine.device)
    step = KokoroStep(networks, distance, FRAMES)
    shares = torch.full((BATCH, TOKENS), FRAMES // 2 // TOKENS)
    shares[:, -1] += FRAMES // 2 - shares.sum(1)
    batch = AcousticBatch(
        tokens=torch.randint(1, config.bert.n_symbols, (BATCH, TOKENS)),
        token_lengths=(TOKENS,) * BATCH,
        mel=torch.randn(BATCH, 80, FRAMES),
        mel_lengths=(FRAMES,) * BATCH,
        wave=0.1 * torch.randn(BATCH, FRAMES * HOP_SAMPLES),
        durations=shares,
        f0_hz=torch.full((BATCH, FRAMES), 120.0),
        speakers=("speaker",) * BATCH,
        utterance_ids=tuple(map(str, range(BATCH))),
    )
    return KokoroRecipe(step, settings, 100, machine), batch


if __name__ == "__main__":
    main()
