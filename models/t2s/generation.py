"""Autoregressive decoding of semantic codes, several sentences at once."""

from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn import functional

from configs.errors import UserError
from models.t2s.model import TextMask, TextToSemantic, text_visible
from models.t2s.sampling import Sampling, next_codes, penalized
from models.t2s.stepping import Step, graphed_step, growing_step

STEPS_WITHOUT_END = 11
"""The end may not be among so many first codes, as in GPT-SoVITS: a fresh start is prone to stop at once."""


class GeneratedCodes(NamedTuple):
    """The new codes only, neither prompt nor end mark."""

    codes: Tensor
    """[B, N] int64, the end id beyond a row's length."""
    lengths: Tensor
    """[B] int64."""
    ended: Tensor
    """[B] bool; false where `max_codes` cut the row off."""


@torch.inference_mode()
def generate(
    model: TextToSemantic,
    phone_ids: Tensor,
    phone_lengths: Tensor,
    bert: Tensor,
    *,
    prompt: Tensor | None = None,
    sampling: Sampling,
    max_codes: int,
    rng: torch.Generator | Sequence[torch.Generator],
    cuda_graph: bool = True,
) -> GeneratedCodes:
    """Continue `prompt` [B, Q] (none: start from the text) until each row ends, or for `max_codes` codes.

    Args:
        phone_ids: [B, L] phones of the prompt's text and of the text to speak; phone_lengths: [B].
        bert: [B, D, L].
        model: as it was trained, or faster from `models.t2s.packed.prepare_for_decoding`.
        rng: one for all, or one per row, which then draws the same in every batch.
        cuda_graph: on a CUDA device, record a step once and replay it; off the device it means nothing.

    Raises:
        UserError: `max_codes` below 1.
    """
    if max_codes < 1:
        raise UserError(f"generate: max_codes = {max_codes} must be 1 or more")
    end_id = model.config.end_id
    if prompt is None:
        prompt = phone_ids.new_zeros(len(phone_ids), 0)
    n_given = prompt.shape[1]
    hidden, step_on = _read_prompt(model, phone_ids, phone_lengths, bert, prompt, max_codes, cuda_graph)
    sequence = functional.pad(prompt, (0, max_codes), value=end_id)
    lengths = torch.zeros_like(phone_lengths)
    ended = torch.zeros_like(phone_lengths, dtype=torch.bool)
    for step in range(max_codes):
        position = n_given + step
        logits = model.ar_predict_layer(hidden).float()
        logits = penalized(logits, sequence[:, :position], sampling.repetition_penalty)
        if step < STEPS_WITHOUT_END:
            logits[:, end_id] = -torch.inf
        chosen = next_codes(logits, sampling, rng)
        # A row also ends where the end is the likeliest code but another one was drawn.
        ended |= (chosen == end_id) | (logits.argmax(-1) == end_id)
        if bool(ended.all()):
            break
        chosen = chosen.masked_fill(ended, end_id)
        sequence[:, position] = chosen
        lengths += (~ended).long()
        if step + 1 < max_codes:
            hidden = step_on(chosen)
    codes = sequence[:, n_given:]
    return GeneratedCodes(codes[:, : int(lengths.max())], lengths, ended)


def _read_prompt(
    model: TextToSemantic,
    phone_ids: Tensor,
    phone_lengths: Tensor,
    bert: Tensor,
    prompt: Tensor,
    max_codes: int,
    cuda_graph: bool,
) -> tuple[Tensor, Step]:
    """What the next code follows from, [B, D], and the function that goes on with it; see `generate`."""
    n_rows, n_phones = phone_ids.shape
    n_given = prompt.shape[1]
    cache = model.empty_cache(n_rows, n_phones + n_given + max_codes)
    given = torch.full_like(phone_lengths, n_given)
    hidden = model(phone_ids, phone_lengths, bert, prompt, given, cache=cache)[:, -1]
    visible = None
    if bool((phone_lengths < n_phones).any()):
        visible = text_visible(phone_lengths, n_phones, TextMask.RIGHT)
        visible = functional.pad(visible, (0, n_given + max_codes), value=True)
    make_step = graphed_step if cuda_graph and phone_ids.is_cuda else growing_step
    return hidden, make_step(model, cache, n_given, visible)
