"""Recordings to start with, what was made of them, and where it is kept: `sample`, `corpus`, `store`."""

from __future__ import annotations

from pathlib import Path

import typer
from rich.progress import Progress

from artifacts import housekeeping
from artifacts.faults import writing
from artifacts.store import Store, write_atomically
from configs.errors import UserError
from configs.loading import resolve
from flows.commands.shared import JSON, console, errors, print_json, print_rows, session, warn
from tasks import tidying
from tasks.voice import open_pipeline, open_store, remembered

STORE_URL = typer.Option(None, "--url", help="Store to look at; by default the workspace's own.")


def add_to(app: typer.Typer) -> None:
    """Add these commands."""
    app.command()(sample)
    app.add_typer(corpus_app, name="corpus")
    app.add_typer(store_app, name="store")


def sample(folder: Path = typer.Argument(..., help="New or empty folder.")) -> None:
    """Write the embedded sample recordings (synthetic English speech with transcripts)."""
    from tasks.corpus.sample import write_sample

    count = 0
    with writing(folder), Progress(console=errors, transient=True) as progress:
        bar = progress.add_task("speaking the sample sentences", total=None)
        for written in write_sample(folder):
            count += 1
            progress.update(bar, completed=count, total=written.total)
    console.print(f"{folder}: {count} recordings with transcripts", markup=False)


corpus_app = typer.Typer(help="What a voice learns from.", no_args_is_help=True)


@corpus_app.command("export")
def export_corpus(
    context: typer.Context,
    folder: Path = typer.Argument(..., help="New or empty folder."),
    voice: str = typer.Option(..., "--voice", "-v", help="Name of the voice."),
    as_json: bool = JSON,
) -> None:
    """Write a voice's training table as a Hugging Face dataset folder: Parquet of each split, and a card."""
    from tasks.release.dataset_folder import table_files, write_dataset

    workspace = session(context).workspace
    files = table_files(open_pipeline(workspace, remembered(workspace, voice)))
    written: list[str] = []
    with writing(folder), Progress(console=errors, transient=True) as progress:
        bar = progress.add_task("copying", total=len(files))
        for name in write_dataset(files, folder):
            written.append(name)
            progress.update(bar, completed=len(written), description=f"copying {name}")
    if as_json:
        return print_json({"folder": str(folder), "files": written})
    console.print(f"{folder}: {len(written)} files; README.md says what is in them", markup=False)
    return None


@corpus_app.command("review")
def review_corpus(
    context: typer.Context,
    voice: str = typer.Argument(..., help="Name of the voice."),
    output: Path = typer.Option(Path("review.html"), "--output", "-o", help="The page."),
    clips: int = typer.Option(100, "--clips", min=1, help="How many clips, the most doubtful first."),
) -> None:
    """Write a page to listen to clips with their texts, the most doubtful first, to correct and drop them."""
    from tasks.review.clips import review_of
    from tasks.review.page import review_page

    workspace = session(context).workspace
    review = review_of(open_pipeline(workspace, remembered(workspace, voice)), clips)
    with writing(output.parent):
        write_atomically(output, review_page(review).encode("utf-8"))
    if review.lost:
        warn(f"corrected before, and not in the corpus any more: {', '.join(review.lost)}")
    console.print(str(output.resolve()), markup=False, soft_wrap=True)


@corpus_app.command("correct")
def correct_corpus(
    context: typer.Context,
    voice: str = typer.Argument(..., help="Name of the voice."),
    file: Path = typer.Argument(..., help="What the page of `corpus review` saved."),
) -> None:
    """Keep corrections beside a voice's corpus, where the next run reads them; your lists stay."""
    from tasks.corpus.corrections_file import corrections_path, take_in

    workspace = session(context).workspace
    remembered(workspace, voice)
    known = take_in(workspace, voice, file)
    dropped = sum(one.what == "drop" for one in known.values())
    console.print(
        f"{corrections_path(workspace, voice)}: {len(known) - dropped} texts corrected, {dropped} clips "
        "dropped; the next `voicewright finetune` reads them",
        markup=False,
        soft_wrap=True,
    )


store_app = typer.Typer(help="The artifact store.", no_args_is_help=True)


@store_app.command("ls")
def list_store(context: typer.Context, url: str | None = STORE_URL, as_json: bool = JSON) -> None:
    """What each stage has stored."""
    store = _store(context, url)
    rows, problems = housekeeping.summary(store)
    for problem in problems:
        warn(str(problem))
    for name in housekeeping.foreign(store):
        warn(f"{store.shown(name)}: is no file of the store, and is left alone")
    if as_json:
        return print_json([row._asdict() for row in rows])
    print_rows(
        ("stage", "results", "MB", "kept by"),
        [(row.stage, str(row.results), f"{row.size_bytes / 1e6:.1f}", ", ".join(row.voices)) for row in rows],
    )
    return None


@store_app.command("verify")
def verify_store(context: typer.Context, url: str | None = STORE_URL, as_json: bool = JSON) -> None:
    """Re-hash every blob and check every record; what is damaged goes, and the next run makes it again."""
    store = _store(context, url)
    checked, damaged = 0, []
    with Progress(console=errors, transient=True) as progress, store.gate().shared():
        bar = progress.add_task("verifying", total=None)
        for name, whole in housekeeping.verify(store):
            checked += 1
            progress.update(bar, completed=checked)
            if not whole:
                damaged.append(name)
    if as_json:
        print_json({"checked": checked, "removed": damaged})
    else:
        console.print(f"{checked} blobs and records checked, {len(damaged)} damaged")
        for name in damaged:
            kept = name.startswith("voices/")
            what = "run `voicewright finetune` for the voice, which writes it anew" if kept else "removed"
            console.print(f"  {name}: {what}", markup=False, soft_wrap=True)
    if damaged:
        raise typer.Exit(1)


@store_app.command("gc")
def collect(
    context: typer.Context,
    url: str | None = STORE_URL,
    dry_run: bool = typer.Option(False, "--dry-run", help="Only say what would go."),
    wait_s: float = typer.Option(
        housekeeping.WAIT_S, "--wait", metavar="SECONDS", help="How long to wait for runs to pause."
    ),
    as_json: bool = JSON,
) -> None:
    """Remove everything that no voice and no run reaches, and what killed runs left behind."""
    workspace = None if url else session(context).workspace
    said = "waiting until the runs that use the store pause"
    swept = tidying.tidy(_store(context, url), workspace, dry_run, wait_s, lambda: warn(said))
    size_bytes = sum(one.size_bytes for one in swept)
    if as_json:
        kinds = [one._asdict() for one in swept]
        return print_json({"dry_run": dry_run, "size_bytes": size_bytes, "kinds": kinds})
    print_rows(
        ("kind", "number", "MB"),
        [(one.kind, str(one.number), f"{one.size_bytes / 1e6:.1f}") for one in swept],
    )
    verb = "would be removed" if dry_run else "removed"
    console.print(f"{size_bytes / 1e6:.1f} MB {verb}")
    return None


def _store(context: typer.Context, url: str | None) -> Store:
    if url is not None and "://" not in url and not Path(url).is_dir():
        raise UserError(f"--url: {url} is not a folder")
    overrides = (f"store.url={url}",) if url else ()
    return open_store(session(context).workspace, resolve(overrides=overrides).settings)
