"""Reading recordings of any kind in blocks: go by content, trust no header, keep memory bounded.

Uncompressed and FLAC files are read by libsndfile, the rest by FFmpeg (PyAV). FFmpeg is always told
the container that the first bytes show: left to guess, it would follow playlists, which name other
files and addresses.
"""

from __future__ import annotations

import io
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple

import numpy as np
from numpy.typing import NDArray

from models.frontend.containers import announced_ratio, container_of, mp3_declared_s, ogg_is_cut

Block = NDArray[np.float32]
Source = Path | bytes

MAX_CHANNELS = 64
MAX_SAMPLE_RATE_HZ = 768_000
_BLOCK_VALUES = 1 << 14  # small: what a failing read had decoded is lost

# container -> (does libsndfile read it, FFmpeg's name of its demuxer)
_READERS: dict[str, tuple[bool, str]] = {
    "wav": (True, "wav"),
    "w64": (True, "w64"),
    "aiff": (True, "aiff"),
    "au": (True, "au"),
    "caf": (True, "caf"),
    "flac": (True, "flac"),
    "ogg": (False, "ogg"),
    "mp3": (False, "mp3"),
    "aac": (False, "aac"),
    "mp4": (False, "mp4"),
    "webm": (False, "matroska"),
    "wma": (False, "asf"),
    "amr": (False, "amr"),
}


class AudioError(Exception):
    """A recording that cannot be used.

    Attributes:
        code: short reason for tables, e.g. `truncated`.
        field: what was looked at, e.g. `duration_s`.
        value: what was found.
        reason: one sentence for people.
        remedy: what the user can do.
    """

    def __init__(self, code: str, field: str, value: object, reason: str, remedy: str) -> None:
        super().__init__(f"{reason} ({field} = {value}); {remedy}")
        self.code = code
        self.field = field
        self.value = str(value)
        self.reason = reason
        self.remedy = remedy


class Stream(NamedTuple):
    """An open recording.

    Attributes:
        container: kind of file that the content shows, e.g. `mp4`.
        codec: codec inside it, e.g. `aac`.
        sample_rate: Hz.
        channels: how many.
        declared_s: duration that the file announces, seconds; None where it announces none.
        blocks: float32 `[n, channels]`, full scale 1.0; raises AudioError where decoding breaks off.
        warnings: what the user should know.
    """

    container: str
    codec: str
    sample_rate: int
    channels: int
    declared_s: float | None
    blocks: Iterator[Block]
    warnings: tuple[str, ...]


@contextmanager
def open_stream(source: Source) -> Iterator[Stream]:
    """Open a recording (a path, or the bytes of one) for reading in blocks.

    Raises:
        AudioError: `empty_file`, `not_a_file`, `unreadable` or `unsupported`.
    """
    with _open_binary(source) as file:
        container = _recognised(file)
        by_libsndfile, demuxer = _READERS[container]
        opened = _open_libsndfile(file, container) if by_libsndfile else None
        if opened is None:
            opened = _open_ffmpeg(file, container, demuxer)
        if not 1 <= opened.channels <= MAX_CHANNELS:
            raise _unsupported("channels", opened.channels, f"1 to {MAX_CHANNELS} channels")
        if not 1 <= opened.sample_rate <= MAX_SAMPLE_RATE_HZ:
            raise _unsupported("sample_rate", opened.sample_rate, f"at most {MAX_SAMPLE_RATE_HZ} Hz")
        try:
            yield opened
        finally:
            opened.blocks.close()  # type: ignore[attr-defined]  # a generator that holds the decoder


def _recognised(file: BinaryIO) -> str:
    if file.seek(0, os.SEEK_END) == 0:
        raise AudioError("empty_file", "bytes", 0, "the file is empty", "record or copy the file again")
    container = container_of(file)
    if container is None:
        file.seek(0)
        head = file.read(8).hex(" ")
        raise _unreadable("content", head, "the content is no kind of audio that is known here")
    return container


@contextmanager
def _open_binary(source: Source) -> Iterator[BinaryIO]:
    if isinstance(source, bytes):
        yield io.BytesIO(source)
        return
    # A FIFO would block an ordinary open for ever; O_NONBLOCK makes it return, fstat unmasks it.
    descriptor = os.open(source, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    with os.fdopen(descriptor, "rb") as file:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            raise AudioError("not_a_file", "kind", "special file", "this is no regular file", "remove it")
        yield file


# -- libsndfile


class _Forgiving:
    """A file in which seeking before the start goes to the start.

    Broken headers make libsndfile try, and what raises inside its callback prints a traceback.
    """

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self.read = file.read
        self.tell = file.tell

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        try:
            return self._file.seek(offset, whence)
        except (OSError, ValueError):
            return self._file.seek(0)


def _open_libsndfile(file: BinaryIO, container: str) -> Stream | None:
    """None where libsndfile gives up at the header: FFmpeg knows more codecs."""
    import soundfile

    # libsndfile silently believes the file's size instead of the header's.
    announced = announced_ratio(file) if container in ("wav", "aiff") else 1.0
    file.seek(0)
    try:
        opened = soundfile.SoundFile(_Forgiving(file))
    except soundfile.LibsndfileError:
        file.seek(0)
        return None
    declared_s = announced * opened.frames / opened.samplerate if opened.samplerate > 0 else None
    return Stream(
        container,
        opened.subtype.lower(),
        opened.samplerate,
        opened.channels,
        declared_s,
        _libsndfile_blocks(opened),
        (),
    )


def _libsndfile_blocks(opened: Any) -> Iterator[Block]:
    import soundfile

    frames = max(1, _BLOCK_VALUES // opened.channels)
    done = 0
    with opened:
        while True:
            try:
                block = opened.read(frames, dtype="float32", always_2d=True)
            except soundfile.LibsndfileError as error:
                raise _broken_off(done / opened.samplerate, _said(error)) from error
            if block.shape[0] == 0:
                return
            done += block.shape[0]
            yield block


# -- FFmpeg


def _open_ffmpeg(file: BinaryIO, container: str, demuxer: str) -> Stream:
    import av

    av.logging.set_level(av.logging.PANIC)
    declared_s, warnings = None, []
    if container == "mp3":
        declared_s = mp3_declared_s(file)
    elif container == "ogg" and ogg_is_cut(file):
        warnings.append("the last page breaks off: an unknown part of the recording is missing")
    file.seek(0)
    try:
        opened = av.open(file, format=demuxer)
    except (av.FFmpegError, ValueError) as error:
        raise _unreadable("header", container, f"the {container} header is broken: {_said(error)}") from error
    if not opened.streams.audio:
        opened.close()
        raise _unreadable("streams", len(opened.streams), "the file holds no sound track")
    if len(opened.streams.audio) > 1:
        warnings.append(f"{len(opened.streams.audio)} sound tracks: the first is used")
    track = opened.streams.audio[0]
    context = track.codec_context
    if context is None:
        opened.close()
        raise _unreadable("codec", container, "there is no decoder for the sound track")
    if container in ("mp4", "webm", "ogg"):
        declared_s = _track_declared_s(opened, track)
    codec = getattr(context.codec, "canonical_name", context.name)
    rate, channels = context.sample_rate, context.channels
    blocks = _ffmpeg_blocks(opened, rate, channels)
    return Stream(container, codec, rate, channels, declared_s, blocks, tuple(warnings))


def _track_declared_s(opened: Any, track: Any) -> float | None:
    if track.duration is not None:
        return float(track.duration * track.time_base)
    # The container's own duration covers a film's pictures too: it says nothing of the sound alone.
    if opened.duration is not None and len(opened.streams) == 1:
        return float(opened.duration) / 1e6
    return None


def _ffmpeg_blocks(opened: Any, rate: int, channels: int) -> Iterator[Block]:
    import av

    # Interleaved: PyAV 18 miscounts the planes of planar sound with many channels and reads past them.
    interleaved = av.AudioResampler(format="flt")
    pending: list[Block] = []
    done = bad_packets = 0
    with opened:
        packets = opened.demux(opened.streams.audio[0])
        while True:
            try:
                packet = next(packets, None)
                if packet is None:
                    break
                frames = packet.decode()
            except av.FFmpegError as error:
                bad_packets += 1
                if bad_packets > 1 or not done:
                    raise _broken_off(done / max(rate, 1), _said(error)) from error
                continue
            for frame in frames:
                pending += _converted(interleaved, frame, rate, channels)
                done += frame.samples
            if sum(map(len, pending)) * channels >= _BLOCK_VALUES:
                yield np.concatenate(pending)
                pending = []
        if pending:
            yield np.concatenate(pending)
    if bad_packets:
        raise _broken_off(done / max(rate, 1), "a packet cannot be decoded")


def _converted(interleaved: Any, frame: Any, rate: int, channels: int) -> list[Block]:
    found = (frame.sample_rate, frame.layout.nb_channels)
    try:
        if found != (rate, channels):
            raise ValueError("rate or channels changed")
        converted = interleaved.resample(frame)
    except ValueError as error:
        raise AudioError(
            "unsupported",
            "stream",
            f"{rate} Hz, {channels} channels, then {found[0]} Hz, {found[1]} channels",
            "the sound changes its form midway",
            "re-encode the file with one sample rate and channel layout",
        ) from error
    return [one.to_ndarray().reshape(-1, channels).astype(np.float32) for one in converted]


def _said(error: Exception) -> str:
    """The libraries' own words without their paths, numbers and logs."""
    said = str(getattr(error, "strerror", None) or error)
    return said.removeprefix("Error : ").strip(" .")


def _broken_off(done_s: float, detail: str) -> AudioError:
    return AudioError(
        "damaged",
        "decoded_s",
        f"{done_s:.2f}",
        f"decoding breaks off after {done_s:.2f} s: {detail}",
        "record or copy the file again, or cut off the damaged part",
    )


def _unreadable(field: str, value: object, reason: str) -> AudioError:
    remedy = "convert it to WAV or FLAC, or remove it"
    return AudioError("unreadable", field, value, reason, remedy)


def _unsupported(field: str, value: object, wanted: str) -> AudioError:
    return AudioError(
        "unsupported", field, value, f"only {wanted} can be read", "convert the file to mono WAV"
    )
