"""Processes that train together: how many devices they need, and how they report."""

from __future__ import annotations

import io
import json
import logging
from types import SimpleNamespace

import pytest
import torch

from configs.errors import UserError
from tasks.finetune import distributed


@pytest.mark.parametrize(
    ("devices", "device", "fits"),
    [(0, "auto", True), (1, "auto", False), (1, "cuda", False), (1, "cpu", True), (2, "auto", True)],
)
def test_each_process_has_a_device_or_none_has(
    devices: int, device: str, fits: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(torch.cuda, "device_count", lambda: devices)
    settings = SimpleNamespace(compute=SimpleNamespace(device=device))
    if fits:
        distributed._require_devices(2, settings)
    else:
        with pytest.raises(UserError, match=r"compute\.processes = 2: there are 1 CUDA devices"):
            distributed._require_devices(2, settings)


def test_what_a_process_reports_is_a_line_at_once() -> None:
    output = io.StringIO()
    report = distributed.reporter(output)
    report("progress", [1, 2, "", "", {}])
    distributed.ReportedWarnings(report).emit(logging.makeLogRecord({"msg": "clip %s", "args": ("a",)}))
    lines = [json.loads(line) for line in output.getvalue().splitlines()]
    assert lines == [{"progress": [1, 2, "", "", {}]}, {"warning": "clip a"}]
