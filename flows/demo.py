"""The demo: a voice fitted to the embedded recordings, spoken with, and judged beside them.

Everything is an embedded default: recordings that come along, the preset `kokoro-fit` with the official
voices that come along, published weights out of a package index.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch

from artifacts import digest
from artifacts.faults import writing
from artifacts.store import write_atomically
from configs.weights import weights_named
from flows.run import run_voice
from flows.weights import fetch
from models.frontend.asr import Processor, recognise_whisper
from models.frontend.audio import Samples
from models.frontend.mel import SpectrogramParameters, log_mel
from tasks.corpus.embedded import embedded, write_embedded
from tasks.release.figures import mel_figures
from tasks.release.judged import Judgement, Utterance, embeddings, judge, judge_recordings, similarities
from tasks.release.kokoro.published import as_published, official_references
from tasks.release.speak import load_voice
from tasks.release.speech_file import SpeechFile
from tasks.release.voice import SpeakOptions, Voice
from tasks.release.voice_folder import DESCRIPTION
from tasks.versions.folders import champion_folder
from tasks.voice import Request
from tasks.weights import LocalWeights

VOICE, PRESET = "demo", "kokoro-fit"
RECOGNISER = "whisper-tiny.en"
WEIGHTS = ("kokoro-82m", RECOGNISER)
SETTINGS = (
    "train.kokoro_fit.voices=null",
    f"train.kokoro_fit.recogniser={RECOGNISER}",
    # The demo is to be short, and half of the steps come nearly as near; two clips tell versions apart.
    "train.kokoro_fit.compared_clips=1",
    "train.kokoro_fit.mix_steps=5",
    "train.kokoro_fit.vector_steps=25",
    "train.kokoro_fit.validate_every_steps=15",
    "train.kokoro_fit.validation_clips=2",
    "release.kokoro.clips=2",
    # The demo says and judges sentences of its own.
    "release.evaluate.sentences=0",
)
SENTENCES = (
    "This voice was fitted a moment ago, to a minute and a half of somebody reading from a book.",
    "None of these sentences was recorded, and yet you can hear who might have said them.",
    "The short answer is on the second page, and the longer one will take us the rest of the evening.",
)
PICTURE, RECORD = "spectrograms.png", "judged.json"
_FRAMES_PER_S, _TOP_HZ = 100, 8_000.0
"""Of the picture."""

Say = Callable[[str], None]


class Heard(NamedTuple):
    """One row of what the demo shows.

    Attributes:
        who: In words.
        judgement: Of what is said.
        path: Where it can be heard.
    """

    who: str
    judgement: Judgement
    path: Path


def fetch_weights(workspace: Path, say: Say) -> None:
    """Get the published weights that the demo speaks and listens with; what is here is not fetched again.

    Raises:
        UserError: some cannot be had.
        MachineError: they cannot be written.
    """
    for name in WEIGHTS:
        fetch(weights_named(name), workspace / "models", say=say)


def fit_voice(folder: Path, workspace: Path) -> None:
    """Fit the voice to the recordings, which are written first. Raises as `run_voice`."""
    recordings = folder / "recordings"
    with writing(recordings):
        write_embedded(recordings)
    run_voice(workspace, Request(recordings, VOICE, PRESET, overrides=SETTINGS), None, (), verify=False)


def speak_and_judge(folder: Path, workspace: Path, say: Say) -> list[Heard]:
    """Say sentences that are not in the recordings, and judge them beside recordings and an official voice.

    What was judged before of the same voice, and can still be heard, is told again.

    Returns:
        Held-out recordings, the fitted voice, the official voice that is most similar. Their files are in the
        folder, and a picture of the first utterance of each.
    """
    place = champion_folder(workspace, VOICE)
    said_by = digest.of_value([digest.of_file(place / DESCRIPTION), *SENTENCES, RECOGNISER])
    known = _told_before(folder, said_by)
    if known is not None:
        return known
    say("loading the voice")
    voice = load_voice(place)
    recordings = [Utterance(one.text, one.wave()) for one in embedded("held-out")]
    speaker = embeddings(recordings)
    say("the fitted voice speaks")
    fitted = [Utterance(text, voice.speak(text)) for text in SENTENCES]
    say("the official voices speak")
    weights = LocalWeights(workspace / "models")
    name, official = _best_official(as_published(voice, weights), speaker)
    say("the judges listen")
    whisper, processor = weights.of(RECOGNISER), Processor(threads=torch.get_num_threads())

    def recogniser(samples_16k: Samples) -> str:
        return recognise_whisper(samples_16k, whisper, "en", 5, processor).text

    heard = [
        Heard("her recordings", judge_recordings(recordings, recogniser), folder / "recorded.wav"),
        Heard("the fitted voice", judge(fitted, speaker, recogniser), folder / "demo.wav"),
        Heard(f"official {name}", judge(official, speaker, recogniser), folder / "official.wav"),
    ]
    _keep(folder, said_by, heard, (recordings, fitted, official))
    return heard


def _best_official(voice: Voice[Any], speaker: Sequence[np.ndarray]) -> tuple[str, list[Utterance]]:
    """The official voice whose first sentence is most similar to the speaker, and all that it says."""
    first, *others = SENTENCES
    references = official_references(voice)
    options = [SpeakOptions(references=[one]) for one in references]
    tried = [Utterance(first, voice.speak(first, own)) for own in options]
    best = int(np.argmax(similarities(tried, speaker)))
    said = [tried[best], *(Utterance(text, voice.speak(text, options[best])) for text in others)]
    return references[best].speaker, said


def _keep(folder: Path, said_by: str, heard: Sequence[Heard], said: Sequence[Sequence[Utterance]]) -> None:
    """Write what is heard, a picture of it, and last the record of what was judged."""
    for one, utterances in zip(heard, said, strict=True):
        with SpeechFile(one.path, utterances[0].wave.sample_rate) as target:
            for utterance in utterances:
                target.write(utterance.wave.samples)
    shown = {one.who: _mel(utterances[0]) for one, utterances in zip(heard, said, strict=True)}
    rows = [
        {"who": who, "judged": judged._asdict(), "file": path.name, "sha256": digest.of_file(path)}
        for who, judged, path in heard
    ]
    with writing(folder):
        write_atomically(folder / PICTURE, mel_figures(shown, _FRAMES_PER_S))
        write_atomically(folder / RECORD, json.dumps({"said_by": said_by, "rows": rows}, indent=1).encode())


def _told_before(folder: Path, said_by: str) -> list[Heard] | None:
    try:
        record = json.loads((folder / RECORD).read_text(encoding="utf-8"))
        rows = [
            (Heard(r["who"], Judgement(**r["judged"]), folder / r["file"]), r["sha256"])
            for r in record["rows"]
        ]
        same = record["said_by"] == said_by and (folder / PICTURE).is_file()
        if same and all(digest.of_file(one.path) == expected for one, expected in rows):
            return [one for one, _ in rows]
    except (OSError, ValueError, KeyError, TypeError):
        pass
    return None


def _mel(one: Utterance) -> np.ndarray:
    """[frames, bands]"""
    samples, rate = one.wave
    parameters = SpectrogramParameters(rate, 1024, rate // _FRAMES_PER_S, 80, mel_max_hz=_TOP_HZ)
    return log_mel(torch.from_numpy(samples)[None], parameters)[0].numpy().T
