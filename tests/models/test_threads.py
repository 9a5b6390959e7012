"""The number of torch's threads inside a block and after it."""

from __future__ import annotations

import pytest
import torch

from models.threads import arithmetic_threads


def test_threads_are_as_asked_inside_and_as_before_afterwards() -> None:
    before = torch.get_num_threads()
    with arithmetic_threads(before + 1):
        assert torch.get_num_threads() == before + 1
    assert torch.get_num_threads() == before
    with pytest.raises(ZeroDivisionError), arithmetic_threads(before + 1):
        _ = 1 / 0
    assert torch.get_num_threads() == before
