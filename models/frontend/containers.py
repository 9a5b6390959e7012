"""What a recording's first and last bytes tell: the container, and how much sound it announces."""

from __future__ import annotations

import os
import struct
from typing import NamedTuple

from models.frontend.windows import Window

_MP3_RATES_HZ = (44100, 48000, 32000)
_OGG_PAGE_MAX_BYTES = 65_307
_MOST_TAGS = 64
_TAGS = {
    b"riff": "w64",
    b".snd": "au",
    b"caff": "caf",
    b"fLaC": "flac",
    b"OggS": "ogg",
    b"\x1a\x45\xdf\xa3": "webm",
    b"\x30\x26\xb2\x75": "wma",
    b"#!AM": "amr",
}


def container_of(file: Window) -> str | None:
    """The container that the content shows, or None; the file is left at its start."""
    file.seek(0)
    head = file.read(16)
    if head[:3] == b"ID3" or head[:4] == bytes(4):
        head = _after_tags(file)
    file.seek(0)
    tag, form = head[:4], head[8:12]
    if tag in (b"RIFF", b"RIFX", b"RF64", b"BW64") and form == b"WAVE":
        return "wav"
    if tag == b"FORM" and form in (b"AIFF", b"AIFC"):
        return "aiff"
    if head[4:8] == b"ftyp":
        return "mp4"
    if tag in _TAGS:
        return _TAGS[tag]
    if len(head) >= 4 and head[0] == 0xFF and head[1] & 0xF6 == 0xF0:
        return "aac"  # ADTS: twelve sync bits, layer 0
    return "mp3" if mp3_frame(head) is not None else None


def mp3_declared_s(file: Window) -> float | None:
    """Duration from the Xing or Info header; without one an MP3 announces nothing."""
    data = _after_tags(file)
    frame = mp3_frame(data)
    if frame is None:
        return None
    info = data[4 + frame.side_info_bytes :][:160].ljust(160, b"\0")
    if info[:4] not in (b"Xing", b"Info") or not info[7] & 1:  # flag: the frames are counted
        return None
    (frames,) = struct.unpack(">I", info[8:12])
    if frames == 0:
        return None
    delay = padding = 0
    if info[120:124] in (b"LAME", b"Lavc", b"Lavf"):
        gaps = int.from_bytes(info[141:144], "big")
        delay, padding = gaps >> 12, gaps & 0xFFF
    return max(0, frames * frame.samples - delay - padding) / frame.sample_rate


def ogg_is_cut(file: Window) -> bool:
    """Whether the last Ogg page breaks off (RFC 3533).

    A missing end-of-stream flag proves nothing: browsers' recorders never set it.
    """
    end = file.seek(0, os.SEEK_END)
    file.seek(max(0, end - 2 * _OGG_PAGE_MAX_BYTES))
    tail = file.read()
    page = tail[tail.rfind(b"OggS") :]
    if len(page) < 27:
        return True
    lengths = page[27 : 27 + page[26]]
    return len(page) < 27 + page[26] + sum(lengths)


class Mp3Frame(NamedTuple):
    """What the header of an MPEG audio frame says: Hz, samples of each channel, bytes up to the sound."""

    sample_rate: int
    samples: int
    side_info_bytes: int


def mp3_frame(head: bytes) -> Mp3Frame | None:
    """The MPEG audio frame header at the start of `head`, or None (ISO 11172-3, 2.4.1.3)."""
    if len(head) < 4 or head[0] != 0xFF or head[1] & 0xE0 != 0xE0:
        return None
    version, layer = head[1] >> 3 & 3, head[1] >> 1 & 3
    bitrate, rate = head[2] >> 4, head[2] >> 2 & 3
    if version == 1 or layer == 0 or bitrate in (0, 15) or rate == 3:
        return None
    divisor = {3: 1, 2: 2, 0: 4}[version]
    samples = 384 if layer == 3 else 576 if layer == 1 and version != 3 else 1152
    mono = head[3] >> 6 == 3
    side_info = (17 if mono else 32) if version == 3 else (9 if mono else 17)
    return Mp3Frame(_MP3_RATES_HZ[rate] // divisor, samples, side_info)


def tags_end(file: Window) -> int:
    """Place behind the ID3 tags at the start."""
    start = 0
    for _ in range(_MOST_TAGS):
        file.seek(start)
        head = file.read(10)
        if len(head) < 10 or head[:3] != b"ID3":
            break
        sizes = zip(head[6:10], (21, 14, 7, 0), strict=True)
        start += 10 + sum((byte & 0x7F) << shift for byte, shift in sizes)
    return start


def first_frame(file: Window) -> int:
    """Place behind the ID3 tags and the zeros that some MP3 writers pad with."""
    start = tags_end(file)
    file.seek(start)
    data = file.read(8192)
    return start + len(data) - len(data.lstrip(b"\0"))


def _after_tags(file: Window) -> bytes:
    file.seek(first_frame(file))
    return file.read(8192)
