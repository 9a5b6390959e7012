"""Options of the commands that speak."""

from __future__ import annotations

from pathlib import Path

import typer

from flows.commands.shared import language_given

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
    help="Whether the text is SSML; else it is if it begins with <speak>. Both may hold pauses "
    "(`pause 500ms` in square brackets).",
)
SEED = typer.Option(0, "--seed", help="Same seed, same audio.")
SPEED = typer.Option(
    None, "--speed", min=MIN_SPEED, max=MAX_SPEED, help="Above 1 is faster; else the voice's own."
)
SPEAKER = typer.Option(None, "--speaker", help="Who speaks, where the voice has several.")
LANGUAGE = typer.Option(
    None,
    "--language",
    callback=language_given,
    help="Main language of the text, by code or name, where the voice has several.",
)
BATCH = typer.Option(
    None, "--batch", min=1, max=64, help="Sentences decoded together; changes speed, not the speech."
)
REFERENCE = typer.Option(
    None,
    "--reference",
    help="Whose voice is taken; repeat it to average several: a recording of 3-10 s (GPT-SoVITS) or 1-30 s "
    "(StyleTTS 2), or a .pt table (Kokoro).",
)
REFERENCE_TEXT = typer.Option(
    None, "--reference-text", help="What is said in the (first) reference; the voice continues it."
)
REFERENCE_LANGUAGE = typer.Option(
    None,
    "--reference-language",
    callback=language_given,
    help="Language of --reference-text; else the voice's first.",
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
