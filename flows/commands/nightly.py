"""The nights: `nightly add|remove|list|run|show`, and who is told: `nightly notify add|remove|list`."""

from __future__ import annotations

import os
from pathlib import Path

import typer

from configs.errors import UserError
from flows.commands.shared import JSON, console, print_json, session
from tasks.nights import kept
from tasks.nights.digest import text
from tasks.nights.listed import (
    add_night,
    add_notified,
    read_nights,
    read_notified,
    remove_night,
    remove_notified,
)
from tasks.voice import Request

NAMED = typer.Argument(..., help="Name of the voice.")
BLOCK = typer.Argument(..., metavar="TYPE/NAME", help="The block's document, as slack-webhook/my-channel.")
SET = typer.Option(None, "--set", "-s", metavar="a.b=c", help="One setting; may be repeated.")


def add_to(app: typer.Typer) -> None:
    """Add these commands."""
    nightly_app.add_typer(notify_app, name="notify")
    app.add_typer(nightly_app, name="nightly")


nightly_app = typer.Typer(
    help="Which voices are made anew every night, and by which recipe.", no_args_is_help=True
)

notify_app = typer.Typer(help="Who is told what a night came to.", no_args_is_help=True)


@nightly_app.command("add")
def add_nightly(context: typer.Context, voice: str = NAMED, overrides: list[str] | None = SET) -> None:
    """Put a voice onto the list with the recipe of its last run, which stays as it is from now on."""
    request = add_night(session(context).workspace, voice, tuple(overrides or ()))
    console.print(f"{voice} is on the nightly list: {_recipe(request)}", markup=False, soft_wrap=True)


@nightly_app.command("remove")
def remove_nightly(context: typer.Context, voice: str = NAMED) -> None:
    """Take a voice off the list; the voice itself stays."""
    was = remove_night(session(context).workspace, voice)
    console.print(f"{voice} is {'no longer' if was else 'not'} on the nightly list", markup=False)


@nightly_app.command("list")
def list_nightly(context: typer.Context, as_json: bool = JSON) -> None:
    """The voices of the list, with their recipes."""
    listed = read_nights(session(context).workspace)
    if as_json:
        return print_json({name: request.as_record() for name, request in listed.items()})
    for name, request in listed.items():
        console.print(f"{name}: {_recipe(request)}", markup=False, soft_wrap=True)
    if not listed:
        console.print("the nightly list is empty; `voicewright nightly add VOICE`", markup=False)
    return None


@nightly_app.command("run")
def run_nightly(
    context: typer.Context,
    only: list[str] | None = typer.Argument(None, metavar="[NAME]...", help="Voices; all of the list."),
) -> None:
    """Do now what the night does, and tell what came of it; no services are needed."""
    from flows import services

    workspace = session(context).workspace
    for name in only or ():
        if name not in read_nights(workspace):
            raise UserError(f"{name}: is not on the nightly list; `voicewright nightly add {name}`")
    before = kept.nights(workspace)
    os.environ.setdefault("PREFECT_LOGGING_HANDLERS_CONSOLE_LEVEL", "WARNING")
    try:
        with services.serving(workspace, meanwhile=_load):
            from flows.nightly import nightly
            from flows.prefect_glue import brief

            with brief():
                nightly(only=list(only or ()), workspace=str(workspace))
    finally:
        for folder in kept.nights(workspace)[-1:]:
            if folder not in before:
                _show(folder)


@nightly_app.command("show")
def show_nightly(
    context: typer.Context,
    night: str | None = typer.Argument(None, help="Which night, by the beginning of its name: 2026-11-30."),
    every: bool = typer.Option(False, "--list", help="Name all nights that are kept instead."),
    as_json: bool = JSON,
) -> None:
    """What the last night came to, or another one; the page lies beside the text."""
    found = [one for one in kept.nights(session(context).workspace) if one.name.startswith(night or "")]
    if every:
        for folder in found:
            console.print(str(folder), markup=False, soft_wrap=True)
        return None
    if not found:
        raise UserError(f"nightly: there was no night {night or 'yet'}; `voicewright nightly run`")
    if as_json:
        return print_json(kept.read(found[-1]))
    return _show(found[-1])


@notify_app.command("add")
def add_notify(context: typer.Context, block: str = BLOCK) -> None:
    """Send the digests by a notification block of the Prefect server: email, Slack, a webhook."""
    add_notified(session(context).workspace, block)
    console.print(f"{block} gets the digests", markup=False)


@notify_app.command("remove")
def remove_notify(context: typer.Context, block: str = BLOCK) -> None:
    """Send no more digests by a block."""
    was = remove_notified(session(context).workspace, block)
    console.print(f"{block} {'gets no more' if was else 'got no'} digests", markup=False)


@notify_app.command("list")
def list_notify(context: typer.Context, as_json: bool = JSON) -> None:
    """The blocks that get the digests."""
    blocks = read_notified(session(context).workspace)
    if as_json:
        return print_json(blocks)
    for block in blocks:
        console.print(block, markup=False)
    if not blocks:
        console.print("nobody is told; `voicewright nightly notify add TYPE/NAME`", markup=False)
    return None


def _show(folder: Path) -> None:
    console.print(text(kept.read(folder), str(folder / kept.PAGE)), markup=False, soft_wrap=True, end="")


def _load() -> None:
    """Import what the flow needs: seconds that a server's start can be used for."""
    import flows.nightly  # noqa: F401


def _recipe(request: Request) -> str:
    given = [f"preset {request.preset}"] if request.preset else []
    file = request.copied_from or request.config_file
    given += [str(file)] if file else []
    return f"{request.recordings}, {', '.join([*given, *request.overrides]) or 'the default settings'}"
