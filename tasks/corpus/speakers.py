"""Who speaks: from the transcript list, the folders or the ids, in this order."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from typing import NamedTuple

SINGLE_SPEAKER = "speaker"

# Folders that say what a file is, not who speaks in it.
PLAIN_FOLDERS = frozenset((
    "wav", "wavs", "audio", "audios", "clip", "clips", "raw", "data", "train", "dev", "valid",
    "validation", "test", "eval", "flac", "mp3", "ogg", "m4a", "recordings", "segments", "slices",
    "sliced", "samples", "speech", "files",
))  # fmt: skip
_SPEAKER_FOLDER = re.compile(r"(?:[a-z]{1,8}[-_ ]?)?\d{1,6}|[^\W\d_]{2,24}", re.IGNORECASE)
_NO_SPEAKER_FOLDER = re.compile(
    r"(session|part|chapter|take|day|dis[ck]|cd|track|batch|set|week|month|year|book|vol|volume|tape|"
    r"side|scene|episode|lesson|unit)s?[-_ ]?\d*|(19|20)\d{2,6}",
    re.IGNORECASE,
)
# LibriSpeech `speaker-chapter-utterance`, VCTK `p225_001`.
_PREFIXES = (re.compile(r"(\d+)-\d+-\d+"), re.compile(r"([ps]\d{1,4})_\d+"))


class Located(NamedTuple):
    """A recording without a name of its speaker: where it lies under the recordings folder."""

    folders: tuple[str, ...]
    stem: str


def speakers_of(recordings: Sequence[Located], choice: str) -> list[str]:
    """Speaker of each recording, by `corpus.speaker`.

    Raises:
        ValueError: `folder` or `prefix` was asked for and some recording has none.
    """
    if choice == "folder":
        return _all_or_error(_folders(recordings), recordings, "lies in no sub-folder of a speaker")
    if choice == "prefix":
        named = [_any_prefix(recording.stem) for recording in recordings]
        return _all_or_error(named, recordings, "has no speaker in its name (as 123-456-0001, p225_001)")
    if choice != "auto":
        return [safe_name(choice)] * len(recordings)
    folders = _folders(recordings)
    if _are_speakers(folders):
        return [name or SINGLE_SPEAKER for name in folders]
    for pattern in _PREFIXES:
        found = [pattern.match(recording.stem) for recording in recordings]
        names = [match[1] for match in found if match]
        if len(names) == len(recordings) and len(set(names)) > 1:
            return names
    return [SINGLE_SPEAKER] * len(recordings)


def safe_name(name: str) -> str:
    """A speaker's name without what breaks tables, paths and pages, composed: macOS parts é in folders."""
    composed = unicodedata.normalize("NFC", name)
    kept = "".join(c if c.isprintable() and c not in '/\\|<>:"?*' else "_" for c in composed)
    return " ".join(kept.split()).strip(".")[:64] or SINGLE_SPEAKER


def _folders(recordings: Sequence[Located]) -> list[str | None]:
    telling = (
        [folder for folder in recording.folders if folder.lower() not in PLAIN_FOLDERS]
        for recording in recordings
    )
    return [safe_name(folders[0]) if folders else None for folders in telling]


def _are_speakers(folders: Sequence[str | None]) -> bool:
    names = {name for name in folders if name is not None}
    return (
        None not in folders
        and len(names) > 1
        and all(_SPEAKER_FOLDER.fullmatch(name) and not _NO_SPEAKER_FOLDER.fullmatch(name) for name in names)
    )


def _any_prefix(stem: str) -> str | None:
    matches = (pattern.match(stem) for pattern in _PREFIXES)
    return next((match[1] for match in matches if match), None)


def _all_or_error(names: Sequence[str | None], recordings: Sequence[Located], complaint: str) -> list[str]:
    for name, recording in zip(names, recordings, strict=True):
        if name is None:
            raise ValueError(f"{'/'.join((*recording.folders, recording.stem))!r} {complaint}")
    return [name for name in names if name is not None]
