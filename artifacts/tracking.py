"""Runs, metrics and files in MLflow.

One parent run per pipeline run, one child per stage that computed. Every stage, also one that was found
done, leaves its output's digest on the parent, so a run is found from any artifact's digest. Tracking shows
what happened and decides nothing: callers turn `TrackingError` into a warning and go on.
"""

from __future__ import annotations

import re
import shutil
import tempfile
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from artifacts.mlflow_connection import DIGEST, TrackingError, cleaned, connected, told
from artifacts.voice_registry import VoiceRegistry

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities import Experiment

# MLflow's own limits.
PARAMS_PER_CALL, METRICS_PER_CALL, TAGS_PER_CALL = 100, 1000, 100
VALUE_CHARACTERS = 500


@dataclass(frozen=True)
class StageRecord:
    """What one stage leaves behind.

    Attributes:
        inputs: upstream stage -> digest of what was read of it.
        params: flat settings that the stage saw.
        series: metric -> `(step, value)` pairs.
        files: path inside the run's artifacts -> local path.
        seconds: how long the stage took.
        whole: upload the files however large they are.
    """

    name: str
    status: str
    digest: str
    inputs: Mapping[str, str] = field(default_factory=dict)
    code_version: str = ""
    reason: str = ""
    params: Mapping[str, Any] = field(default_factory=dict)
    metrics: Mapping[str, float] = field(default_factory=dict)
    series: Mapping[str, Sequence[tuple[int, float]]] = field(default_factory=dict)
    files: Mapping[str, Path] = field(default_factory=dict)
    seconds: float = 0.0
    whole: bool = False


class Tracker:
    """Records one pipeline run.

    Args:
        uri: MLflow tracking URI.
        experiment: its name; made when it does not exist.
        artifacts: folder or URL for the files of a new experiment; empty leaves it to the server.
        max_file_mb: larger files are recorded by name and size only.

    Raises:
        TrackingError: the URI cannot be used.
    """

    def __init__(self, uri: str, experiment: str, artifacts: str = "", max_file_mb: float = 64.0) -> None:
        self.uri, self._max_bytes = uri, int(max_file_mb * 1e6)
        with told(uri):
            self._client = connected(uri)
            self._experiment = _experiment(self._client, experiment, artifacts)
        self.registry = VoiceRegistry(self._client, uri)
        """Of the voices that runs made."""
        self.run_id = ""
        self._voice = ""
        self._outputs: dict[str, str] = {}
        self._statuses: dict[str, str] = {}

    @property
    def experiment_id(self) -> str:
        """MLflow's identifier of the experiment."""
        return str(self._experiment.experiment_id)

    def start(
        self,
        voice: str,
        params: Mapping[str, Any],
        tags: Mapping[str, str],
        begun_ms: int | None = None,
    ) -> str:
        """Open the parent run, begun now or at a Unix time in milliseconds; its identifier."""
        with told(self.uri):
            run = self._client.create_run(
                self.experiment_id,
                start_time=begun_ms,
                run_name=voice,
                tags={"voice": voice, **cleaned(tags)},
            )
            self.run_id, self._voice = run.info.run_id, voice
            self._log(self.run_id, params=params)
        return self.run_id

    def stage(self, record: StageRecord) -> str:
        """Record a stage; the identifier of its run, the parent's for a stage found done."""
        self._outputs[record.name] = record.digest
        self._statuses[record.name] = record.status
        if record.status == "cached":
            return self.run_id
        with told(self.uri):
            self._tag_parent()
            return self._child(record)

    def log_files(self, run_id: str, files: Mapping[str, Path]) -> None:
        """Upload files in one go under the given paths (`lineage/lineage.html`); large ones are left out."""
        with told(self.uri):
            self._upload(run_id, files)

    def note(self, tags: Mapping[str, str], name: str = "") -> None:
        """Put tags on the parent run, and give it a name that tells more than the voice's."""
        with told(self.uri):
            self._log(self.run_id, tags={**tags, "mlflow.runName": name} if name else tags)

    def finish(self, status: Literal["FINISHED", "FAILED", "KILLED"], note: str = "") -> None:
        """Close the parent run."""
        with told(self.uri):
            self._tag_parent()
            if note:
                self._client.set_tag(self.run_id, "mlflow.note.content", _short(note))
            self._client.set_terminated(self.run_id, status)

    def _tag_parent(self) -> None:
        """What every stage so far made, in two tags: enough to find the run by any digest."""
        computed = [name for name, status in self._statuses.items() if status != "cached"]
        tags = {
            "artifact.outputs": " ".join(f"{n}={d}" for n, d in self._outputs.items()),
            "stages.computed": " ".join(computed) or "none",
        }
        self._log(self.run_id, tags=tags)

    def _child(self, record: StageRecord) -> str:
        ended_ms = int(time.time() * 1000)
        run = self._client.create_run(
            self.experiment_id,
            start_time=ended_ms - int(record.seconds * 1000),
            run_name=record.name,
            tags=cleaned(
                {
                    "mlflow.parentRunId": self.run_id,
                    "voice": self._voice,
                    "stage": record.name,
                    DIGEST: record.digest,
                    "artifact.inputs": " ".join(f"{n}={d}" for n, d in record.inputs.items()),
                    "code.version": record.code_version,
                    "reason": record.reason,
                }
            ),
        )
        run_id = run.info.run_id
        self._log(run_id, params=record.params, metrics=record.metrics, series=record.series)
        if record.metrics:
            # The parent shows every stage's measures side by side.
            self._log(self.run_id, metrics={f"{record.name}.{n}": v for n, v in record.metrics.items()})
        self._log_datasets(run_id, record)
        self._upload(run_id, record.files, record.whole)
        self._client.set_terminated(run_id, "FINISHED")
        return str(run_id)

    def _log_datasets(self, run_id: str, record: StageRecord) -> None:
        from mlflow.entities import Dataset, DatasetInput, InputTag

        inputs = [
            DatasetInput(
                # MLflow keeps at most 36 characters of a digest; the tags hold it whole.
                Dataset(name, digest[:36], "voicewright", f'{{"digest": "{digest}"}}'),
                [InputTag("mlflow.data.context", context)],
            )
            for context, sets in (("input", record.inputs), ("output", {record.name: record.digest}))
            for name, digest in sets.items()
        ]
        self._client.log_inputs(run_id, inputs)

    def _log(
        self,
        run_id: str,
        params: Mapping[str, Any] | None = None,
        metrics: Mapping[str, float] | None = None,
        series: Mapping[str, Sequence[tuple[int, float]]] | None = None,
        tags: Mapping[str, str] | None = None,
    ) -> None:
        from mlflow.entities import Metric, Param, RunTag

        now_ms = int(time.time() * 1000)
        points = [Metric(_name(n), float(v), now_ms, 0) for n, v in (metrics or {}).items()]
        points += [
            Metric(_name(name), float(value), now_ms, step)
            for name, line in (series or {}).items()
            for step, value in line
        ]
        own = [Param(_name(n), _short(str(v))) for n, v in cleaned(params or {}).items()]
        marks = [RunTag(n, v) for n, v in cleaned(tags or {}).items()]
        # A request takes at most 1000 entries of all kinds, so each kind goes by itself.
        for chunk in _chunks(points, METRICS_PER_CALL):
            self._client.log_batch(run_id, metrics=chunk)
        for chunk in _chunks(own, PARAMS_PER_CALL):
            self._client.log_batch(run_id, params=chunk)
        for chunk in _chunks(marks, TAGS_PER_CALL):
            self._client.log_batch(run_id, tags=chunk)

    def _upload(self, run_id: str, files: Mapping[str, Path], whole: bool = False) -> None:
        """One call for all files: `log_artifacts` is far quicker than a call for each."""
        small = {n: path for n, path in files.items() if whole or path.stat().st_size <= self._max_bytes}
        large = {n: path.stat().st_size for n, path in files.items() if n not in small}
        if large:
            left = ", ".join(f"{name} ({size / 1e6:.0f} MB)" for name, size in large.items())
            self._log(run_id, tags={"files.left_out": left})
        if not small:
            return
        with tempfile.TemporaryDirectory(prefix="voicewright-") as staging:
            for name, path in small.items():
                target = Path(staging) / name
                target.parent.mkdir(parents=True, exist_ok=True)
                _link(path, target)
            self._client.log_artifacts(run_id, staging)


def _experiment(client: MlflowClient, name: str, artifacts: str) -> Experiment:
    from mlflow.exceptions import MlflowException

    found = client.get_experiment_by_name(name)
    if found is None:
        # Without a location MLflow writes below whatever folder the program was started in.
        try:
            client.create_experiment(name, artifact_location=artifacts or None)
        except MlflowException as error:  # another run was quicker
            if error.error_code != "RESOURCE_ALREADY_EXISTS":
                raise
        found = client.get_experiment_by_name(name)
    if found is None or found.lifecycle_stage == "deleted":
        raise TrackingError(
            f"tracking.experiment: {name!r} was deleted in MLflow; restore it or name another"
        )
    return found


def _name(name: str) -> str:
    """A name that MLflow takes: it refuses most punctuation."""
    return re.sub(r"[^\w\-. /]", "_", name)[:250]


def _short(text: str) -> str:
    return text if len(text) <= VALUE_CHARACTERS else text[: VALUE_CHARACTERS - 1] + "…"


def _chunks(values: list[Any], size: int) -> Iterable[list[Any]]:
    return (values[at : at + size] for at in range(0, len(values), size))


def _link(source: Path, target: Path) -> None:
    try:
        target.hardlink_to(source)
    except OSError:  # another file system
        shutil.copyfile(source, target)
