"""Processes that train one network together: what they share, what they agree on, how they are started.

The batches of an optimiser step (`accumulate` of them) are dealt out: process r of n takes those whose number
modulo n is r. Each batch is normalised by itself (the KL by its frames, the mel distance by its elements, the
discriminators' losses by their scores) and a step's loss is the mean over its batches, so the sum of the
processes' gradients is exactly the gradient of one process that takes all batches in turn: rows are never
split, no denominator spans processes, and neither unequal row counts nor unequal lengths need a correction.
The noise of a batch is seeded by its number, not by who takes it. The number of processes therefore changes
nothing but the order in which floating-point sums are taken.
"""

from __future__ import annotations

import json
import logging
import os
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import IO, Any, TypeVar

import torch
from torch import Tensor, distributed

from artifacts.store import write_atomically
from configs.errors import MachineError, UserError
from tasks.outcome import ConfigView, StoppedError, Work

ValueT = TypeVar("ValueT")

ROOT = Path(__file__).resolve().parents[2]
PATIENCE = timedelta(hours=2)
"""How long processes wait for each other: the first one validates alone."""
LOG_TAIL_CHARS = 4000


@dataclass(frozen=True)
class Ranks:
    """This process among those that train together; alone by default.

    Attributes:
        index: 0 for the process that reports, validates and writes.
        count: Processes in all.
        device: Where values to be exchanged must lie.
    """

    index: int = 0
    count: int = 1
    device: str = "cpu"

    @property
    def first(self) -> bool:
        """Whether this process is the one that reports, validates and writes."""
        return self.index == 0

    def takes(self, number: int) -> bool:
        """Whether batch `number` of a step is this process's."""
        return number % self.count == self.index

    def sum_gradients(self, parameters: Sequence[Tensor]) -> None:
        """Replace every gradient by its sum over the processes, in one exchange."""
        gradients = [p.grad for p in parameters if p.grad is not None]
        if self.count == 1 or not gradients:
            return
        flat = torch.cat([gradient.reshape(-1) for gradient in gradients])
        distributed.all_reduce(flat)
        for gradient, summed in zip(gradients, flat.split([g.numel() for g in gradients]), strict=True):
            gradient.copy_(summed.view_as(gradient))

    def sum(self, values: Tensor) -> Tensor:
        """The sum over the processes, the same bits on each."""
        if self.count > 1:
            distributed.all_reduce(values)
        return values

    def any(self, flag: bool) -> bool:
        """Whether it is true on any process: all go the same way."""
        if self.count == 1:
            return flag
        return bool(self.sum(torch.tensor(float(flag), device=self.device)).item() > 0)

    def from_first(self, value: ValueT) -> ValueT:
        """The first process's value, on every process."""
        if self.count == 1:
            return value
        held: list[Any] = [value]
        distributed.broadcast_object_list(held, src=0, device=torch.device(self.device))
        return held[0]  # type: ignore[no-any-return]

    def gathered(self, names: Sequence[str]) -> list[str]:
        """The names that all processes hold, on every process."""
        if self.count == 1:
            return list(names)
        held: list[Any] = [None] * self.count
        distributed.all_gather_object(held, list(names))
        return [name for part in held for name in part]


ALONE = Ranks()


def current_ranks() -> Ranks:
    """This process's place in torch.distributed's group; alone where there is none."""
    if not (distributed.is_available() and distributed.is_initialized()):
        return ALONE
    on_gpu = distributed.get_backend() == "nccl"
    device = f"cuda:{torch.cuda.current_device()}" if on_gpu else "cpu"
    return Ranks(distributed.get_rank(), distributed.get_world_size(), device)


@contextmanager
def joined(on_gpu: bool) -> Iterator[Ranks]:
    """Join the group that torchrun's environment describes: NCCL between GPUs, gloo between CPUs."""
    # The functions in there take the group of the moment for their default. The first optimiser imports them,
    # and they would keep this one, whose threads now and then abort a process that is about to end.
    import torch.distributed.nn.functional

    if on_gpu:
        torch.cuda.set_device(int(os.environ["LOCAL_RANK"]))
    distributed.init_process_group("nccl" if on_gpu else "gloo", timeout=PATIENCE)
    try:
        yield current_ranks()
    finally:
        distributed.destroy_process_group()


# -- starting the processes of a stage


@dataclass(frozen=True)
class Job:
    """What the processes of a stage need to know, as a file.

    Attributes:
        prepare: The family's function that opens the files, `module:function`; see tasks.finetune.training.
        settings: The declared settings, as nested JSON values.
        paths: Which settings were declared.
        files: Files by upstream stage and name.
        folder: The stage's private folder.
    """

    prepare: str
    settings: Mapping[str, Any]
    paths: tuple[str, ...]
    files: Mapping[str, Mapping[str, Path]]
    folder: Path

    @property
    def stop_file(self) -> Path:
        """Exists once the processes are to stop."""
        return self.folder / "stop"

    @property
    def error_file(self) -> Path:
        """Holds what the user can mend, when that ended a process."""
        return self.folder / "error.txt"

    def write(self) -> Path:
        """The job's file, in its folder."""
        record = {
            "prepare": self.prepare,
            "settings": self.settings,
            "paths": self.paths,
            "files": {s: {n: str(p) for n, p in files.items()} for s, files in self.files.items()},
        }
        path = self.folder / "job.json"
        write_atomically(path, json.dumps(record).encode())
        return path

    @classmethod
    def of(
        cls,
        prepare: Callable[..., object],
        files: Mapping[str, Mapping[str, Path]],
        cfg: ConfigView,
        folder: Path,
    ) -> Job:
        """A stage's job with the settings that it declared."""
        name = f"{prepare.__module__}:{prepare.__qualname__}"
        return cls(name, _nested(cfg), cfg.paths, files, folder)

    @classmethod
    def read(cls, path: Path) -> Job:
        """The reverse of `write`."""
        record = json.loads(path.read_text())
        files = {s: {n: Path(p) for n, p in named.items()} for s, named in record["files"].items()}
        return cls(record["prepare"], record["settings"], tuple(record["paths"]), files, path.parent)


def train_in_processes(
    prepare: Callable[..., object],
    count: int,
    files: Mapping[str, Mapping[str, Path]],
    cfg: ConfigView,
    work: Work,
) -> None:
    """Run a training in `count` processes under torchrun; its last checkpoint is then there.

    The processes find the training by the name of `prepare`, a function of a module.

    The processes live in a session of their own, so that Ctrl-C reaches this process alone, which asks them
    to stop; should this process die, the first of them fails at its next report and torchrun ends the rest.

    Raises:
        StoppedError: a stop was asked for; the checkpoint of the last step is on the disk.
        UserError: more processes than CUDA devices, or what a process found that the user can mend.
        MachineError: the machine refused something in one of the processes.
        RuntimeError: a process failed otherwise; the end of its log is in the message.
    """
    _require_devices(count, cfg)
    job = Job.of(prepare, files, cfg, work.dir)
    for leftover in (job.stop_file, job.error_file):
        leftover.unlink(missing_ok=True)
    command = [
        *(sys.executable, "-m", "torch.distributed.run", "--standalone", f"--nproc-per-node={count}"),
        *("-m", "tasks.finetune.worker", str(job.write())),
    ]
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": str(cfg.compute.threads)}
    log_path = work.dir / "processes.log"
    with (
        log_path.open("w") as log,
        subprocess.Popen(
            command,
            cwd=ROOT,
            env=environment,
            stdout=subprocess.PIPE,
            stderr=log,
            text=True,
            start_new_session=True,
        ) as process,
    ):
        assert process.stdout is not None
        try:
            finished = _listen(process.stdout, job, work)
            status = process.wait()
        except BaseException:
            # Leaving the block waits for torchrun, which ends its processes when it is told to go.
            process.terminate()
            raise
    if job.error_file.exists():
        raise UserError(job.error_file.read_text())
    if status != 0:
        raise RuntimeError(f"{job.prepare}: a process failed\n{log_path.read_text()[-LOG_TAIL_CHARS:]}")
    if not finished:
        raise StoppedError("stopped; the next run goes on from the last step")


def reporter(output: IO[str]) -> Callable[[str, Any], None]:
    """A function that sends `(kind, value)` to the process that started this one."""

    def report(kind: str, value: Any) -> None:
        output.write(json.dumps({kind: value}) + "\n")
        output.flush()

    return report


class ReportedWarnings(logging.Handler):
    """Warnings of a process, sent to the one that started it."""

    def __init__(self, report: Callable[[str, Any], None]) -> None:
        super().__init__(logging.WARNING)
        self.report = report

    def emit(self, record: logging.LogRecord) -> None:
        """Send one."""
        self.report("warning", record.getMessage())


def _require_devices(count: int, cfg: ConfigView) -> None:
    devices = torch.cuda.device_count() if cfg.compute.device != "cpu" else 0
    if 0 < devices < count:
        raise UserError(
            f"compute.processes = {count}: there are {devices} CUDA devices and each process takes one; set "
            f"it to {devices} or less, or compute.device to cpu"
        )


def _listen(output: IO[str], job: Job, work: Work) -> bool:
    """Pass on what the first process reports, and a stop to all; whether training came to its end.

    Raises:
        MachineError: the machine refused something in one of the processes.
    """
    finished = False
    for line in output:
        report = json.loads(line)
        if "progress" in report:
            done, total, text, phase, metrics = report["progress"]
            work.progress(done, total, text, phase, **metrics)
            if work.stop():
                job.stop_file.touch()
        elif "fault" in report:
            raise MachineError(report["fault"])
        elif "warning" in report:
            logging.getLogger(__name__).warning("%s", report["warning"])
        else:
            finished = report["finished"]
    return finished


def _nested(cfg: ConfigView) -> dict[str, Any]:
    """The declared settings as JSON values, nested by section."""
    tree: dict[str, Any] = {}
    for path in cfg.paths:
        *sections, name = path.split(".")
        value: Any = cfg
        place = tree
        for section in sections:
            value = getattr(value, section)
            place = place.setdefault(section, {})
        value = getattr(value, name)
        place[name] = value.model_dump(mode="json") if hasattr(value, "model_dump") else value
    return tree
