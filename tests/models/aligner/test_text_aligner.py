"""The text aligner: other sizes, what padding may change, hidden tokens, gradients."""

import pytest
import torch
from torch import Tensor

from models.aligner.text_aligner import UNKNOWN, TextAligner
from models.layers.masking import sequence_mask
from tests.models.golden_fill import integers, normal
from tests.models.styletts2_golden import fill_with_salt

N_SYMBOLS = 20
SIZES = {
    "n_mels": 16, "n_mfcc": 8, "hidden": 24, "n_layers": 2, "attention": 12, "embedding": 10,
    "location_channels": 4, "location_kernel": 7,
}  # fmt: skip


def _aligner(salt: str = "aligner") -> TextAligner:
    aligner = TextAligner(N_SYMBOLS, **SIZES).eval()
    fill_with_salt(salt, "text_aligner", aligner)
    return aligner


def _batch(n_rows: int, n_frames: int, n_tokens: int) -> tuple[Tensor, Tensor]:
    mel = normal(f"mel/{n_rows}/{n_frames}", n_rows, SIZES["n_mels"], 2 * n_frames)
    return mel, integers(f"tokens/{n_rows}/{n_tokens}", 4, N_SYMBOLS, n_rows, n_tokens)


@torch.no_grad()
def _by_tokens(aligner: TextAligner, memory: Tensor, mask: Tensor, tokens: Tensor) -> tuple[Tensor, Tensor]:
    """The decoder as its paper describes it, one token and one module at a time."""
    decoder, layer = aligner.asr_s2s, aligner.asr_s2s.attention_layer
    state = carry = context = memory.new_zeros(len(memory), memory.shape[2])
    weights = total = memory.new_zeros(memory.shape[:2])
    logits, attention = [], []
    for step in range(tokens.shape[1] + 1):
        told = tokens[:, step - 1] if step else torch.ones_like(tokens[:, 0])
        gathered = torch.cat((decoder.embedding(told), context), 1)
        state, carry = decoder.decoder_rnn(gathered, (state, carry))
        where = layer.location_layer(torch.stack((weights, total), 1))
        energy = layer.v(torch.tanh(layer.query_layer(state)[:, None] + where + layer.memory_layer(memory)))
        weights = torch.where(mask, energy[..., 0].exp(), 0.0)
        weights = weights / weights.sum(1, keepdim=True)
        total = total + weights
        context = (weights[..., None] * memory).sum(1)
        logits.append(decoder.project_to_n_symbols(decoder.project_to_hidden(torch.cat((state, context), 1))))
        attention.append(weights)
    return torch.stack(logits, 1), torch.stack(attention[1:], 1)


@pytest.mark.parametrize(("n_rows", "n_frames", "n_tokens"), [(1, 9, 1), (3, 20, 7)])
def test_decoder_is_the_cell_by_cell_one(n_rows: int, n_frames: int, n_tokens: int) -> None:
    aligner = _aligner()
    mel, tokens = _batch(n_rows, n_frames, n_tokens)
    mask = sequence_mask(torch.arange(n_rows) + n_frames - n_rows + 1, n_frames)
    with torch.no_grad():
        found = aligner(mel, mask, tokens)
        memory = aligner.encode(mel).transpose(1, 2)
    logits, attention = _by_tokens(aligner, memory, mask, tokens)
    torch.testing.assert_close(found.logits, logits, rtol=1e-5, atol=1e-6)
    torch.testing.assert_close(found.attention, attention, rtol=1e-5, atol=1e-6)
    assert not found.attention.masked_select(~mask[:, None]).any()


@torch.no_grad()
def test_rows_are_apart_and_tokens_see_no_later_ones() -> None:
    aligner = _aligner()
    mel, tokens = _batch(3, 15, 6)
    mask = torch.ones(3, 15, dtype=torch.bool)
    together = aligner(mel, mask, tokens)
    alone = aligner(mel[1:2], mask[1:2], tokens[1:2, :4])
    torch.testing.assert_close(together.attention[1:2, :4], alone.attention, rtol=1e-5, atol=1e-6)
    torch.testing.assert_close(together.logits[1:2, :5], alone.logits, rtol=1e-5, atol=1e-6)
    torch.testing.assert_close(together.ppgs[1:2], alone.ppgs, rtol=1e-5, atol=1e-6)


def test_tokens_are_hidden_in_training_only_and_by_the_generator_given() -> None:
    aligner = _aligner()
    mel, tokens = _batch(2, 30, 25)
    mask = torch.ones(2, 30, dtype=torch.bool)

    def logits(seed: int) -> Tensor:
        torch.manual_seed(0)
        return aligner(mel, mask, tokens, rng=torch.Generator().manual_seed(seed)).logits

    assert torch.equal(logits(0), logits(1))
    aligner.train()
    assert torch.equal(logits(0), logits(0))
    assert not torch.equal(logits(0), logits(1))

    aligner.eval()
    hidden = torch.zeros_like(tokens, dtype=torch.bool)
    hidden[0, 3] = True
    replaced = tokens.clone()
    replaced[0, 3] = UNKNOWN
    assert torch.equal(aligner(mel, mask, tokens, hidden=hidden).logits, aligner(mel, mask, replaced).logits)


def test_every_weight_trains() -> None:
    aligner = _aligner().train()
    mel, tokens = _batch(2, 12, 5)
    found = aligner(mel, torch.ones(2, 12, dtype=torch.bool), tokens, rng=torch.Generator())
    sum(value.square().sum() for value in found).backward()
    assert all(p.grad is not None and p.grad.any() for p in aligner.parameters())
