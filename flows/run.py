"""Runs the flow `voice-finetune` from the command line, with progress on the screen.

A server started by `voicewright up` is used; without one a private server serves the length of the run and
keeps its history in the workspace.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from rich.console import Console
from rich.markup import escape
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    SpinnerColumn,
    TextColumn,
    TimeElapsedColumn,
)

from artifacts import space
from flows import services
from tasks.pipeline import StageResult
from tasks.voice import Request, check_weights

# Prefect's and MLflow's databases, their logs and a run's small records: of a new workspace, of any.
NEW_RECORDS_BYTES, RECORDS_BYTES = 12_000_000, 1_000_000
# Warnings beyond this many of one stage are counted; `voicewright report` has them all.
SHOWN_WARNINGS = 3


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
    # Settings and weights first: what is wrong or missing is told before anything is started.
    check_weights(workspace, request, until)
    is_new = not (workspace / "prefect").exists()
    space.require(workspace, NEW_RECORDS_BYTES if is_new else RECORDS_BYTES, "records of the run")
    if not force and not verify and _told_from_the_store(workspace, request, until, wait):
        return
    # The screen shows the stages; Prefect's own lines go to the server alone.
    os.environ["PREFECT_LOGGING_HANDLERS_CONSOLE_LEVEL"] = "CRITICAL"
    with _servers_disk(workspace), services.serving(workspace, meanwhile=_load):
        from flows.prefect_glue import brief, watched_by
        from flows.voice_finetune import voice_finetune

        with brief(), Screen(request.voice) as screen, watched_by(screen):
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
            if ended.version:
                screen.say(f"{request.voice}: {ended.version}")
            screen.close(ended.unrecorded)


def _told_from_the_store(workspace: Path, request: Request, until: str | None, wait: bool) -> bool:
    from flows.found_done import found_done

    with Screen(request.voice) as screen:
        found = found_done(workspace, request, until, screen.finished, screen.say, wait)
        if found is not None:
            screen.close("")
        return found is not None


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


class Screen:
    """A bar for the stage that runs and a line for each that is done."""

    def __init__(self, voice: str) -> None:
        self._voice = voice
        self._console = Console(stderr=True, highlight=False)
        self._results: list[StageResult] = []
        self._progress = Progress(
            SpinnerColumn(),
            TextColumn("{task.description:<16}"),
            BarColumn(bar_width=24),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            TextColumn("{task.fields[text]}", markup=False),
            console=self._console,
            transient=True,
        )
        self._bar = self._progress.add_task("starting", total=None, text="")

    def __enter__(self) -> Screen:
        self._progress.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._progress.stop()

    def started(self, stage: str) -> None:
        """A stage begins."""
        self._progress.reset(self._bar, description=stage, total=None, completed=0, text="")

    def advanced(self, stage: str, done: int, total: int, text: str) -> None:
        """It got further."""
        del stage
        self._progress.update(self._bar, completed=done, total=total or None, text=text)

    def finished(self, result: StageResult) -> None:
        """It is done."""
        self._results.append(result)
        if result.status == "cached":
            line = f"[dim]  cached    {result.name}[/]"
        else:
            made = (
                f"{result.rows_computed} of {result.rows_total} rows"
                if result.rows_total
                else f"{len(result.files)} files"
            )
            done = f"{made}, {result.seconds:.1f} s"
            line = f"[green]  computed[/]  {result.name:<16} {done}  [dim]{escape(result.reason)}[/]"
        if result.rejects:
            line += f"  [yellow]{result.rejects} refused[/]"
        self._progress.console.print(line, soft_wrap=True)
        for note in result.notes:
            self._progress.console.print(f"            {escape(note)}", soft_wrap=True)
        if result.status != "cached":
            for warning in result.warnings[:SHOWN_WARNINGS]:
                self._progress.console.print(f"            [yellow]{escape(warning)}[/]", soft_wrap=True)
            if len(result.warnings) > SHOWN_WARNINGS:
                more = len(result.warnings) - SHOWN_WARNINGS
                self._progress.console.print(f"            [yellow]and {more} more warnings[/]")

    def say(self, text: str) -> None:
        """A line for people."""
        self._progress.console.print(escape(text), soft_wrap=True)

    def close(self, unrecorded: str) -> None:
        """The last lines; `unrecorded` is why MLflow has no record of the run."""
        computed = [result.name for result in self._results if result.status != "cached"]
        refused = sum(result.rejects for result in self._results)
        if not computed:
            said = "every stage is cached"
        else:
            said = f"{len(computed)} of {len(self._results)} stages computed, the others cached"
        self._progress.console.print(f"[bold]{self._voice}[/]: {said}")
        if refused:
            self._progress.console.print(
                f"{refused} recordings or clips were refused: voicewright rejects {self._voice}"
            )
        if unrecorded:
            self._progress.console.print(
                f"[yellow]this run is not recorded in MLflow: {escape(unrecorded)}[/]", soft_wrap=True
            )
