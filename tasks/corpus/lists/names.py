"""Names of files: which are recordings, which are lists, and whether a value in a list names a recording."""

from __future__ import annotations

import re
import unicodedata
from collections import defaultdict
from collections.abc import Iterable
from pathlib import PurePosixPath

from tasks.corpus.lists.entries import MAX_REFERENCE_CHARACTERS

AUDIO_SUFFIXES = frozenset((
    ".wav", ".wave", ".rf64", ".w64", ".flac", ".mp3", ".mp2", ".mpga", ".ogg", ".oga", ".opus",
    ".m4a", ".m4b", ".mp4", ".mov", ".3gp", ".aac", ".adts", ".webm", ".mka", ".mkv", ".aif",
    ".aiff", ".aifc", ".au", ".snd", ".caf", ".wma", ".amr",
))  # fmt: skip
CUE_SUFFIXES = (".srt", ".vtt", ".textgrid")
"""Files of one recording's texts with their times, best first."""
_CANDIDATE_SUFFIXES = (".txt", ".csv", ".tsv", ".psv", ".json", ".jsonl")
_CANDIDATE_NAMES = ("text", "transcript", "transcripts")  # as Kaldi's have no ending
_LISTED = re.compile(
    r"meta|transcri|manifest|file_?list|sentences?|prompts?|labels?|subtitle|script|"
    r"(^|[^a-z])(train|val|valid|validated|dev|test|eval|text|list)([^a-z]|$)"
)
_OF_SPLITS = {
    "train": "train", "training": "train",
    "val": "validation", "valid": "validation", "validation": "validation", "dev": "validation",
    "eval": "validation",
    "test": "test", "testing": "test", "heldout": "test",
}  # fmt: skip
_SEPARATORS = re.compile(r"[\\/]")


def is_list_name(name: str) -> bool:
    """Whether a file of this name always is a transcript list."""
    lower = name.lower()
    return (
        lower in ("metadata.jsonl", "metadata.tsv")
        or lower.endswith((".list", ".parquet"))
        or (lower.startswith("metadata") and lower.endswith(".csv"))
    )


def may_be_list(name: str) -> bool:
    """Whether a file of this name is a transcript list if its content is."""
    return name.lower().endswith(_CANDIDATE_SUFFIXES) or name.lower() in _CANDIDATE_NAMES


def is_text_name(name: str) -> bool:
    """Whether a file of this name may hold what is said in recordings."""
    return is_list_name(name) or may_be_list(name) or name.lower().endswith((".lab", *CUE_SUFFIXES))


def sounds_like_list(name: str) -> bool:
    """Whether people would call a transcript list so (`transcripts.txt`, `manifest.json`, `train.csv`)."""
    return may_be_list(name) and _LISTED.search(name.lower()) is not None


def split_named(name: str, folder: str) -> str | None:
    """The split that a list is of by its name (`val_list.txt`, `test-00000-of-00001.parquet`) or its folder.

    Args:
        name: Of the list.
        folder: That it lies in; it counts where that is its whole name (`validation/metadata.csv`).
    """
    words = re.split(r"[^a-z]+", PurePosixPath(name).stem.lower())
    said = {_OF_SPLITS[word] for word in words if word in _OF_SPLITS}
    return said.pop() if len(said) == 1 else _OF_SPLITS.get(PurePosixPath(folder).name.lower())


def has_audio_suffix(name: str) -> bool:
    """Whether a file name ends as recordings do."""
    return PurePosixPath(name.replace("\\", "/")).suffix.lower() in AUDIO_SUFFIXES


class Recordings:
    """A set's recordings, to tell which values in a list name one.

    It only tells columns apart, so it is generous: capitals, endings and folders are let go.
    """

    def __init__(self, paths: Iterable[str] = ()) -> None:
        self._stems: dict[str, str] = {}
        for path in paths:
            name = _folded(PurePosixPath(path).name)
            stem = PurePosixPath(name).stem
            self._stems[name] = self._stems[stem] = stem

    def __bool__(self) -> bool:
        return bool(self._stems)

    def named(self, value: str) -> str | None:
        """The stem of the recording that a value names, or None."""
        if len(value) > MAX_REFERENCE_CHARACTERS or not self._stems:
            return None
        name = _folded(_SEPARATORS.split(value.strip().strip("\"'"))[-1])
        if name not in self._stems and has_audio_suffix(name):
            name = PurePosixPath(name).stem
        return self._stems.get(name)


def _folded(name: str) -> str:
    return unicodedata.normalize("NFC", name).casefold()


def by_folded_name(paths: Iterable[str]) -> dict[str, list[str]]:
    """Paths by their file name and by its stem without regard to capitals."""
    found: dict[str, list[str]] = defaultdict(list)
    for path in paths:
        name = _folded(PurePosixPath(path).name)
        for key in {name, PurePosixPath(name).stem}:
            found[key].append(path)
    return found
