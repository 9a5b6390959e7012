"""Attention and flow of SoVITS, each against its definition."""

import torch
from torch import nn

from models.sovits.attention import RelativeSelfAttention
from models.sovits.flow import CouplingFlow
from tests.models.golden_fill import normal


def test_relative_attention_is_its_definition() -> None:
    """Position by position: keys and values shifted by the table of the offset, within the window."""
    attention = RelativeSelfAttention(channels=8, n_heads=2, dropout=0.0, window=2)
    x, n = normal("x", 1, 8, 7), 7
    mask = torch.tensor([[True] * 5 + [False] * 2])
    query, key, value = (
        attention.heads(project(x))[0] for project in (attention.conv_q, attention.conv_k, attention.conv_v)
    )
    rows = []
    for h in range(2):
        for i in range(n):
            scores, values = [], []
            for j in range(5):
                near = abs(j - i) <= 2
                shift_k = attention.emb_rel_k[0, j - i + 2] if near else torch.zeros(4)
                shift_v = attention.emb_rel_v[0, j - i + 2] if near else torch.zeros(4)
                scores.append(query[h, i] @ (key[h, j] + shift_k) / 2.0)
                values.append(value[h, j] + shift_v)
            rows.append(torch.stack(scores).softmax(0) @ torch.stack(values))
    expected = attention.merge(torch.stack(rows).reshape(1, 2, n, 4))
    torch.testing.assert_close(attention(x, mask), expected, rtol=1e-4, atol=1e-5)


def test_flow_reversed_is_its_inverse() -> None:
    flow = CouplingFlow(channels=6, hidden=8, kernel=5, n_layers=2, n_flows=3, style_channels=4)
    for parameter in flow.parameters():
        nn.init.normal_(parameter, std=0.3, generator=torch.Generator().manual_seed(1))
    mask = torch.ones(2, 1, 9)
    mask[1, :, 6:] = 0
    x, style = normal("z", 2, 6, 9) * mask, normal("style", 2, 4, 1)
    out = flow(x, mask, style)
    assert not torch.allclose(out, x)
    torch.testing.assert_close(flow(out, mask, style, reverse=True), x, rtol=1e-4, atol=1e-5)


def test_the_flow_adds_what_its_inverse_takes_away() -> None:
    """VITS' `ResidualCouplingLayer`: forwards the shift is added to the second half of the channels."""
    flow = CouplingFlow(channels=6, hidden=8, kernel=5, n_layers=1, n_flows=2, style_channels=4)
    nn.init.constant_(flow.flows["0"].post.bias, 0.5)
    x, mask, style = normal("z", 1, 6, 9), torch.ones(1, 1, 9), normal("style", 1, 4, 1)
    shift = torch.tensor([0.0, 0.0, 0.0, 0.5, 0.5, 0.5])[None, :, None]
    torch.testing.assert_close(flow(x, mask, style), x + shift)
    torch.testing.assert_close(flow(x, mask, style, reverse=True), x - shift)
