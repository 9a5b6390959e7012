"""Small recordings folders, and how they are looked through."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import soundfile

from configs.corpus import CorpusSettings
from tasks.corpus.scan import ScanResult, scan_recordings


def record(path: Path, seed: int = 0) -> Path:
    """A recording of its own content."""
    path.parent.mkdir(parents=True, exist_ok=True)
    noise = np.random.default_rng([seed, *path.name.encode()]).standard_normal(8_000)
    soundfile.write(path, 0.1 * noise, 16_000, format="WAV")
    return path


def scan(root: Path, **settings) -> ScanResult:
    """What a folder holds by these settings of `corpus`."""
    return scan_recordings(root, CorpusSettings(**settings), root.parent / "cache" / "digests.json")


def folder(root: Path, recordings: str, files: Mapping[str, str | bytes]) -> Path:
    """A folder with files and recordings: `a` is `wavs/a.wav`, what has a dot is a path."""
    for name in recordings.split():
        record(root / (name if "." in name else f"wavs/{name}.wav"))
    for name, content in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return root
