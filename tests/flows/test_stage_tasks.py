"""Stages as Prefect tasks, on a real (temporary) Prefect server with a small pipeline of two stages."""

from __future__ import annotations

import errno
import logging
import signal
import threading
import time
from collections.abc import Iterator
from concurrent.futures.process import BrokenProcessPool
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pyarrow as pa
import pytest
from prefect import State, flow
from prefect.client.orchestration import get_client
from prefect.client.schemas.filters import FlowFilter, FlowFilterName
from prefect.client.schemas.objects import StateType
from prefect.states import Completed, Failed
from prefect.testing.utilities import prefect_test_harness

from artifacts.store import Store
from configs.errors import MachineError, UserError
from flows.deployment_alias import DEFAULT, with_default, with_reason
from flows.prefect_glue import (
    StageRuns,
    artifact_key,
    stoppable,
    tell_in_one_line,
    watched_by,
    worth_retrying,
)
from flows.voice_finetune import recordings_given
from tasks.pipeline import Pipeline
from tasks.results import Scan, StageResult
from tasks.runner import StoppedError
from tasks.stage import CorpusStage, Inputs, Outcome, Produced, RowStage, Work, upstream
from tasks.stages import every_way
from tasks.watching import Advance, Watcher

SCHEMA = pa.schema([("recording_id", pa.string()), ("value", pa.int32())])


def double(rows: list[dict[str, Any]], cfg: Any, files: Any) -> list[Outcome]:
    return [Outcome([{"recording_id": row["recording_id"], "value": 2 * row["value"]}]) for row in rows]


def train(inputs: Inputs, cfg: Any, work: Work) -> Produced:
    total = sum(inputs.table("double")["value"].to_pylist())
    work.progress(1, 1, "step", loss=0.5)
    return Produced(rows=[{"recording_id": "all", "value": total}], metrics={"loss": 0.5})


DOUBLE = RowStage(
    name="double",
    version=1,
    run=f"{__name__}:double",
    reads={"scan": ("recording_id", "value")},
    schema=SCHEMA,
    parallel=False,
)
TRAIN = CorpusStage(
    name="train_it", version=1, run=f"{__name__}:train", reads={"double": None}, schema=SCHEMA
)


class Seen(Watcher):
    """A watcher that remembers."""

    def __init__(self) -> None:
        self.said: list[str] = []

    def started(self, stage: str) -> None:
        self.said.append(f"{stage} started")

    def advanced(self, stage: str, at: Advance) -> None:
        self.said.append(f"{stage} {at.done}/{at.total} {at.text}".strip())

    def finished(self, result: StageResult) -> None:
        self.said.append(f"{result.name} {result.status}")


@pytest.fixture(scope="module")
def server() -> Iterator[None]:
    with prefect_test_harness(server_startup_timeout=120):
        yield


def pipeline(folder: Path) -> Pipeline:
    rows = [{"recording_id": f"r{n}", "value": n, "location": str(folder)} for n in range(3)]
    return Pipeline(
        folder,
        "Ann O",
        SimpleNamespace(compute=SimpleNamespace(device="cpu")),
        scan=lambda: Scan(rows),
        stages=(DOUBLE, TRAIN),
        store=Store(str(folder / "store"), folder / "cache"),
    )


@flow(name="small", validate_parameters=False, persist_result=False)
def small(runs: StageRuns) -> None:
    runs.run((DOUBLE, TRAIN))


@pytest.mark.slow
def test_second_run_shows_every_stage_as_cached(server: None, tmp_path: Path) -> None:
    said = []
    for _ in range(2):
        runs, seen = StageRuns(pipeline(tmp_path)), Seen()
        with watched_by(seen):
            small(runs)
        said.append(seen.said)
    assert [line for line in said[0] if "computed" in line] == ["double computed", "train_it computed"]
    assert "train_it 1/1 step loss 0.5" in said[0]
    assert said[1] == ["double started", "double cached", "train_it started", "train_it cached"]


@pytest.mark.slow
def test_a_users_mistake_fails_the_flow_at_once_and_keeps_what_was_done(server: None, tmp_path: Path) -> None:
    """The training stage's scratch folder cannot be made: a plain file lies in its place."""
    (tmp_path / "work").mkdir()
    (tmp_path / "work" / "train_it").write_text("in the way")
    runs = StageRuns(pipeline(tmp_path))
    with pytest.raises(FileExistsError):
        small(runs)
    assert [result.name for result in runs.results] == ["double"]
    (tmp_path / "work" / "train_it").unlink()
    again = StageRuns(pipeline(tmp_path))
    small(again)
    assert [(one.name, one.status) for one in again.results] == [
        ("double", "cached"),
        ("train_it", "computed"),
    ]


@pytest.mark.parametrize(
    ("cause", "again"),
    [
        (OSError(5, "Input/output error"), True),
        (ConnectionResetError(), True),
        (TimeoutError(), True),
        (BrokenProcessPool(), True),
        (MachineError("the GPU's memory is full", passing=True), True),
        (MachineError("no space is left"), False),
        (UserError("a setting is wrong"), False),
        (StoppedError("train"), False),
        (FileNotFoundError(), False),
        (PermissionError(), False),
        (ValueError(), False),
    ],
)
def test_only_what_can_go_away_by_itself_is_tried_again(cause: Exception, again: bool) -> None:
    state = Failed(data=cause)
    assert worth_retrying(None, None, state) is again  # type: ignore[arg-type]


def stop_and_save(inputs: Inputs, cfg: Any, work: Work) -> Produced:
    """Ctrl-C comes while it trains."""
    signal.pthread_kill(threading.main_thread().ident, signal.SIGINT)
    deadline_s = time.monotonic() + 60
    while not work.stop() and time.monotonic() < deadline_s:
        time.sleep(0.01)
    raise StoppedError("stopped at step 3; the next run goes on from there")


@flow(name="part", validate_parameters=False, persist_result=False)
def part(runs: StageRuns) -> State[None] | None:
    return stoppable(lambda: runs.run((DOUBLE, TRAIN)))


@flow(name="whole", validate_parameters=False, persist_result=False)
def whole(runs: StageRuns) -> State[None] | None:
    return stoppable(lambda: part(runs))


@pytest.mark.slow
def test_a_run_that_somebody_stops_is_cancelled_not_crashed(server: None, tmp_path: Path, log: Kept) -> None:
    opened = pipeline(tmp_path)
    opened.stages["train_it"] = replace(TRAIN, run=f"{__name__}:stop_and_save")
    state = whole(StageRuns(opened), return_state=True)
    assert state.type is StateType.CANCELLED
    assert state.message == "stopped at step 3; the next run goes on from there"
    with get_client(sync_client=True) as client:
        runs = client.read_flow_runs(flow_filter=FlowFilter(name=FlowFilterName(any_=["whole", "part"])))
    assert [run.state_name for run in runs] == ["Cancelled", "Cancelled"]
    assert not [line for line in log.lines if "Traceback" in line or "Crash" in line]
    again = pipeline(tmp_path)
    again.stages["train_it"] = opened.stages["train_it"]
    with pytest.raises(StoppedError, match="stopped at step 3"):
        whole(StageRuns(again))


def fill_the_disk(inputs: Inputs, cfg: Any, work: Work) -> Produced:
    raise OSError(errno.ENOSPC, "No space left on device", str(work.dir / "tensors.safetensors"))


def break_down(inputs: Inputs, cfg: Any, work: Work) -> Produced:
    raise ZeroDivisionError


class Kept(logging.Handler):
    """Keeps what is logged, as a file would have it."""

    def __init__(self) -> None:
        super().__init__()
        self.lines: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.lines += self.format(record).splitlines()


@pytest.fixture
def log() -> Iterator[Kept]:
    """What Prefect's engines log."""
    tell_in_one_line()
    kept = Kept()
    loggers = [logging.getLogger(name) for name in ("prefect.flow_runs", "prefect.task_runs")]
    for logger in loggers:
        logger.addHandler(kept)
    yield kept
    for logger in loggers:
        logger.removeHandler(kept)


@pytest.mark.slow
def test_a_full_disk_fails_the_flow_at_once_and_its_state_and_log_say_so(
    server: None, tmp_path: Path, log: Kept
) -> None:
    opened = pipeline(tmp_path)
    opened.stages["train_it"] = replace(TRAIN, run=f"{__name__}:fill_the_disk")
    state = small(StageRuns(opened), return_state=True)
    said = f"train_it: no space is left for {tmp_path / 'work' / 'train_it'}"
    assert state.message is not None and said in state.message
    with pytest.raises(MachineError, match=said):
        state.result()
    assert len([line for line in log.lines if line.startswith(said)]) == 1
    assert not [line for line in log.lines if "Traceback" in line or "  File" in line]


@pytest.mark.slow
def test_a_fault_of_ours_is_logged_with_its_traceback(server: None, tmp_path: Path, log: Kept) -> None:
    opened = pipeline(tmp_path)
    opened.stages["train_it"] = replace(TRAIN, run=f"{__name__}:break_down")
    small(StageRuns(opened), return_state=True)
    assert [line for line in log.lines if line.startswith("Traceback")]


def test_the_parts_are_all_stages_in_order() -> None:
    for way in every_way().values():
        stages = way.all
        names = [stage.name for stage in stages]
        assert len(set(names)) == len(names)
        for position, stage in enumerate(stages):
            assert {name for name in upstream(stage) if name != "scan"} <= set(names[:position])


def test_an_unknown_stage_is_refused_with_the_names(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="until: 'trian' is not a stage; the stages are double, train_it"):
        StageRuns(pipeline(tmp_path), until="trian")
    with pytest.raises(UserError, match="force: "):
        StageRuns(pipeline(tmp_path), force=["x"])
    assert StageRuns(pipeline(tmp_path), until="double").names == ["double"]


def test_artifact_keys_are_what_prefect_takes() -> None:
    assert artifact_key("Ann O", "train_sovits") == "ann-o-train-sovits"


def test_recordings_that_are_no_folder_are_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="recordings: /nowhere is not a folder"):
        recordings_given("/nowhere", tmp_path)


def test_the_flows_bare_name_means_its_default_deployment() -> None:
    import asyncio

    asked: list[str] = []

    async def read(client: Any, name: str) -> None:
        asked.append(name)

    for name in ("voice-finetune", "voice-finetune/nightly", "other"):
        asyncio.run(with_default(read)(None, name))  # type: ignore[arg-type]
    assert asked == [DEFAULT, "voice-finetune/nightly", "other"]


def test_watching_a_run_ends_with_the_reason_why_it_failed() -> None:
    import asyncio

    failed = Failed(
        message="Flow run encountered an exception: UserError: preset: 'tinny' is not one of tiny"
    )
    printed: list[str] = []
    console = SimpleNamespace(print=lambda text, **_: printed.append(text))

    async def watch(flow_run_id: str, console: Any, timeout: int | None = None) -> Any:
        return SimpleNamespace(id=flow_run_id, state={"bad": failed, "good": Completed()}[flow_run_id])

    for name in ("good", "bad"):
        assert asyncio.run(with_reason(watch)(name, console, timeout=3)).id == name
    assert printed == ["error: preset: 'tinny' is not one of tiny"]
