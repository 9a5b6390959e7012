"""How fast SoVITS trains and speaks, part by part, as a share of what the machine can.

    PYTHONPATH=. python bench/sovits.py [--repeats 5] [--threads 2] [--device cpu|cuda] [--out FILE]

A training step is batch 4 of 200 frames and 100 phones (random numbers of those shapes), all of it: generator
forward, discriminator update, updated discriminator again, generator update. Speaking is 5 s of codes.
`bench/beside_references.py` measures the published code beside it.

Every row is the median of the repeats in a process of its own, so that its peak of memory is the work's.
FLOPs are those executed, by torch's own counter; their share is of the peak rate measured in the same
process.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch

from bench.measuring import rows
from bench.measuring.training import timed, timed_parts
from configs.train_sovits import SovitsTrainSettings
from models.discriminators.multi_period import MultiPeriodDiscriminator
from models.layers.conv import fold_weight_norm
from models.sovits.config import sovits_config
from models.sovits.model import SovitsGenerator
from models.sovits.step import SovitsBatch, SovitsStep
from tasks.finetune.gpt_sovits.sovits.recipe import SovitsRecipe, loss_weights
from tasks.finetune.machine import Machine
from tasks.finetune.recipe import Updater

BATCH, FRAMES, PHONES = 4, 200, 100
SPOKEN_CODES, SPOKEN_PHONES, REFERENCE_FRAMES = 125, 60, 200
ROWS = ("step v2", "decode v2", "step v2Pro")
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


def measured_row(row: str, repeats: int, machine: Machine) -> dict[str, Any]:
    """One row of the result; `row` is one of `ROWS`."""
    work, version = row.split()
    if work == "step":
        return _time_step(version, repeats, machine)
    config = sovits_config(version)
    speak = speaker(version, machine)
    n_samples = speak().shape[-1]
    times = timed(speak, repeats, machine)
    return {**times, "real_time_factor": times["median_s"] * config.sample_rate / n_samples}


def _time_step(version: str, repeats: int, machine: Machine) -> dict[str, Any]:
    recipe, batch = sovits(version, machine)
    updater = Updater(recipe, 1, {})
    rng = torch.Generator().manual_seed(0)

    def step(mark: Callable[[], None]) -> None:
        updater.start_step()
        mark()
        _our_order(recipe, batch, updater, rng, mark)

    return timed_parts(step, recipe.optimisers.values(), PARTS, repeats, machine)


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


def speaker(version: str, machine: Machine, n_codes: int = SPOKEN_CODES) -> Callable[[], torch.Tensor]:
    """Says so many codes (25 a second) in one style, ready to be called."""
    config = sovits_config(version)
    generator = SovitsGenerator(config).to(machine.device).eval()
    codes = torch.randint(config.codebook_size, (1, n_codes), device=machine.device)
    phones = torch.randint(config.n_symbols, (1, SPOKEN_PHONES), device=machine.device)
    reference = torch.rand(1, config.spec_channels, REFERENCE_FRAMES, device=machine.device)
    rng = torch.Generator().manual_seed(0)
    fold_weight_norm(generator)
    with torch.inference_mode(), machine.autocast():
        style = generator.mean_style([reference], None)

    def speak() -> torch.Tensor:
        with torch.inference_mode(), machine.autocast():
            return generator.decode_with_style(codes, phones, style, rng=rng)

    return speak


def sovits(version: str, machine: Machine, n_rows: int = BATCH) -> tuple[SovitsRecipe, SovitsBatch]:
    """Recipe of a published version and a batch of so many rows."""
    config = sovits_config(version)
    settings = SovitsTrainSettings()
    generator = SovitsGenerator(config).to(machine.device)
    discriminator = MultiPeriodDiscriminator(config.discriminator_periods).to(machine.device)
    recipe = SovitsRecipe(SovitsStep(generator, discriminator, loss_weights(settings)), settings, machine)
    speaker = None
    if config.uses_speaker_vector:
        speaker = torch.randn(n_rows, config.speaker_vector_channels)
    batch = SovitsBatch(
        ssl=torch.randn(n_rows, config.content_channels, FRAMES),
        spec=torch.rand(n_rows, config.spec_channels, FRAMES),
        spec_lengths=torch.full((n_rows,), FRAMES),
        wave=0.1 * torch.randn(n_rows, 1, FRAMES * config.hop_samples),
        phone_ids=torch.randint(config.n_symbols, (n_rows, PHONES)),
        phone_lengths=torch.full((n_rows,), PHONES),
        speaker_vector=speaker,
        utterance_ids=tuple(str(n) for n in range(n_rows)),
    )
    return recipe, batch


if __name__ == "__main__":
    rows.main(__file__, __doc__, ROWS, measured_row, repeats=5)
