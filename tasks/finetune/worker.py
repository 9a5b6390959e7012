"""One of the processes that train a stage together; torchrun starts it with the job's file."""

from __future__ import annotations

import logging
import sys
from importlib import import_module
from pathlib import Path

from artifacts.faults import machine_error
from configs.errors import UserError
from configs.settings import Settings
from models.memory import keep_memory, one_arena
from tasks.finetune.distributed import Job, ReportedWarnings, joined, reporter
from tasks.finetune.machine import choose_machine
from tasks.finetune.training import Prepare, fit
from tasks.outcome import ConfigView, StoppedError, Work


def main(path: Path) -> None:
    """Train the job's stage as one of several processes; the first of them reports on standard output."""
    one_arena()
    keep_memory()
    job = Job.read(path)
    cfg = ConfigView(Settings.model_validate(job.settings), job.paths)
    on_gpu = choose_machine(cfg.compute).device.type == "cuda"
    with joined(on_gpu) as ranks:
        report = reporter(sys.stdout)

        def progress(done: int, total: int, text: str = "", phase: str = "", **metrics: float) -> None:
            if ranks.first:
                report("progress", [done, total, text, phase, metrics])

        if ranks.first:
            logging.getLogger().addHandler(ReportedWarnings(report))
        try:
            fit(_prepare(job)(job.files, cfg), cfg, Work(job.folder, progress, job.stop_file.exists))
            finished = True
        except StoppedError:
            finished = False
        except UserError as error:
            if ranks.first or not job.error_file.exists():
                job.error_file.write_text(str(error))
            raise
        except Exception as error:
            # Every library has its own type for a full disk.
            told = machine_error(error, job.folder.parent.name, job.folder)
            if told is not None:
                report("fault", str(told))
            raise
        if ranks.first:
            report("finished", finished)


def _prepare(job: Job) -> Prepare:
    """The family's function that the job names."""
    module, _, function = job.prepare.partition(":")
    found: Prepare = getattr(import_module(module), function)
    return found


if __name__ == "__main__":
    main(Path(sys.argv[1]))
