"""Rejected sequences, and what the preference against them does to a decoder."""

import torch
from torch import Tensor

from models.t2s.model import TextToSemantic
from models.t2s.preference import preference_loss, spoil
from models.t2s.step import T2SStep, log_probabilities
from tests.models.t2s.small import CONFIG, random_batch

END = 99


def _spoiled(codes: Tensor, lengths: list[int], seed: int) -> list[list[int]]:
    out = spoil(codes, torch.tensor(lengths), END, torch.Generator().manual_seed(seed))
    for row, length in zip(out.codes, out.lengths, strict=True):
        assert (row[length:] == END).all()
    return [row[:length].tolist() for row, length in zip(out.codes, out.lengths, strict=True)]


def test_a_span_is_said_twice_or_left_out() -> None:
    lengths = [1, 2, 9]
    codes = torch.arange(9).expand(3, -1)
    kinds = set()
    for seed in range(60):
        rows = _spoiled(codes, lengths, seed)
        assert rows == _spoiled(codes, lengths, seed)
        for row, length in zip(rows, lengths, strict=True):
            assert row
            # Codes count up, so a repeated span steps down once and a missing one leaves a gap.
            if len(row) > length:
                falls = [i for i in range(1, len(row)) if row[i] <= row[i - 1]]
                assert len(falls) == 1
                assert sorted(set(row)) == list(range(length))
                kinds.add("repeated")
            else:
                assert len(row) < length
                assert row == sorted(set(row))
                assert set(row) < set(range(length))
                kinds.add("deleted")
    assert kinds == {"repeated", "deleted"}


def test_the_preference_makes_spoiled_sequences_less_likely() -> None:
    torch.manual_seed(1)
    model = TextToSemantic(CONFIG)
    step, batch = T2SStep(model), random_batch(0)
    end_id = CONFIG.end_id
    spoiled = spoil(batch.codes, batch.code_lengths, end_id, torch.Generator())
    rejected = batch._replace(codes=spoiled.codes, code_lengths=spoiled.lengths)

    def margin() -> Tensor:
        with torch.no_grad():
            return log_probabilities(step.predict(batch)) - log_probabilities(step.predict(rejected))

    before = margin()
    optimiser = torch.optim.AdamW(model.parameters(), lr=2e-3)
    for _ in range(20):
        losses = step.losses(batch, rejected)
        assert losses.keys() == {"cross_entropy", "preference"}
        optimiser.zero_grad()
        losses["preference"].backward()
        optimiser.step()
    assert (margin() > before).all()


def test_the_preference_is_the_published_loss() -> None:
    """-log sigmoid(0.2 (chosen - rejected)): at margins of 5 and -5, log(1 + 1/e) and log(1 + e)."""
    loss = preference_loss(torch.tensor([5.0, -5.0]), torch.zeros(2))
    assert torch.isclose(loss, torch.tensor((0.3132617 + 1.3132617) / 2))
