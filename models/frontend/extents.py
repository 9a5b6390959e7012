"""Where the sound of an uncompressed file lies, and how much of it the header announces.

Recorders that are killed leave a length of zero, of all ones, or the one of a while ago, and libraries then
read nothing, half, or what follows the sound as noise.
"""

from __future__ import annotations

import struct
from collections.abc import Mapping
from typing import NamedTuple

from models.frontend.containers import container_of
from models.frontend.windows import Window

_UNKNOWN_FROM_BYTES = 0x7FFF_0000  # encoders that cannot seek back write 0, 2^31 or 2^32, less a little
_UNKNOWN_64 = (0, (1 << 63) - 1, (1 << 64) - 1)
_W64_SOUND = bytes.fromhex("64617461f3acd3118cd100c04f8edb8a")
_MOST_CHUNKS = 10_000


class Extent(NamedTuple):
    """Places in bytes from the start of the recording.

    Attributes:
        start: first byte of sound.
        end: behind the last byte of sound that is there.
        announced: bytes of sound that the header announces; None where it gives no length.
        following: where another recording starts behind the sound, or None.
        rest: bytes behind the sound that are neither chunks nor a recording.
        corrections: header bytes by place, with which readers take what is there.
    """

    start: int
    end: int
    announced: int | None
    following: int | None
    rest: int
    corrections: Mapping[int, bytes]

    @property
    def announced_ratio(self) -> float | None:
        """Announced over present bytes; None where nothing is announced."""
        if self.announced is None:
            return None
        return self.announced / (self.end - self.start) if self.end > self.start else 1.0


class _Kind(NamedTuple):
    """A container of chunks: name, size, content, padding."""

    size_format: str
    first: int
    """Place of the first chunk."""
    sound: bytes
    """Name of the chunk with the samples."""
    prefix_bytes: int = 0
    """What stands before the samples in it."""
    alignment: int = 2
    size_includes_head: bool = False

    @property
    def size_bytes(self) -> int:
        return struct.calcsize(self.size_format)

    @property
    def head_bytes(self) -> int:
        return len(self.sound) + self.size_bytes


_KINDS = {
    b"RIFF": _Kind("<I", 12, b"data"),
    b"RF64": _Kind("<I", 12, b"data"),
    b"BW64": _Kind("<I", 12, b"data"),
    b"RIFX": _Kind(">I", 12, b"data"),
    b"FORM": _Kind(">I", 12, b"SSND", prefix_bytes=8),
    b"caff": _Kind(">Q", 8, b"data", prefix_bytes=4, alignment=1),
    b"riff": _Kind("<Q", 40, _W64_SOUND, alignment=8, size_includes_head=True),
}


class _Chunk(NamedTuple):
    name: bytes
    at: int
    start: int
    """Of the content."""
    size: int
    """Of the content, as the header says."""


def extent_of(file: Window) -> Extent | None:
    """The extent of the recording that starts with the window, or None where its header does not tell."""
    file.seek(0)
    form = file.read(4)
    if form == b".snd":
        return _of_au(file)
    if form not in _KINDS:
        return None
    kind = _KINDS[form]
    wide_at = None
    at = kind.first
    for _ in range(_MOST_CHUNKS):
        chunk = _chunk(file, at, kind)
        if chunk is None:
            return None
        if chunk.name == kind.sound:
            return _of_sound(file, kind, chunk, wide_at if form in (b"RF64", b"BW64") else None)
        if chunk.name == b"ds64":  # EBU Tech 3306: sizes that do not fit 32 bits
            wide_at = chunk.start
        at = _behind_content(chunk.start, chunk.size, kind)
    return None


def _of_sound(file: Window, kind: _Kind, chunk: _Chunk, wide_at: int | None) -> Extent | None:
    size, is_wide = chunk.size, wide_at is not None and chunk.size in (0, 0xFFFFFFFF)
    if is_wide and wide_at is not None:
        file.seek(wide_at + 8)
        size = int.from_bytes(file.read(8), "little")
    samples = chunk.start + kind.prefix_bytes
    if samples > file.size:
        return None
    if size == 0 and chunk.start < file.size:
        following, rest = _behind(file, chunk.start, kind)
        if following is None and rest == 0:  # an empty recording that was closed well
            return Extent(samples, samples, 0, None, 0, {})
    wide = is_wide or kind.size_bytes == 8
    unknown = size in _UNKNOWN_64 if wide else _is_unknown_32(size)
    announced = None if unknown else max(0, size - kind.prefix_bytes)
    if unknown or chunk.start + size > file.size:
        there = file.size - chunk.start
        corrections = _corrections(file, kind, chunk, there, wide_at if is_wide else None)
        return Extent(samples, file.size, announced, None, 0, corrections)
    end = max(samples, chunk.start + size)
    if _is_recording(file, end):  # without the padding, which many writers forget at the end of the file
        return Extent(samples, end, announced, end, 0, {})
    following, rest = _behind(file, _behind_content(chunk.start, size, kind), kind)
    return Extent(samples, end, announced, following, rest, {})


def _corrections(
    file: Window, kind: _Kind, chunk: _Chunk, there: int, wide_at: int | None
) -> dict[int, bytes]:
    size_at = chunk.start - kind.size_bytes
    if wide_at is not None:
        return {wide_at: struct.pack("<QQ", file.size - 8, there), size_at: b"\xff\xff\xff\xff"}
    size = there + (kind.head_bytes if kind.size_includes_head else 0)
    return {size_at: struct.pack(kind.size_format, min(size, (1 << 8 * kind.size_bytes) - 1))}


def _is_unknown_32(size: int) -> bool:
    return size == 0 or size >= _UNKNOWN_FROM_BYTES


def _of_au(file: Window) -> Extent | None:
    head = file.read(8)
    if len(head) < 8:
        return None
    start, size = struct.unpack(">II", head)
    if not 24 <= start <= file.size:
        return None
    if _is_unknown_32(size) or start + size > file.size:
        announced = None if _is_unknown_32(size) else size
        there = struct.pack(">I", min(file.size - start, 0xFFFFFFFF))
        return Extent(start, file.size, announced, None, 0, {8: there})
    end = start + size
    following = end if _is_recording(file, end) else None
    return Extent(start, end, size, following, 0 if following else file.size - end, {})


def _chunk(file: Window, at: int, kind: _Kind) -> _Chunk | None:
    file.seek(at)
    head = file.read(kind.head_bytes)
    if len(head) < kind.head_bytes:
        return None
    (size,) = struct.unpack(kind.size_format, head[len(kind.sound) :])
    if kind.size_includes_head and size not in _UNKNOWN_64:
        size = max(0, size - kind.head_bytes)
    return _Chunk(head[: len(kind.sound)], at, at + kind.head_bytes, size)


def _behind_content(start: int, size: int, kind: _Kind) -> int:
    return start + -(-size // kind.alignment) * kind.alignment


def _behind(file: Window, at: int, kind: _Kind) -> tuple[int | None, int]:
    """What comes behind the sound: the place of another recording, and bytes that are no chunks."""
    for _ in range(_MOST_CHUNKS):
        if at >= file.size:
            break
        if _is_recording(file, at):
            return at, 0
        chunk = _chunk(file, at, kind)
        if chunk is None or not _is_name(chunk.name) or chunk.start + chunk.size > file.size:
            return None, file.size - at
        at = _behind_content(chunk.start, chunk.size, kind)
    return None, 0


def _is_name(name: bytes) -> bool:
    return all(0x20 <= byte < 0x7F for byte in name[:4])


def _is_recording(file: Window, at: int) -> bool:
    head = file.part(at, file.size)
    # An MP3 or ADTS frame announces itself by twelve bits, which any rest may show.
    return head.read(1) not in (b"", b"\xff", b"\0") and container_of(head) is not None
