"""Looking: `report`, `rejects`, `textgrids`, `where`."""

from __future__ import annotations

import webbrowser
from pathlib import Path

import typer

from artifacts.faults import writing
from artifacts.store import write_atomically
from configs.errors import UserError
from flows.commands.shared import JSON, command_line, console, fetched_here, print_json, session, warn
from tasks.versions.folders import champion_folder, folder_of, split_name
from tasks.voice import open_pipeline, remembered


def add_to(app: typer.Typer) -> None:
    """Add these commands."""
    app.command()(report)
    app.command()(rejects)
    app.command()(textgrids)
    app.command()(where)


def report(
    context: typer.Context,
    voice: str = typer.Argument(..., help="Name of the voice; NAME@N for one of its versions."),
    output: Path | None = typer.Option(None, "--output", "-o", help="Copy the page here."),
    open_page: bool = typer.Option(
        True, "--open/--no-open", help="Show it in the browser where there is one."
    ),
) -> None:
    """Show the voice's page: corpus, samples, training, metrics, lineage."""
    workspace = session(context).workspace
    remembered(workspace, split_name(voice)[0])
    page = folder_of(workspace, voice) / "report.html"
    if not page.is_file():
        raise UserError(f"VOICE: {voice!r} has no report yet; run `voicewright finetune` to the end")
    if output is not None:
        with writing(output.parent):
            write_atomically(output, page.read_bytes())
        page = output.resolve()
    console.print(str(page), markup=False, soft_wrap=True)
    if open_page and console.is_terminal:
        webbrowser.open(page.as_uri())


def rejects(
    context: typer.Context,
    voice: str = typer.Argument(..., help="Name of the voice."),
    as_json: bool = JSON,
) -> None:
    """Every recording or clip that was refused: why, what was measured, what would help."""
    workspace = session(context).workspace
    pipeline = open_pipeline(workspace, remembered(workspace, voice))
    found = [
        {
            "stage": stage,
            "id": refused.row_id,
            "code": refused.code,
            "field": refused.field,
            "value": refused.value,
            "reason": refused.reason,
            "remedy": fetched_here(refused.remedy, workspace),
        }
        for stage, refused in pipeline.rejects()
    ]
    if as_json:
        return print_json(found)
    waiting = [name for name in pipeline.stages if pipeline.known(name) is None]
    if waiting:
        more = f" and {len(waiting) - 1} more" if len(waiting) > 1 else ""
        warn(
            f"{waiting[0]}{more} would run now (`voicewright status {voice}`): what they refuse is not known"
        )
    if not found:
        console.print(f"nothing was refused{' by the stages that are done' if waiting else ''}")
    for row in found:
        what = f"{row['id']}  {row['stage']}: {row['code']}, {row['field']} = {row['value']}"
        for line in (what, f"  {row['reason']}; {row['remedy']}"):
            console.print(_plain(line), soft_wrap=not console.is_terminal)
    return None


def textgrids(
    context: typer.Context,
    voice: str = typer.Argument(..., help="Name of the voice."),
    folder: Path = typer.Argument(..., help="New or empty folder."),
) -> None:
    """Write phone and word times of every clip as Praat TextGrids."""
    from tasks.release.textgrids import export_textgrids

    workspace = session(context).workspace
    pipeline = open_pipeline(workspace, remembered(workspace, voice))
    with writing(folder):
        count = sum(1 for _ in export_textgrids(pipeline, folder))
    console.print(f"{folder}: {count} TextGrids", markup=False)


def where(
    context: typer.Context,
    voice: str = typer.Argument(..., help="Name of the voice."),
    wav: Path | None = typer.Option(None, "--wav", help="A file spoken by it."),
    as_json: bool = JSON,
) -> None:
    """Say where a voice's files are and how to look at its runs."""
    workspace = session(context).workspace
    if as_json:
        return print_json(places(workspace, voice, wav))
    return print_places(workspace, voice, wav)


def places(workspace: Path, voice: str, wav: Path | None) -> dict[str, str]:
    """Of a voice that was made here: its folder, a file spoken by it, its report, where its runs are seen."""
    folder = champion_folder(workspace, voice)
    found = {"voice": str(folder)}
    if wav is not None:
        found["audio"] = str(wav.resolve())
    return {**found, "report": str(folder / "report.html"), "MLflow": _runs_seen(workspace, voice)}


def _runs_seen(workspace: Path, voice: str) -> str:
    from flows.recorded import own_tracking_uri, tracking_uri
    from flows.services import MLFLOW_PORT, endpoints

    uri = tracking_uri(remembered(workspace, voice).resolve().settings.tracking, workspace)
    if uri != own_tracking_uri(workspace):
        return uri
    running = endpoints(workspace)
    if running is not None:
        return running.mlflow
    return f"http://127.0.0.1:{MLFLOW_PORT} after `{command_line(workspace, 'up')}`"


def print_places(workspace: Path, voice: str, wav: Path | None) -> None:
    """Print `places`, and what a tiny voice is not."""
    for name, value in places(workspace, voice, wav).items():
        console.print(f"[bold]{name:8}[/]", end="")
        console.print(value, markup=False, soft_wrap=True)
    card = champion_folder(workspace, voice) / "README.md"
    if card.is_file() and "proves the machinery" in card.read_text(encoding="utf-8"):
        console.print(
            "[yellow]This is a tiny voice trained from scratch for minutes: it proves that the machinery "
            "works, not how good a voice can be. For a voice that speaks: `voicewright advise FOLDER`.[/]"
        )


def _plain(text: str) -> str:
    from rich.markup import escape

    return escape(text)
