"""GPT-SoVITS's files, in and out: `exchange import`, `exchange export`, `exchange voice`."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import TypeVar

import typer
from rich.progress import Progress

from artifacts.faults import writing
from artifacts.manifest import Reject
from configs.errors import UserError
from configs.loading import resolve
from flows.commands.shared import (
    JSON,
    command_line,
    console,
    errors,
    language_given,
    print_json,
    session,
    warn,
)
from tasks.run_record import voices
from tasks.versions.folders import champion_folder
from tasks.voice import check_name, open_pipeline, remembered
from tasks.weights import require_weights, with_local_weights

SET = typer.Option(None, "--set", "-s", metavar="a.b=c", help="One setting; may be repeated.")
ItemT = TypeVar("ItemT")

exchange_app = typer.Typer(help="GPT-SoVITS's files, in and out.", no_args_is_help=True)


def add_to(app: typer.Typer) -> None:
    """Add these commands."""
    app.add_typer(exchange_app, name="exchange")


@exchange_app.command("import")
def import_folder(
    context: typer.Context,
    experiment: Path = typer.Argument(
        ..., help="Experiment folder of GPT-SoVITS (logs/NAME), or one of .npy files with metadata.json."
    ),
    recordings: Path = typer.Argument(..., help="New or empty folder for recordings and transcripts."),
    speaker: str | None = typer.Option(None, "--speaker", help="Whose voice; the experiment's name."),
    language: str | None = typer.Option(
        None,
        "--language",
        callback=language_given,
        help="Of the texts; by default each text's script tells: zh, ja, ko or en.",
    ),
    as_json: bool = JSON,
) -> None:
    """Take recordings and transcripts out of a folder that GPT-SoVITS trains from, for `finetune`."""
    from tasks.corpus.imported_folder import import_folder as import_from

    rejects: list[Reject] = []
    taken = 0
    with writing(recordings):
        for found in _counted(import_from(experiment, recordings, speaker, language), "checking"):
            if isinstance(found, Reject):
                rejects.append(found)
            else:
                taken += 1
    if as_json:
        return print_json({"taken": taken, "rejects": [vars(refused) for refused in rejects]})
    for refused in rejects:
        warn(f"{refused.row_id}: {refused.field}: {refused.reason}. {refused.remedy}")
    words = ("finetune", str(recordings), "--voice", "NAME", "--preset", "gpt-sovits-v2")
    console.print(
        f"{recordings}: {taken} recordings with transcripts, {len(rejects)} refused; features are made anew "
        f"by `{command_line(session(context).workspace, *words)}`",
        markup=False,
        soft_wrap=True,
    )
    return None


@exchange_app.command("export")
def export_folder(
    context: typer.Context,
    voice: str = typer.Argument(..., help="Name of the voice."),
    experiment: Path = typer.Argument(..., help="New or empty folder."),
) -> None:
    """Write a voice's training table as an experiment folder of GPT-SoVITS."""
    from tasks.release.gpt_sovits.experiment_folder import export_experiment

    workspace = session(context).workspace
    pipeline = open_pipeline(workspace, remembered(workspace, voice))
    with writing(experiment):
        count = sum(1 for _ in _counted(export_experiment(pipeline, experiment), "writing"))
    console.print(f"{experiment}: {count} utterances", markup=False)


@exchange_app.command("voice")
def published_voice(
    context: typer.Context,
    voice: str = typer.Option(..., "--voice", "-v", help="Name for the voice."),
    sovits: Path = typer.Option(..., "--sovits", help="GPT-SoVITS's .pth, v1 to v2ProPlus."),
    t2s: Path = typer.Option(..., "--t2s", help="GPT-SoVITS's .ckpt of the same voice."),
    reference: Path = typer.Option(..., "--reference", help="A clip of the speaker, 3 to 10 s."),
    reference_text: str = typer.Option(..., "--reference-text", help="What is said in the clip."),
    language: str = typer.Option("en", "--language", callback=language_given, help="Of the clip."),
    overrides: list[str] | None = SET,
) -> None:
    """Make a voice that speaks out of two files of GPT-SoVITS and one clip."""
    from tasks.release.gpt_sovits.published_voice import import_voice

    workspace = session(context).workspace
    folder = champion_folder(workspace, voice)
    # A run that was refused leaves a folder, and no voice.
    if check_name(voice) in voices(workspace):
        raise UserError(f"--voice: {voice!r} is made from recordings already; name another")
    # Published networks know no other encoders; only the .pth tells whether the second is needed.
    encoders = ("features.content.backend=hubert", "features.speaker_vector.backend=eres2netv2")
    given = resolve(overrides=(*encoders, *(overrides or ()))).settings
    settings = with_local_weights(given, workspace)
    require_weights(settings, workspace, ["content"])
    folder.parent.mkdir(parents=True, exist_ok=True)
    made = import_voice(folder, sovits, t2s, reference, reference_text, language, settings)
    console.print(
        f"{folder}: a {made.generator.config.version} voice; try "
        f"`{command_line(workspace, 'speak', '--voice', voice, 'TEXT')}`",
        markup=False,
        soft_wrap=True,
    )


def _counted(items: Iterable[ItemT], doing: str) -> Iterable[ItemT]:
    with Progress(console=errors, transient=True) as progress:
        bar = progress.add_task(doing, total=None)
        for count, item in enumerate(items, 1):
            progress.update(bar, completed=count, description=f"{doing} {count}")
            yield item
