"""Where rows are computed: by which processes, and how many at once."""

from __future__ import annotations

import os
import signal
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pyarrow as pa
import pytest
import torch

from configs.compute import ComputeSettings
from configs.errors import MachineError, UserError
from configs.settings import Settings
from models.frontend.asr import WHISPER_FILES
from tasks import runner
from tasks.corpus.stages import TRANSCRIBE
from tasks.device import chosen_device
from tasks.stage import RowStage, wants_gpu
from tasks.workers import Workers


def process_of(number: int) -> tuple[int, int]:
    return number, os.getpid()


def test_rows_for_a_gpu_share_one_process_that_ends_with_them() -> None:
    workers = Workers(3)
    made = list(workers.map(process_of, [(number,) for number in range(6)], parallel=True, alone=True))
    assert [number for number, _ in made] == list(range(6))
    (process,) = {process for _, process in made}
    assert process != os.getpid()
    assert workers._pool is None
    with pytest.raises(ProcessLookupError):
        os.kill(process, 0)


def killed(number: int) -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def test_a_killed_process_is_told_with_a_remedy_that_helps() -> None:
    workers = Workers(2)
    batches = [(number,) for number in range(4)]
    with pytest.raises(MachineError, match=r"one of 2 worker processes .* set compute.workers lower"):
        list(workers.map(killed, batches, parallel=True))
    with pytest.raises(MachineError, match=r"compute\.device=cpu, and run the same command again"):
        list(workers.map(killed, batches, parallel=True, alone=True))


def stage(uses_gpu: Any) -> RowStage:
    return RowStage(
        name="listen",
        version=1,
        run="tests.tasks.test_workers:none",
        reads={},
        config=("features",),
        machine=("compute.device",),
        schema=pa.schema([]),
        uses_gpu=uses_gpu,
    )


def settings(device: str, backend: str = "network") -> Any:
    return SimpleNamespace(compute=ComputeSettings(device=device), features=SimpleNamespace(backend=backend))


@pytest.mark.parametrize(
    ("device", "count", "backend", "expected"),
    [
        ("auto", 1, "network", True),
        ("cuda", 1, "network", True),
        ("auto", 0, "network", False),
        ("cpu", 1, "network", False),
        ("cuda", 1, "none", False),
        ("cuda", 0, "none", False),
    ],
)
def test_rows_go_to_a_gpu_where_a_network_wants_one_and_there_is_one(
    monkeypatch: pytest.MonkeyPatch, device: str, count: int, backend: str, expected: bool
) -> None:
    monkeypatch.setattr(torch.cuda, "device_count", lambda: count)
    by_network = stage(lambda cfg: cfg.features.backend == "network")
    assert runner._is_on_gpu(by_network, settings(device, backend)) is expected
    assert wants_gpu(by_network, settings(device, backend)) is (backend == "network")


def test_a_gpu_that_is_not_there_stops_the_stage(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 0)
    with pytest.raises(UserError, match=r"compute\.device = cuda: no CUDA device is found"):
        runner._is_on_gpu(stage(True), settings("cuda"))
    assert not runner._is_on_gpu(stage(False), settings("cuda"))


@pytest.mark.parametrize(
    ("backend", "device", "is_there", "expected"),
    [
        ("pocketsphinx", "auto", True, False),
        ("faster-whisper", "auto", False, True),
        ("auto", "auto", True, True),
        ("auto", "auto", False, False),
        ("auto", "cpu", True, False),
    ],
)
def test_recognition_wants_a_gpu_where_whisper_listens(
    tmp_path: Path, backend: str, device: str, is_there: bool, expected: bool
) -> None:
    for name in WHISPER_FILES if is_there else ():
        (tmp_path / name).touch()
    settings = Settings.model_validate(
        {
            "corpus": {"transcribe": {"backend": backend, "model": str(tmp_path)}},
            "compute": {"device": device},
        }
    )
    assert wants_gpu(TRANSCRIBE, settings) is expected


@pytest.mark.parametrize(
    ("asked", "count", "found"),
    [("auto", 0, "cpu"), ("auto", 2, "cuda"), ("cpu", 2, "cpu"), ("cuda", 1, "cuda")],
)
def test_auto_is_a_cuda_device_where_there_is_one(
    monkeypatch: pytest.MonkeyPatch, asked: str, count: int, found: str
) -> None:
    monkeypatch.setattr(torch.cuda, "device_count", lambda: count)
    assert chosen_device(asked).type == found


def test_the_option_that_asks_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 0)
    with pytest.raises(UserError, match=r"^--device = cuda: no CUDA device is found"):
        chosen_device("cuda", "--device")
