"""Where bfloat16 is worth it."""

from __future__ import annotations

import pytest
import torch

from models.layers.precision import computes_in_bf16


@pytest.mark.parametrize(("has_amx", "wanted"), [(True, True), (False, False), (None, False)])
def test_a_gpu_computes_in_bf16_and_a_cpu_with_amx(
    has_amx: bool | None, wanted: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert computes_in_bf16(torch.device("cuda")) is True
    asked = {} if has_amx is None else {"amx_bf16": has_amx}
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: asked, raising=False)
    assert computes_in_bf16(torch.device("cpu")) is wanted
