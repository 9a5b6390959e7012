"""What is listened to: the same sentences by voices, by folders of recordings, and as they were recorded."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from configs.errors import UserError
from models.frontend.audio import Waveform, decode_flac
from models.frontend.audio_errors import AudioError
from models.frontend.recordings import DecodePolicy, decode_file
from models.seeds import derive_seed
from tasks.corpus.lists.names import AUDIO_SUFFIXES
from tasks.listening_tests.stimuli import System
from tasks.pipeline import Pipeline
from tasks.release.samples import LISTING, RECORDING
from tasks.release.speak import load_voice
from tasks.release.test_sentences import sentences as listed
from tasks.release.voice import SpeakOptions, Voice

RECORDED = "recording"
"""What the hidden reference is called in results."""


class Sentence(NamedTuple):
    """Something that every system says; the name is a file's stem, or of our own."""

    name: str
    text: str
    language: str = ""


def systems_of(
    given: Mapping[str, Path],
    count: int,
    seed: int,
    progress: Callable[[str], None],
    recorded: Pipeline | None = None,
    reference: Path | None = None,
) -> tuple[list[Sentence], list[System]]:
    """The sentences, and how each system says them; the recordings are the last system where there are any.

    Args:
        given: Name -> folder of an exported voice, or of recordings.
        count: Most sentences.
        seed: Of what voices say.
        progress: Gets the name of each voice before it speaks.
        recorded: A finished voice whose held-out clips are said.
        reference: Folder of recordings of the same sentences.

    Raises:
        UserError: the systems have no sentence in common, or a text is missing that a voice must say.
    """
    folders = {name: _sounds(path) for name, path in given.items() if not _is_voice(path)}
    loaded = {name: load_voice(path) for name, path in given.items() if _is_voice(path)}
    own = _sounds(reference) if reference is not None else None
    if recorded is not None:
        said, own = _held_out(recorded)
    elif folders or own is not None:
        said = _common([*folders.values(), *([own] if own is not None else [])], [*folders, "--reference"])
    else:
        said = _listed(next(iter(loaded.values())))
    said = said[:count]
    systems = []
    for name, path in given.items():
        if name in loaded:
            progress(name)
            systems.append(System(name, dict(_spoken(loaded[name], name, said, seed))))
        else:
            systems.append(System(name, _of(folders[name], said, str(path))))
    if own is not None:
        systems.append(System(RECORDED, _of(own, said, RECORDED)))
    return said, systems


class _Sound(NamedTuple):
    path: Path
    text: str


def _is_voice(path: Path) -> bool:
    return (path / "voice.json").is_file()


def _sounds(folder: Path) -> dict[str, _Sound]:
    """Recordings of a folder by their stems, with the texts that lie beside them.

    Raises:
        UserError: there are none, or two have one stem.
    """
    found: dict[str, _Sound] = {}
    for path in sorted(folder.iterdir()):
        if path.suffix.lower() not in AUDIO_SUFFIXES or not path.is_file():
            continue
        if path.stem in found:
            raise UserError(
                f"{folder}: {found[path.stem].path.name} and {path.name} are one sentence by name; rename one"
            )
        text = path.with_suffix(".txt")
        found[path.stem] = _Sound(path, text.read_text(encoding="utf-8").strip() if text.is_file() else "")
    if not found:
        raise UserError(
            f"{folder}: holds neither a voice nor recordings; name a voice, or a folder with a file per "
            "sentence"
        )
    return found


def _common(folders: Sequence[Mapping[str, _Sound]], names: Sequence[str]) -> list[Sentence]:
    stems = [stem for stem in folders[0] if all(stem in folder for folder in folders)]
    if not stems:
        raise UserError(
            f"{', '.join(names[: len(folders)])}: have no file name in common; files that say the same "
            "sentence must have one name in each folder"
        )
    return [Sentence(stem, next((own[stem].text for own in folders if own[stem].text), "")) for stem in stems]


def _held_out(pipeline: Pipeline) -> tuple[list[Sentence], dict[str, _Sound]]:
    if pipeline.known("synthesize") is None:
        raise UserError(
            f"{pipeline.voice}: has no held-out clips yet; run `voicewright finetune` to the end, or name "
            "recordings with --reference"
        )
    files = pipeline.files("synthesize")
    entries = [e for e in json.loads(files[LISTING].read_text(encoding="utf-8")) if e["kind"] == RECORDING]
    said = [Sentence(e["utterance_id"], e["text"], e["language"]) for e in entries]
    return said, {e["utterance_id"]: _Sound(files[e["file"]], e["text"]) for e in entries}


def _listed(voice: Voice[Any]) -> list[Sentence]:
    language = voice.languages[0]
    found = [Sentence(f"s{number}", text, language) for number, text in enumerate(listed(language), 1)]
    if not found:
        raise UserError(
            f"{language}: there are no sentences of ours in this language; use --held-out, or a folder of "
            "recordings with a STEM.txt beside each"
        )
    return found


def _spoken(
    voice: Voice[Any], name: str, said: Iterable[Sentence], seed: int
) -> Iterable[tuple[str, Waveform]]:
    for one in said:
        if not one.text:
            raise UserError(
                f"{name}: cannot say {one.name}, whose text is not known; put a {one.name}.txt beside the "
                "recording"
            )
        options: SpeakOptions[Any] = SpeakOptions(seed=derive_seed(seed, "listening", one.name))
        yield one.name, voice.speak(one.text, options)


def _of(sounds: Mapping[str, _Sound], said: Iterable[Sentence], name: str) -> dict[str, Waveform]:
    return {one.name: _decoded(sounds[one.name].path, name) for one in said}


def _decoded(path: Path, name: str) -> Waveform:
    try:
        return decode_flac(decode_file(path, DecodePolicy()).flac)
    except AudioError as error:
        raise UserError(f"{name}: {path.name}: {error}") from error
    except OSError as error:
        raise UserError(f"{name}: {path.name} cannot be read: {error.strerror or error}") from error
