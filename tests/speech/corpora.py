"""Folders of recordings as people have them, made from the recordings of the tree."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import soundfile

from tests.speech.clips import RECORDINGS, at_rate, listed, read_aloud, readers, write_corpus
from tests.speech.noisy import write_noisy

READERS_RATE = 16_000
SPEAKERS_OF_NO_TEXT = (27, 311, 1183, 1334, 1553, 1594, 2002, 2092, 2391, 3440, 4018, 5322)


def write_corpora(folder: Path) -> None:
    """One folder per corpus.

    - `ljs-mini`: one English reader at 22.05 kHz with an LJ Speech list.
    - `kerstin-de`: one German reader at 24 kHz with a list; `raw` holds three of the clips as the browser
      recorded them.
    - `align-synth`: a synthetic voice at 16 kHz whose phone times are known.
    - `readers`: six people at 16 kHz without texts; a clip's name begins with its reader's.
    - `kinds`: clips in several containers, rates and numbers of channels, without texts.
    - `noisy-pairs`: some of these clips beside noise of known levels.
    - `no-texts`: twelve clips, named as LibriSpeech names them, with an empty list.
    """
    _write_ljs(folder / "ljs-mini")
    _write_kerstin(folder / "kerstin-de")
    _write_synthetic(folder / "align-synth")
    by_reader = readers(READERS_RATE)
    clips = [(f"{name}-{n}", one) for name, own in by_reader.items() for n, one in enumerate(own)]
    write_corpus(folder / "readers", clips, READERS_RATE)
    _write_kinds(folder / "kinds")
    write_noisy(folder / "noisy-pairs")
    parts = [part for own in by_reader.values() for part in own[:2]]
    names = [f"{speaker}-{n}-0000" for n, speaker in enumerate(SPEAKERS_OF_NO_TEXT, 100_000)]
    write_corpus(folder / "no-texts", list(zip(names, parts, strict=True)), READERS_RATE)
    (folder / "no-texts" / "metadata.csv").write_bytes(b"")


def _write_ljs(folder: Path) -> None:
    (folder / "wavs").mkdir(parents=True)
    clips = read_aloud()
    for clip in clips:
        shutil.copyfile(clip.path, folder / "wavs" / clip.path.name)
    lines = [f"{clip.name}|{clip.text}|{clip.text}\n" for clip in clips]
    (folder / "metadata.csv").write_text("".join(lines), encoding="utf-8")


def _write_kerstin(folder: Path) -> None:
    clips = listed("kerstin")
    write_corpus(folder, [(clip.name, clip.read()[0]) for clip in clips], clips[0].read()[1])
    (folder / "raw").mkdir()
    for path in sorted((RECORDINGS / "kerstin").glob("*.webm")):
        shutil.copyfile(path, folder / "raw" / path.name)
    shutil.copyfile(RECORDINGS / "kerstin" / "metadata.csv", folder / "metadata.csv")


def _write_synthetic(folder: Path) -> None:
    clips = listed("synthetic")
    write_corpus(folder, [(clip.name, clip.read()[0]) for clip in clips], clips[0].read()[1])
    (folder / "textgrids").mkdir()
    for path in sorted((RECORDINGS / "synthetic").glob("*.TextGrid")):
        shutil.copyfile(path, folder / "textgrids" / path.name)
    shutil.copyfile(RECORDINGS / "synthetic" / "metadata.csv", folder / "metadata.csv")


def _write_kinds(folder: Path) -> None:
    folder.mkdir()
    kinds = (
        ("a.flac", 16_000, 2, "PCM_16"),
        ("b.flac", 44_100, 2, "PCM_24"),
        ("c.flac", 48_000, 1, "PCM_16"),
        ("d.wav", 32_000, 1, "PCM_16"),
        ("e.wav", 96_000, 2, "PCM_24"),
        ("f.ogg", 44_100, 1, "VORBIS"),
        ("g.opus", 48_000, 2, "OPUS"),
        ("h.aiff", 22_050, 1, "PCM_16"),
    )
    for clip, (name, rate, channels, kind) in zip(read_aloud(), kinds, strict=False):
        samples = at_rate(*clip.read(), rate)
        wide = np.repeat(samples[:, None], channels, axis=1)
        container = "OGG" if kind == "OPUS" else None
        soundfile.write(folder / name, np.clip(wide, -1, 1), rate, kind, format=container)
