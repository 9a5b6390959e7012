"""How fast StyleTTS 2 trains and speaks, part by part.

    PYTHONPATH=. python bench/styletts2.py [--repeats 3] [--threads 2] [--device cpu|cuda] [--out FILE]

A training step is one of the joint phase of stage 2, batch 2 of 200 frames and 60 tokens (random numbers of
those shapes) at the published sizes for LJSpeech, WavLM's included: alignment, prosody, diffusion, decoder,
discriminators' update, generator's update by the updated discriminators, and the SLM adversary, which finds
no two clips that are long enough, in the published settings as in ours. Speaking is 50 tokens in 5 s,
the style drawn in five levels. `monotonic` is the alignment search alone.

Every row is the median of the repeats in a process of its own, so that its peak of memory is the work's.
`bench/beside_references.py` measures the published code beside it.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn
from transformers import WavLMConfig, WavLMModel

from bench.measuring import rows
from bench.measuring.training import acoustic_batch, timed, timed_parts, wait
from configs.train_styletts2 import Stage2Settings, StyleTTS2TrainSettings
from models.acoustics.batch import AcousticBatch
from models.aligner.monotonic import monotonic_path
from models.content.wavlm import WavLM
from models.layers.conv import fold_weight_norm
from models.styletts2.config import styletts2_config
from models.styletts2.model import StyleTTS2
from models.styletts2.training import Networks, chosen
from tasks.finetune.machine import Machine
from tasks.finetune.recipe import Updater
from tasks.finetune.styletts2.phases import schedule_of
from tasks.finetune.styletts2.recipe import JointRecipe
from tasks.finetune.styletts2.start import fresh_networks, on_device

BATCH, FRAMES, TOKENS = 2, 200, 60
SPOKEN_TOKENS, SPOKEN_S, STYLE_LEVELS = 50, 5.0, 5
SEARCHED = (16, 200, 400)
"""Rows, tokens and frames of the alignment search."""
STEP = "step"
SPEAK = ("speak ljspeech", "speak libritts")
ROWS = (STEP, *SPEAK, "monotonic")
PARTS = (
    "forward",
    "discriminator_losses",
    "discriminator_backward",
    "discriminator_optimiser",
    "generator_losses",
    "generator_backward",
    "generator_optimiser",
    "adversary",
)
"""Of one training step, in order; the finiteness check counts as backward."""
NETWORKS = (
    "text_aligner",
    "pitch_extractor",
    "bert",
    "style_encoder",
    "predictor_encoder",
    "decoder",
    "diffusion",
)
"""Whose share of `forward` is given too."""


def measured_row(row: str, repeats: int, machine: Machine) -> dict[str, Any]:
    """One row of the result; `row` is one of `ROWS`."""
    if row == STEP:
        return _time_step(repeats, machine)
    if row in SPEAK:
        return _time_speaking(row.split()[1], repeats, machine)
    return _time_search(repeats, machine)


# -- training


def _time_step(repeats: int, machine: Machine) -> dict[str, Any]:
    recipe, batch = joint_recipe(machine)
    updater = Updater(recipe, 1, {})
    inner = dict.fromkeys(NETWORKS, 0.0)
    networks: list[dict[str, float]] = []

    def step(mark: Callable[[], None]) -> None:
        inner.update(dict.fromkeys(NETWORKS, 0.0))
        updater.start_step()
        mark()
        recipe.set_learning_rates(0, 0)
        placed = machine.place(batch)
        rng = torch.Generator().manual_seed(0)
        _our_order(recipe, placed, updater, rng, mark)
        mark()
        networks.append(dict(inner))

    _clock_networks(recipe.networks, inner, machine)
    learning = [recipe.optimisers[name] for name in ("discriminator", "generator")]
    times = timed_parts(step, learning, PARTS, repeats, machine)
    # The first step only counts arithmetic.
    forward = {name: statistics.median(spent[name] for spent in networks[1:]) for name in NETWORKS}
    return {**times, "steps_per_s": 1 / times["median_s"], "networks_forward_s": forward}


def _clock_networks(networks: Networks, spent: dict[str, float], machine: Machine) -> None:
    """Add up in `spent` the time that each network's forward passes take."""

    def clocked(name: str, network: nn.Module) -> None:
        begun: list[float] = []

        def before(*_: Any) -> None:
            wait(machine)
            begun.append(time.perf_counter())

        def after(*_: Any) -> None:
            wait(machine)
            spent[name] += time.perf_counter() - begun.pop()

        network.register_forward_pre_hook(before)
        network.register_forward_hook(after)

    for name, network in networks.named().items():
        if name in spent:
            clocked(name, network)


def _our_order(
    recipe: JointRecipe,
    batch: AcousticBatch,
    updater: Updater,
    rng: torch.Generator,
    mark: Callable[[], None],
) -> None:
    """`JointRecipe.train_step` with a mark after each part."""
    step, phase, machine = recipe.step, recipe.phase, recipe.machine
    with machine.autocast():
        made = step.forward(batch, phase, rng)
        mark()
        losses = step.discriminator_losses(made)
    mark()
    updater.apply("discriminator", losses, {"disc": 1.0})
    with machine.autocast():
        losses = step.generator_losses(made, phase)
    mark()
    updater.apply("generator", losses, chosen(recipe.weights, losses))
    assert recipe.adversary is not None
    with machine.autocast():
        assert recipe.adversary.synthesize(batch, rng) is None


def joint_recipe(
    machine: Machine, n_frames: int = FRAMES, n_tokens: int = TOKENS
) -> tuple[JointRecipe, AcousticBatch]:
    """Recipe of stage 2 that begins with the joint phase, at the published sizes, and a batch."""
    settings = StyleTTS2TrainSettings(
        batch_size=BATCH,
        stage2=Stage2Settings(max_steps=100, diff_step=0, joint_step=0),
        max_len_frames=n_frames,
    )
    config = styletts2_config("ljspeech")
    wavlm = WavLM(WavLMModel(WavLMConfig()), config.sample_rate)
    networks = on_device(fresh_networks(settings, config, wavlm, True, 0), machine.device)
    schedule = schedule_of(settings.stage2, joint=True)
    batch = acoustic_batch(
        BATCH,
        n_tokens,
        n_frames,
        n_symbols=config.n_symbols,
        n_mels=config.n_mels,
        hop_samples=config.hop_samples,
        speaker="",
    )
    return JointRecipe(networks, settings, schedule, 100, machine), batch


# -- speaking and searching


def _time_speaking(version: str, repeats: int, machine: Machine) -> dict[str, Any]:
    config = styletts2_config(version)
    speak = speaker(version, machine, SPOKEN_S)
    (wave,) = speak()
    times = timed(speak, repeats, machine)
    return {
        **times,
        "spoken_s": len(wave) / config.sample_rate,
        "real_time_factor": times["median_s"] * config.sample_rate / len(wave),
    }


def speaker(version: str, machine: Machine, seconds: float) -> Callable[[], tuple[Tensor, ...]]:
    """Draws a style and says `SPOKEN_TOKENS` tokens in so many seconds, ready to be called.

    Args:
        version: published sizes.
        machine: where and how precisely.
        seconds: durations of random weights are any; a speed makes them these.
    """
    config = styletts2_config(version)
    model = StyleTTS2(config).to(machine.device).eval().requires_grad_(False)
    tokens = torch.randint(1, config.n_symbols, (1, SPOKEN_TOKENS), device=machine.device)
    lengths = torch.tensor([SPOKEN_TOKENS])
    features = torch.randn(1, config.full_style, device=machine.device) if config.multispeaker else None
    fold_weight_norm(model)
    with torch.no_grad(), machine.autocast():
        text = model.read(tokens, lengths)
        style = torch.zeros(1, config.full_style, device=machine.device)
        d = model.predictor.encode(text.d_en, style[:, config.style_dim :], lengths)
        frames = model.predictor.duration_logits(d, lengths).sigmoid().sum()
    speed = float(frames) * config.frame_samples / config.sample_rate / seconds

    def speak() -> tuple[Tensor, ...]:
        rng = torch.Generator().manual_seed(0)
        noise = model.draw_noise([rng], STYLE_LEVELS)
        with torch.no_grad(), machine.autocast():
            return model.synthesize(
                tokens, lengths, noise=noise, steps=STYLE_LEVELS, features=features, speed=speed, rngs=[rng]
            ).waves

    return speak


def _time_search(repeats: int, machine: Machine) -> dict[str, Any]:
    n_rows, n_tokens, n_frames = SEARCHED
    similarity = torch.rand(SEARCHED, device=machine.device)
    tokens, frames = torch.full((n_rows,), n_tokens), torch.full((n_rows,), n_frames)
    times = timed(lambda: monotonic_path(similarity, tokens, frames), repeats, machine)
    return {**times, "rows_tokens_frames": list(SEARCHED)}


if __name__ == "__main__":
    rows.main(__file__, __doc__, ROWS, measured_row, repeats=3)
