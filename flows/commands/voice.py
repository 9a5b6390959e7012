"""Making a voice: `finetune`, `status`, `why`, `rerun`, `voices`."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import typer
from rich.text import Text

from configs import plain_yaml
from configs.errors import UserError
from configs.loading import OPTIONS, about, leaves, preset_of, presets, resolve
from configs.nearest import did_you_mean
from configs.settings_file import as_file
from flows.commands.shared import JSON, command_line, console, print_json, print_rows, session, warn
from tasks.read_settings import reads, unread
from tasks.recipe import placed, recipe_changes, unused_edit, with_recipe
from tasks.run_record import ComputedEntry, StageEntry, last_computed, read_run, voices
from tasks.versions.folders import champion_folder
from tasks.voice import Request, check_name, open_pipeline, recordings_at, remembered
from tasks.weights import LocalWeights

PRESET = typer.Option(None, "--preset", "-p", help="Settings to start from: see `config show`.")
CONFIG = typer.Option(None, "--config", "-c", help="YAML file with further settings.")
SET = typer.Option(None, "--set", "-s", metavar="a.b=c", help="One setting; may be repeated.")
WAIT = typer.Option(
    False, "--wait/--no-wait", help="Where another run works on the voice, wait for it instead of ending."
)


def add_to(app: typer.Typer) -> None:
    """Add these commands."""
    app.command()(finetune)
    app.command()(rerun)
    app.command()(status)
    app.command()(why)
    app.command(name="voices")(list_voices)
    app.add_typer(config_app, name="config")


def finetune(
    context: typer.Context,
    recordings: Path = typer.Argument(
        ..., help="Folder of recordings, with or without transcripts, or one recording."
    ),
    voice: str = typer.Option(..., "--voice", "-v", help="Name of the voice."),
    preset: str | None = PRESET,
    config: Path | None = CONFIG,
    overrides: list[str] | None = SET,
    until: str | None = typer.Option(None, "--until", metavar="STAGE", help="Stop after this stage."),
    force: list[str] | None = typer.Option(
        None, "--force", metavar="STAGE", help="Run this stage even if nothing changed; may be repeated."
    ),
    verify: bool = typer.Option(
        False, "--verify", help="Re-hash every stored result instead of trusting its size."
    ),
    wait: bool = WAIT,
) -> None:
    """Make or update a voice; finished stages are not repeated.

    Without --preset and --config a voice that is there is made with the recipe of its last run.
    """
    from flows.run import run_voice

    workspace = session(context).workspace
    asked = Request(
        recordings_at(recordings),
        check_name(voice),
        preset_of(preset, config),
        config.resolve() if config else None,
        tuple(overrides or ()),
    )
    full = with_recipe(workspace, asked)
    request = placed(full)
    if full != asked:
        console.print(f"{voice}: made as before, {_recipe(request)}", markup=False, soft_wrap=True)
    if request.preset is None:
        beside = f", beside what {config} sets" if config else ""
        warn(
            f"no --preset given: published full sizes, trained from scratch{beside}, which takes a GPU and "
            f"days; there are {', '.join(presets())}"
        )
    for line in (*unused_edit(request), *recipe_changes(workspace, request)):
        warn(line)
    if ignored := unread(request.resolve()):
        warn(ignored)
    run_voice(workspace, request, until, tuple(force or ()), verify, wait)


def _recipe(request: Request) -> str:
    """Of which preset, file and settings, in words."""
    named = [f"preset {request.preset}"] if request.preset else []
    file = request.copied_from or request.config_file
    named += [f"settings of {file}"] if file else []
    return ", ".join([*named, *request.overrides]) or "without a preset"


def rerun(
    context: typer.Context,
    voice: str = typer.Argument(..., help="Name of the voice."),
    stage: str = typer.Argument(..., help="Stage to run again; later ones follow where its result differs."),
    wait: bool = WAIT,
) -> None:
    """Run one stage of a voice again, and what depends on it."""
    from flows.run import run_voice

    workspace = session(context).workspace
    run_voice(workspace, remembered(workspace, voice), None, (stage,), verify=False, wait=wait)


def status(
    context: typer.Context,
    voice: str | None = typer.Argument(None, help="Name of the voice; all when left out."),
    as_json: bool = JSON,
) -> None:
    """How each stage stands for the present recordings and settings."""
    workspace = session(context).workspace
    if voice is None:
        return list_voices(context, as_json)
    pipeline = open_pipeline(workspace, remembered(workspace, voice))
    last = read_run(workspace, voice)["stages"]
    rows: list[dict[str, Any]] = []
    for name in pipeline.stages:
        found = pipeline.known(name)
        ran: StageEntry | dict[str, Any] = last.get(name, {})
        computed: ComputedEntry | dict[str, Any] = last_computed(last.get(name)) or {}
        rows.append(
            {
                "stage": name,
                "state": "done" if found else "to do",
                "last": ran.get("status"),
                "rows": len(found.rows) if found else None,
                "rows_total": ran.get("rows_total"),
                "rows_computed": ran.get("rows_computed"),
                "rows_cached": ran.get("rows_cached"),
                "rejects": len(found.rejects) if found else None,
                "key": found.key if found else None,
                "output_digest": found.output if found else None,
                "seconds": computed.get("seconds"),
                "reason": computed.get("reason"),
                "computed": computed or None,
            }
        )
    if as_json:
        return print_json({"voice": voice, "stages": rows})
    print_rows(
        ("stage", "state", "rows", "refused", "seconds", "computed"),
        [
            (
                row["stage"],
                row["state"],
                "" if row["rows"] is None else str(row["rows"]),
                str(row["rejects"] or ""),
                "" if row["seconds"] is None else f"{row['seconds']:.1f}",
                _computed_in_words(row["computed"]),
            )
            for row in rows
        ],
        whole=5,
        styles=["green" if row["state"] == "done" else "yellow" for row in rows],
    )
    return None


def _computed_in_words(computed: ComputedEntry | None) -> str:
    """When a stage last computed something, and how many of its rows where it was not all."""
    if computed is None:
        return ""
    some, total = computed["rows_computed"], computed["rows_total"]
    at = computed["at"][:16].replace("T", " ")
    return at if some == total else f"{at}, {some} of {total} rows"


def why(
    context: typer.Context,
    voice: str = typer.Argument(..., help="Name of the voice."),
    stage: str = typer.Argument(..., help="Name of the stage."),
    overrides: list[str] | None = SET,
    as_json: bool = JSON,
) -> None:
    """Why a stage would run now, and why it ran the last time."""
    workspace = session(context).workspace
    request = remembered(workspace, voice)
    if overrides:
        request = placed(replace(request, overrides=(*request.overrides, *overrides)))
    would, reasons = open_pipeline(workspace, request).why(stage)
    ran = read_run(workspace, voice)["stages"].get(stage)
    if as_json:
        told = {"last_run": ran, "last_computed": last_computed(ran)}
        return print_json({"stage": stage, "would_run": would, "reasons": reasons} | told)
    console.print(f"{stage} [bold]{'would run' if would else 'is done'}[/]:")
    for reason in reasons:
        console.print(f"  {reason}", markup=False)
    computed = last_computed(ran)
    if computed is not None:
        when = f" ({computed['at'].replace('T', ' ').removesuffix('+00:00')})" if computed["at"] else ""
        console.print(
            f"it last ran{when} for {computed['seconds']:.1f} s; why it did: {computed['reason']}",
            markup=False,
            soft_wrap=True,
        )
    return None


def list_voices(context: typer.Context, as_json: bool = JSON) -> None:
    """All voices of this workspace; one whose record is damaged is named, and hides no other."""
    workspace = session(context).workspace
    found = [_summary(workspace, name) for name in voices(workspace)]
    if as_json:
        return print_json(found)
    if not found:
        console.print(f"no voices yet in {workspace}; make one with `voicewright finetune`", markup=False)
        _print_published(workspace)
        return None
    print_rows(
        ("voice", "preset", "last stage", "ready", "recordings"),
        [
            (
                str(row["voice"]),
                str(row["preset"] or ""),
                str(row["last_stage"] or ""),
                "yes" if row["ready"] else "no",
                str(row["recordings"] or ""),
            )
            for row in found
        ],
    )
    for row in found:
        if row["error"]:
            warn(f"{row['voice']}: {row['error']}")
    _print_published(workspace)
    return None


def _print_published(workspace: Path) -> None:
    """Voices that speak without training, by language."""
    from tasks.release.published import published_names

    by_language: dict[str, list[str]] = {}
    for name, language in published_names(LocalWeights(workspace / "models")).items():
        by_language.setdefault(language, []).append(name)
    if not by_language:
        console.print(
            "published voices speak without training: "
            f"`{command_line(workspace, 'models', 'fetch', 'kokoro-82m', 'kokoro-voices')}`",
            markup=False,
            soft_wrap=True,
        )
        return
    console.print("\npublished voices (speak --voice NAME)", style="bold", markup=False)
    print_rows(
        ("language", "names"), [(language, ", ".join(names)) for language, names in by_language.items()]
    )


def _summary(workspace: Path, voice: str) -> dict[str, str | bool | None]:
    exported = champion_folder(workspace, voice)
    row: dict[str, str | bool | None] = {
        "voice": voice,
        "preset": None,
        "recordings": None,
        "last_stage": None,
        "ready": (exported / "voice.json").is_file(),
        "folder": str(exported),
        "error": None,
    }
    try:
        run = read_run(workspace, voice)
    except UserError as error:
        return row | {"error": str(error)}
    row["last_stage"] = next(reversed(run["stages"]), None)
    if run["request"] is not None:
        row |= {"preset": run["request"]["preset"], "recordings": run["request"]["recordings"]}
    return row


config_app = typer.Typer(help="Look at settings.", no_args_is_help=True)


@config_app.command("show")
def show_config(
    part: str | None = typer.Argument(
        None, help="Show only settings whose name holds this: pitch, kokoro_fit."
    ),
    preset: str | None = PRESET,
    config: Path | None = CONFIG,
    overrides: list[str] | None = SET,
    changed: bool = typer.Option(False, "--changed", help="Show only values that are no defaults."),
    as_yaml: bool = typer.Option(
        False, "--yaml", help="Print what is no default as a file of settings, for --config."
    ),
    as_json: bool = JSON,
) -> None:
    """The resolved settings, one a line, and where each value comes from."""
    resolved = resolve(preset, config, tuple(overrides or ()), reads=reads)
    preset = preset_of(preset, config)
    rows = [
        {"setting": path, "value": value, "from": resolved.origins.get(path, "default")}
        for path, value in leaves(resolved.settings)
        if path not in OPTIONS and (part is None or part in path)
    ]
    if part is not None and not rows:
        names = [word for path, _ in leaves(resolved.settings) for word in path.split(".")]
        raise UserError(f"PART: no setting's name holds {part!r}{did_you_mean(part, names)}")
    rows = [row for row in rows if not changed or row["from"] != "default"]
    if as_yaml:
        typer.echo(as_file(resolved, part or ""), nl=False)
        return None
    if as_json:
        told = {} if preset is None else {"about": about(preset)}
        return print_json({"presets": presets(), **told, "settings": rows})
    if preset is not None:
        console.print(about(preset), soft_wrap=not console.is_terminal)
    for row in rows:
        _print_setting(str(row["setting"]), row["value"], str(row["from"]))
    if ignored := unread(resolved):
        warn(ignored)
    if preset is None and part is None:
        warn("no preset given; there are")
        for name in presets():
            console.print(f"{name}: {about(name)}", soft_wrap=not console.is_terminal)
    return None


def _print_setting(name: str, value: Any, origin: str) -> None:
    """`name=value`, as --set takes it, and where it comes from."""
    line = Text(f"{name}=", style="" if origin == "default" else "cyan")
    line.append(plain_yaml.written(value), style="bold" if origin != "default" else "")
    if origin != "default":
        line.append(f"    # {origin}", style="dim")
    console.print(line, soft_wrap=True)
