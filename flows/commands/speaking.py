"""Speaking: `speak`, and `interactive` for many texts with a voice that is loaded once."""

from __future__ import annotations

import shlex
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from configs import plain_yaml
from configs.compute import Device
from configs.errors import UserError
from configs.release import DecoderWeights
from flows.commands.shared import console, errors, session, warn
from tasks.opening import Opening, open_voice
from tasks.voice import open_pipeline, remembered

if TYPE_CHECKING:
    from tasks.release.marked_text import Mark
    from tasks.release.subtitles import Transcript
    from tasks.release.voice import Piece, SpeakerReference, SpeakOptions, Voice

STANDARD = "-"
PLAYERS = (
    ("ffplay", "-nodisp", "-autoexit", "-loglevel", "error"),
    ("pw-play",),
    ("paplay",),
    ("aplay", "-q"),
    ("afplay",),
    ("play", "-q"),
)
MIN_SPEED, MAX_SPEED = 0.5, 2.0

VOICE = typer.Option(
    ...,
    "--voice",
    "-v",
    help="Name of the voice (its champion) or of one version (NAME@N), an exported voice's folder, or a "
    "published voice: kokoro/af_heart, or a mix, kokoro/af_heart:0.6+bf_emma:0.4; styletts2/libritts with a "
    "--reference.",
)
FILE = typer.Option(None, "--file", "-f", help="Text file (UTF-8) to say instead.")
OUTPUT = typer.Option(
    Path("speech.wav"),
    "--output",
    "-o",
    help="WAV or FLAC file to write; - streams raw 16-bit mono samples to standard output.",
)
SUBTITLES = typer.Option(
    None,
    "--subtitles",
    help="File for what is said when, by the durations that the voice spoke with: .srt, .vtt (with words) or "
    ".json (with phones); repeat it for more.",
)
AGAIN = typer.Option(
    None,
    "--again",
    metavar="N[:TAKE]",
    help="Say the Nth sentence in another way and the rest as before: 3, 2,5, or 3:2 for a second other way.",
)
SSML = typer.Option(
    None,
    "--ssml/--plain",
    help="Whether the text is SSML; else it is if it begins with <speak>. Both know [pause 500ms].",
)
SEED = typer.Option(0, "--seed", help="Same seed, same audio.")
SPEED = typer.Option(
    None, "--speed", min=MIN_SPEED, max=MAX_SPEED, help="Above 1 is faster; else the voice's own."
)
SPEAKER = typer.Option(None, "--speaker", help="Who speaks, where the voice has several.")
LANGUAGE = typer.Option(None, "--language", help="Main language of the text, where the voice has several.")
BATCH = typer.Option(
    None, "--batch", min=1, max=64, help="Sentences decoded together; changes speed, not the speech."
)
REFERENCE = typer.Option(
    None,
    "--reference",
    help="Recording of 3-10 s whose voice is taken; repeat it to average several.",
)
REFERENCE_TEXT = typer.Option(
    None, "--reference-text", help="What is said in the (first) reference; the voice continues it."
)
REFERENCE_LANGUAGE = typer.Option(
    None, "--reference-language", help="Language of --reference-text; else the voice's first."
)
REFERENCE_CLIP = typer.Option(
    None, "--reference-clip", help="Clip of the voice's own corpus to speak like, by its id."
)
CONTENT_MODEL = typer.Option(
    None, "--content-model", help="Folder of the content encoder, for --reference on another machine."
)
SPEAKER_MODEL = typer.Option(
    None, "--speaker-model", help="Weights of the speaker vector, for --reference on another machine."
)
DECODER_WEIGHTS = typer.Option(
    None,
    "--decoder-weights",
    help="Less precise is faster; else the voice's own setting.",
)
DEVICE = typer.Option(
    None,
    "--device",
    help="Where to compute: cuda, cpu, or auto (a CUDA device where there is one); else `compute.device` of "
    "the voice's settings.",
)
MANNER = typer.Option(
    None,
    "--manner",
    metavar="NAME=VALUE",
    help="Another setting of how the voice speaks (those of `release`), for this time; repeat it for more.",
)

LEXICON = typer.Option(
    None,
    "--lexicon",
    help="File of pronunciations, word<TAB>pronunciation lines, which go before the voice's own; repeat it "
    "for more.",
)


def add_to(app: typer.Typer) -> None:
    """Add these commands."""
    app.command()(speak)
    app.command()(interactive)


def speak(
    context: typer.Context,
    text: str | None = typer.Argument(None, help="What to say; - reads standard input."),
    voice: str = VOICE,
    file: Path | None = FILE,
    output: Path = OUTPUT,
    seed: int = SEED,
    speed: float | None = SPEED,
    speaker: str | None = SPEAKER,
    language: str | None = LANGUAGE,
    batch: int | None = BATCH,
    reference: list[Path] | None = REFERENCE,
    reference_text: str | None = REFERENCE_TEXT,
    reference_language: str | None = REFERENCE_LANGUAGE,
    reference_clip: str | None = REFERENCE_CLIP,
    content_model: str | None = CONTENT_MODEL,
    speaker_model: str | None = SPEAKER_MODEL,
    decoder_weights: DecoderWeights | None = DECODER_WEIGHTS,
    device: Device | None = DEVICE,
    manner: list[str] | None = MANNER,
    lexicon: list[Path] | None = LEXICON,
    subtitles: list[Path] | None = SUBTITLES,
    again: list[str] | None = AGAIN,
    ssml: bool | None = SSML,
) -> None:
    """Say a text with a voice, sentence by sentence."""
    from tasks.release.manuscript import marks_of
    from tasks.release.speech_file import kind_of
    from tasks.release.subtitles import subtitle_writer
    from tasks.release.voice import SpeakOptions

    words = _text(text, file)
    writers = [subtitle_writer(path) for path in subtitles or ()]
    if str(output) != STANDARD:
        kind_of(output)
    _check_references(reference, reference_text, reference_clip, speaker)
    opened = _opened(context, voice, content_model, speaker_model, decoder_weights, device, manner, lexicon)
    marks = marks_of(words, opened.checked_language(language), ssml)
    options = SpeakOptions(
        seed=seed,
        language=language,
        references=_references(
            context, voice, opened, reference, reference_text, reference_language, reference_clip
        ),
        speaker=speaker,
        speed=speed,
        batch_sentences=batch,
        at_once=str(output) == STANDARD,
        takes=_takes(opened, marks, again or ()),
    )
    _say(opened, marks, options, output, writers)


def _say(
    voice: Voice[Any],
    marks: Sequence[Mark],
    options: SpeakOptions[Any],
    output: Path,
    writers: Sequence[Callable[[Transcript], None]],
) -> None:
    """Speak to a file or to standard output, then write what was said when."""
    from tasks.release.subtitles import Transcript

    if writers and not voice.times_words:
        warn(
            f"{voice.family_name} voices cannot tell when they say each word: sentences have times, words "
            "have none"
        )
    transcript = Transcript(voice.sample_rate)
    pieces = transcript.following(voice.pieces(marks, options))
    if str(output) == STANDARD:
        _stream(pieces, voice.sample_rate)
    else:
        _write(pieces, voice.sample_rate, output, len(voice.breaths(marks)))
    for write in writers:
        write(transcript)


def _takes(voice: Voice[Any], marks: Sequence[Mark], again: Sequence[str]) -> dict[int, int]:
    """Which sentences are said in another way; what that can change is told."""
    from tasks.release.sentences import written
    from tasks.release.takes import takes_of

    if not again:
        return {}
    breaths = voice.breaths(marks)
    takes = takes_of(again, breaths[-1].place.sentence + 1)
    for number in takes:
        said = " ".join(written(breath) for breath in breaths if breath.place.sentence == number)
        warn(f"again: sentence {number + 1}, {said!r}")
    if voice.seed_changes != "speech":
        changed = {
            "noise": "the noise of breath and consonants alone; words, timing and melody stay. --speed or "
            "marks in the text change more",
            "nothing": "nothing: its manner leaves nothing to chance (top_k, noise_scale)",
        }
        warn(f"--again: another seed changes {changed[voice.seed_changes]}")
    return takes


def _stream(pieces: Iterator[Piece], rate: int) -> None:
    from tasks.release.speech_file import RawStream

    warn(f"raw samples: 16 bit little-endian, mono, {rate} Hz")
    stream = RawStream(sys.stdout.buffer)
    for piece in pieces:
        stream.write(piece.samples)


def _write(pieces: Iterator[Piece], rate: int, output: Path, total: int) -> None:
    from tasks.release.speech_file import SpeechFile

    try:
        with SpeechFile(output, rate) as target, _progress(total) as advance:
            for piece in pieces:
                target.write(piece.samples)
                advance()
    except KeyboardInterrupt:
        warn(f"{output} was not written")
        raise
    console.print(f"{output}: {target.n_samples / rate:.2f} s at {rate} Hz", markup=False)


def interactive(
    context: typer.Context,
    voice: str = VOICE,
    folder: Path = typer.Option(Path(), "--folder", help="Where speech-001.wav and so on are written."),
    play: bool = typer.Option(False, "--play", help="Play each text with the system's player."),
    seed: int = SEED,
    speed: float | None = SPEED,
    speaker: str | None = SPEAKER,
    language: str | None = LANGUAGE,
    content_model: str | None = CONTENT_MODEL,
    speaker_model: str | None = SPEAKER_MODEL,
    decoder_weights: DecoderWeights | None = DECODER_WEIGHTS,
    device: Device | None = DEVICE,
    manner: list[str] | None = MANNER,
    lexicon: list[Path] | None = LEXICON,
) -> None:
    """Type texts and hear them; the voice is loaded once. `:help` lists what can be changed."""
    player = _player() if play else None
    loaded = _opened(context, voice, content_model, speaker_model, decoder_weights, device, manner, lexicon)
    prompt = _Prompt(loaded, folder, player, seed, speed, speaker, language)
    prompt.greet()
    try:
        while not prompt.is_done:
            prompt.answer(console.input("> " if sys.stdin.isatty() else ""))
    except (EOFError, KeyboardInterrupt):
        console.print()


@dataclass
class _Prompt:
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
        self.language = self.voice.checked_language(value or None)

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
        console.print(f"reference: {words[0]}{_without_text(self.voice, text)}", markup=False)

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


def _text(text: str | None, file: Path | None) -> str:
    if (text is None) == (file is None):
        raise UserError("TEXT: give a text, or --file FILE, or - to read standard input")
    if STANDARD in (text, str(file)):
        words = sys.stdin.read()
    elif file is not None:
        try:
            words = file.read_text(encoding="utf-8-sig")
        except (OSError, UnicodeDecodeError) as error:
            raise UserError(f"--file: {file} cannot be read as UTF-8 text ({error})") from error
    else:
        words = text or ""
    if not words.strip():
        raise UserError("TEXT: there is nothing to say")
    return words


def _opened(
    context: typer.Context,
    voice: str,
    content_model: str | None,
    speaker_model: str | None,
    decoder_weights: DecoderWeights | None,
    device: Device | None,
    manner: Sequence[str] | None,
    lexicon: Sequence[Path] | None,
) -> Voice[Any]:
    """The voice of a name or folder.

    Raises:
        UserError: there is none, it or a lexicon is damaged, or the device is not there.
    """
    from models.frontend.text.lexicon_file import read_lexicons

    changes = _manner(manner)
    if decoder_weights is not None:
        changes["decoder_weights"] = decoder_weights
    given = {
        name: model
        for name, model in (("content", content_model), ("speaker_vector", speaker_model))
        if model
    }
    how = Opening(manner=changes, device=device, encoders=given, lexicon=read_lexicons(lexicon or ()))
    return open_voice(session(context).workspace, voice, how)


def _manner(pairs: Sequence[str] | None) -> dict[str, object]:
    """Settings of speaking out of `NAME=VALUE` options."""
    changes: dict[str, object] = {}
    for pair in pairs or ():
        name, equals, value = pair.partition("=")
        if not equals:
            raise UserError(f"--manner {pair}: give NAME=VALUE, for example --manner pause_s=0.4")
        name = name.strip()
        changes[name] = plain_yaml.load(value, f"--manner {plain_yaml.shown(name)}", name)
    return changes


def _check_references(
    files: Sequence[Path] | None, text: str | None, clip: str | None, speaker: str | None
) -> None:
    given = {"--reference": files, "--reference-clip": clip, "--speaker": speaker}
    named = [option for option, value in given.items() if value]
    if len(named) > 1:
        raise UserError(f"{' and '.join(named)}: each says who speaks; give one of them")
    if text is not None and not files:
        raise UserError("--reference-text: it is what is said in a --reference, and there is none")


def _references(
    context: typer.Context,
    name: str,
    voice: Voice[Any],
    files: Sequence[Path] | None,
    text: str | None,
    language: str | None,
    clip: str | None,
) -> list[SpeakerReference] | None:
    """What the options name; None where they leave it to the voice."""
    if clip is not None:
        if (Path(name) / "voice.json").is_file():
            raise UserError(
                "--reference-clip: an exported folder holds no corpus; give the voice's name, or the clip "
                "as a file with --reference"
            )
        from tasks.release.speak import corpus_reference

        workspace = session(context).workspace
        return [corpus_reference(voice, open_pipeline(workspace, remembered(workspace, name)), clip)]
    if not files:
        return None
    if voice.continues_references and text is None:
        warn(f"reference: {files[0]}{_without_text(voice, text)}")
    first = voice.reference_from_file(files[0], text, language)
    return [first, *(voice.reference_from_file(path) for path in files[1:])]


def _without_text(voice: Voice[Any], text: str | None) -> str:
    if text is not None or not voice.continues_references:
        return ""
    return " without its text: the decoder starts from your text alone, and only the timbre is taken"


@contextmanager
def _progress(total: int) -> Iterator[Callable[[], None]]:
    """A bar for texts of several sentences, where somebody looks."""
    columns = (TextColumn("speaking"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=errors, transient=True, disable=total < 2) as bar:
        task = bar.add_task("speaking", total=total)
        yield lambda: bar.advance(task)


def _player() -> Sequence[str]:
    for command in PLAYERS:
        if shutil.which(command[0]):
            return command
    names = ", ".join(command[0] for command in PLAYERS)
    raise UserError(f"--play: none of {names} is installed; install one, or open the files yourself")
