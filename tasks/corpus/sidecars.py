"""Texts in files beside their recordings, under the same name."""

from __future__ import annotations

import os
import re
from collections import defaultdict
from pathlib import Path, PurePosixPath

from configs.corpus import CorpusSettings
from models.frontend.text.regions import regional
from tasks.corpus.lists.cues import Cues, read_cues
from tasks.corpus.lists.entries import ListError, language_code
from tasks.corpus.lists.lines import read_sidecar
from tasks.corpus.lists.names import CUE_SUFFIXES, has_audio_suffix, is_list_name
from tasks.corpus.matching import Transcript, refused_text
from tasks.corpus.walk import Found, lower_suffix, shown

_TEXT_SUFFIXES = (".normalized.txt", ".lab", ".txt")
_CODE = re.compile(r"\.([a-z]{2,3}([-_]([A-Za-z]{2,4}|\d{3}))?)")


class Sidecars:
    """The text files, subtitles and TextGrids of a folder's recordings.

    Attributes:
        used: those whose text was taken.
    """

    def __init__(self, root: Path, settings: CorpusSettings, found: Found) -> None:
        self._root, self._settings, self._found = root, settings, found
        self._cues: dict[str, list[str]] = defaultdict(list)
        for path in found.texts:
            if path.lower().endswith(CUE_SUFFIXES):
                self._cues[_stem_of_cues(path)].append(path)
        self.used: set[str] = set()

    def of(self, recording: str) -> Transcript | None:
        """What the file beside a recording says; stretches with times before a text, words last.

        Raises:
            ListError: it cannot be used, or several differ in their language.
            OSError: it cannot be read.
        """
        if self._settings.transcripts == "none" or self._settings.metadata is not None:
            return None
        stem = recording.rpartition(".")[0]
        timed = self._timed(stem)
        cues = None if timed is None else read_cues(self._root / timed, self._settings.encoding)
        if timed is not None and cues is not None and not cues.are_words:
            return self._of_cues(timed, cues)
        for suffix in _TEXT_SUFFIXES:
            beside = self._found.text_named(f"{stem}{suffix}")
            if beside is not None:
                self.used.add(beside)
                return self._of_text(recording, beside)
        return None if timed is None or cues is None else self._of_cues(timed, cues)

    def _timed(self, stem: str) -> str | None:
        found = self._cues.get(stem, [])
        for suffix in CUE_SUFFIXES:
            alike = [path for path in found if path.lower().endswith(suffix)]
            chosen = _in_language(alike, self._settings.language) if len(alike) > 1 else alike
            if len(chosen) > 1:
                self.used.update(chosen)
                names = ", ".join(shown(path) for path in chosen)
                what = f"several files say the text of one recording: {names}"
                raise ListError("columns", names, what, "set corpus.language, or keep the one that is right")
            if chosen:
                return chosen[0]
        return None

    def _of_cues(self, path: str, cues: Cues) -> Transcript:
        self.used.add(path)
        kind = PurePosixPath(path).suffix.lower()[1:]
        return Transcript(None, None, None, kind, cues.cuts)

    def _of_text(self, recording: str, beside: str) -> Transcript:
        text = read_sidecar(self._root / beside, self._settings.encoding)
        if not text:
            what, remedy = f"{shown(beside)} is empty", "write the text, or remove the file"
            raise ListError("empty_text", "", what, remedy)
        refusal = refused_text(recording, text, shown(beside))
        if refusal is not None:
            raise ListError(refusal.code, refusal.value, refusal.reason, refusal.remedy)
        return Transcript(text, None, None, "sidecar")


def found_alone(file: Path) -> Found:
    """One recording (or Parquet file) with the text files, subtitles and TextGrids of its own name.

    Of what else lies beside it only names are looked at.
    """
    if not has_audio_suffix(file.name):
        return Found(texts=[file.name]) if is_list_name(file.name) else Found(others=[file.name])
    try:
        with os.scandir(file.parent) as listed:
            beside = [entry.name for entry in listed if entry.is_file(follow_symlinks=False)]
    except OSError as error:
        where = shown(str(file.parent))
        said = f"{where} cannot be listed ({error.strerror}), so texts beside the recording are not read"
        return Found(recordings=[file.name], warnings=[said])
    stem = file.name.rpartition(".")[0]
    texts = [name for name in beside if _is_sidecar(name, stem)]
    return Found(recordings=[file.name], texts=sorted(texts, key=os.fsencode))


def _is_sidecar(name: str, stem: str) -> bool:
    if name.lower().endswith(CUE_SUFFIXES):
        return _stem_of_cues(name) == stem
    return any(lower_suffix(name) == f"{stem}{suffix}" for suffix in _TEXT_SUFFIXES)


def _stem_of_cues(path: str) -> str:
    """The recording's path without its ending: of `a.srt`, `a.wav.srt` and `a.en.srt` it is `a`."""
    stem = path.rpartition(".")[0]
    if has_audio_suffix(stem):
        return stem.rpartition(".")[0]
    code = _CODE.fullmatch(PurePosixPath(stem).suffix)
    return stem[: -len(code[0])] if code else stem


def _in_language(alike: list[str], language: str) -> list[str]:
    """Those in the setting's region, else in its language, else all."""
    base = language.partition("-")[0]
    of_region = [path for path in alike if _language_of(path) == (regional(language) or base)]
    of_language = [path for path in alike if (_language_of(path) or "").partition("-")[0] == base]
    return of_region or of_language or alike


def _language_of(path: str) -> str | None:
    code = _CODE.fullmatch(PurePosixPath(path.rpartition(".")[0]).suffix)
    return language_code(code[1]) if code else None
