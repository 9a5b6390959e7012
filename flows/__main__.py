"""The command line `voicewright`."""

from __future__ import annotations

import sys

import typer

from configs.errors import UserError
from flows.commands import corpus, exchange, listen, machine, speaking, voice
from flows.commands.shared import WORKSPACE_HELP, Session, default_workspace, warn
from tasks.outcome import StoppedError

app = typer.Typer(
    name="voicewright",
    help="From a folder of recordings to a voice model that sounds like them.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
voice.add_to(app)
speaking.add_to(app)
listen.add_to(app)
corpus.add_to(app)
exchange.add_to(app)
machine.add_to(app)


@app.callback()
def _session(
    context: typer.Context,
    workspace: str = typer.Option(
        default_workspace(), "--workspace", "-w", envvar="VOICEWRIGHT_WORKSPACE", help=WORKSPACE_HELP
    ),
) -> None:
    context.obj = Session.at(workspace)


def run() -> None:
    """Run the command line; a user's mistake ends with one message and status 2, a stop with 130."""
    try:
        app(standalone_mode=True)
    except UserError as error:
        warn(f"error: {error}")
        sys.exit(2)
    except (KeyboardInterrupt, StoppedError):
        warn("stopped; what was finished is kept, run the same command to go on")
        sys.exit(130)
    except BrokenPipeError:
        sys.exit(141)


if __name__ == "__main__":
    run()
