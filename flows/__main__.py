"""The command line `voicewright`."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import typer
from typer.core import TyperGroup

from artifacts.faults import machine_error
from configs.errors import MachineError, UserError
from flows.commands import (
    advise,
    corpus,
    demo,
    exchange,
    interactive,
    listen,
    listening,
    machine,
    nightly,
    serving,
    speaking,
    versions,
    voice,
)
from flows.commands.shared import WORKSPACE_HELP, Session, default_workspace, fetched_here, warn
from flows.interrupts import SAID, STOPPING, Interrupts
from flows.version import application_version
from models.memory import one_arena
from tasks.outcome import StoppedError

USERS, MACHINES = 2, 74
"""Exit statuses; docs/reference/exit-codes.md has them all."""


class Commands(TyperGroup):
    """Commands of which some have a voice as their argument, and others as an option."""

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        """The command and what is left for it. Raises UserError: its voice is given as an option."""
        name, command, left = super().resolve_command(ctx, args)
        given = {option for one in getattr(command, "params", ()) for option in one.opts}
        unknown = {one.partition("=")[0] for one in left} - given
        if "voice" in given and unknown & {"--voice", "-v"}:
            raise UserError(f"--voice: the voice is an argument here: `voicewright {name} NAME`")
        return name, command, left


app = typer.Typer(
    name="voicewright",
    cls=Commands,
    help="From a folder of recordings to a voice model that sounds like them.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
advise.add_to(app)
voice.add_to(app)
versions.add_to(app)
nightly.add_to(app)
speaking.add_to(app)
interactive.add_to(app)
serving.add_to(app)
listen.add_to(app)
listening.add_to(app)
corpus.add_to(app)
exchange.add_to(app)
machine.add_to(app)
demo.add_to(app)


def _print_version(asked: bool) -> None:
    if asked:
        typer.echo(f"voicewright {application_version()}")
        raise typer.Exit


@app.callback()
def _session(
    context: typer.Context,
    workspace: str = typer.Option(
        default_workspace(), "--workspace", "-w", envvar="VOICEWRIGHT_WORKSPACE", help=WORKSPACE_HELP
    ),
    version: bool = typer.Option(
        False, "--version", callback=_print_version, is_eager=True, help="Say which version this is, and end."
    ),
) -> None:
    del version
    opened = context.obj
    context.obj = Session.at(workspace)
    if isinstance(opened, list):
        opened.append(context.obj)


def run(interrupts: Interrupts | None = None) -> None:
    """Run the command line and exit: what people can mend ends with one message, a signal with one line.

    Args:
        interrupts: who listens to the signals; nobody when left out.
    """
    interrupts = interrupts or Interrupts()
    one_arena()
    try:
        status = _status()
    except BaseException:
        # Whatever was raised while stopping (Prefect has an exception of its own for SIGTERM) is that.
        if not interrupts.first:
            raise
        status = interrupts.status
    interrupts.uninstall()
    if interrupts.first and status:
        status = interrupts.status
    if status in {128 + sign for sign in STOPPING}:
        warn(SAID)
    sys.exit(status)


def _status() -> int | str | None:
    """Run the command line; the exit status."""
    opened: list[Session] = []
    try:
        app(standalone_mode=True, obj=opened)
        sys.stdout.flush()
    except SystemExit as ended:
        return ended.code
    except UserError as error:
        warn(f"error: {fetched_here(str(error), opened[0].workspace) if opened else error}")
        return USERS
    except MachineError as error:
        warn(f"error: {error}")
        return MACHINES
    except StoppedError:
        return Interrupts().status
    except BrokenPipeError:
        return 141
    except Exception as error:
        # Every library has its own type for a full disk.
        told = machine_error(error, "", opened[0].workspace if opened else Path.cwd())
        if told is None:
            raise
        warn(f"error: {told}")
        return MACHINES
    return 0


if __name__ == "__main__":
    heard = Interrupts()
    heard.install()
    run(heard)
