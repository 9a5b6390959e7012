"""Speech written while it is made: a WAV or FLAC file that appears whole or not at all, or raw samples."""

from __future__ import annotations

import os
from contextlib import AbstractContextManager
from pathlib import Path
from types import TracebackType
from typing import BinaryIO

import numpy as np

from artifacts.faults import writing
from configs.errors import UserError
from models.frontend.audio import Samples

SUBTYPES = {"wav": "PCM_16", "flac": "PCM_24"}
_FULL_SCALE_16 = 32_767


class SpeechFile:
    """Sentences to a file, one after the other; memory holds one of them.

    The file is written under a hidden name beside its place, and renamed when the block ends without an
    error: what lies under its name is always whole.

    Args:
        path: ends in .wav (16 bit) or .flac (24 bit).
        sample_rate: Hz.

    Raises:
        UserError: another ending, or a place that cannot be written.
        MachineError: its disk is full, read-only or failing; also while it is written.
    """

    def __init__(self, path: Path, sample_rate: int) -> None:
        self.path, self.sample_rate = path, sample_rate
        self.kind = kind_of(path)
        self.n_samples = 0
        self._temporary = path.with_name(f".{path.name}.{os.getpid()}.part")

    def __enter__(self) -> SpeechFile:
        import soundfile

        try:
            with self._writing():
                self.path.parent.mkdir(parents=True, exist_ok=True)
                self._file = soundfile.SoundFile(
                    str(self._temporary),
                    "w",
                    self.sample_rate,
                    channels=1,
                    subtype=SUBTYPES[self.kind],
                    format=self.kind.upper(),
                )
        except (OSError, soundfile.LibsndfileError) as error:
            raise UserError(f"--output: {self.path} cannot be written ({error}); name another") from error
        return self

    def write(self, samples: Samples) -> None:
        """Append float samples `[n]` in +-1."""
        with self._writing():
            self._file.write(samples)
        self.n_samples += len(samples)

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        try:
            with self._writing():
                self._file.close()
                if kind is None:
                    with self._temporary.open("rb+") as written:
                        os.fsync(written.fileno())
                    self._temporary.replace(self.path)
        finally:
            self._temporary.unlink(missing_ok=True)

    def _writing(self) -> AbstractContextManager[None]:
        return writing(self.path.parent, f"--output {self.path}")


class RawStream:
    """Sentences as 16-bit little-endian mono samples without a header, for a player that listens along."""

    def __init__(self, stream: BinaryIO) -> None:
        self._stream = stream

    def write(self, samples: Samples) -> None:
        """Append float samples `[n]` in +-1, and hand them over at once."""
        self._stream.write(np.rint(samples * _FULL_SCALE_16).astype("<i2").tobytes())
        self._stream.flush()


def kind_of(path: Path) -> str:
    """`wav` or `flac`.

    Raises:
        UserError: the name ends in neither.
    """
    kind = path.suffix.lower().lstrip(".")
    if kind not in SUBTYPES:
        raise UserError(f"--output: {path} must end in .wav or .flac, or be - for raw samples")
    return kind
