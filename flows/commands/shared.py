"""What every command needs: the workspace, printing for people and for programs."""

from __future__ import annotations

import json
import shlex
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import zip_longest
from pathlib import Path
from typing import Any

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from configs.errors import UserError
from configs.languages import language_code

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


def command_line(workspace: Path, *words: str) -> str:
    """A command to copy, for this workspace: `-w` stands in it where that is not the default one."""
    is_default = workspace == Path(default_workspace()).expanduser().resolve()
    return shlex.join(["voicewright", *(() if is_default else ("-w", str(workspace))), *words])


def fetched_here(text: str, workspace: Path) -> str:
    """The text with its commands that fetch weights as `command_line` has them.

    What says that weights are missing knows their folder alone.
    """
    fetch = ("models", "fetch")
    return text.replace(shlex.join(["voicewright", *fetch]), command_line(workspace, *fetch))


def session(context: typer.Context) -> Session:
    """The session that the main callback opened."""
    found = context.obj
    assert isinstance(found, Session)
    return found


def language_given(given: str | None) -> str | None:
    """The code of a language that an option names by code or name.

    Raises:
        UserError: there is no such language.
    """
    if given is None:
        return None
    try:
        return language_code(given)
    except ValueError as error:
        raise UserError(f"language: {error}") from error


def print_json(value: Any) -> None:
    """JSON on standard output, nothing else."""
    typer.echo(json.dumps(value, indent=2, ensure_ascii=False, default=str))


def print_rows(
    titles: Sequence[str], rows: Sequence[Sequence[str]], whole: int = 1, styles: Sequence[str | None] = ()
) -> None:
    """A table without lines, readable on any width, in a pipe and in a file.

    Args:
        titles: of the columns.
        rows: as many texts each.
        whole: so many columns from the left are never broken: what is typed again stays whole.
        styles: of the rows, on a terminal.
    """
    if not console.is_terminal:
        widths = [max(map(len, column)) for column in zip(titles, *rows, strict=True)]
        for row in (titles, *rows):
            typer.echo("  ".join(map(str.ljust, row, widths)).rstrip())
        return
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
    for at, title in enumerate(titles):
        table.add_column(title, no_wrap=at < whole, overflow="fold")
    for row, style in zip_longest(rows, styles):
        table.add_row(*map(escape, row), style=style)
    console.print(table)


def print_facts(facts: Sequence[tuple[str, str]], width: int = 11) -> None:
    """Lines of `what  text`, wrapped beside the first column on a terminal and left whole in a pipe."""
    if not console.is_terminal:
        for what, text in facts:
            typer.echo(f"{what:<{width}}{text}")
        return
    table = Table.grid(padding=(0, 1, 0, 0))
    table.add_column(width=width - 1, no_wrap=True, style="bold")
    table.add_column(overflow="fold")
    for what, text in facts:
        table.add_row(what, escape(text))
    console.print(table)


def warn(text: str) -> None:
    """A message for a person on standard error; text from outside is never read as markup."""
    errors.print(
        text, style="bold red" if text.startswith("error") else "yellow", markup=False, soft_wrap=True
    )
