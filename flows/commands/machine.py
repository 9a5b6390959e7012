"""The machine: `doctor`, `models`, `up`, `down`."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import typer

from configs.errors import UserError
from configs.nearest import did_you_mean
from configs.weights import PUBLISHED
from flows.checkup import PRESET, Finding
from flows.commands.shared import JSON, console, fetched_here, print_json, print_rows, session


def add_to(app: typer.Typer) -> None:
    """Add these commands."""
    app.command()(doctor)
    app.command()(languages)
    app.command()(up)
    app.command()(down)
    app.add_typer(models_app, name="models")


def doctor(context: typer.Context, as_json: bool = JSON) -> None:
    """What is installed, which backends and presets work here, what is missing and how to get it."""
    from flows.checkup import examine, examine_presets

    workspace = session(context).workspace
    findings = [_here(one, workspace) for one in examine(workspace)]
    presets = [_here(one, workspace) for one in examine_presets(workspace)]
    if as_json:
        print_json([finding._asdict() for finding in (*findings, *presets)])
    else:
        words = {"ok": "ok", "optional": "not here", "broken": "BROKEN"}
        colours = {"ok": None, "optional": "yellow", "broken": "bold red"}
        print_rows(
            ("what", "state", "details and remedy"),
            [(one.what, words[one.state], _with_remedy(one)) for one in findings],
            whole=2,
            styles=[colours[one.state] for one in findings],
        )
        _print_presets(presets)
    if any(finding.state == "broken" for finding in findings):
        raise typer.Exit(1)


def _here(finding: Finding, workspace: Path) -> Finding:
    return finding._replace(remedy=fetched_here(finding.remedy, workspace))


def _with_remedy(finding: Finding) -> str:
    return "; ".join(part for part in (finding.details, finding.remedy) if part)


def _print_presets(presets: Sequence[Finding]) -> None:
    words = {"ok": "works here", "optional": "not yet", "broken": "BROKEN"}
    console.print("\n[bold]Presets[/] (`voicewright advise FOLDER` says which one suits your recordings)")
    print_rows(
        ("preset", "here", "what is missing, and the remedy"),
        [(one.what.removeprefix(PRESET), words[one.state], _with_remedy(one)) for one in presets],
        whole=2,
        styles=["green" if one.state == "ok" else None for one in presets],
    )


def languages(as_json: bool = JSON) -> None:
    """The languages that recordings can be in: code, name, and how well a text of it is read."""
    from tasks.languages import readable_languages, with_rules

    rows = [(code, name, with_rules(code)) for code, name in readable_languages().items()]
    if as_json:
        return print_json([{"code": code, "name": name, "rules": rules} for code, name, rules in rows])
    print_rows(
        ("code", "language", "figures, dates, money and abbreviations"),
        [(code, name, "read by rules" if rules else "plain numbers alone") for code, name, rules in rows],
        whole=2,
    )
    return None


def up(
    context: typer.Context,
    prefect_port: int = typer.Option(4200, "--prefect-port", help="Port of the Prefect server."),
    mlflow_port: int = typer.Option(5000, "--mlflow-port", help="Port of MLflow."),
) -> None:
    """Start the Prefect server, MLflow and a worker on 127.0.0.1, and deploy the flows."""
    from flows import services

    started = services.up(session(context).workspace, prefect_port, mlflow_port)
    for name, url in started.items():
        console.print(f"[bold]{name:8}[/] {url}", soft_wrap=True)
    console.print("Prefect's pages ask for a password once: it is the line in the file named login.")


def down(context: typer.Context) -> None:
    """Stop what `up` started."""
    from flows import services

    workspace = session(context).workspace
    ended = services.down(workspace)
    said = f"stopped {', '.join(ended)}" if ended else f"nothing was running in {workspace}"
    console.print(said, markup=False, soft_wrap=True)


models_app = typer.Typer(help="Published weights that stages can use.", no_args_is_help=True)


@models_app.command("list")
def list_models(context: typer.Context, as_json: bool = JSON) -> None:
    """Which weights there are, under which licence, and whether they are on this machine."""
    from tasks.weights import located

    folder = session(context).workspace / "models"
    rows: list[dict[str, Any]] = []
    for weights in PUBLISHED:
        place = located(weights, folder)
        rows.append(
            {
                "name": weights.name,
                "host": weights.host,
                "hub_id": weights.hub_id,
                "revision": weights.revision,
                "licence": weights.licence,
                "size_mb": weights.size_mb,
                "file": weights.path,
                "setting": weights.setting,
                "used_for": weights.used_for,
                "local": str(place) if place else None,
            }
        )
    if as_json:
        return print_json(rows)
    print_rows(
        ("name", "MB", "here", "used for (licence)"),
        [
            (
                row["name"],
                str(row["size_mb"]),
                "yes" if row["local"] else "no",
                f"{row['used_for']} ({row['licence']})",
            )
            for row in rows
        ],
        whole=3,
    )
    console.print(f"Those that are here lie in {folder}.", markup=False, soft_wrap=True)
    console.print(
        "A local file or folder replaces any of them: --set SETTING=/path. `models list --json` tells each "
        "one's setting and source.",
        markup=False,
    )
    return None


@models_app.command("fetch")
def fetch_model(
    context: typer.Context,
    names: list[str] = typer.Argument(..., help="Names from `models list`."),
    revision: str | None = typer.Option(
        None, "--revision", help="Commit to fetch; recorded beside the files."
    ),
) -> None:
    """Fetch weights from their host into the workspace, where settings that name them find them."""
    from flows.weights import fetch

    known = {weights.name: weights for weights in PUBLISHED}
    unknown = [name for name in names if name not in known]
    if unknown:
        hint = did_you_mean(unknown[0], known)
        raise UserError(f"NAMES: {unknown[0]!r} is not one of {', '.join(known)}{hint}")
    folder = session(context).workspace / "models"

    def say(text: str) -> None:
        console.print(text, markup=False, soft_wrap=True)

    for name in names:
        place = fetch(known[name], folder, revision, say)
        used = f"\nused with --set {known[name].setting}={name}" if known[name].setting else ""
        say(f"{place}{used}")
