"""How fast Kokoro trains, and in how much memory, beside the same step in plain operations.

    PYTHONPATH=. python bench/kokoro_step.py [--repeats 3] [--threads 2] [--device cpu|cuda] [--out FILE]

A step at full size, batch 2 of 200 frames and 60 tokens (random numbers of those shapes), with and without
the discriminators. No training code of Kokoro is published; the baseline runs the same networks with every
layer as the operations that it is defined by and with one optimiser kernel per parameter. Every row is the
median of the steps in a process of its own, so that its peak of memory is the work's.
"""

from __future__ import annotations

from contextlib import nullcontext
from typing import Any

import torch

from bench.measuring import rows
from bench.measuring.plain_operations import plain_operations
from bench.measuring.training import acoustic_batch, timed, unfused
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
from tasks.finetune.machine import Machine
from tasks.finetune.recipe import Updater

BATCH, FRAMES, TOKENS = 2, 200, 60
SAMPLE_RATE, HOP_SAMPLES = 24_000, 300
PLAIN, ADVERSARIAL = "step", "step with discriminators"
ROWS = tuple(kind + row for row in (PLAIN, ADVERSARIAL) for kind in ("", rows.BASELINE))


def measured_row(row: str, repeats: int, machine: Machine) -> dict[str, Any]:
    """One row of the result: whole steps, from forward to optimiser; `row` is one of `ROWS`."""
    baseline, work = row.startswith(rows.BASELINE), row.removeprefix(rows.BASELINE)
    recipe, batch = full_size_recipe(work == ADVERSARIAL, machine)
    if baseline:
        recipe.optimisers = {name: unfused(optimiser) for name, optimiser in recipe.optimisers.items()}
    recipe.set_learning_rates(0, 0)
    updater = Updater(recipe, 1, dict.fromkeys(recipe.optimisers, 1000.0))
    rng = torch.Generator().manual_seed(0)

    def step() -> None:
        updater.start_step()
        recipe.train_step(batch, updater, rng)

    with plain_operations() if baseline else nullcontext():
        step()
        times = timed(step, repeats, machine)
    return {**times, "parameters": sum(p.numel() for m in recipe.modules.values() for p in m.parameters())}


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
    batch = acoustic_batch(
        BATCH,
        TOKENS,
        FRAMES,
        n_symbols=config.bert.n_symbols,
        n_mels=80,
        hop_samples=HOP_SAMPLES,
        speaker="speaker",
    )
    return KokoroRecipe(step, settings, 100, machine), batch


if __name__ == "__main__":
    rows.main(__file__, __doc__, ROWS, measured_row, repeats=3)
