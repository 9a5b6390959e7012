"""What every command needs: the workspace, printing for people and for programs."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import typer
from rich.console import Console

from configs.errors import UserError

WORKSPACE_HELP = "Folder for the store, runs, voices and logs."
JSON = typer.Option(False, "--json", help="Print JSON for programs.")

console = Console(highlight=False)
errors = Console(stderr=True, highlight=False)


@dataclass(frozen=True)
class Session:
    """Where this call works."""

    workspace: Path

    @classmethod
    def at(cls, folder: str) -> Session:
        """Open a workspace, making it where it is missing.

        Raises:
            UserError: it cannot be made or written.
        """
        path = Path(folder).expanduser().resolve()
        try:
            path.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise UserError(f"--workspace: {path} cannot be made ({error.strerror}); name another") from error
        return cls(path)


def default_workspace() -> str:
    """`~/.voicewright`."""
    return str(Path("~/.voicewright"))


def session(context: typer.Context) -> Session:
    """The session that the main callback opened."""
    found = context.obj
    assert isinstance(found, Session)
    return found


def print_json(value: Any) -> None:
    """JSON on standard output, nothing else."""
    typer.echo(json.dumps(value, indent=2, ensure_ascii=False, default=str))


def warn(text: str) -> None:
    """A message for a person on standard error; text from outside is never read as markup."""
    errors.print(
        text, style="bold red" if text.startswith("error") else "yellow", markup=False, soft_wrap=True
    )
