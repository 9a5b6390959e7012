"""Reading recordings of any kind in blocks: go by content, trust no header, keep memory bounded."""

from __future__ import annotations

import io
import os
import stat
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, NamedTuple

from models.frontend.audio_errors import AudioError, unreadable, unsupported
from models.frontend.containers import container_of
from models.frontend.decoders import Block, Decoder, Piece, open_decoder
from models.frontend.extents import Extent, extent_of
from models.frontend.joined import next_recording
from models.frontend.one_form import in_one_form
from models.frontend.windows import Window

Source = Path | bytes

MAX_CHANNELS = 64
MAX_SAMPLE_RATE_HZ = 768_000
MAX_JOINED = 1000


class Stream(NamedTuple):
    """An open recording.

    Attributes:
        container: kind of file that the content shows, e.g. `mp4`.
        codec: codec inside it, e.g. `aac`.
        sample_rate: Hz.
        channels: how many.
        declared_s: duration that the file announces, seconds; None where it announces none.
        blocks: float32 `[n, channels]`, full scale 1.0; raises AudioError where decoding breaks off.
        warnings: what the user should know; complete when the blocks are read.
        conversions: what was done to read it; complete when the blocks are read.
    """

    container: str
    codec: str
    sample_rate: int
    channels: int
    declared_s: float | None
    blocks: Generator[Block, None, None]
    warnings: list[str]
    conversions: list[str]


@contextmanager
def open_stream(source: Source) -> Iterator[Stream]:
    """Open a recording (a path, or the bytes of one) for reading in blocks.

    Several recordings that were joined in one file are read one after the other, in the form of the first.

    Raises:
        AudioError: `empty_file`, `not_a_file`, `unreadable` or `unsupported`.
        OSError: the file cannot be opened or read.
    """
    with _open_binary(source) as file:
        parts = _parts(file)
        opened = parts[0].open()
        try:
            if not 1 <= opened.channels <= MAX_CHANNELS:
                raise unsupported("channels", opened.channels, f"1 to {MAX_CHANNELS} channels")
            if not 1 <= opened.sample_rate <= MAX_SAMPLE_RATE_HZ:
                raise unsupported("sample_rate", opened.sample_rate, f"at most {MAX_SAMPLE_RATE_HZ} Hz")
            warnings, conversions = list(opened.warnings), list(opened.conversions)
            pieces: Iterator[Piece] = opened.pieces
            declared_s = opened.declared_s
            if len(parts) > 1:
                readable = _readable(parts, warnings, conversions)
                declared_s = _sum([opened.declared_s, *(part.declared_s for part in readable)])
                if readable:
                    conversions.append(f"{1 + len(readable)} joined recordings read one after the other")
                pieces = _chained(opened, readable)
            blocks = in_one_form(pieces, opened.sample_rate, opened.channels, conversions)
            form = (opened.container, opened.codec, opened.sample_rate, opened.channels)
            yield Stream(*form, declared_s, blocks, warnings, conversions)
            blocks.close()
        finally:
            opened.close()


class _Part(NamedTuple):
    """One of the recordings that a file holds; most hold one."""

    number: int
    place: int
    """Its first byte in the file."""
    window: Window
    container: str
    extent: Extent | None

    def open(self) -> Decoder:
        return open_decoder(self.window, self.container, self.extent)


def _parts(file: BinaryIO) -> list[_Part]:
    size = file.seek(0, os.SEEK_END)
    if size == 0:
        raise AudioError("empty_file", "bytes", 0, "the file is empty", "record or copy the file again")
    parts: list[_Part] = []
    start: int | None = 0
    while start is not None:
        rest = Window(file, start, size)
        container = container_of(rest)
        extent = extent_of(rest) if container is not None else None
        following = next_recording(rest, container, extent) if container is not None else None
        if rest.failure is not None:
            raise rest.failure
        if container is None:
            break
        if len(parts) == MAX_JOINED:
            raise unsupported(
                "joined recordings", f"more than {MAX_JOINED}", f"{MAX_JOINED} recordings in one"
            )
        end = size if following is None else start + following
        parts.append(_Part(len(parts) + 1, start, Window(file, start, end), container, extent))
        start = None if following is None else end
    if not parts:
        file.seek(0)
        head = file.read(8).hex(" ")
        raise unreadable("content", head, "the content is no kind of audio that is known here")
    return parts


class _Joined(NamedTuple):
    part: _Part
    declared_s: float | None


def _readable(parts: list[_Part], warnings: list[str], conversions: list[str]) -> list[_Joined]:
    """The recordings behind the first that can be opened; what cannot is said."""
    readable = []
    for part in parts[1:]:
        try:
            opened = part.open()
        except AudioError as error:
            bytes_ = f"{part.window.size} bytes from byte {part.place} on"
            warnings.append(f"{bytes_} are no recording and left out: {error.reason}")
            continue
        opened.close()
        warnings += [f"joined recording {part.number}: {warning}" for warning in opened.warnings]
        conversions += [f"joined recording {part.number}: {done}" for done in opened.conversions]
        readable.append(_Joined(part, opened.declared_s))
    return readable


def _chained(first: Decoder, others: list[_Joined]) -> Iterator[Piece]:
    yield from first.pieces
    for part, _ in others:
        opened = part.open()
        try:
            yield from opened.pieces
        except AudioError as error:
            reason = f"in joined recording {part.number} {error.reason}"
            raise AudioError(error.code, error.field, error.value, reason, error.remedy) from error
        finally:
            opened.close()


def _sum(declared: list[float | None]) -> float | None:
    known = [one for one in declared if one is not None]
    return sum(known) if len(known) == len(declared) else None


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
