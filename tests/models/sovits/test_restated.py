"""The layers of SoVITS against slow restatements, over random sizes, batches and lengths."""

import math

import pytest
import torch
from torch import Tensor, nn

from models.layers.masking import sequence_mask
from models.losses.divergence import gaussian_kl
from models.sovits.attention import CrossAttention, RelativeSelfAttention
from models.sovits.flow import CouplingFlow
from models.sovits.quantize import ResidualQuantizer
from models.sovits.wavenet import WaveNet
from tests.models.golden_fill import integers, normal

SEEDS = range(4)


def _sizes(seed: int, *limits: int) -> list[int]:
    """One size in 1..limit for each; the first seed has every size 1."""
    return [
        int(integers(f"restated/{seed}/{i}", 1, limit + 1)) if seed else 1 for i, limit in enumerate(limits)
    ]


def _lengths(seed: int, n_rows: int, longest: int) -> Tensor:
    lengths = integers(f"restated/lengths/{seed}", 1, longest + 1, n_rows)
    lengths[0] = longest
    return lengths


@pytest.mark.parametrize("seed", SEEDS)
def test_relative_attention(seed: int) -> None:
    n_rows, n_heads, width, n, window = _sizes(seed, 3, 3, 4, 9, 5)
    attention = RelativeSelfAttention(n_heads * width, n_heads, dropout=0.0, window=window)
    x, lengths = normal(f"restated/x/{seed}", n_rows, n_heads * width, n), _lengths(seed, n_rows, n)
    query, key, value = (
        attention.heads(project(x)) for project in (attention.conv_q, attention.conv_k, attention.conv_v)
    )
    joined = torch.zeros(n_rows, n_heads, n, width)
    for b in range(n_rows):
        for h in range(n_heads):
            for i in range(n):
                scores, values = [], []
                for j in range(int(lengths[b])):
                    near = abs(j - i) <= window
                    shift_k = attention.emb_rel_k[0, j - i + window] if near else torch.zeros(width)
                    shift_v = attention.emb_rel_v[0, j - i + window] if near else torch.zeros(width)
                    scores.append(query[b, h, i] @ (key[b, h, j] + shift_k) / math.sqrt(width))
                    values.append(value[b, h, j] + shift_v)
                joined[b, h, i] = torch.stack(scores).softmax(0) @ torch.stack(values)
    out = attention(x, sequence_mask(lengths, n))
    torch.testing.assert_close(out, attention.merge(joined), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("seed", SEEDS)
def test_attention_to_the_text_sees_no_padding(seed: int) -> None:
    n_rows, n_heads, width, n, n_context = _sizes(seed, 3, 3, 4, 7, 8)
    attention = CrossAttention(n_heads * width, n_heads)
    x = normal(f"restated/x/{seed}", n_rows, n_heads * width, n)
    context = normal(f"restated/context/{seed}", n_rows, n_heads * width, n_context)
    lengths = _lengths(seed, n_rows, n_context)
    out = attention(x, context, sequence_mask(lengths, n_context))
    query, key, value = (
        attention.heads(project(of))
        for project, of in (
            (attention.conv_q, x),
            (attention.conv_k, context),
            (attention.conv_v, context),
        )
    )
    joined = torch.zeros(n_rows, n_heads, n, width)
    for b, length in enumerate(lengths.tolist()):
        for h in range(n_heads):
            for i in range(n):
                scores = torch.stack([query[b, h, i] @ key[b, h, j] for j in range(length)])
                joined[b, h, i] = (scores / math.sqrt(width)).softmax(0) @ value[b, h, :length]
    torch.testing.assert_close(out, attention.merge(joined), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("seed", SEEDS)
def test_quantiser_takes_the_nearest_code_of_what_is_left(seed: int) -> None:
    n_rows, width, n, size, n_stages = _sizes(seed, 3, 5, 8, 12, 3)
    quantizer = ResidualQuantizer(size, width, n_stages)
    for stage, codebook in enumerate(quantizer.codebooks):
        codebook.embed.copy_(normal(f"restated/codes/{seed}/{stage}", size, width))
    x, lengths = normal(f"restated/x/{seed}", n_rows, width, n), _lengths(seed, n_rows, n)
    out = quantizer(x, sequence_mask(lengths, n), learn=False)
    commitment = [0.0] * n_stages
    for b in range(n_rows):
        for t in range(n):
            left, total = x[b, :, t], torch.zeros(width)
            for stage, codebook in enumerate(quantizer.codebooks):
                distances = [float((left - code).square().sum()) for code in codebook.embed]
                best = min(range(size), key=distances.__getitem__)
                assert out.codes[stage, b, t] == best
                if t < lengths[b]:
                    commitment[stage] += distances[best] / width
                left, total = left - codebook.embed[best], total + codebook.embed[best]
            torch.testing.assert_close(out.vectors[b, :, t], total, rtol=1e-5, atol=1e-5)
    assert float(out.commitment) == pytest.approx(sum(commitment) / int(lengths.sum()), rel=1e-4)
    torch.testing.assert_close(quantizer.encode(x), out.codes)


@pytest.mark.parametrize("seed", SEEDS)
def test_divergence_counts_frames_that_exist(seed: int) -> None:
    n_rows, width, n = _sizes(seed, 4, 5, 9)
    z_p, logs_q, m_p, logs_p = (normal(f"restated/{name}/{seed}", n_rows, width, n) for name in "zqmp")
    lengths = _lengths(seed, n_rows, n)
    total = 0.0
    for b, length in enumerate(lengths.tolist()):
        for t in range(length):
            for c in range(width):
                z, s_q, m, s_p = (float(x[b, c, t]) for x in (z_p, logs_q, m_p, logs_p))
                total += s_p - s_q - 0.5 + 0.5 * (z - m) ** 2 / math.exp(s_p) ** 2
    kl = gaussian_kl(z_p, logs_q, m_p, logs_p, sequence_mask(lengths, n)[:, None].float())
    assert float(kl) == pytest.approx(total / int(lengths.sum()), rel=1e-4)


@pytest.mark.slow
def test_flow_and_gated_convolutions_pass_the_gradient_check() -> None:
    flow = CouplingFlow(channels=4, hidden=3, kernel=3, n_layers=2, n_flows=2, style_channels=2).double()
    gated = WaveNet(channels=3, kernel=3, n_layers=2, style_channels=2).double()
    for parameter in flow.parameters():
        nn.init.normal_(parameter, std=0.3, generator=torch.Generator().manual_seed(1))
    mask = sequence_mask(torch.tensor([4, 3]), 4)[:, None].double()
    style = normal("check/style", 2, 2, 1).double().requires_grad_()
    z, x = (normal(f"check/{n}", 2, n, 4).double().requires_grad_() for n in (4, 3))
    assert torch.autograd.gradcheck(lambda z, style: flow(z, mask, style), (z, style))
    assert torch.autograd.gradcheck(lambda x, style: gated(x, mask, style), (x, style))


def test_the_quantisers_gradient_is_the_identitys_and_the_commitments_own() -> None:
    quantizer = ResidualQuantizer(6, 3).double()
    quantizer.codebooks[0].embed.copy_(normal("check/codes", 6, 3))
    mask = sequence_mask(torch.tensor([4, 3]), 4)
    x = normal("check/x", 2, 3, 4).double().requires_grad_()
    assert torch.autograd.gradcheck(lambda x: quantizer(x, mask, learn=False).commitment, (x,))
    quantizer.codebooks[0].cluster_size.fill_(1)
    towards = normal("check/towards", 2, 3, 4).double()
    (gradient,) = torch.autograd.grad(quantizer(x, mask, learn=True).vectors, x, towards)
    assert torch.equal(gradient, towards)
