"""Speech encoded while it is made, in the formats that the OpenAI form names.

No format is told a length in advance: WAV's header says that it is unknown, as streams do. The same samples
give the same bytes: nothing in them is drawn or is a time.
"""

from __future__ import annotations

import struct
from typing import Any, Literal, NamedTuple, Protocol, cast, get_args

import numpy as np

from models.frontend.audio import Samples

Format = Literal["mp3", "opus", "aac", "flac", "wav", "pcm"]
FORMATS: tuple[Format, ...] = get_args(Format)
MEDIA_TYPES: dict[Format, str] = {
    "mp3": "audio/mpeg",
    "opus": "audio/ogg",
    "aac": "audio/aac",
    "flac": "audio/flac",
    "wav": "audio/wav",
    "pcm": "audio/pcm",
}
PCM_RATE = 24_000
_FULL_SCALE = 32_767
_UNKNOWN_SIZE = 0xFFFF_FFFF
_FRAME_WITHOUT_SIZE = 4096


class Encoder(Protocol):
    """Bytes of a stream, which begin with its header."""

    def add(self, samples: Samples) -> bytes:
        """Float samples `[n]` in +-1; what can be sent by now."""
        ...

    def end(self) -> bytes:
        """The rest."""
        ...


class _Codec(NamedTuple):
    """How PyAV makes a format; rates: that the codec knows, Hz, none: any; bit_rate: 0 is its own."""

    codec: str
    container: str
    sample_format: str
    rates: tuple[int, ...] = ()
    bit_rate: int = 0
    options: tuple[tuple[str, str], ...] = ()


_CODECS = {
    "mp3": _Codec(
        "libmp3lame",
        "mp3",
        "fltp",
        (16_000, 22_050, 24_000, 32_000, 44_100, 48_000),
        96_000,
        (("write_xing", "0"), ("id3v2_version", "0")),
    ),
    "opus": _Codec("libopus", "ogg", "flt", (16_000, 24_000, 48_000), 48_000, (("page_duration", "200000"),)),
    "aac": _Codec("aac", "adts", "fltp", (16_000, 22_050, 24_000, 32_000, 44_100, 48_000), 96_000),
    "flac": _Codec("flac", "flac", "s16"),
}


def encoder_of(form: Format, sample_rate: int) -> Encoder:
    """An encoder of one stream.

    Args:
        form: The format.
        sample_rate: Of what will be added, Hz. It is kept where the codec knows it; `pcm` is always 24 kHz.
    """
    if form == "pcm":
        return _resampled(_Pcm(), sample_rate, PCM_RATE)
    if form == "wav":
        return _Wav(sample_rate)
    codec = _CODECS[form]
    rate = sample_rate if not codec.rates or sample_rate in codec.rates else codec.rates[-1]
    return _resampled(_Coded(codec, rate), sample_rate, rate)


def _resampled(encoder: Encoder, given_hz: int, wanted_hz: int) -> Encoder:
    return encoder if given_hz == wanted_hz else _Resampled(encoder, given_hz, wanted_hz)


def _integers(samples: Samples) -> bytes:
    return np.rint(np.clip(samples, -1, 1) * _FULL_SCALE).astype("<i2").tobytes()


class _Pcm:
    def add(self, samples: Samples) -> bytes:
        return _integers(samples)

    def end(self) -> bytes:
        return b""


class _Wav:
    def __init__(self, sample_rate: int) -> None:
        self._header = struct.pack(
            "<4sI4s4sIHHIIHH4sI",
            *(b"RIFF", _UNKNOWN_SIZE, b"WAVE", b"fmt ", 16, 1, 1, sample_rate, 2 * sample_rate, 2, 16),
            *(b"data", _UNKNOWN_SIZE),
        )

    def add(self, samples: Samples) -> bytes:
        header, self._header = self._header, b""
        return header + _integers(samples)

    def end(self) -> bytes:
        return self.add(np.zeros(0, np.float32))


class _Resampled:
    def __init__(self, encoder: Encoder, given_hz: int, wanted_hz: int) -> None:
        import soxr

        self._encoder = encoder
        self._stream = soxr.ResampleStream(given_hz, wanted_hz, 1, dtype="float32", quality="HQ")

    def add(self, samples: Samples) -> bytes:
        return self._encoder.add(self._stream.resample_chunk(samples))

    def end(self) -> bytes:
        rest = self._stream.resample_chunk(np.zeros(0, np.float32), last=True)
        return self._encoder.add(rest) + self._encoder.end()


class _Sink:
    """What a muxer writes to: it cannot seek, so nothing that was sent is changed afterwards."""

    def __init__(self) -> None:
        self._parts: list[bytes] = []

    def write(self, data: bytes) -> int:
        self._parts.append(bytes(data))
        return len(data)

    def taken(self) -> bytes:
        parts, self._parts = self._parts, []
        return b"".join(parts)


class _Coded:
    """A codec and its container by PyAV, in frames of the codec's size."""

    def __init__(self, codec: _Codec, sample_rate: int) -> None:
        import av

        self._format, self._rate = codec.sample_format, sample_rate
        self._sink = _Sink()
        options = {"fflags": "+bitexact+flush_packets", **dict(codec.options)}
        self._container = av.open(self._sink, "w", format=codec.container, container_options=options)
        # PyAV types a stream by the names of codecs that it knows, and these come out of a table.
        added = self._container.add_stream(codec.codec, rate=sample_rate, layout="mono")
        self._stream = cast("Any", added)
        self._stream.codec_context.format = codec.sample_format
        self._stream.codec_context.options = {"flags": "+bitexact"}
        if codec.bit_rate:
            self._stream.bit_rate = codec.bit_rate
        self._container.start_encoding()
        self._size = self._stream.codec_context.frame_size or _FRAME_WITHOUT_SIZE
        self._waiting = np.zeros(0, np.float32)
        self._at = 0

    def add(self, samples: Samples) -> bytes:
        self._waiting = np.concatenate([self._waiting, np.clip(samples, -1, 1)])
        whole = len(self._waiting) // self._size * self._size
        for start in range(0, whole, self._size):
            self._encode(self._waiting[start : start + self._size])
        self._waiting = self._waiting[whole:]
        return self._sink.taken()

    def end(self) -> bytes:
        if len(self._waiting):
            self._encode(self._waiting)
        self._container.mux(self._stream.encode(None))
        self._container.close()
        return self._sink.taken()

    def _encode(self, samples: Samples) -> None:
        import av

        values = samples[None]
        if self._format == "s16":
            values = np.rint(values * _FULL_SCALE).astype(np.int16)
        frame = av.AudioFrame.from_ndarray(np.ascontiguousarray(values), self._format, "mono")
        frame.sample_rate, frame.pts = self._rate, self._at
        self._at += len(samples)
        self._container.mux(self._stream.encode(frame))
