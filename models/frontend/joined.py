"""Recordings that were joined by writing one file behind the other (`cat a.mp3 b.mp3`)."""

from __future__ import annotations

import re
from collections.abc import Iterator

from models.frontend.containers import container_of, first_frame, mp3_frame, tags_end
from models.frontend.extents import Extent
from models.frontend.windows import Window

_STEP_BYTES = 1 << 20
_OVERLAP_BYTES = 64
_UNMISTAKABLE = (
    rb"fLaC[\x00\x80]\x00\x00\x22|OggS\x00\x02|(?:RIFF|RF64)[\x00-\xff]{4}WAVE|FORM[\x00-\xff]{4}AIF[FC]"
)
_STARTS = {
    "flac": re.compile(_UNMISTAKABLE),
    "webm": re.compile(rb"\x1a\x45\xdf\xa3[\x00-\xff]{1,8}?\x42[\x82\x86\xf2\xf3\xf7]"),
    "wma": re.compile(bytes.fromhex("3026b2758e66cf11a6d900aa0062ce6c")),
    "amr": re.compile(rb"#!AMR(-WB)?\n"),
}
# An ID3 tag, or the frame in which encoders say how many follow, after its side information.
_MP3_START = re.compile(
    _UNMISTAKABLE + rb"|ID3[\x02-\x04][\x00-\x09][\x00-\xff][\x00-\x7f]{4}"
    rb"|\xff[\xe2-\xff][\x10-\xef][\x00-\xff]"
    rb"(?:(?:[\x00-\xff]{9}|[\x00-\xff]{17}|[\x00-\xff]{32})(?:Xing|Info)|[\x00-\xff]{32}VBRI)"
)


def next_recording(file: Window, container: str, extent: Extent | None) -> int | None:
    """Where another recording starts in a file whose window starts with one, or None.

    ADTS, and MP3 without tags and Xing headers, show no seam: there the stream simply goes on.
    """
    if extent is not None:
        return extent.following
    if container == "mp3":
        return _next_mp3(file)
    if container == "ogg":
        return _next_ogg(file)
    if container == "mp4":
        return _next_mp4(file)
    if container in _STARTS:
        return next((place for place, _ in _found(file, _STARTS[container], first_frame(file) + 4)), None)
    return None


def _found(file: Window, pattern: re.Pattern[bytes], start: int) -> Iterator[tuple[int, bytes]]:
    """Places of the matches from `start` on, and what matched."""
    for at in range(start, file.size, _STEP_BYTES):
        file.seek(at)
        for match in pattern.finditer(file.read(_STEP_BYTES + _OVERLAP_BYTES)):
            if match.start() < _STEP_BYTES:
                yield at + match.start(), match[0]


def _next_mp3(file: Window) -> int | None:
    own = first_frame(file)
    passed = own + 4
    for place, what in _found(file, _MP3_START, passed):
        if place < passed:
            continue
        if what[:1] == b"\xff":
            frame = mp3_frame(what)
            if frame is not None and (what[-4:] == b"VBRI" or len(what) == 8 + frame.side_info_bytes):
                return place
            continue
        behind = file.part(place, file.size)
        if container_of(behind) is not None:
            return place
        passed = place + tags_end(behind)
    return None


def _next_ogg(file: Window) -> int | None:
    """The first page that begins a stream after one that does not (RFC 3533, chaining)."""
    at, inside = first_frame(file), False
    while True:
        file.seek(at)
        head = file.read(27 + 255)
        if len(head) < 27:
            return None
        if head[:4] != b"OggS":
            return next((place for place, _ in _found(file, re.compile(b"OggS\0\x02"), at)), None)
        begins = bool(head[5] & 2)
        if begins and inside:
            return at
        inside = inside or not begins
        at += 27 + head[26] + sum(head[27 : 27 + head[26]])


def _next_mp4(file: Window) -> int | None:
    at = 0
    while True:
        file.seek(at)
        head = file.read(16)
        if len(head) < 8:
            return None
        if at and head[4:8] == b"ftyp":
            return at
        size = int.from_bytes(head[:4], "big")
        if size == 1:  # ISO 14496-12: the size follows in 64 bits
            size = int.from_bytes(head[8:16], "big")
        if size < 8:
            return None
        at += size
