"""The interactive prompt: many texts with a voice that is loaded once."""

from __future__ import annotations

import shlex
import shutil
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from configs.errors import UserError
from flows.commands.opened_voice import VoiceOptions, with_voice_options, without_text
from flows.commands.shared import console, language_given, warn
from flows.commands.speak_options import MAX_SPEED, MIN_SPEED

if TYPE_CHECKING:
    from tasks.release.voice import SpeakerReference, Voice

PLAYERS = (
    ("ffplay", "-nodisp", "-autoexit", "-loglevel", "error"),
    ("pw-play",),
    ("paplay",),
    ("aplay", "-q"),
    ("afplay",),
    ("play", "-q"),
)


def add_to(app: typer.Typer) -> None:
    """Add this command."""
    app.command()(with_voice_options(interactive))


def interactive(
    context: typer.Context,
    asked: VoiceOptions,
    folder: Path = typer.Option(Path(), "--folder", help="Where speech-001.wav and so on are written."),
    play: bool = typer.Option(False, "--play", help="Play each text with the system's player."),
) -> None:
    """Type texts and hear them; the voice is loaded once. `:help` lists what can be changed."""
    player = _player() if play else None
    prompt = Prompt(
        asked.opened(context), folder, player, asked.seed, asked.speed, asked.speaker, asked.language
    )
    prompt.greet()
    try:
        while not prompt.is_done:
            prompt.answer(console.input("> " if sys.stdin.isatty() else ""))
    except (EOFError, KeyboardInterrupt):
        console.print()


@dataclass
class Prompt:
    """What the loop remembers between two texts."""

    voice: Voice[Any]
    folder: Path
    player: Sequence[str] | None
    seed: int
    speed: float | None
    speaker: str | None
    language: str | None
    references: list[SpeakerReference] | None = None
    is_done: bool = False
    written: int = 0

    def greet(self) -> None:
        """Say what the voice can do."""
        speakers, languages = ", ".join(sorted(self.voice.references)), ", ".join(self.voice.spoken_languages)
        console.print(
            f"speakers: {speakers}; languages: {languages}; :help for help, :quit to end", markup=False
        )

    def answer(self, line: str) -> None:
        """Speak a line or follow a command; a mistake is told and the loop goes on."""
        try:
            if line.startswith(":"):
                name, _, value = line[1:].strip().partition(" ")
                self._command(name)(value.strip())
            elif line.strip():
                self._speak(line)
        except UserError as error:
            warn(f"error: {error}")

    def _command(self, name: str) -> Callable[[str], None]:
        known = {
            "seed": self._set_seed,
            "speed": self._set_speed,
            "language": self._set_language,
            "speaker": self._set_speaker,
            "reference": self._set_reference,
            "help": self._help,
            "quit": self._quit,
        }
        if name not in known:
            raise UserError(f":{name} is no command; there are {', '.join(':' + one for one in known)}")
        return known[name]

    def _speak(self, text: str) -> None:
        from tasks.release.manuscript import marks_of
        from tasks.release.speech_file import SpeechFile
        from tasks.release.voice import SpeakOptions

        options = SpeakOptions(
            seed=self.seed,
            language=self.language,
            references=self.references,
            speaker=self.speaker,
            speed=self.speed,
        )
        marks = marks_of(text, self.voice.checked_language(self.language))
        pieces = self.voice.pieces(marks, options)
        path = self._next_path()
        with SpeechFile(path, self.voice.sample_rate) as target:
            for piece in pieces:
                target.write(piece.samples)
        console.print(f"{path}: {target.n_samples / self.voice.sample_rate:.2f} s", markup=False)
        if self.player is not None:
            subprocess.run([*self.player, str(path)], check=False)

    def _next_path(self) -> Path:
        """The first number that no file has yet."""
        while True:
            self.written += 1
            path = self.folder / f"speech-{self.written:03d}.wav"
            if not path.exists():
                return path

    def _set_seed(self, value: str) -> None:
        if not value.isdecimal():
            raise UserError(f":seed {value!r} must be a whole number, 0 or more")
        self.seed = int(value)

    def _set_speed(self, value: str) -> None:
        try:
            speed = float(value)
        except ValueError as error:
            raise UserError(f":speed {value!r} must be a number") from error
        if not MIN_SPEED <= speed <= MAX_SPEED:
            raise UserError(f":speed {value} must lie between {MIN_SPEED} and {MAX_SPEED}")
        self.speed = speed

    def _set_language(self, value: str) -> None:
        self.language = self.voice.checked_language(language_given(value or None))

    def _set_speaker(self, value: str) -> None:
        self.speaker = self.voice.reference_of(value or None).speaker
        self.references = None
        console.print(f"speaker: {self.speaker}", markup=False)

    def _set_reference(self, value: str) -> None:
        try:
            words = shlex.split(value)
        except ValueError as error:
            raise UserError(f":reference {value}: {error}; close the quotation") from error
        if not words:
            self.references = None
            console.print("reference: the voice's own", markup=False)
            return
        text = " ".join(words[1:]) or None
        self.references = [self.voice.reference_from_file(Path(words[0]), text, self.language)]
        console.print(f"reference: {words[0]}{without_text(self.voice, text)}", markup=False)

    def _help(self, value: str) -> None:
        del value
        console.print(
            "a line of text        is spoken into the next speech-NNN.wav\n"
            ":seed N               what is drawn; the same seed gives the same audio\n"
            f":speed X              {MIN_SPEED} to {MAX_SPEED}, above 1 is faster\n"
            ":language CODE        main language of the texts; nothing: the voice's first\n"
            ":speaker NAME         who speaks; nothing: the voice's first\n"
            ":reference FILE TEXT  speak like a recording of 3-10 s in which TEXT is said; nothing: undo\n"
            ":quit                 end (or Ctrl-D)",
            markup=False,
        )

    def _quit(self, value: str) -> None:
        del value
        self.is_done = True


def _player() -> Sequence[str]:
    for command in PLAYERS:
        if shutil.which(command[0]):
            return command
    names = ", ".join(command[0] for command in PLAYERS)
    raise UserError(f"--play: none of {names} is installed; install one, or open the files yourself")
