"""Voices in use: `serve`, and `pyfunc` for MLflow."""

from __future__ import annotations

import logging
import os
from pathlib import Path
from typing import Literal

import typer

from configs.compute import Device
from configs.errors import UserError
from configs.serving import ServingSettings
from flows.commands.shared import console, errors, session

DEFAULTS = ServingSettings()
Unknown = Literal["ignore", "refuse"]


VOICES = typer.Argument(
    None, metavar="[VOICE]...", help="Voices to open at once; others are opened when first asked for."
)
HOST = typer.Option("127.0.0.1", "--host", help="Address to listen on; another one needs keys.")
PORT = typer.Option(8880, "--port", min=0, max=65535, help="0 takes any that is free.")
KEYS = typer.Option(None, "--keys", help="File of API keys, one a line, yours alone (600).")
KEYS_VARIABLE = typer.Option(
    None, "--keys-variable", metavar="NAME", help="Environment variable that holds a key."
)
CHARACTERS = typer.Option(
    DEFAULTS.characters,
    "--characters",
    min=1,
    max=1_000_000,
    help="Longest text that is spoken, characters.",
)
PAUSES = typer.Option(
    DEFAULTS.pauses_s, "--pauses", min=0, help="Longest silence that a text may ask for, all in all, seconds."
)
UNKNOWN = typer.Option(
    DEFAULTS.unknown_fields, "--unknown-fields", help="What happens to fields that nobody knows."
)
KEPT = typer.Option(DEFAULTS.voices_kept, "--voices-kept", min=1, max=64, help="Voices in memory.")
QUEUE = typer.Option(
    DEFAULTS.queue, "--queue", min=1, max=4096, help="Requests that are spoken or wait; others get 429."
)
RATE = typer.Option(
    DEFAULTS.rate_per_minute, "--rate", min=0, help="Requests of a key in a minute; 0 is any number."
)
DEADLINE = typer.Option(
    DEFAULTS.deadline_s, "--deadline", min=1, help="Seconds after which a request is given up."
)
REFERENCE_MB = typer.Option(
    DEFAULTS.reference_mb,
    "--reference-mb",
    min=0.1,
    help="Largest recording that a client may bring along, MB.",
)
UPLOAD_MB = typer.Option(
    DEFAULTS.upload_mb, "--upload-mb", min=1, help="Most that may be uploaded to make one voice, MB."
)
RECORDINGS = typer.Option(
    None, "--recordings", help="Folder whose folders voices may be made from; repeat it for more."
)
LANES = typer.Option(
    DEFAULTS.lanes, "--lanes", min=0, max=64, help="Sentences spoken at the same time; 0 is up to two."
)
THREADS = typer.Option(
    DEFAULTS.threads,
    "--threads",
    min=0,
    max=256,
    help="Arithmetic threads of each sentence; 0 shares the cores out.",
)
EARLY = typer.Option(
    DEFAULTS.early_characters,
    "--early-characters",
    min=0,
    max=1000,
    help="A longer first sentence is parted at a comma before that, for an earlier sound; 0: never.",
)
DEVICE = typer.Option(None, "--device", help="Where to compute; else what each voice's settings say.")
ALIAS = typer.Option(
    None, "--alias", metavar="NAME=VOICE", help="Another name for a voice, as alloy=anna; repeat it."
)


def add_to(app: typer.Typer) -> None:
    """Add these commands."""
    app.command()(serve)
    app.command()(pyfunc)


def serve(
    context: typer.Context,
    voices: list[str] | None = VOICES,
    host: str = HOST,
    port: int = PORT,
    keys: Path | None = KEYS,
    keys_variable: str | None = KEYS_VARIABLE,
    characters: int = CHARACTERS,
    pauses: float = PAUSES,
    unknown: Unknown = UNKNOWN,
    kept: int = KEPT,
    queue: int = QUEUE,
    rate: int = RATE,
    deadline: float = DEADLINE,
    reference_mb: float = REFERENCE_MB,
    upload_mb: float = UPLOAD_MB,
    recordings: list[Path] | None = RECORDINGS,
    lanes: int = LANES,
    threads: int = THREADS,
    early: int = EARLY,
    device: Device | None = DEVICE,
    alias: list[str] | None = ALIAS,
) -> None:
    """Serve voices over HTTP, in the form that OpenAI's clients speak."""
    from flows.serve.keys import Keys, read_keys
    from flows.serve.run import serve as run

    settings = ServingSettings(
        characters=characters,
        pauses_s=pauses,
        unknown_fields=unknown,
        voices_kept=kept,
        queue=queue,
        rate_per_minute=rate,
        deadline_s=deadline,
        reference_mb=reference_mb,
        upload_mb=upload_mb,
        lanes=lanes,
        threads=threads,
        early_characters=early,
        device=device,
        aliases=_aliases(alias or ()),
    )
    given = read_keys(keys) if keys is not None else []
    if keys_variable is not None:
        given.append(_key_in(keys_variable))
    logging.basicConfig(format="%(asctime)s %(levelname)s %(message)s", level=logging.INFO)
    try:
        workspace = session(context).workspace
        run(workspace, settings, voices or [], Keys(given), host, port, _say, recordings or ())
    except KeyboardInterrupt:
        _say("ended; what was being spoken was spoken to its end")


def pyfunc(
    context: typer.Context,
    voice: str = typer.Argument(..., help="Name of the voice (its champion), or of one version (NAME@N)."),
    folder: Path = typer.Argument(..., help="New folder."),
) -> None:
    """Write a voice as an MLflow model, which `mlflow.pyfunc.load_model` speaks with anywhere."""
    from tasks.serving.pyfunc import save_pyfunc
    from tasks.versions.folders import folder_of

    save_pyfunc(folder_of(session(context).workspace, voice), folder)
    console.print(str(folder.resolve()), markup=False, soft_wrap=True)


def _say(text: str) -> None:
    errors.print(text, markup=False, soft_wrap=True)


def _key_in(variable: str) -> str:
    key = os.environ.get(variable, "").strip()
    if not key:
        raise UserError(f"--keys-variable {variable}: there is no such variable, or nothing in it")
    return key


def _aliases(pairs: list[str] | tuple[str, ...]) -> dict[str, str]:
    found = dict[str, str]()
    for pair in pairs:
        name, equals, voice = pair.partition("=")
        if not (equals and name and voice):
            raise UserError(f"--alias {pair}: give NAME=VOICE, for example alloy=anna")
        found[name] = voice
    return found
