"""Training step and decoding of the text-to-semantic decoder, beside the reference's order of work.

    PYTHONPATH=. python bench/t2s.py [--size tiny|published] [--repeats 5] [--threads 2]
        [--device cpu|cuda] [--only train|decode] [--output FILE]

Random numbers of the shapes that speech has: a training batch of 4 clips with 100 phones and 250 codes;
decoding from 100 phones and a prompt of 75 codes. fp32 on a CPU, bf16 training on a GPU. What is compared
takes turns, so a machine that slows down slows all of it; medians of `--repeats`. The time of a run for one
code, which reads text and prompt, is taken off the time of a run for many.

"Reference" is `OrderOfWork` below: our own writing of how GPT-SoVITS spends its time (a float mask for every
head, keys and values grown by concatenation, logits sorted for every draw, cross-entropy over all positions,
ScaledAdam), with the same weights and the same results. FLOPs are torch's own count; their share is of the
matrix-multiply rate measured here, and decoding is bound by reading the weights once per step at the memory
rate measured here. Prints one JSON object.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional
from torch.utils.flop_counter import FlopCounterMode

from bench.measuring.clock import medians, taking_turns
from bench.measuring.training import gemm_flops_per_s, peak_memory_mb, wait
from configs.compute import ComputeSettings
from configs.train_t2s import T2sTrainSettings
from models.layers.masking import sequence_mask
from models.optim.scaled_adam import ScaledAdam
from models.t2s.config import T2SConfig, t2s_config
from models.t2s.generation import STEPS_WITHOUT_END, generate
from models.t2s.model import TextToSemantic, sine_positions
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
    peak = gemm_flops_per_s(machine)
    model = decoder(t2s_config("v2", **(TINY_T2S if chosen.size == "tiny" else {})), machine)
    found: dict[str, Any] = {
        "size": chosen.size,
        "threads": chosen.threads,
        "device": machine.device.type,
        "torch": torch.__version__,
        "precision": "bf16" if machine.bf16 else "fp32",
        "parameters": sum(p.numel() for p in model.parameters()),
        "gemm_gflops_per_s": peak / 1e9,
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
    """Whole steps of the real recipe with either optimiser, against the reference's order of work."""
    batch = inputs(model.config, BATCH, CODES)
    runs: dict[str, Callable[[], object]] = {}
    for optimiser in ("adamw", "scaled_adam"):
        recipe = T2sRecipe(T2SStep(model), T2sTrainSettings(optimizer=optimiser), 100, machine)
        runs[optimiser] = _recipe_step(recipe, batch)
    with FlopCounterMode(display=False) as counter:
        runs["adamw"]()
    runs["scaled_adam"]()
    memory = peak_memory_mb(machine)
    reference, adam = OrderOfWork(model), ScaledAdam(model.parameters())
    on_device = machine.place(batch)

    def as_the_reference() -> None:
        with machine.autocast():
            loss = reference.training_loss(on_device)
        loss.backward()
        adam.step()
        adam.zero_grad()

    as_the_reference()
    turns = taking_turns({**runs, "reference": as_the_reference}, repeats, partial(wait, machine))
    times = {name: seconds.wall for name, seconds in turns.items()}
    step_s = medians(times)
    flops = counter.get_total_flops()
    return {
        "step_s": times,
        "step_s_median": step_s,
        "times_faster": {name: step_s["reference"] / step_s[name] for name in runs},
        "gflops_per_step": flops / 1e9,
        "share_of_gemm_rate": {name: flops / s / peak for name, s in step_s.items()},
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
    prepared = {kind: prepare_for_decoding(model, kind) for kind in kinds}
    reference = OrderOfWork(model)
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
        speakers |= {"not prepared": partial(_speak, model, SAMPLING), "reference": reference.decode}
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
            "times_faster": {k: rate / rates["reference"] for k, rate in rates.items()},
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


class OrderOfWork:
    """How the reference computes what `TextToSemantic` computes, on the same weights."""

    def __init__(self, model: TextToSemantic) -> None:
        self.model = model
        self.config = model.config

    def training_loss(self, batch: T2SBatch) -> Tensor:
        """Cross-entropy summed over all positions; also counts the hits among the best three."""
        model, end_id = self.model, self.config.end_id
        real = sequence_mask(batch.code_lengths, batch.codes.shape[1])
        given = batch.codes.masked_fill(~real, end_id)
        targets = functional.pad(given, (0, 1), value=end_id)
        hidden = self._prefill(batch, given, None)
        logits = model.ar_predict_layer(hidden[:, PHONES - 1 :]).permute(0, 2, 1)
        loss = functional.cross_entropy(logits.float(), targets, reduction="sum")
        best = logits.detach().topk(3, dim=1).indices
        _ = (best == targets[:, None]).any(dim=1).float().mean().item()
        return loss

    @torch.no_grad()
    def decode(self, batch: T2SBatch, n_codes: int) -> Tensor:
        """[B, Q + n_codes]; sampled with the whole chain whatever its settings."""
        codes = batch.codes
        cache: list[tuple[Tensor, Tensor]] = []
        hidden = self._prefill(batch, codes, cache)[:, -1]
        rng = torch.Generator(codes.device).manual_seed(0)
        n_rows = codes.shape[0]
        mask = torch.zeros(n_rows, 1, 1, PHONES + codes.shape[1], dtype=torch.bool, device=codes.device)
        for step in range(n_codes):
            logits = self.model.ar_predict_layer(hidden)
            if step < STEPS_WITHOUT_END:
                logits = logits[:, :-1]
            chosen = self._draw(logits, codes, rng)
            codes = torch.cat((codes, chosen), dim=1)
            bool((logits.argmax(-1) == self.config.end_id).any() | (chosen == self.config.end_id).any())
            x = self.model.ar_audio_embedding(chosen)
            position = sine_positions(codes.shape[1], self.config.width, codes.device)[-1:]
            x = x + self.model.ar_audio_position.alpha * position
            mask = functional.pad(mask, (0, 1))
            for index in range(self.config.n_layers):
                # One row goes without a mask, several with one.
                x = self._layer_cached(index, x, cache, None if n_rows == 1 else ~mask)
            hidden = x[:, -1]
        return codes

    def _draw(self, logits: Tensor, previous: Tensor, rng: torch.Generator) -> Tensor:
        score = torch.gather(logits, 1, previous)
        penalty = SAMPLING.repetition_penalty
        score = torch.where(score < 0, score * penalty, score / penalty)
        logits = logits.scatter(1, previous, score)
        ordered, order = torch.sort(logits, descending=True)
        beyond = ordered.softmax(dim=-1).cumsum(dim=-1) > SAMPLING.top_p
        beyond[:, 0] = False
        logits = logits.masked_fill(beyond.scatter(1, order, beyond), -torch.inf)
        logits = logits / max(SAMPLING.temperature, 1e-5)
        best, _ = logits.topk(SAMPLING.top_k)
        logits = torch.where(logits < best[:, -1:], -torch.inf, logits)
        weights = logits.softmax(dim=-1)
        race = torch.empty_like(weights).exponential_(1, generator=rng)
        return (weights / race).argmax(dim=-1, keepdim=True)

    def _prefill(self, batch: T2SBatch, codes: Tensor, cache: list[tuple[Tensor, Tensor]] | None) -> Tensor:
        model, (n_rows, n_codes) = self.model, codes.shape
        text = model.ar_text_embedding(batch.phone_ids) + model.bert_proj(batch.bert.transpose(1, 2))
        x = torch.cat(
            (model.ar_text_position(text), model.ar_audio_position(model.ar_audio_embedding(codes))), 1
        )
        n = PHONES + n_codes
        order = torch.ones(n, n, dtype=torch.bool, device=x.device).triu(1)
        order[:, :PHONES] = False
        order[:PHONES, PHONES:] = True
        heads = order.expand(n_rows, self.config.n_heads, n, n).reshape(-1, n, n)
        mask = torch.zeros_like(heads, dtype=x.dtype).masked_fill_(heads, -torch.inf)
        mask = mask.view(n_rows, self.config.n_heads, n, n)
        for layer in model.h.layers:
            # Sequence first, as `nn.MultiheadAttention` works inside.
            y = x.transpose(0, 1)
            attention = layer.self_attn
            projected = functional.linear(y, attention.in_proj_weight, attention.in_proj_bias)
            projected = (
                projected.unflatten(-1, (3, -1)).unsqueeze(0).transpose(0, -2).squeeze(-2).contiguous()
            )
            if cache is not None:
                cache.append((projected[1].transpose(0, 1), projected[2].transpose(0, 1)))
            q, k, v = (
                part.reshape(n, n_rows * self.config.n_heads, -1).transpose(0, 1).unflatten(0, (n_rows, -1))
                for part in projected
            )
            out = functional.scaled_dot_product_attention(q, k, v, mask)
            out = out.permute(2, 0, 1, 3).contiguous().view(n * n_rows, -1)
            out = attention.out_proj(out).view(n, n_rows, -1).transpose(0, 1)
            x = layer.norm1(x + functional.dropout(out, 0.0, True))
            hidden = functional.dropout(functional.relu(layer.linear1(x)), 0.0, True)
            x = layer.norm2(x + functional.dropout(layer.linear2(hidden), 0.0, True))
        return x

    def _layer_cached(
        self, index: int, x: Tensor, cache: list[tuple[Tensor, Tensor]], mask: Tensor | None
    ) -> Tensor:
        layer, n_rows = self.model.h.layers[index], x.shape[0]
        attention = layer.self_attn
        q, k, v = functional.linear(x, attention.in_proj_weight, attention.in_proj_bias).chunk(3, dim=-1)
        k, v = (torch.cat((old, new), dim=1) for old, new in zip(cache[index], (k, v), strict=True))
        cache[index] = (k, v)
        heads = (
            part.view(n_rows, part.shape[1], self.config.n_heads, -1).transpose(1, 2) for part in (q, k, v)
        )
        out = functional.scaled_dot_product_attention(*heads, mask)
        out = attention.out_proj(out.transpose(1, 2).reshape(n_rows, 1, -1))
        x = layer.norm1(x + out)
        return layer.norm2(x + layer.linear2(functional.relu(layer.linear1(x))))


if __name__ == "__main__":
    main()
