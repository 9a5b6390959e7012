"""How fast StyleTTS 2 trains and speaks, beside the published code's order of work on the same machine.

    PYTHONPATH=. python bench/styletts2.py [--repeats 3] [--threads 2] [--device cpu|cuda] [--out FILE]

A training step is one of the joint phase of stage 2, batch 2 of 200 frames and 60 tokens (random numbers of
those shapes) at the published sizes for LJSpeech, WavLM's included: alignment, prosody, diffusion, decoder,
discriminators' update, generator's update by the updated discriminators, and the SLM adversary, which finds
no two clips that are long enough, in the published settings as in ours. Speaking is 50 tokens in 5 s,
the style drawn in five levels. `monotonic` is the alignment search alone.

The baseline runs our networks as the published code runs its own: the decoder's reconstruction made though
the recording is the target, recording and synthesis judged apart and with a graph while the generator
learns, no parameter of the discriminators and of WavLM frozen there, the style encoders run clip by clip,
styled norm and Snake as the elementary operations that they are written in, spectral norms iterated at each
use, convolutions by their definition, one optimiser kernel per parameter, the adversary's synthesis begun
before clips are found too short, and weight norm computed again for every sentence. What the published code
does otherwise but as fast (its Fourier transforms, its source, its losses) is not imitated.

Every row is the median of the repeats in a process of its own, so that its peak of memory is the work's.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import nullcontext
from itertools import pairwise
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode
from transformers import WavLMConfig, WavLMModel

from bench.measuring.published_order import published_operations, published_order, unfused
from bench.measuring.training import gemm_flops_per_s, peak_memory_mb, wait
from configs.compute import ComputeSettings
from configs.train_styletts2 import Stage2Settings, StyleTTS2TrainSettings
from models.acoustics.batch import AcousticBatch
from models.aligner.monotonic import monotonic_path
from models.content.wavlm import WavLM
from models.layers.conv import fold_weight_norm
from models.styletts2.config import styletts2_config
from models.styletts2.model import StyleTTS2
from models.styletts2.training import Networks, chosen
from tasks.finetune.machine import Machine, choose_machine
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
ROWS = (
    STEP,
    f"baseline {STEP}",
    *(f"{kind}{row}" for row in SPEAK for kind in ("", "baseline ")),
    "monotonic",
)
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


def main() -> None:
    """Measure every row in a child process and print the rows and their ratios."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--repeats", type=int, default=3, help="timed repeats, after one that is not")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--device", choices=("cpu", "cuda"), default="cpu")
    parser.add_argument("--precision", choices=("fp32", "bf16"), help="default: fp32, on a GPU both")
    parser.add_argument("--out", type=Path, help="write the JSON here too")
    parser.add_argument("--row", choices=ROWS, help="measure this one here and print it")
    given = parser.parse_args()
    if given.row is not None:
        torch.set_num_threads(given.threads)
        machine = choose_machine(ComputeSettings(device=given.device, precision=given.precision or "fp32"))
        print(json.dumps(measured_row(given.row, given.repeats, machine)))
        return
    both = ("fp32", "bf16") if given.device == "cuda" else ("fp32",)
    found: dict[str, Any] = {"threads": given.threads, "device": given.device}
    for precision in (given.precision,) if given.precision else both:
        rows = {row: _in_child(row, precision, given) for row in ROWS}
        rows["faster_than_baseline"] = {
            kind: {row: rows[f"baseline {row}"][kind] / rows[row][kind] for row in (STEP, *SPEAK)}
            for kind in ("median_s", "cpu_s_median")
        }
        found[precision] = rows
    text = json.dumps(found, indent=1)
    print(text)
    if given.out is not None:
        given.out.write_text(text + "\n")


def _in_child(row: str, precision: str, given: argparse.Namespace) -> dict[str, Any]:
    options = ["--repeats", str(given.repeats), "--threads", str(given.threads), "--device", given.device]
    command = [sys.executable, __file__, *options, "--precision", precision, "--row", row]
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
    print(row, precision, done.stdout.strip(), file=sys.stderr, flush=True)
    return json.loads(done.stdout)


def measured_row(row: str, repeats: int, machine: Machine) -> dict[str, Any]:
    """One row of the result; `row` is one of `ROWS`."""
    baseline, work = row.startswith("baseline "), row.removeprefix("baseline ")
    gemm = gemm_flops_per_s(machine)
    torch.manual_seed(0)
    with published_operations() if baseline else nullcontext():
        if work == STEP:
            timed = _time_step(baseline, repeats, machine)
        elif work in SPEAK:
            timed = _time_speaking(work.split()[1], baseline, repeats, machine)
        else:
            timed = _time_search(repeats, machine)
    flops = timed.pop("flops", 0)
    if flops:
        timed |= {"gflops": flops / 1e9, "share_of_gemm_rate": flops / timed["median_s"] / gemm}
    return {**timed, "gemm_gflops_per_s": gemm / 1e9, "peak_memory_mb": peak_memory_mb(machine)}


# -- training


def _time_step(baseline: bool, repeats: int, machine: Machine) -> dict[str, Any]:
    recipe, batch = joint_recipe(machine)
    if baseline:
        recipe.optimisers = {
            name: unfused(optimiser) for name, optimiser in recipe.optimisers.items() if name != "slm"
        }
    updater = Updater(recipe, 1, {})
    marks: list[float] = []
    inner = dict.fromkeys(NETWORKS, 0.0)

    def mark(*_: Any) -> None:
        wait(machine)
        marks.append(time.perf_counter())

    def step() -> None:
        inner.update(dict.fromkeys(NETWORKS, 0.0))
        marks.clear()
        updater.start_step()
        mark()
        recipe.set_learning_rates(0, 0)
        placed = machine.place(batch)
        rng = torch.Generator().manual_seed(0)
        if baseline:
            published_order(recipe, placed, rng, mark)
        else:
            _our_order(recipe, placed, updater, rng, mark)
        mark()

    for name in ("discriminator", "generator"):
        recipe.optimisers[name].register_step_pre_hook(mark)
        recipe.optimisers[name].register_step_post_hook(mark)
    _clock_networks(recipe.networks, inner, machine)
    with FlopCounterMode(display=False) as counter:
        step()
    wall_s, cpu_s, parts, networks = [], [], [], []
    for _ in range(repeats):
        cpu = time.process_time()
        step()
        cpu_s.append(time.process_time() - cpu)
        wall_s.append(marks[-1] - marks[0])
        parts.append([after - before for before, after in pairwise(marks)])
        networks.append(dict(inner))
    medians = [statistics.median(times) for times in zip(*parts, strict=True)]
    times = _summary(wall_s, cpu_s)
    return {
        **times,
        "steps_per_s": 1 / times["median_s"],
        "parts_s": dict(zip(PARTS, medians, strict=True)),
        "networks_forward_s": {
            name: statistics.median(times[name] for times in networks) for name in NETWORKS
        },
        "flops": counter.get_total_flops(),
    }


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


def joint_recipe(machine: Machine) -> tuple[JointRecipe, AcousticBatch]:
    """Recipe of stage 2 that begins with the joint phase, at the published sizes, and a batch."""
    settings = StyleTTS2TrainSettings(
        batch_size=BATCH,
        stage2=Stage2Settings(max_steps=100, diff_step=0, joint_step=0),
        max_len_frames=FRAMES,
    )
    config = styletts2_config("ljspeech")
    wavlm = WavLM(WavLMModel(WavLMConfig()), config.sample_rate)
    networks = on_device(fresh_networks(settings, config, wavlm, True, 0), machine.device)
    schedule = schedule_of(settings.stage2, joint=True)
    shares = torch.full((BATCH, TOKENS), FRAMES // 2 // TOKENS)
    shares[:, -1] += FRAMES // 2 - shares.sum(1)
    batch = AcousticBatch(
        tokens=torch.randint(1, config.n_symbols, (BATCH, TOKENS)),
        token_lengths=(TOKENS,) * BATCH,
        mel=torch.randn(BATCH, config.n_mels, FRAMES),
        mel_lengths=(FRAMES,) * BATCH,
        wave=0.1 * torch.randn(BATCH, FRAMES * config.hop_samples),
        durations=shares,
        f0_hz=torch.full((BATCH, FRAMES), 120.0),
        speakers=("",) * BATCH,
        utterance_ids=tuple(map(str, range(BATCH))),
    )
    return JointRecipe(networks, settings, schedule, 100, machine), batch


# -- speaking and searching


def _time_speaking(version: str, baseline: bool, repeats: int, machine: Machine) -> dict[str, Any]:
    config = styletts2_config(version)
    model = StyleTTS2(config).to(machine.device).eval().requires_grad_(False)
    tokens = torch.randint(1, config.n_symbols, (1, SPOKEN_TOKENS), device=machine.device)
    lengths = torch.tensor([SPOKEN_TOKENS])
    features = torch.randn(1, config.full_style, device=machine.device) if config.multispeaker else None
    if not baseline:
        fold_weight_norm(model)

    def speak(speed: float) -> tuple[Tensor, ...]:
        rng = torch.Generator().manual_seed(0)
        noise = model.draw_noise([rng], STYLE_LEVELS)
        with machine.autocast():
            return model.synthesize(
                tokens, lengths, noise=noise, steps=STYLE_LEVELS, features=features, speed=speed, rngs=[rng]
            ).waves

    with torch.no_grad(), machine.autocast():
        text = model.read(tokens, lengths)
        style = torch.zeros(1, config.full_style, device=machine.device)
        d = model.predictor.encode(text.d_en, style[:, config.style_dim :], lengths)
        # Durations of random weights are any; the speed that makes them 5 s.
        frames = model.predictor.duration_logits(d, lengths).sigmoid().sum()
        speed = float(frames) * config.frame_samples / config.sample_rate / SPOKEN_S
    with FlopCounterMode(display=False) as counter:
        (wave,) = speak(speed)
    times = _timed(lambda: speak(speed), repeats, machine)
    return {
        **times,
        "spoken_s": len(wave) / config.sample_rate,
        "real_time_factor": times["median_s"] * config.sample_rate / len(wave),
        "flops": counter.get_total_flops(),
    }


def _time_search(repeats: int, machine: Machine) -> dict[str, Any]:
    n_rows, n_tokens, n_frames = SEARCHED
    similarity = torch.rand(SEARCHED, device=machine.device)
    tokens, frames = torch.full((n_rows,), n_tokens), torch.full((n_rows,), n_frames)
    monotonic_path(similarity, tokens, frames)
    times = _timed(lambda: monotonic_path(similarity, tokens, frames), repeats, machine)
    return {**times, "rows_tokens_frames": list(SEARCHED)}


def _timed(work: Callable[[], object], repeats: int, machine: Machine) -> dict[str, float]:
    wall_s, cpu_s = [], []
    for _ in range(repeats):
        start, cpu = time.perf_counter(), time.process_time()
        work()
        wait(machine)
        wall_s.append(time.perf_counter() - start)
        cpu_s.append(time.process_time() - cpu)
    return _summary(wall_s, cpu_s)


def _summary(wall_s: list[float], cpu_s: list[float]) -> dict[str, float]:
    """Seconds on the clock, and of all threads: these also compare runs on a machine that others use."""
    return {
        "median_s": statistics.median(wall_s),
        "min_s": min(wall_s),
        "max_s": max(wall_s),
        "cpu_s_median": statistics.median(cpu_s),
    }


if __name__ == "__main__":
    main()
