"""What one of several processes tells the one that started it, and what that one hands on."""

from __future__ import annotations

import io
import json
import logging
import runpy
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from configs.errors import MachineError, UserError
from configs.settings import Settings
from tasks.finetune import distributed
from tasks.finetune.distributed import Job, Ranks
from tasks.outcome import ConfigView, StoppedError, Work


def prepare(files: Mapping[str, Mapping[str, Path]], cfg: ConfigView) -> str:
    """Stands for a family's function; the training is `trained`."""
    assert cfg.compute.threads == 1
    return f"training of {', '.join(files)}"


@pytest.fixture
def job(tmp_path: Path) -> Job:
    cfg = ConfigView(
        Settings.model_validate({"compute": {"device": "cpu", "threads": 1}}),
        ("compute.device", "compute.precision", "compute.threads"),
    )
    return Job.of(prepare, {"shard": {"a": tmp_path / "a"}}, cfg, tmp_path)


def reports(
    job: Job, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], trained: Any
) -> list[dict[str, Any]]:
    """Of the worker as a program, the first of two, with its training replaced."""

    @contextmanager
    def joined(on_gpu: bool) -> Iterator[Ranks]:
        assert not on_gpu
        yield Ranks(0, 2)

    monkeypatch.setattr(distributed, "joined", joined)
    monkeypatch.setattr("tasks.finetune.training.fit", trained)
    monkeypatch.setattr(sys, "argv", ["worker", str(job.write())])
    # A program adds its own, for as long as it lives.
    monkeypatch.setattr(logging.getLogger(), "handlers", [*logging.getLogger().handlers])
    monkeypatch.delitem(sys.modules, "tasks.finetune.worker", raising=False)
    runpy.run_module("tasks.finetune.worker", run_name="__main__")
    return [json.loads(line) for line in capsys.readouterr().out.splitlines()]


def test_a_worker_trains_what_the_job_names_and_reports(
    job: Job, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def trained(training: str, cfg: ConfigView, work: Work) -> None:
        assert training == "training of shard" and work.dir == job.folder and not work.stop()
        work.progress(3, 10, "training", loss=0.5)

    assert reports(job, monkeypatch, capsys, trained) == [
        {"progress": [3, 10, "training", "", {"loss": 0.5}]},
        {"finished": True},
    ]


def test_a_worker_that_was_stopped_has_not_finished(
    job: Job, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def stopped(training: str, cfg: ConfigView, work: Work) -> None:
        assert work.stop()
        raise StoppedError("stopped")

    job.stop_file.touch()
    assert reports(job, monkeypatch, capsys, stopped) == [{"finished": False}]


def test_what_the_user_can_mend_is_left_in_the_jobs_folder(
    job: Job, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def refused(*_: object) -> None:
        raise UserError("train.x = 3: set it to 2")

    with pytest.raises(UserError):
        reports(job, monkeypatch, capsys, refused)
    assert job.error_file.read_text() == "train.x = 3: set it to 2"


def test_progress_is_passed_on_and_a_stop_reaches_the_processes(job: Job, tmp_path: Path) -> None:
    said: list[tuple[Any, ...]] = []
    lines = [
        {"progress": [1, 9, "a", "loading networks", {"loss": 2.0}]},
        {"progress": [2, 9, "b", "", {}]},
        {"finished": False},
    ]

    def progress(done: int, total: int, text: str = "", phase: str = "", **metrics: float) -> None:
        said.append((done, total, text, phase, metrics))

    work = Work(tmp_path, progress, lambda: len(said) == 2)
    output = _Watched(lines, job.stop_file)
    assert distributed._listen(output, job, work) is False
    assert said == [(1, 9, "a", "loading networks", {"loss": 2.0}), (2, 9, "b", "", {})]
    assert output.stopped == [False, False, True]


def test_a_fault_of_the_machine_is_raised_in_its_words(job: Job, tmp_path: Path) -> None:
    work = Work(tmp_path, lambda *_, **__: None, lambda: False)
    with pytest.raises(MachineError, match="no space is left"):
        distributed._listen(io.StringIO('{"fault": "no space is left for it"}\n'), job, work)
    assert distributed._listen(io.StringIO('{"finished": true}\n'), job, work) is True


class _Watched(io.StringIO):
    """Lines of reports; whether the stop was asked for when each was read."""

    def __init__(self, lines: list[dict[str, Any]], stop_file: Path) -> None:
        super().__init__("".join(f"{json.dumps(line)}\n" for line in lines))
        self.stop_file = stop_file
        self.stopped: list[bool] = []

    def __next__(self) -> str:
        line = super().__next__()
        self.stopped.append(self.stop_file.exists())
        return line
