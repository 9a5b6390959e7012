"""Where bfloat16 is worth it."""

from __future__ import annotations

import pytest
import torch

from models.layers.precision import computes_in_bf16


@pytest.mark.parametrize(
    ("asked", "wanted"),
    [
        ({"amx_bf16": True, "avx512_bf16": True}, True),
        ({"amx_bf16": False, "avx512_bf16": True}, True),
        ({"amx_bf16": False, "avx512_bf16": False}, False),
        ({}, False),
    ],
)
def test_a_gpu_computes_in_bf16_and_a_cpu_with_units_for_it(
    asked: dict[str, bool], wanted: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert computes_in_bf16(torch.device("cuda")) is True
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: asked, raising=False)
    assert computes_in_bf16(torch.device("cpu")) is wanted
