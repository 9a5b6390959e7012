"""The flow `voice-finetune`: from a folder of recordings to a voice."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from prefect import State, flow
from prefect.artifacts import create_table_artifact
from prefect.runtime import flow_run

from configs.errors import UserError
from configs.loading import preset_of
from flows.finetune import finetune
from flows.forecast import forecast
from flows.measured import Measurer
from flows.prefect_glue import (
    StageRuns,
    artifact_key,
    foresee,
    given_name,
    rename_run,
    run_log,
    stoppable,
    summary_table,
    tell_in_one_line,
    watched_by,
)
from flows.prepare import prepare
from flows.progress_file import ProgressFile
from flows.recorded import Recorder, Status, run_name
from flows.release import release
from tasks.read_settings import unread
from tasks.recipe import keep_settings, placed
from tasks.results import StageResult
from tasks.versions.holding import holding
from tasks.versions.laid_out import PUBLISHED
from tasks.versions.settle import Settled, settle
from tasks.voice import Request, check_name, check_request, open_pipeline, recordings_at

SAMPLE = "sample"
WORKSPACE_VARIABLE = "VOICEWRIGHT_WORKSPACE"


class Ended(NamedTuple):
    """What a run has to tell at its end.

    Attributes:
        version: Which version it made and which one is live; empty for a run that ended before the export.
        unrecorded: Why MLflow has no record of the run, although it should; empty otherwise.
    """

    version: str
    unrecorded: str


@dataclass(frozen=True)
class VoiceRun:
    """What a run of the whole pipeline came to."""

    voice: str
    results: tuple[StageResult, ...]
    tracking_run: str
    """MLflow's identifier of the parent run; empty when it was not recorded."""
    tracking_failure: str
    """Why the run is not recorded, when it should be."""
    settled: Settled | None
    """The version that it made, and which one is live; None where the run ended before the export."""


def _name_at_first() -> str:
    """`anna · kokoro-fit`, unless it was given a name; how much speech it is of is known at the end."""
    return given_name() or _own_name()


def _own_name() -> str:
    given = flow_run.parameters
    return f"{given.get('voice')} · {given.get('preset') or 'no preset'}"


@flow(name="voice-finetune", flow_run_name=_name_at_first, persist_result=False)
def voice_finetune(
    recordings: str,
    voice: str,
    preset: str | None = "tiny",
    config_file: str | None = None,
    overrides: list[str] = [],  # noqa: B006 - Prefect shows the default, and nobody changes it
    until: str | None = None,
    force: list[str] = [],  # noqa: B006
    workspace: str | None = None,
    verify: bool = False,
    wait: bool = True,
) -> Ended | State[Ended]:
    """Make or update a voice; finished stages are found in the store and not repeated.

    Args:
        recordings: folder of recordings, one recording, or `sample` for the embedded ones.
        voice: the voice's name.
        preset: settings to start from.
        config_file: YAML file with further settings.
        overrides: single settings, `a.b=c`.
        until: last stage to run.
        force: stages to run even if nothing changed.
        workspace: folder of the store, runs and voices; the worker's own when left out.
        verify: re-hash every stored result instead of trusting its size.
        wait: where another run works on the voice, wait for it instead of failing.

    Returns:
        What there is to tell at the end.
    """
    tell_in_one_line()
    place = workspace_folder(workspace)
    request = placed(
        Request(
            recordings_given(recordings, place),
            check_name(voice),
            preset_of(preset, Path(config_file) if config_file else None),
            Path(config_file).resolve() if config_file else None,
            tuple(overrides),
        )
    )

    def make() -> Ended:
        made = make_voice(place, request, until, tuple(force), verify=verify, wait=wait)
        if made.settled is not None and given_name() in (None, _own_name()):
            rename_run(run_name(made.settled, voice))
        return Ended("" if made.settled is None else str(made.settled), made.tracking_failure)

    return stoppable(make)


def make_voice(
    workspace: Path,
    request: Request,
    until: str | None = None,
    force: Sequence[str] = (),
    verify: bool = False,
    wait: bool = True,
) -> VoiceRun:
    """Prepare, finetune, release: the body that the flows `voice-finetune` and `nightly` share.

    Args:
        verify: re-hash every stored result instead of trusting its size.
        wait: where another run works on the voice, wait for it instead of failing.

    Raises:
        UserError: a setting or an input is wrong, or the voice is held and not to be waited for.
        StoppedError: a stop was asked for.
    """
    check_request(workspace, request, until)
    if ignored := unread(request.resolve()):
        run_log().warning("%s: %s", request.voice, ignored)
    # Held before the pipeline is opened: the first stage replaces what was remembered of the voice.
    with holding(workspace, request.voice, "finetune", wait, run_log().info):
        return _make(workspace, keep_settings(workspace, request), until, force, verify)


def _make(
    workspace: Path, request: Request, until: str | None, force: Sequence[str], verify: bool
) -> VoiceRun:
    settled: Settled | None = None
    with closing(open_pipeline(workspace, request, thorough=verify)) as pipeline:
        runs = StageRuns(pipeline, force, until)
        recorder = Recorder(pipeline, _flow_tags())
        progress = ProgressFile(workspace, request.voice, runs.names)
        watching = watched_by(recorder, Measurer(pipeline), progress)
        with _told_of(progress, runs), _recording(recorder, runs), watching:
            _foresee(runs)
            prepare(runs)
            finetune(runs)
            release(runs)
            if set(PUBLISHED) <= set(runs.names):
                recorder.take_over()
                settled = settle(pipeline)
                recorder.settled(settled)
                run_log().info("%s: %s", request.voice, settled)
    return VoiceRun(request.voice, tuple(runs.results), recorder.run_id, recorder.failure, settled)


def _foresee(runs: StageRuns) -> None:
    """Say what the stages that must run will take."""
    pipeline = runs.pipeline
    # What is wrong with recordings or store is told by the stage that meets it.
    with suppress(UserError):
        waiting = [name for name in runs.names if name in runs.force or not pipeline.is_done(name)]
        if waiting:
            found = forecast(pipeline, waiting)
            foresee(found.said and f"{pipeline.voice}: {found.said}", found.seconds)


@contextmanager
def _told_of(progress: ProgressFile, runs: StageRuns) -> Iterator[None]:
    """How the run ended, in the file that tells how far it is."""
    try:
        yield
    except BaseException:
        progress.end("stopped" if runs.pipeline.stop.is_set() else "failed")
        raise
    progress.end("finished")


@contextmanager
def _recording(recorder: Recorder, runs: StageRuns) -> Iterator[None]:
    """The parent run in MLflow and the summary in Prefect, closed however the stages end."""
    status: Status = "FAILED"
    try:
        yield
        status = "FINISHED"
    finally:
        if runs.pipeline.stop.is_set():
            status = "KILLED"
        recorder.end(status, _note(runs.results))
        create_table_artifact(
            key=artifact_key("voice", runs.pipeline.voice),
            table=summary_table(runs.results),
            description=_note(runs.results),
        )


def _note(results: Sequence[StageResult]) -> str:
    computed = [result.name for result in results if result.status != "cached"]
    what = ", ".join(computed) if computed else "nothing"
    return f"{len(results)} stages, computed: {what}"


def _flow_tags() -> Mapping[str, str]:
    return {"prefect.flow_run": flow_run.name or ""}


def workspace_folder(workspace: str | None) -> Path:
    """The workspace given, the one that the command line uses, or the default one."""
    chosen = workspace or os.environ.get(WORKSPACE_VARIABLE) or "~/.voicewright"
    return Path(chosen).expanduser().resolve()


def recordings_given(recordings: str, workspace: Path) -> Path:
    """The folder of recordings, or the one recording; `sample` is written when it is not there yet.

    Raises:
        UserError: it is neither.
    """
    if recordings == SAMPLE:
        from tasks.corpus.sample import write_sample

        folder = workspace / SAMPLE
        for _written in write_sample(folder):
            pass
        return folder
    return recordings_at(recordings)
