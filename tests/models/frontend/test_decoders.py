"""A disk that fails while a library reads: the disk's error comes out, whichever call met it."""

from __future__ import annotations

import errno
import io

import numpy as np
import pytest
import soundfile

from models.frontend.containers import container_of
from models.frontend.decoders import open_decoder
from models.frontend.extents import extent_of
from models.frontend.windows import Window

KINDS = {
    "WAV": "PCM_16",
    "FLAC": "PCM_16",
    "CAF": "ALAC_16",
    "W64": "PCM_16",
    "OGG": "VORBIS",
    "MP3": "MPEG_LAYER_III",
}


class Failing(io.BytesIO):
    """Reads what lies before a bad sector, then EIO."""

    def __init__(self, data: bytes, bad: int) -> None:
        super().__init__(data)
        self.bad = bad

    def read(self, size: int | None = -1, /) -> bytes:
        if self.tell() + (len(self.getbuffer()) if size is None or size < 0 else size) > self.bad:
            raise OSError(errno.EIO, "Input/output error")
        return super().read(size)


def sound(kind: str, subtype: str) -> bytes:
    noise = np.random.default_rng(0).normal(0, 0.1, 44_100)
    file = io.BytesIO()
    soundfile.write(file, noise, 44_100, subtype, format=kind)
    return file.getvalue()


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("share", [0.0, 0.01, 0.5, 0.9])
def test_the_disks_error_comes_out(kind, share, capfd):
    data = sound(kind, KINDS[kind])
    file = Window(Failing(data, round(len(data) * share)), 0, len(data))
    whole = Window(io.BytesIO(data), 0, len(data))
    container, extent = container_of(whole), extent_of(whole)
    with pytest.raises(OSError, match="Input/output error"):
        for _ in open_decoder(file, container, extent).pieces:
            pass
    assert capfd.readouterr().err == ""


def test_a_window_answers_with_its_own_bytes_alone():
    window = Window(io.BytesIO(b"0123456789"), 2, 8, {1: b"xy", 5: b"zzz"})
    assert window.read() == b"2xy56z"
    assert window.read(4) == b""
    assert window.seek(-1) == -1 and window.tell() == 6
    assert window.seek(-2, io.SEEK_END) == 4 and window.read(-1) == b"" and window.read(1) == b"6"
    assert window.part(3, 6).read() == b"567"
