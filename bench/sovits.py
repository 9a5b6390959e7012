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

from collections.abc import Callable
from contextlib import ExitStack
from typing import Any
from unittest import mock

import torch
from torch import nn

from bench.measuring import rows
from bench.measuring.training import timed, timed_parts, unfused
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
from tasks.finetune.machine import Machine
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


def measured_row(row: str, repeats: int, machine: Machine) -> dict[str, Any]:
    """One row of the result; `row` is one of `ROWS`."""
    baseline = row.startswith(rows.BASELINE)
    work, version = row.removeprefix(rows.BASELINE).split()
    with ExitStack() as plain:
        if baseline:
            # Convolutions by their definition, in PyTorch's own layout. Plain functions: a recording mock
            # would keep every tensor it is called with alive.
            plain.enter_context(mock.patch.object(winograd, "pays", new=lambda *_: False))
            plain.enter_context(mock.patch.object(hifigan, "fast_layout", new=lambda x: x))
        if work == "step":
            return _time_step(version, baseline, repeats, machine)
        return _time_decode(version, baseline, repeats, machine)


def _time_step(version: str, baseline: bool, repeats: int, machine: Machine) -> dict[str, Any]:
    recipe, batch = sovits(version, machine)
    if baseline:
        recipe.optimisers = {name: unfused(optimiser) for name, optimiser in recipe.optimisers.items()}
    updater = Updater(recipe, 1, {})
    rng = torch.Generator().manual_seed(0)

    def step(mark: Callable[[], None]) -> None:
        updater.start_step()
        mark()
        if baseline:
            _published_order(recipe, batch, rng, mark)
        else:
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

    n_samples = speak().shape[-1]
    times = timed(speak, repeats, machine)
    return {**times, "real_time_factor": times["median_s"] * config.sample_rate / n_samples}


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
    rows.main(__file__, __doc__, ROWS, measured_row, repeats=5)
