"""Recordings to start with, and the store that keeps what was made of them: `sample`, `store`."""

from __future__ import annotations

from pathlib import Path

import typer
from rich.progress import Progress
from rich.table import Table

from artifacts import housekeeping
from artifacts.faults import writing
from configs.errors import UserError
from configs.loading import resolve
from flows.commands.shared import JSON, console, errors, print_json, session
from tasks.voice import open_store

STORE_URL = typer.Option(None, "--url", help="Store to look at; by default the workspace's own.")


def add_to(app: typer.Typer) -> None:
    """Add these commands."""
    app.command()(sample)
    app.add_typer(store_app, name="store")


def sample(folder: Path = typer.Argument(..., help="New or empty folder.")) -> None:
    """Write the embedded demo recordings (synthetic English speech with transcripts)."""
    from tasks.corpus.sample import write_sample

    count = 0
    with writing(folder), Progress(console=errors, transient=True) as progress:
        bar = progress.add_task("speaking the sample sentences", total=None)
        for written in write_sample(folder):
            count += 1
            progress.update(bar, completed=count, total=written.total)
    console.print(f"{folder}: {count} recordings with transcripts", markup=False)


store_app = typer.Typer(help="The artifact store.", no_args_is_help=True)


@store_app.command("ls")
def list_store(context: typer.Context, url: str | None = STORE_URL, as_json: bool = JSON) -> None:
    """What each stage has stored."""
    rows = housekeeping.summary(_store(context, url))
    if as_json:
        return print_json([row._asdict() for row in rows])
    table = Table("stage", "results", "kept by", "MB")
    for row in rows:
        table.add_row(row.stage, str(row.results), ", ".join(row.voices), f"{row.size_bytes / 1e6:.1f}")
    console.print(table)
    return None


@store_app.command("verify")
def verify_store(context: typer.Context, url: str | None = STORE_URL, as_json: bool = JSON) -> None:
    """Re-hash every blob; a damaged one is removed, so that the next run makes it again."""
    store = _store(context, url)
    checked, damaged = 0, []
    with Progress(console=errors, transient=True) as progress:
        bar = progress.add_task("verifying", total=None)
        for ref, whole in housekeeping.verify(store):
            checked += 1
            progress.update(bar, completed=checked)
            if not whole:
                damaged.append(ref.digest)
    if as_json:
        print_json({"checked": checked, "removed": damaged})
    else:
        console.print(f"{checked} blobs checked, {len(damaged)} damaged and removed")
        for digest in damaged:
            console.print(f"  {digest}")
    if damaged:
        raise typer.Exit(1)


@store_app.command("gc")
def collect(
    context: typer.Context,
    url: str | None = STORE_URL,
    dry_run: bool = typer.Option(False, "--dry-run", help="Only say what would go."),
    as_json: bool = JSON,
) -> None:
    """Remove everything that no voice reaches."""
    swept = housekeeping.collect(_store(context, url), dry_run)
    if as_json:
        return print_json(swept._asdict() | {"dry_run": dry_run})
    verb = "would be removed" if dry_run else "removed"
    console.print(f"{swept.records} records and {swept.blobs} blobs ({swept.size_bytes / 1e6:.1f} MB) {verb}")
    return None


def _store(context: typer.Context, url: str | None):  # type: ignore[no-untyped-def]
    if url is not None and "://" not in url and not Path(url).is_dir():
        raise UserError(f"--url: {url} is not a folder")
    overrides = (f"store.url={url}",) if url else ()
    return open_store(session(context).workspace, resolve(overrides=overrides).settings)
