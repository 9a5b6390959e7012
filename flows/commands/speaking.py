"""Speaking: `speak`."""

from __future__ import annotations

import io
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from configs.errors import UserError
from flows.commands.opened_voice import VoiceOptions, with_voice_options, without_text
from flows.commands.shared import console, errors, session, warn
from flows.commands.speak_options import (
    AGAIN,
    BATCH,
    FILE,
    OUTPUT,
    REFERENCE,
    REFERENCE_CLIP,
    REFERENCE_LANGUAGE,
    REFERENCE_TEXT,
    SSML,
    SUBTITLES,
)
from models.memory import kept_memory
from tasks.voice import open_pipeline, remembered

if TYPE_CHECKING:
    from tasks.release.marked_text import Mark
    from tasks.release.subtitles import Transcript
    from tasks.release.voice import Piece, SpeakerReference, SpeakOptions, Voice

STANDARD = "-"


def add_to(app: typer.Typer) -> None:
    """Add this command."""
    app.command()(with_voice_options(speak))


def speak(
    context: typer.Context,
    text: str | None = typer.Argument(None, help="What to say; - reads standard input."),
    file: Path | None = FILE,
    output: Path = OUTPUT,
    *,
    asked: VoiceOptions,
    batch: int | None = BATCH,
    reference: list[Path] | None = REFERENCE,
    reference_text: str | None = REFERENCE_TEXT,
    reference_language: str | None = REFERENCE_LANGUAGE,
    reference_clip: str | None = REFERENCE_CLIP,
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
    _check_references(reference, reference_text, reference_clip, asked.speaker)
    opened = asked.opened(context)
    marks = marks_of(words, opened.checked_language(asked.language), ssml)
    options = SpeakOptions(
        seed=asked.seed,
        language=asked.language,
        references=_references(
            context, asked.voice, opened, reference, reference_text, reference_language, reference_clip
        ),
        speaker=asked.speaker,
        speed=asked.speed,
        batch_sentences=batch,
        at_once=str(output) == STANDARD,
        takes=_takes(opened, marks, asked.language, again or ()),
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
    with kept_memory():
        if str(output) == STANDARD:
            _stream(pieces, voice.sample_rate)
        else:
            _write(pieces, voice.sample_rate, output, len(voice.breaths(marks, options.language)))
    for write in writers:
        write(transcript)


def _takes(
    voice: Voice[Any], marks: Sequence[Mark], language: str | None, again: Sequence[str]
) -> dict[int, int]:
    """Which sentences are said in another way; what that can change is told."""
    from tasks.release.sentences import written
    from tasks.release.takes import takes_of

    if not again:
        return {}
    breaths = voice.breaths(marks, language)
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


def _text(text: str | None, file: Path | None) -> str:
    if (text is None) == (file is None):
        raise UserError("TEXT: give a text, or --file FILE, or - to read standard input")
    if STANDARD in (text, str(file)):
        words = _read("TEXT: standard input", sys.stdin.buffer.read)
    elif file is not None:
        words = _read(f"--file: {file}", file.read_bytes)
    else:
        words = text or ""
    if not words.strip():
        raise UserError("TEXT: there is nothing to say")
    return words


def _read(what: str, read: Callable[[], bytes]) -> str:
    try:
        # Line ends of every system are one, as text files have them.
        return io.TextIOWrapper(io.BytesIO(read()), encoding="utf-8-sig").read()
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(f"{what} cannot be read as UTF-8 text ({error})") from error


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
        warn(f"reference: {files[0]}{without_text(voice, text)}")
    first = voice.reference_from_file(files[0], text, language)
    return [first, *(voice.reference_from_file(path) for path in files[1:])]


@contextmanager
def _progress(total: int) -> Iterator[Callable[[], None]]:
    """A bar for texts of several sentences, where somebody looks."""
    columns = (TextColumn("speaking"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=errors, transient=True, disable=total < 2) as bar:
        task = bar.add_task("speaking", total=total)
        yield lambda: bar.advance(task)
