"""One recording through libsndfile or FFmpeg, in pieces; whatever goes wrong is said in one way.

Uncompressed and FLAC files are read by libsndfile, the rest by FFmpeg (PyAV). FFmpeg is always told
the container that the first bytes show: left to guess, it would follow playlists, which name other
files and addresses.
"""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from models.frontend.audio_errors import broken_off, unreadable
from models.frontend.containers import mp3_declared_s, ogg_is_cut
from models.frontend.extents import Extent
from models.frontend.flac_length import flac_length
from models.frontend.windows import Window

Block = NDArray[np.float32]
Piece = tuple[int, Block]
"""Sample rate in Hz, and float32 `[n, channels]`, full scale 1.0."""

BLOCK_VALUES = 1 << 14  # small: what a failing read had decoded is lost
_LEAST_REST_S = 0.1
_READ_TO_ITS_END = "read to its end: the header gives no length"

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


@dataclass(frozen=True)
class Decoder:
    """An open recording.

    Attributes:
        container: kind of file that the content shows, e.g. `mp4`.
        codec: codec inside it, e.g. `aac`.
        sample_rate: Hz, as the header says.
        channels: how many, as the header says.
        declared_s: duration that the file announces, seconds; None where it announces none.
        pieces: the sound; raises AudioError (`damaged`) where decoding breaks off, OSError where the
            disk does.
        warnings: what the user should know.
        conversions: what was done to read it.
    """

    container: str
    codec: str
    sample_rate: int
    channels: int
    declared_s: float | None
    pieces: Generator[Piece, None, None]
    warnings: list[str] = field(default_factory=list)
    conversions: list[str] = field(default_factory=list)

    def close(self) -> None:
        """Release the library's handles."""
        self.pieces.close()


def open_decoder(file: Window, container: str, extent: Extent | None) -> Decoder:
    """Open the one recording that a window holds.

    Raises:
        AudioError: `unreadable`.
        OSError: the disk failed.
    """
    by_libsndfile, demuxer = _READERS[container]
    if container == "w64" and extent is not None:  # libsndfile takes what follows the sound for sound
        file = file.part(0, extent.end, extent.corrections)
    elif extent is not None:
        file = file.part(0, file.size, extent.corrections)
    opened = _open_libsndfile(file, container, extent) if by_libsndfile else None
    opened = opened or _open_ffmpeg(file, container, demuxer)
    if extent is not None and extent.end > extent.start:
        if extent.announced is None:
            opened.conversions.append(_READ_TO_ITS_END)
        left_out = _left_out(opened.declared_s, extent)
        if left_out is not None:
            opened.warnings.append(left_out)
    return opened


def _left_out(declared_s: float | None, extent: Extent) -> str | None:
    """What is said of bytes behind the announced sound; None where they are too few to matter."""
    if declared_s is None:
        return f"{extent.rest} bytes behind the announced sound are left out" if extent.rest else None
    rest_s = declared_s * extent.rest / (extent.end - extent.start)
    if rest_s < _LEAST_REST_S:
        return None
    return (
        f"the header announces {declared_s:.2f} s; what follows, {extent.rest} bytes or {rest_s:.2f} s if it "
        "is sound, is left out"
    )


# -- libsndfile


def _open_libsndfile(file: Window, container: str, extent: Extent | None) -> Decoder | None:
    """None where libsndfile gives up at the header: FFmpeg knows more codecs."""
    import soundfile

    length = flac_length(file) if container == "flac" else None
    if length is not None:
        file = file.part(0, file.size, length.correction)
    file.seek(0)
    try:
        opened = soundfile.SoundFile(file)
    except soundfile.SoundFileError:
        _raise_failure(file)
        return None
    if opened.samplerate < 1:
        opened.close()
        raise unreadable("sample_rate", opened.samplerate, f"the {container} header has no sample rate")
    conversions = []
    if length is not None:
        declared_s = None if length.announced is None else length.announced / opened.samplerate
        if declared_s is None:
            conversions.append(_READ_TO_ITS_END)
    else:
        # libsndfile silently believes the file's size instead of the header's.
        ratio = extent.announced_ratio if extent is not None else 1.0
        declared_s = None if ratio is None else ratio * opened.frames / opened.samplerate
    pieces = _libsndfile_pieces(file, opened)
    rate, channels = opened.samplerate, opened.channels
    return Decoder(
        container, opened.subtype.lower(), rate, channels, declared_s, pieces, conversions=conversions
    )


def _libsndfile_pieces(file: Window, opened: Any) -> Generator[Piece, None, None]:
    import soundfile

    frames = max(1, BLOCK_VALUES // opened.channels)
    done = 0
    with opened:
        while True:
            try:
                block = opened.read(frames, dtype="float32", always_2d=True)
            except soundfile.SoundFileError as error:
                _raise_failure(file)
                raise broken_off(done / opened.samplerate, _said(error)) from error
            _raise_failure(file)
            if block.shape[0] == 0:
                return
            done += block.shape[0]
            yield opened.samplerate, block


# -- FFmpeg


def _open_ffmpeg(file: Window, container: str, demuxer: str) -> Decoder:
    import av

    av.logging.set_level(av.logging.PANIC)
    declared_s, warnings = None, []
    if container == "mp3":
        declared_s = mp3_declared_s(file)
    elif container == "ogg" and ogg_is_cut(file):
        warnings.append("the last page breaks off: an unknown part of the recording is missing")
    file.seek(0)
    try:
        # Tags in another encoding are no reason to refuse the sound.
        opened = av.open(file, format=demuxer, metadata_errors="replace")
    except (av.FFmpegError, OSError, ValueError) as error:
        _raise_failure(file)
        raise unreadable("header", container, f"the {container} header is broken: {_said(error)}") from error
    if not opened.streams.audio:
        opened.close()
        raise unreadable("streams", len(opened.streams), "the file holds no sound track")
    if len(opened.streams.audio) > 1:
        warnings.append(f"{len(opened.streams.audio)} sound tracks: the first is used")
    track = opened.streams.audio[0]
    context = track.codec_context
    if context is None:
        opened.close()
        raise unreadable("codec", container, "there is no decoder for the sound track")
    if container in ("mp4", "webm", "ogg"):
        declared_s = _track_declared_s(opened, track)
    codec = getattr(context.codec, "canonical_name", context.name)
    pieces = _ffmpeg_pieces(file, opened)
    return Decoder(container, codec, context.sample_rate, context.channels, declared_s, pieces, warnings)


def _track_declared_s(opened: Any, track: Any) -> float | None:
    if track.duration:  # 0 in what is written as it is recorded
        return float(track.duration * track.time_base)
    # The container's own duration covers a film's pictures too: it says nothing of the sound alone.
    if opened.duration and len(opened.streams) == 1:
        return float(opened.duration) / 1e6
    return None


def _ffmpeg_pieces(file: Window, opened: Any) -> Generator[Piece, None, None]:
    import av

    interleaved, form, rate = None, None, 1
    pending: list[Block] = []
    done_s, bad_packets = 0.0, 0
    with opened:
        packets = opened.demux(opened.streams.audio[0])
        while True:
            try:
                packet = next(packets, None)
                frames = packet.decode() if packet is not None else []
                # The first MP3 frame of another rate still bears the old one; the decoder knows.
                now = opened.streams.audio[0].codec_context.sample_rate
                for frame in frames:
                    found = (now, frame.sample_rate, frame.layout.name, frame.format.name)
                    if found != form:
                        if pending:
                            yield rate, np.concatenate(pending)
                        # Interleaved: PyAV 18 miscounts the planes of planar sound with many channels and
                        # reads past them.
                        interleaved, form, rate = av.AudioResampler(format="flt"), found, now
                        pending = []
                    pending += _converted(interleaved, frame)
                    done_s += frame.samples / max(rate, 1)
            except (av.FFmpegError, OSError, ValueError) as error:
                _raise_failure(file)
                bad_packets += 1
                if bad_packets > 1 or not done_s:
                    raise broken_off(done_s, _said(error)) from error
                continue
            if packet is None:
                break
            if sum(block.size for block in pending) >= BLOCK_VALUES:
                yield rate, np.concatenate(pending)
                pending = []
        if pending:
            yield rate, np.concatenate(pending)
    _raise_failure(file)
    if bad_packets:
        raise broken_off(done_s, "a packet cannot be decoded")


def _converted(interleaved: Any, frame: Any) -> list[Block]:
    channels = frame.layout.nb_channels
    return [one.to_ndarray().reshape(-1, channels).astype(np.float32) for one in interleaved.resample(frame)]


def _raise_failure(file: Window) -> None:
    if file.failure is not None:
        raise file.failure


def _said(error: Exception) -> str:
    """The libraries' own words without their paths, numbers and logs."""
    said = str(getattr(error, "strerror", None) or error)
    return said.removeprefix("Error : ").strip(" .")
