"""Runs the flow `voice-finetune` from the command line, with progress on the screen.

A server started by `voicewright up` is used; without one a private server serves the length of the run and
keeps its history in the workspace.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path

from artifacts import space
from flows import services
from flows.screen import Screen
from tasks.outcome import StoppedError
from tasks.stages import check_stage_names
from tasks.voice import Request, check_request, open_pipeline

# Prefect's and MLflow's databases, their logs and a run's small records: of a new workspace, of any.
NEW_RECORDS_BYTES, RECORDS_BYTES = 12_000_000, 1_000_000


def run_voice(
    workspace: Path,
    request: Request,
    until: str | None,
    force: tuple[str, ...],
    verify: bool,
    wait: bool = False,
) -> None:
    """Make or update a voice.

    Args:
        verify: re-hash every stored result instead of trusting its size.
        wait: where another run works on the voice, wait for it instead of failing.

    Raises:
        UserError: a setting or an input is wrong, or the voice is held and not to be waited for.
        MachineError: the machine refused something.
        StoppedError, KeyboardInterrupt: a stop was asked for.
    """
    # Settings, language and weights first: what is wrong or missing is told before anything is started.
    check_request(workspace, request, until)
    is_new = not (workspace / "prefect").exists()
    space.require(workspace, NEW_RECORDS_BYTES if is_new else RECORDS_BYTES, "records of the run")
    if force or verify:
        _look_at_recordings(workspace, request, until, force)
    elif _told_from_the_store(workspace, request, until, wait):
        return
    # The screen shows the stages; Prefect's own lines go to the server alone.
    os.environ["PREFECT_LOGGING_HANDLERS_CONSOLE_LEVEL"] = "CRITICAL"
    with _servers_disk(workspace), services.serving(workspace, meanwhile=_load):
        from flows.prefect_glue import brief, watched_by
        from flows.voice_finetune import Ended, voice_finetune

        with brief(), Screen(request.voice) as screen, watched_by(screen), _told_when_stopped(screen):
            ended = voice_finetune(
                recordings=str(request.recordings),
                voice=request.voice,
                preset=request.preset,
                config_file=str(request.config_file) if request.config_file else None,
                overrides=list(request.overrides),
                until=until,
                force=list(force),
                workspace=str(workspace),
                verify=verify,
                wait=wait,
            )
            assert isinstance(ended, Ended)  # a state that is none raises
            if ended.version:
                screen.say(f"{request.voice}: {ended.version}")
            screen.close(ended.unrecorded)


def _look_at_recordings(workspace: Path, request: Request, until: str | None, force: Sequence[str]) -> None:
    """See that there is something to run on, and that the stages are some, before a server starts."""
    with closing(open_pipeline(workspace, request)) as pipeline:
        check_stage_names(list(pipeline.stages), until, force)
        pipeline.scanned()


def _told_from_the_store(workspace: Path, request: Request, until: str | None, wait: bool) -> bool:
    from flows.found_done import found_done

    with Screen(request.voice) as screen:
        found = found_done(workspace, request, until, screen.finished, screen.say, wait)
        if found is not None:
            screen.close("")
        return found is not None


@contextmanager
def _told_when_stopped(screen: Screen) -> Iterator[None]:
    """Say what is kept when somebody stops the run."""
    try:
        yield
    except StoppedError as error:
        screen.stopped(str(error))
        raise
    except KeyboardInterrupt:
        screen.stopped("")
        raise


@contextmanager
def _servers_disk(workspace: Path) -> Iterator[None]:
    """Tell that the disk takes no more where Prefect's client only knows that the server failed.

    Raises:
        MachineError: its database could not be written.
    """
    try:
        yield
    except Exception as error:
        if not type(error).__module__.startswith(("prefect", "httpx")):
            raise
        space.require(workspace, RECORDS_BYTES, "the Prefect server's database")
        raise


def _load() -> None:
    """Import what the flow needs: seconds that a server's start can be used for."""
    import flows.voice_finetune  # noqa: F401
