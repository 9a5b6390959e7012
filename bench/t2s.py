"""Training step and decoding of the text-to-semantic decoder, as a share of what the machine can.

    PYTHONPATH=. python bench/t2s.py [--size tiny|published] [--repeats 5] [--threads 2]
        [--device cpu|cuda] [--only train|decode] [--output FILE]

Random numbers of the shapes that speech has: a training batch of 4 clips with 100 phones and 250 codes;
decoding from 100 phones and a prompt of 75 codes. fp32 on a CPU, bf16 training on a GPU. What is compared
takes turns, so a machine that slows down slows all of it; medians of `--repeats`. The time of a run for one
code, which reads text and prompt, is taken off the time of a run for many.

"Not prepared" decodes with the weights as they were trained; `bench/beside_references.py` measures the
published code beside ours. FLOPs are torch's own count; their share is of the peak rate measured here, and
decoding is bound by reading the weights once per step at the memory rate measured here. Prints one JSON
object.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable
from copy import deepcopy
from functools import partial
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from torch.utils.flop_counter import FlopCounterMode

from bench.measuring.clock import medians, taking_turns
from bench.measuring.training import peak_flops_per_s, peak_memory_mb, wait
from configs.compute import ComputeSettings
from configs.train_t2s import T2sTrainSettings
from models.t2s.config import T2SConfig, t2s_config
from models.t2s.generation import generate
from models.t2s.model import TextToSemantic
from models.t2s.packed import prepare_for_decoding
from models.t2s.sampling import Sampling
from models.t2s.step import T2SBatch, T2SStep
from tasks.finetune.gpt_sovits.t2s.recipe import T2sRecipe
from tasks.finetune.machine import Machine, choose_machine
from tasks.finetune.recipe import Updater
from tests.models.tiny import TINY_T2S

BATCH, PHONES, CODES = 4, 100, 250
PROMPT, NEW_CODES, ROWS_TOGETHER = 75, 41, 4
WEIGHT_BYTES = {"fp32": 4, "fp16": 2, "int8": 1}
SAMPLING = Sampling(top_k=15, top_p=1.0, repetition_penalty=1.35)
GREEDY = Sampling(top_k=1, repetition_penalty=1.35)


def main() -> None:
    """Measure and print what was found."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--size", choices=("tiny", "published"), default="tiny")
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--device", choices=("cpu", "cuda"), default="cpu")
    parser.add_argument("--only", choices=("train", "decode"))
    parser.add_argument("--output", type=Path)
    chosen = parser.parse_args()
    torch.set_num_threads(chosen.threads)
    machine = choose_machine(ComputeSettings(device=chosen.device))
    peak = peak_flops_per_s(machine)
    model = decoder(t2s_config("v2", **(TINY_T2S if chosen.size == "tiny" else {})), machine)
    found: dict[str, Any] = {
        "size": chosen.size,
        "threads": chosen.threads,
        "device": machine.device.type,
        "torch": torch.__version__,
        "precision": "bf16" if machine.bf16 else "fp32",
        "parameters": sum(p.numel() for p in model.parameters()),
        "peak_gflops_per_s": peak / 1e9,
    }
    if chosen.only != "decode":
        found["train_step"] = training(model, machine, chosen.repeats, peak)
    if chosen.only != "train":
        found["decode"] = decoding(model.eval(), machine, chosen.repeats)
    text = json.dumps(found, indent=1)
    if chosen.output:
        chosen.output.write_text(text + "\n")
    print(text)


def decoder(config: T2SConfig, machine: Machine) -> TextToSemantic:
    """Random weights under which attention is not flat and codes do not repeat."""
    torch.manual_seed(0)
    model = TextToSemantic(config)
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if name.endswith("in_proj_weight") or name == "ar_predict_layer.weight":
                parameter.mul_(2)
    return model.to(machine.device)


def inputs(config: T2SConfig, n_rows: int, n_codes: int) -> T2SBatch:
    rng = torch.Generator().manual_seed(1)
    return T2SBatch(
        phone_ids=torch.randint(config.n_symbols, (n_rows, PHONES), generator=rng),
        phone_lengths=torch.full((n_rows,), PHONES),
        bert=torch.randn(n_rows, config.linguistic_channels, PHONES, generator=rng),
        codes=torch.randint(config.n_codes, (n_rows, n_codes), generator=rng),
        code_lengths=torch.full((n_rows,), n_codes),
        utterance_ids=tuple(str(n) for n in range(n_rows)),
    )


def training(model: TextToSemantic, machine: Machine, repeats: int, peak: float) -> dict[str, Any]:
    """Whole steps of the real recipe with either optimiser."""
    batch = inputs(model.config, BATCH, CODES)
    runs: dict[str, Callable[[], object]] = {}
    for optimiser in ("adamw", "scaled_adam"):
        recipe = T2sRecipe(T2SStep(model), T2sTrainSettings(optimizer=optimiser), 100, machine)
        runs[optimiser] = _recipe_step(recipe, batch)
    with FlopCounterMode(display=False) as counter:
        runs["adamw"]()
    runs["scaled_adam"]()
    memory = peak_memory_mb(machine)
    turns = taking_turns(runs, repeats, partial(wait, machine))
    times = {name: seconds.wall for name, seconds in turns.items()}
    step_s = medians(times)
    flops = counter.get_total_flops()
    return {
        "step_s": times,
        "step_s_median": step_s,
        "gflops_per_step": flops / 1e9,
        "share_of_peak_rate": {name: flops / s / peak for name, s in step_s.items()},
        "peak_memory_mb": memory,
    }


def _recipe_step(recipe: T2sRecipe, batch: T2SBatch) -> Callable[[], None]:
    updater = Updater(recipe, 1, {"decoder": 1000.0})
    rng = torch.Generator().manual_seed(0)

    def step() -> None:
        recipe.set_learning_rates(0, 0)
        updater.start_step()
        recipe.train_step(batch, updater, rng)

    return step


def decoding(model: TextToSemantic, machine: Machine, repeats: int) -> dict[str, Any]:
    """Codes per second of one row and of several, and what narrow weights change."""
    kinds = ("fp32", "fp16", "int8") if machine.device.type == "cpu" else ("fp32", "fp16")
    prepared = {kind: prepare_for_decoding(deepcopy(model), kind) for kind in kinds}
    found: dict[str, Any] = {}
    for n_rows in (1, ROWS_TOGETHER):
        batch = machine.place(inputs(model.config, n_rows, PROMPT))
        speakers: dict[str, Callable[[T2SBatch, int], object]] = {
            kind: partial(_speak, one, SAMPLING) for kind, one in prepared.items()
        }
        if machine.device.type == "cuda":
            speakers["fp16, without a CUDA graph"] = partial(
                _speak, prepared["fp16"], SAMPLING, cuda_graph=False
            )
        speakers["not prepared"] = partial(_speak, model, SAMPLING)
        runs = {
            (name, n): partial(speak, batch, n) for name, speak in speakers.items() for n in (1, NEW_CODES)
        }
        for name in speakers:
            runs[name, 1]()
        turns = taking_turns(runs, repeats, partial(wait, machine))
        one = {name: turns[name, 1].wall for name in speakers}
        loops = {
            name: [many - first for many, first in zip(turns[name, NEW_CODES].wall, one[name], strict=True)]
            for name in speakers
        }
        rates = {k: n_rows * (NEW_CODES - 1) / median_s for k, median_s in medians(loops).items()}
        found[f"rows_{n_rows}"] = {
            "text_and_prompt_s_median": medians(one),
            "codes_s": loops,
            "codes_per_s_median": rates,
            "times_faster": {k: rate / rates["not prepared"] for k, rate in rates.items()},
        }
    n_read = sum(p.numel() for n, p in model.named_parameters() if n.startswith(("h.", "ar_predict")))
    rate = read_bytes_per_s(machine)
    return {
        **found,
        "new_codes": NEW_CODES - 1,
        "memory_gb_per_s": rate / 1e9,
        "steps_per_s_limit_of_memory": {k: rate / n_read / WEIGHT_BYTES[k] for k in kinds},
        "narrow_weights": {k: differences(prepared["fp32"], prepared[k], machine) for k in kinds[1:]},
        "peak_memory_mb": peak_memory_mb(machine),
    }


def _speak(
    model: TextToSemantic, sampling: Sampling, batch: T2SBatch, n_codes: int, cuda_graph: bool = True
) -> Tensor:
    return generate(
        model,
        batch.phone_ids,
        batch.phone_lengths,
        batch.bert,
        prompt=batch.codes,
        sampling=sampling,
        max_codes=n_codes,
        rng=torch.Generator(batch.codes.device).manual_seed(0),
        cuda_graph=cuda_graph,
    ).codes


@torch.inference_mode()
def differences(exact: TextToSemantic, narrow: TextToSemantic, machine: Machine) -> dict[str, Any]:
    """Greedy codes and logits against fp32's.

    `same_choices` counts next-code decisions that agree when both read fp32's own codes;
    `first_difference` is the step at which free runs part (null: not within the run).
    """
    batch = machine.place(inputs(exact.config, ROWS_TOGETHER, PROMPT))
    codes, others = (_speak(model, GREEDY, batch, NEW_CODES) for model in (exact, narrow))
    n = min(codes.shape[1], others.shape[1])
    parted = (codes[:, :n] != others[:, :n]).any(dim=0).nonzero()
    read = torch.cat((batch.codes, codes), dim=1)
    lengths = torch.full_like(batch.phone_lengths, read.shape[1])
    logits = []
    for model in (exact, narrow):
        hidden = model(batch.phone_ids, batch.phone_lengths, batch.bert, read, lengths)[:, PROMPT:]
        logits.append(model.ar_predict_layer(hidden).float())
    gap = logits[1] - logits[0]
    return {
        "same_choices": float((logits[0].argmax(-1) == logits[1].argmax(-1)).float().mean()),
        "first_difference": int(parted[0]) if len(parted) else None,
        "logits_relative_error": float(gap.norm() / logits[0].norm()),
    }


def read_bytes_per_s(machine: Machine) -> float:
    """Rate at which the processor reads memory that no cache holds."""
    large = torch.ones(64 * 1024**2, device=machine.device)
    times = taking_turns({"read": large.sum}, 7, partial(wait, machine))["read"].wall
    return large.numel() * large.element_size() / min(times)


if __name__ == "__main__":
    main()
