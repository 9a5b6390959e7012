"""A voice's versions: `versions`, `promote`, `rollback`, `copy`, `rename`, `delete`."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

import typer
from rich.markup import escape

from artifacts.faults import writing
from artifacts.store import Store, write_atomically
from configs.errors import UserError
from configs.loading import resolve
from flows.commands.shared import JSON, console, print_json, session, warn
from tasks.nights.listed import rename_night
from tasks.versions import voices as whole
from tasks.versions.folders import champion_folder, split_name
from tasks.versions.holding import HeldError, holding
from tasks.versions.record import read_versions, version_of
from tasks.voice import open_store, remembered

if TYPE_CHECKING:
    from artifacts.voice_registry import VoiceRegistry

NAMED = typer.Argument(..., help="Name of the voice.")
YES = typer.Option(False, "--yes", "-y", help="Do not ask.")


def add_to(app: typer.Typer) -> None:
    """Add these commands."""
    app.command()(versions)
    app.command()(promote)
    app.command()(rollback)
    app.command()(compare)
    app.command()(copy)
    app.command()(rename)
    app.command()(delete)


def versions(context: typer.Context, voice: str = NAMED, as_json: bool = JSON) -> None:
    """What a voice has been: its versions, which of them is live, and why."""
    workspace = session(context).workspace
    remembered(workspace, voice)
    if read_versions(workspace, voice)["versions"]:
        # Whoever works on the voice takes over what was chosen in MLflow; here it is read as it is.
        with suppress(HeldError), _changing(workspace, voice, "versions"):
            pass
    record = read_versions(workspace, voice)
    if as_json:
        return print_json({"voice": voice, **record})
    if not record["versions"]:
        console.print(f"{voice} has no version yet; `voicewright status {voice}` tells how far it is")
        return None
    for entry in record["versions"]:
        live = "  [green]live[/]" if entry["number"] == record["champion"] else ""
        made = entry["made_at"].replace("T", " ").removesuffix("+00:00")
        how = f"{escape(entry['preset'] or 'no preset')}, {60 * entry['hours']:.1f} min of speech"
        name = f"[bold]{escape(voice)}@{entry['number']}[/]"
        console.print(f"{name}{live}  {made}, {how}", soft_wrap=True)
        for line in (entry["verdict"] or "not judged", entry["decision"]):
            console.print(f"  {line}", markup=False, soft_wrap=True)
    for change in record["changes"][-5:]:
        console.print(f"{change['at']}  version {change['champion']} live: {change['why']}", markup=False)
    return None


def promote(
    context: typer.Context,
    version: str = typer.Argument(..., metavar="NAME@N", help="The version that is to speak from now on."),
    why: str = typer.Option("promoted by hand", "--why", help="Kept in the record of changes."),
) -> None:
    """Make a version the one that speaks."""
    workspace = session(context).workspace
    voice, number = split_name(version)
    if number is None:
        raise UserError(f"{version}: say which version, as in {version}@2; `voicewright versions {version}`")
    with _changing(workspace, voice, "promote") as store:
        before = read_versions(workspace, voice)["champion"]
        whole.promote(store, workspace, voice, number, "hand", why)
    _tell_live(workspace, voice, before)


def rollback(context: typer.Context, voice: str = NAMED) -> None:
    """Make the version that was live before speak again, to the byte."""
    workspace = session(context).workspace
    with _changing(workspace, voice, "rollback") as store:
        before = read_versions(workspace, voice)["champion"]
        whole.roll_back(store, workspace, voice)
    _tell_live(workspace, voice, before)


def compare(
    context: typer.Context,
    names: list[str] = typer.Argument(..., metavar="NAME[@N]...", help="Two voices or versions, or more."),
    output: Path = typer.Option(Path("comparison.html"), "--output", "-o", help="The page."),
    sentences: int = typer.Option(
        5, "--sentences", min=0, max=30, help="How many sentences each of them says."
    ),
) -> None:
    """Put voices or versions side by side on one page: measures, the same sentences, settings that differ."""
    from tasks.release.versions_page import build_versions_page
    from tasks.versions.comparison import compare as gathered
    from tasks.versions.comparison import find

    if len(names) < 2:
        raise UserError(f"{names[0]}: name another voice or version to put beside it, as in {names[0]}@1")
    workspace = session(context).workspace
    found = []
    for name in names:
        settings = remembered(workspace, split_name(name)[0]).resolve().settings
        found.append(find(open_store(workspace, settings), workspace, name))

    def said(name: str) -> None:
        warn(f"{name} speaks")

    page = build_versions_page(gathered(found, sentences, settings.gates, settings.seed, said))
    with writing(output.parent):
        write_atomically(output, page.encode("utf-8"))
    console.print(str(output.resolve()), markup=False, soft_wrap=True)


def copy(
    context: typer.Context, voice: str = NAMED, name: str = typer.Argument(..., help="Name of the copy.")
) -> None:
    """A second voice with the same recipe and versions, which goes its own way from here."""
    workspace = session(context).workspace
    with _changing(workspace, voice, "copy") as store:
        whole.copy_voice(store, workspace, voice, name)
    console.print(f"{name}: a copy of {voice}, at the same version", markup=False)


def rename(
    context: typer.Context, voice: str = NAMED, name: str = typer.Argument(..., help="Its new name.")
) -> None:
    """Give a voice another name, also in MLflow's registry; its files keep theirs until the next training."""
    workspace = session(context).workspace
    with _changing(workspace, voice, "rename") as store:
        whole.copy_voice(store, workspace, voice, name)
        rename_night(workspace, voice, name)
        _registry(workspace, voice, lambda registry: registry.rename_voice(voice, name))
        for copied in whole.delete_voice(store, workspace, voice):
            copied.unlink()
    console.print(f"{voice} is {name} now", markup=False)


def delete(
    context: typer.Context,
    voice: str = typer.Argument(..., metavar="NAME or NAME@N", help="The voice, or one version of it."),
    yes: bool = YES,
) -> None:
    """Forget a voice, or one version; recordings and what MLflow recorded stay."""
    workspace = session(context).workspace
    name, number = split_name(voice)
    there = read_versions(workspace, name)
    if number is not None:
        version_of(there, name, number)
    what = voice if number is not None else f"{name} with {len(there['versions'])} versions"
    if not yes and not typer.confirm(f"Delete {what}?"):
        raise typer.Exit(1)
    kept: list[Path] = []
    with holding(workspace, name, "delete", wait=False):
        store = _store_left(workspace, name)
        if number is None:
            kept = whole.delete_voice(store, workspace, name)
        else:
            whole.delete_version(store, workspace, name, number)
    for path in kept:
        console.print(f"{path}: written by hand, and kept", markup=False, soft_wrap=True)
    console.print(f"{what} is deleted; `voicewright store gc` frees the space", markup=False)


def _store_left(workspace: Path, voice: str) -> Store:
    """The store of a voice that is to go; the workspace's own where no recipe tells it (any more)."""
    try:
        return open_store(workspace, remembered(workspace, voice).resolve().settings)
    except UserError:
        return open_store(workspace, resolve().settings)


@contextmanager
def _held(workspace: Path, voice: str, doing: str) -> Iterator[Store]:
    """The store of a voice that nobody else works on."""
    with holding(workspace, voice, doing, wait=False):
        yield open_store(workspace, remembered(workspace, voice).resolve().settings)


@contextmanager
def _changing(workspace: Path, voice: str, doing: str) -> Iterator[Store]:
    """The same; what was chosen in MLflow is taken over before, and what changed is told it afterwards."""
    from flows.registry import take_over, tell

    remembered(workspace, voice)
    with _held(workspace, voice, doing) as store:
        taken: list[str | None] = []
        _registry(
            workspace, voice, lambda registry: taken.append(take_over(registry, workspace, store, voice))
        )
        for said in taken:
            if said is not None:
                warn(f"{voice}: {said}")
        before = read_versions(workspace, voice)
        yield store
        after = read_versions(workspace, voice)
        if after["versions"] and (
            after["champion"] != before["champion"] or after["registered"] != after["champion"]
        ):
            _registry(workspace, voice, lambda registry: tell(registry, workspace, voice))


def _registry(workspace: Path, voice: str, work: Callable[[VoiceRegistry], None]) -> None:
    """Do something in MLflow's registry, where runs are recorded; a failure is told and changes nothing."""
    from artifacts.mlflow_connection import TrackingError
    from flows.recorded import is_recording, open_tracker

    settings = remembered(workspace, voice).resolve().settings.tracking
    if not is_recording(settings, workspace):
        return
    try:
        work(open_tracker(settings, workspace).registry)
    except TrackingError as error:
        warn(f"MLflow was not told, and will be by the next command that can: {error}")


def _tell_live(workspace: Path, voice: str, before: int | None) -> None:
    record = read_versions(workspace, voice)
    number = record["champion"]
    was = f" (version {before} before)" if before != number else ", as it was"
    console.print(f"{voice}: version {number} is live{was}", markup=False)
    console.print(str(champion_folder(workspace, voice)), markup=False, soft_wrap=True)
