"""The first thing to try: `demo`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import typer
from rich.markup import escape
from rich.table import Table

from artifacts.faults import writing
from configs.errors import UserError
from flows.commands.listen import print_places
from flows.commands.shared import console, errors, session, warn
from tasks.versions.folders import champion_folder

if TYPE_CHECKING:
    from flows.demo import Heard

MACHINERY, MACHINERY_PRESET = "machinery", "tiny"


def add_to(app: typer.Typer) -> None:
    """Add this command."""
    app.command()(demo)


def demo(
    context: typer.Context,
    folder: Path = typer.Argument(Path("demo"), help="Folder for the recordings and what is spoken."),
) -> None:
    """Fit a voice to a minute and a half of embedded recordings, speak with it, and judge it beside them."""
    from flows.demo import PICTURE, VOICE, fetch_weights, fit_voice, speak_and_judge
    from models.memory import kept_memory

    folder = folder.expanduser().resolve()
    workspace = session(context).workspace
    with errors.status("looking for published weights") as status:
        try:
            fetch_weights(workspace, lambda said: status.update(escape(said)))
        except UserError as error:
            status.stop()
            warn(f"{error}\nwithout published weights the demo trains a tiny network from nothing instead")
            return _machinery(folder, workspace)
    fit_voice(folder, workspace)
    with errors.status("") as status, kept_memory():
        heard = speak_and_judge(folder, workspace, lambda said: status.update(escape(said)))
    _print(heard)
    console.print(f"[bold]{'picture':8}[/]", end="")
    console.print(str(folder / PICTURE), markup=False, soft_wrap=True)
    print_places(workspace, VOICE, None)
    return None


def _print(heard: list[Heard]) -> None:
    table = Table("three sentences by", "words heard wrong", "similarity to her", "loudness", "file")
    for who, judgement, path in heard:
        table.add_row(
            who,
            f"{judgement.errors} of {judgement.words} ({judgement.error_rate:.0%})",
            f"{judgement.similarity:.2f}",
            f"{judgement.loudness_lufs:.1f} LUFS",
            path.name,
        )
    console.print(table)


def _machinery(folder: Path, workspace: Path) -> None:
    """What works with nothing but the program: a voice that shows the way, not what its end sounds like."""
    from flows.run import run_voice
    from tasks.corpus.sample import write_sample
    from tasks.release.speak import load_voice
    from tasks.release.speech_file import SpeechFile
    from tasks.voice import Request

    recordings = folder / "synthetic"
    with writing(recordings):
        for _ in write_sample(recordings):
            pass
    run_voice(workspace, Request(recordings, MACHINERY, MACHINERY_PRESET), None, (), verify=False)
    voice = load_voice(champion_folder(workspace, MACHINERY))
    wav = folder / "demo.wav"
    with SpeechFile(wav, voice.sample_rate) as target:
        target.write(voice.speak("This voice was trained in a few minutes.").samples)
    print_places(workspace, MACHINERY, wav)
