"""Keeps MLflow up to date while stages run. When tracking fails it says so and stays out of the way."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

from artifacts import digest
from artifacts.mlflow_connection import TrackingError
from artifacts.tracking import StageRecord, Tracker
from artifacts.voice_registry import Registered
from configs.loading import leaves
from configs.tracking import TrackingSettings
from flows.prefect_glue import run_log
from flows.registry import take_over, tell
from flows.tracked import tracked_outputs, write_tracked
from flows.version import application_version
from tasks.pipeline import Pipeline
from tasks.results import StageResult
from tasks.versions.settle import Settled
from tasks.watching import Watcher

EXPORT, REPORT = "export", "report"
PAGES = {
    (EXPORT, "README.md"): "voice_card.md",
    (REPORT, "lineage.html"): "lineage/lineage.html",
    (REPORT, "report.html"): "report/report.html",
}
Status = Literal["FINISHED", "FAILED", "KILLED"]


def tracking_uri(settings: TrackingSettings, workspace: Path) -> str:
    """The MLflow URI: the one that was set, MLflow's own variable, or the workspace's database."""
    return settings.uri or os.environ.get("MLFLOW_TRACKING_URI") or own_tracking_uri(workspace)


def own_tracking_uri(workspace: Path) -> str:
    """The workspace's database, which the MLflow that `up` starts shows."""
    return f"sqlite:///{workspace / 'mlflow' / 'mlflow.db'}"


def is_recording(settings: TrackingSettings, workspace: Path) -> bool:
    """Whether runs are recorded, and there is something where they are."""
    uri = tracking_uri(settings, workspace)
    local = uri.removeprefix("sqlite:///")
    return settings.enabled and settings.register_voices and (local == uri or Path(local).is_file())


def open_tracker(settings: TrackingSettings, workspace: Path) -> Tracker:
    """The tracker that the settings ask for.

    Raises:
        TrackingError: the URI cannot be used.
    """
    uri = tracking_uri(settings, workspace)
    artifacts = settings.artifacts
    if not artifacts and "://" in uri and not uri.startswith(("http://", "https://")):
        artifacts = str(workspace / "mlflow" / "artifacts")
    return Tracker(uri, settings.experiment, artifacts, settings.max_file_mb)


class Recorder(Watcher):
    """Records a pipeline's stages in MLflow as they finish.

    MLflow is imported and the parent run opened when there is something to record: a stage that computed,
    a failure, or results that this voice's last record does not name. A run that finds everything done and
    recorded stays as quick as it can be and leaves MLflow as it was.

    Args:
        tags: further tags of the parent run, for example the Prefect flow run.
    """

    def __init__(self, pipeline: Pipeline, tags: Mapping[str, str] | None = None) -> None:
        self._pipeline = pipeline
        self._settings: TrackingSettings = pipeline.settings.tracking
        self._tracker: Tracker | None = None
        self._tags = dict(tags or {})
        self._begun_ms = int(time.time() * 1000)
        self._results: list[StageResult] = []
        self._handed_over = 0
        self.failure = ""
        """Why tracking was given up; empty while it works."""
        self.registered: Registered | None = None

    @property
    def run_id(self) -> str:
        """The parent run in MLflow; empty when nothing was recorded."""
        return self._tracker.run_id if self._tracker else ""

    def finished(self, result: StageResult) -> None:
        """Record a stage, and register the voice when it was exported."""
        self._results.append(result)
        if self._tracker is not None or result.status != "cached":
            self._do(self._hand_over)

    def end(self, status: Status, note: str) -> None:
        """Close the parent run, with the voice's pages and figures on it."""
        known = tracked_outputs(self._pipeline.workspace, self._pipeline.voice)
        if self._tracker is None and status == "FINISHED" and known == self._outputs():
            return
        self._do(lambda tracker: self._close(tracker, status, note))

    def take_over(self) -> None:
        """Make champion what somebody chose in MLflow's pages, where this run records anything."""
        pipeline = self._pipeline

        def hear(tracker: Tracker) -> None:
            said = take_over(tracker.registry, pipeline.workspace, pipeline.store, pipeline.voice)
            if said is not None:
                run_log().info("%s: %s", pipeline.voice, said)

        if self._tracker is not None:
            self._do(hear)

    def settled(self, settled: Settled) -> None:
        """Let the registry say which version is live, and why the new one is or is not."""
        if self._tracker is None or self.registered is None:
            return

        def say(tracker: Tracker) -> None:
            tell(tracker.registry, self._pipeline.workspace, self._pipeline.voice)
            tracker.note(_decided(settled), run_name(settled, self._pipeline.voice))

        self._do(say)

    def _do(self, work: Callable[[Tracker], None]) -> None:
        """Record something; training is worth more than its record, so a failure is said and left at that."""
        if not self._settings.enabled or self.failure:
            return
        try:
            if self._tracker is None:
                self._tracker = self._opened()
            work(self._tracker)
        except TrackingError as error:
            self.failure = str(error)
            self._tracker = None
            run_log().warning("this run is no longer recorded in MLflow: %s", error)

    def _opened(self) -> Tracker:
        tracker = open_tracker(self._settings, self._pipeline.workspace)
        settings = dict(leaves(self._pipeline.settings))
        tracker.start(self._pipeline.voice, settings, self._run_tags(), self._begun_ms)
        return tracker

    def _hand_over(self, tracker: Tracker) -> None:
        """Record the stages that MLflow has not seen yet."""
        for result in self._results[self._handed_over :]:
            run_id = tracker.stage(_record(self._pipeline, result))
            self._handed_over += 1
            if result.name == EXPORT and run_id != tracker.run_id:
                self._register(tracker, run_id, result)

    def _register(self, tracker: Tracker, run_id: str, export: StageResult) -> None:
        if self._settings.register_voices:
            self.registered = tracker.registry.register(self._pipeline.voice, run_id, export.output_digest)

    def _close(self, tracker: Tracker, status: Status, note: str) -> None:
        self._hand_over(tracker)
        tracker.log_files(tracker.run_id, _pages(self._results))
        tracker.finish(status, note)
        with self._pipeline.using():
            write_tracked(self._pipeline.workspace, self._pipeline.voice, tracker.run_id, self._outputs())

    def _outputs(self) -> dict[str, str]:
        return {result.name: result.output_digest for result in self._results}

    def _run_tags(self) -> dict[str, str]:
        request = {f"request.{n}": str(v) for n, v in (self._pipeline.request or {}).items() if v}
        return {**request, "code.version": application_version(), **self._tags}


def _decided(settled: Settled) -> dict[str, str]:
    """What the gates made of the run's version, as tags of the run."""
    tags = {"version": str(settled.version["number"]), "version.outcome": str(settled)}
    for one in settled.decision.differences if settled.decision is not None else ():
        tags[f"gate.{one.metric}"] = str(one)
    return tags


def run_name(settled: Settled, voice: str) -> str:
    """`anna · kokoro-fit · 12 min`: who, how, of how much speech."""
    version = settled.version
    return " · ".join([voice, version["preset"] or "no preset", f"{60 * version['hours']:.0f} min"])


def _pages(results: Sequence[StageResult]) -> dict[str, Path]:
    """What a person looks at first, under the names it has on the parent run."""
    found = {}
    for result in results:
        for name, path in result.files.items():
            place = PAGES.get((result.name, name))
            if place is None and result.name == REPORT and Path(name).suffix != ".html":
                place = name if "/" in name else f"figures/{name}"
            if place is not None:
                found[place] = path
    return found


def _record(pipeline: Pipeline, result: StageResult) -> StageRecord:
    known = pipeline.known(result.name)
    parts: Mapping[str, Any] = known.parts if known else {}
    return StageRecord(
        name=result.name,
        status=result.status,
        digest=result.output_digest,
        inputs=parts.get("inputs", {}),
        code_version=digest.of_value(parts.get("code", {}))[:16],
        reason=result.reason,
        params={**parts.get("config", {}), **parts.get("libraries", {})},
        metrics={
            "rows": result.rows_total,
            "rows_computed": result.rows_computed,
            "rejects": result.rejects,
            "seconds": result.seconds,
            **result.metrics,
        },
        series=result.series,
        files=result.files,
        seconds=result.seconds,
        whole=result.name == EXPORT,
    )
