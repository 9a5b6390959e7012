"""Direct preference optimisation against sequences with a span said twice or left out.

Source: Rafailov et al. 2023 without a reference model, as GPT-SoVITS `AR/models/utils.py` trains with
`if_dpo`: repeated and swallowed words are what a decoder of speech codes gets wrong.
"""

from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn import functional
from torch.nn.utils.rnn import pad_sequence

BETA = 0.2


class SpoiledCodes(NamedTuple):
    codes: Tensor
    """[B, T'] int64, the end id beyond a row's length."""
    lengths: Tensor
    """[B] int64."""


def spoil(codes: Tensor, lengths: Tensor, end_id: int, rng: torch.Generator) -> SpoiledCodes:
    """Each row of [B, T] with a random span repeated or deleted, with equal chances.

    Call it before a batch goes to the device: the spans are cut on the host. A row of one code is repeated,
    so that no row is left empty.
    """
    rows = [_spoiled(row[:length], rng) for row, length in zip(codes.cpu(), lengths.tolist(), strict=True)]
    return SpoiledCodes(
        pad_sequence(rows, batch_first=True, padding_value=float(end_id)).to(codes.device),
        lengths.new_tensor([len(row) for row in rows]),
    )


def _spoiled(row: Tensor, rng: torch.Generator) -> Tensor:
    n = len(row)
    repeated = n < 2 or bool(torch.randint(2, (), generator=rng))
    span = 1 + int(torch.randint(n if repeated else n - 1, (), generator=rng))
    start = int(torch.randint(n - span + 1, (), generator=rng))
    stop = start + span
    return torch.cat((row[:stop], row[start:]) if repeated else (row[:start], row[stop:]))


def preference_loss(chosen: Tensor, rejected: Tensor, beta: float = BETA) -> Tensor:
    """Scalar: mean of -log sigmoid(beta (chosen - rejected)) over rows' log-probabilities [B]."""
    return -functional.logsigmoid(beta * (chosen - rejected)).mean()
