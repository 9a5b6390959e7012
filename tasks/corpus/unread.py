"""Files that people may believe to be read, and that are not: other kinds of sound, and unused texts."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from pathlib import Path, PurePosixPath

from tasks.corpus.lists.names import CUE_SUFFIXES, sounds_like_list
from tasks.corpus.lists.probing import holds_refused
from tasks.corpus.matching import few
from tasks.corpus.walk import Found, shown

_SOUNDS = {
    ".wv": "WavPack", ".ape": "Monkey's Audio", ".tta": "True Audio", ".mpc": "Musepack", ".mp+": "Musepack",
    ".dsf": "DSD", ".dff": "DSD", ".ra": "RealAudio", ".rm": "RealMedia", ".ac3": "AC-3", ".dts": "DTS",
    ".spx": "Speex", ".gsm": "GSM", ".sph": "SPHERE", ".nist": "SPHERE", ".voc": "VOC", ".vox": "VOX",
    ".ofr": "OptimFROG", ".shn": "Shorten", ".aa": "Audible", ".aax": "Audible", ".opus_": "Opus",
    ".avi": "AVI", ".wmv": "WMV", ".flv": "FLV", ".mpg": "MPEG", ".mpeg": "MPEG", ".m4v": "MPEG-4",
    ".ogv": "Ogg", ".m4r": "MPEG-4", ".asf": "ASF", ".raw": "headerless", ".pcm": "headerless",
    ".mid": "MIDI, notes rather than sound", ".midi": "MIDI, notes rather than sound",
}  # fmt: skip
_MAGIC = (
    (0, b"RIFF", ".wav"), (0, b"RF64", ".wav"), (0, b"fLaC", ".flac"), (0, b"OggS", ".ogg"),
    (0, b"ID3", ".mp3"), (0, b"FORM", ".aiff"), (0, b".snd", ".au"), (0, b"caff", ".caf"),
    (4, b"ftyp", ".m4a"), (0, b"\x1aE\xdf\xa3", ".webm"),
    (0, b"wvpk", ""), (0, b"MAC ", ""), (0, b"#!AMR", ".amr"),
    (0, b"\xff\xfb", ".mp3"), (0, b"\xff\xf3", ".mp3"), (0, b"\xff\xf2", ".mp3"),
)  # fmt: skip
_MOST_LOOKED_INTO = 10_000


def sounds_not_read(root: Path, others: Sequence[str]) -> list[str]:
    """Warnings about sound files whose ending no reader is for, or that have none."""
    kinds: dict[str, list[str]] = {}
    nameless: dict[str, list[str]] = {}
    for path in others:
        suffix = PurePosixPath(path).suffix.lower()
        if suffix in _SOUNDS:
            kinds.setdefault(suffix, []).append(shown(path))
    without = [path for path in others if not PurePosixPath(path).suffix]
    for path in without[:_MOST_LOOKED_INTO]:
        found = _content(root / path)
        if found is not None:
            nameless.setdefault(found, []).append(shown(path))
    warnings = [
        f"{len(paths)} files are not read, {suffix} ({_SOUNDS[suffix]}) is no kind that is: {few(paths)}; "
        "convert them to WAV or FLAC"
        for suffix, paths in kinds.items()
    ]
    for suffix, paths in nameless.items():
        remedy = f"call them {suffix}" if suffix else "convert them to WAV or FLAC"
        warnings.append(
            f"{len(paths)} files are not read, they are sound but their names have no ending: "
            f"{few(paths)}; {remedy}"
        )
    return warnings


def texts_not_used(root: Path, found: Found, used: Collection[str]) -> list[str]:
    """Warnings about files that look like transcripts and that nothing was taken from."""
    stems = {PurePosixPath(path).stem for path in found.recordings}
    reasons: dict[str, list[str]] = {}
    for path in found.texts:
        name = PurePosixPath(path).name
        if path in used:
            continue
        if PurePosixPath(name).stem in stems:
            why = "the recordings of their names have another text, or lie in another folder"
        elif _holds_refused(root / path):
            why = "Common Voice keeps there the clips that its listeners have not found good"
        elif sounds_like_list(name) or name.lower().endswith(CUE_SUFFIXES):
            why = "they name no recording here; name a list in corpus.metadata to be told more"
        else:
            continue
        reasons.setdefault(why, []).append(shown(path))
    return [
        f"not used, though they may be transcripts: {few(paths)}: {why}" for why, paths in reasons.items()
    ]


def _holds_refused(path: Path) -> bool:
    try:
        return holds_refused(path)
    except OSError:
        return False


def _content(path: Path) -> str | None:
    """The ending that a file of sound should have ("": none that is read), None for anything else."""
    try:
        with path.open("rb") as file:
            head = file.read(12)
    except OSError:
        return None
    if head[:4] == b"RIFF" and head[8:12] != b"WAVE":
        return None
    return next((suffix for at, magic, suffix in _MAGIC if head[at : at + len(magic)] == magic), None)
