"""A disk that fails while a library reads: the disk's error comes out, whichever call met it."""

from __future__ import annotations

import errno
import io

import numpy as np
import pytest
import soundfile

from models.frontend.audio_errors import AudioError
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


def test_a_sound_track_without_a_length_has_the_files():
    import av

    file = io.BytesIO()
    with av.open(file, "w", format="webm") as opened:
        track = opened.add_stream("libopus", rate=48_000)
        frame = av.AudioFrame.from_ndarray(np.zeros((1, 48_000), np.float32), format="flt", layout="mono")
        frame.sample_rate, frame.pts = 48_000, 0
        for packet in [*track.encode(frame), *track.encode(None)]:
            opened.mux(packet)
    whole = Window(io.BytesIO(file.getvalue()), 0, len(file.getvalue()))
    found = open_decoder(whole, container_of(whole), extent_of(whole))
    assert found.declared_s == pytest.approx(1.0, abs=0.03)


def test_what_breaks_off_says_where_and_in_the_librarys_words():
    data = bytearray(sound("FLAC", "PCM_16"))
    middle = len(data) // 2
    data[middle : middle + 2_000] = bytes(2_000)
    whole = Window(io.BytesIO(bytes(data)), 0, len(data))
    with pytest.raises(AudioError) as broken:
        for _ in open_decoder(whole, container_of(whole), extent_of(whole)).pieces:
            pass
    reason = str(broken.value)
    assert "None" not in reason and "Error" not in reason and "psf_fseek" not in reason
    assert reason.strip(" .").split(": ")[-1]
