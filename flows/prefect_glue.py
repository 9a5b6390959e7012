"""One Prefect task per stage: naming, hits shown as `Cached`, retries, the GPU's turn, progress, tables.

The store decides what is done; Prefect shows it, repeats what failed and keeps the machine's limits. So
every task runs with `NO_CACHE` and no result is persisted: a flow run that is retried asks the store again.
"""

from __future__ import annotations

import logging
import re
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import BrokenExecutor
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, TypeVar
from uuid import UUID

import httpx
from prefect import get_run_logger, task
from prefect.artifacts import (
    create_progress_artifact,
    create_table_artifact,
    update_progress_artifact,
)
from prefect.cache_policies import NO_CACHE
from prefect.client.orchestration import get_client
from prefect.client.schemas.objects import State, TaskRun
from prefect.concurrency.sync import concurrency
from prefect.exceptions import MissingContextError, TerminationSignal
from prefect.futures import PrefectFuture
from prefect.runtime import deployment, flow_run
from prefect.settings import PREFECT_FLOWS_HEARTBEAT_FREQUENCY, temporary_settings
from prefect.states import Cancelled, Completed
from prefect.tasks import Task

from artifacts.faults import writing
from configs.errors import MachineError, UserError
from flows.services import GPU_LIMIT
from models.memory import kept_memory
from tasks.outcome import StoppedError
from tasks.pipeline import Pipeline
from tasks.results import StageResult
from tasks.stage import Stage, wants_gpu
from tasks.stages import Stages, check_stage_names, stages_of
from tasks.watching import Advance, Watcher

ResultT = TypeVar("ResultT")
RETRY_DELAYS_S = (2, 20)
PROGRESS_EVERY_S = 2.0
_COINED = re.compile(r"[a-z]+-[a-z]+")
_TAG = re.compile(r"\[(?=[a-z#/@])")
STOP_WAIT_S = 120.0
# Of the operating system's errors those that will be the same in twenty seconds.
LASTING = (FileExistsError, FileNotFoundError, IsADirectoryError, NotADirectoryError, PermissionError)
# What is told in one line, without where in the code it was found.
TOLD = (UserError, MachineError, StoppedError)


# Who looks on is no input of a run: it does not belong among a flow's parameters, which Prefect stores.
_WATCHERS: ContextVar[tuple[Watcher, ...]] = ContextVar("watchers", default=())


@contextmanager
def watched_by(*watchers: Watcher) -> Iterator[None]:
    """Let these look on, beside those that already do."""
    token = _WATCHERS.set((*_WATCHERS.get(), *watchers))
    try:
        yield
    finally:
        _WATCHERS.reset(token)


def foresee(said: str, seconds: Mapping[str, float | None]) -> None:
    """Tell those who look on, and the log, what the run will take; see `Watcher.foreseen`."""
    if said:
        run_log().info("%s", said)
    for watcher in _WATCHERS.get():
        watcher.foreseen(said, seconds)


@contextmanager
def brief() -> Iterator[None]:
    """Run a flow in this process without waiting for Prefect's heartbeats.

    Each flow run's end waits up to a second for its heartbeat thread, four seconds for a run whose work is
    four flows of looking up. Heartbeats let a server notice a lost worker; a run started by hand has none.
    """
    with temporary_settings({PREFECT_FLOWS_HEARTBEAT_FREQUENCY: None}):
        yield


class StageRuns:
    """A pipeline while a flow walks through it; what the subflows share.

    Args:
        pipeline: the voice's pipeline.
        force: stages that run even if nothing changed.
        until: last stage to run; all when None.

    Raises:
        UserError: a stage's name is not known.
    """

    # Slots: Prefect shows a flow's parameters through `vars()`, and this one is no parameter for people.
    __slots__ = ("force", "names", "pipeline", "results")

    def __init__(self, pipeline: Pipeline, force: Sequence[str] = (), until: str | None = None) -> None:
        known = list(pipeline.stages)
        check_stage_names(known, until, force)
        self.pipeline = pipeline
        self.force = frozenset(force)
        self.names = known[: known.index(until) + 1] if until else known
        self.results: list[StageResult] = []

    @property
    def stages(self) -> Stages:
        """The voice's stages in their three parts."""
        return stages_of(self.pipeline.settings)

    def run(self, stages: Sequence[Stage]) -> None:
        """Run those of the stages that the request reaches, one after the other.

        Raises:
            UserError, MachineError, StoppedError: the stage's own failure, which fails the flow.
        """
        for stage in stages:
            if stage.name in self.names:
                self.results.append(self._run(stage.name))

    def _run(self, name: str) -> StageResult:
        watchers = _WATCHERS.get()
        for watcher in watchers:
            watcher.started(name)
        future: PrefectFuture[Any] | None = None
        try:
            future = stage_task(name).submit(self.pipeline, name, name in self.force, watchers)
            result: StageResult = future.result()
        except Exception:
            raise  # the stage's own
        except BaseException as stop:
            # Signals and a cancelled flow run arrive here; the stage saves its state and ends by itself.
            self.pipeline.stop.set()
            if future is not None:
                future.wait(STOP_WAIT_S)
            if is_asked_for(stop):
                raise _stopped(future) from stop
            raise
        for watcher in watchers:
            watcher.finished(result)
        return result


def is_asked_for(stop: BaseException) -> bool:
    """Whether whoever started the run stops it by a signal; a deployment's run is ended by Prefect itself."""
    if isinstance(stop, TerminationSignal):
        return deployment.id is None
    return isinstance(stop, KeyboardInterrupt)


def stoppable(work: Callable[[], ResultT]) -> ResultT | State[Any]:
    """Do a flow's work; what it returns, or a state that has Prefect show the run as cancelled, not crashed.

    Whoever called the flow gets the `StoppedError` all the same: Prefect raises what a state holds.
    """
    try:
        return work()
    except StoppedError as stopped:
        return _cancelled(stopped)
    except BaseException as stop:
        if not is_asked_for(stop):
            raise
        return _cancelled(StoppedError())


def _cancelled(stopped: StoppedError) -> State[Any]:
    return Cancelled(message=str(stopped) or "stopped", data=stopped)


def _stopped(future: PrefectFuture[Any] | None) -> StoppedError:
    """How a stage ended that was told to stop; one that can says where."""
    if future is None or not future.state.is_final():
        return StoppedError()
    ended = future.state.result(raise_on_failure=False)
    return ended if isinstance(ended, StoppedError) else StoppedError()


def stage_task(name: str) -> Task[..., Any]:
    """The stage's task, named after it."""
    return _stage.with_options(name=name, task_run_name=name)


def worth_retrying(_task: Task[..., Any], _run: TaskRun, state: State[Any]) -> bool:
    """Whether a failure can go away by itself.

    A file system or connection that hiccups can, and so can a GPU or a machine whose memory another process
    holds. A wrong setting, a missing file and a fault in the code cannot.
    """
    cause = state.result(raise_on_failure=False)
    if isinstance(cause, (UserError, StoppedError)):
        return False
    if isinstance(cause, MachineError):
        return cause.passing
    if isinstance(cause, LASTING):
        return False
    return isinstance(cause, (OSError, BrokenExecutor))


@task(
    cache_policy=NO_CACHE,
    persist_result=False,
    retries=len(RETRY_DELAYS_S),
    retry_delay_seconds=list(RETRY_DELAYS_S),
    retry_condition_fn=worth_retrying,
)
def _stage(
    pipeline: Pipeline, name: str, force: bool, watchers: tuple[Watcher, ...]
) -> State[StageResult] | StageResult:
    progress = _Progress(pipeline.voice, name, watchers)
    try:
        with _gpu_turn(pipeline, name, force), writing(pipeline.workspace, name), kept_memory():
            result = pipeline.run_stage(name, force, progress)
    except StoppedError as stopped:
        return _cancelled(stopped)
    log = run_log()
    for warning in result.warnings:
        log.warning("%s: %s", name, warning)
    for note in result.notes:
        log.info("%s: %s", name, note)
    log.info("%s", describe(result))
    if result.status == "cached":
        # The table of the run that computed it stays the newest one under its key.
        return Completed(name="Cached", message=result.reason, data=result)
    progress.finish()
    create_table_artifact(
        key=artifact_key(pipeline.voice, name), table=_table(result), description=describe(result)
    )
    return result


def describe(result: StageResult) -> str:
    """A stage's result in one line."""
    if result.status == "cached":
        return f"{result.name}: cached, {result.rows_total} rows, {result.reason}"
    refused = f", {result.rejects} refused" if result.rejects else ""
    made = f"{result.rows_computed} of {result.rows_total} rows" if result.rows_total else "files"
    return f"{result.name}: computed {made} in {result.seconds:.1f} s{refused} ({result.reason})"


def summary_table(results: Sequence[StageResult]) -> list[dict[str, Any]]:
    """One row per stage."""
    return [
        {
            "stage": result.name,
            "status": result.status,
            "rows": result.rows_total,
            "computed": result.rows_computed,
            "refused": result.rejects,
            "seconds": round(result.seconds, 2),
            "output": result.output_digest[:12],
            "reason": result.reason,
        }
        for result in results
    ]


def artifact_key(*parts: str) -> str:
    """A Prefect artifact key: lower-case letters, digits and dashes."""
    return re.sub(r"[^a-z0-9]+", "-", "-".join(parts).lower()).strip("-")


class _AsRead(logging.Filter):
    """A log as people read it, by `--watch` and in Prefect's pages.

    What they can mend is logged once and without a traceback, whichever of Prefect's engines says so. And
    `--watch` takes words in brackets for its own markup: it would leave them out, or end at `[/`.
    """

    def __init__(self) -> None:
        super().__init__()
        self._last: BaseException | None = None

    def filter(self, record: logging.LogRecord) -> bool:
        """Whether the record is to be logged; it may be shortened."""
        error = record.exc_info[1] if record.exc_info else None
        if not isinstance(error, TOLD):
            record.msg, record.args = without_markup(record.getMessage()), None
            return True
        if error is self._last:
            return False
        self._last = error
        record.msg, record.args, record.exc_info, record.exc_text = (
            without_markup(str(error)),
            None,
            None,
            None,
        )
        return True


def without_markup(message: str) -> str:
    """The same to the eye, with no bracket that begins a tag of rich: a word joiner stands behind it."""
    return _TAG.sub("[\u2060", message)


def tell_in_one_line() -> None:
    """Let this process log a person's mistake and the machine's fault as one line each."""
    loggers = [
        logging.getLogger(name) for name in ("prefect.flow_runs", "prefect.task_runs", "prefect.engine")
    ]
    if not any(isinstance(one, _AsRead) for one in loggers[0].filters):
        shared = _AsRead()
        for logger in loggers:
            logger.addFilter(shared)


def run_log() -> logging.Logger | logging.LoggerAdapter[logging.Logger]:
    """The run's logger, whose lines the Prefect UI shows; outside a run the module's."""
    try:
        return get_run_logger()
    except MissingContextError:
        return logging.getLogger("voicewright")


def given_name() -> str | None:
    """The name that somebody gave the flow run; None where Prefect coined one: two words and a hyphen."""
    name = flow_run.name
    return None if name is None or _COINED.fullmatch(name) else name


def rename_run(name: str) -> None:
    """Give the flow run another name in Prefect's pages; where that fails the log says so."""
    if flow_run.id is None:
        return
    try:
        with get_client(sync_client=True) as client:
            client.set_flow_run_name(UUID(flow_run.id), name)
    except httpx.HTTPError as error:
        run_log().warning("the run keeps its first name: %s", type(error).__name__)


class _Progress:
    """Hands progress to watchers at once and to the Prefect UI every few seconds."""

    def __init__(self, voice: str, stage: str, watchers: tuple[Watcher, ...]) -> None:
        self._key = artifact_key(voice, stage, "progress")
        self._stage = stage
        self._watchers = watchers
        self._artifact: UUID | None = None
        self._sent_s = time.monotonic()

    def __call__(self, done: int, total: int, text: str = "", phase: str = "", **metrics: float) -> None:
        further = {name: value for name, value in metrics.items() if "/" not in name and name not in text}
        text = " ".join([text, *(f"{name} {value:.4g}" for name, value in further.items())]).strip()
        for watcher in self._watchers:
            watcher.advanced(self._stage, Advance(done, total, text, phase))
        if total and time.monotonic() - self._sent_s >= PROGRESS_EVERY_S:
            self._send(100.0 * done / total, f"{phase} {done} of {total} {text}".strip())

    def finish(self) -> None:
        """The bar is full, where there is one."""
        if self._artifact is not None:
            self._send(100.0, "done")

    def _send(self, percent: float, text: str) -> None:
        if self._artifact is None:
            self._artifact = create_progress_artifact(percent, key=self._key, description=text)  # type: ignore[assignment]
        else:
            update_progress_artifact(self._artifact, percent, description=text)
        self._sent_s = time.monotonic()


@contextmanager
def _gpu_turn(pipeline: Pipeline, name: str, force: bool) -> Iterator[None]:
    """Hold the GPU's one place while a stage that runs networks on it computes."""
    stage, settings = pipeline.stages[name], pipeline.settings
    # The look-up comes before the questions for a network and a device: those import much.
    cached = bool(stage.uses_gpu) and not force and pipeline.known(name) is not None
    if not stage.uses_gpu or cached or not (wants_gpu(stage, settings) and on_gpu(settings)):
        yield
        return
    run_log().info("%s: waiting for the GPU", name)
    with concurrency(GPU_LIMIT, occupy=1, strict=True):
        yield


def on_gpu(settings: Any) -> bool:
    """Whether networks will run on a CUDA device."""
    if settings.compute.device != "auto":
        return bool(settings.compute.device == "cuda")
    import torch

    return torch.cuda.is_available()


def _table(result: StageResult) -> list[dict[str, Any]]:
    facts: Mapping[str, Any] = {
        "status": result.status,
        "reason": result.reason,
        "rows": result.rows_total,
        "rows computed": result.rows_computed,
        "rows from the store": result.rows_cached,
        "refused": result.rejects,
        "warnings": len(result.warnings),
        "seconds": round(result.seconds, 2),
        "output": result.output_digest,
        **{name: float(f"{value:.6g}") for name, value in result.metrics.items()},
        **{f"file {name}": str(path) for name, path in result.files.items()},
    }
    return [{"what": name, "value": value} for name, value in facts.items()]
