"""Precision: what `auto` means where."""

from __future__ import annotations

import pytest
import torch

from configs.compute import ComputeSettings
from models.layers.precision import computes_in_bf16
from tasks.finetune.machine import choose_machine


@pytest.mark.parametrize(("has_units", "takes_it"), [(True, True), (True, False), (False, True)])
def test_auto_is_bf16_on_a_cpu_with_units_for_it_where_the_work_takes_it(
    monkeypatch: pytest.MonkeyPatch, has_units: bool, takes_it: bool
) -> None:
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: {"amx_bf16": has_units}, raising=False)
    assert choose_machine(ComputeSettings(device="cpu"), takes_it).bf16 is (has_units and takes_it)
    assert choose_machine(ComputeSettings(device="cpu", precision="bf16"), takes_it).bf16
    assert not choose_machine(ComputeSettings(device="cpu", precision="fp32"), takes_it).bf16


def test_a_cpu_that_cannot_be_asked_has_no_units(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(torch.cpu, "get_capabilities", raising=False)
    assert not computes_in_bf16(torch.device("cpu"))
    assert computes_in_bf16(torch.device("cuda"))
