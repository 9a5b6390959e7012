"""How many samples a FLAC file announces and how many its last frame shows (RFC 9639)."""

from __future__ import annotations

from typing import NamedTuple

from models.frontend.containers import tags_end
from models.frontend.windows import Window

_TAIL_BYTES = 1 << 18
_SYNC = b"\xff"  # with the first five bits of the next byte
_BLOCK_SIZES = {1: 192, **{n: 144 << n for n in range(2, 6)}, **{n: 1 << n for n in range(8, 16)}}
_TOTAL_BITS = 36


class FlacLength(NamedTuple):
    """Samples of each channel.

    Attributes:
        announced: what the header says; None where it gives no length.
        there: up to the last frame's end; None where no frame was found.
        correction: header bytes by place, which announce what is there.
    """

    announced: int | None
    there: int | None
    correction: dict[int, bytes]


def flac_length(file: Window) -> FlacLength:
    """Both lengths of the FLAC file that the window holds."""
    start = tags_end(file) + 8
    file.seek(start)
    info = file.read(34)
    if len(info) < 34:
        return FlacLength(None, None, {})
    word = int.from_bytes(info[10:18], "big")
    announced = word & ((1 << _TOTAL_BITS) - 1)
    there = _there(file, int.from_bytes(info[:2], "big"), int.from_bytes(info[2:4], "big"))
    if there is None or there <= announced or there >> _TOTAL_BITS:
        return FlacLength(announced or None, there, {})
    corrected = (word >> _TOTAL_BITS << _TOTAL_BITS | there).to_bytes(8, "big")
    return FlacLength(announced or None, there, {start + 10: corrected})


def _there(file: Window, least_block: int, largest_block: int) -> int | None:
    tail = max(0, file.size - _TAIL_BYTES)
    file.seek(tail)
    data = file.read()
    place = data.rfind(_SYNC)
    while place >= 0:
        end = _frame_end(data[place : place + 16], least_block, largest_block)
        if end is not None:
            return end
        place = data.rfind(_SYNC, 0, place)
    return None


def _frame_end(head: bytes, least_block: int, largest_block: int) -> int | None:
    """Number of the sample behind the frame whose header this is; None if it is none.

    Sound holds the sync bits by chance, but with a checksum and a possible block size once in 10^9 bytes.
    """
    if len(head) < 6 or head[1] & 0xFE != 0xF8:
        return None
    size_code, rate_code = head[2] >> 4, head[2] & 15
    if size_code == 0 or rate_code == 15 or head[3] >> 4 > 10 or head[3] >> 1 & 7 == 3 or head[3] & 1:
        return None
    number, at = _coded_number(head)
    if number is None:
        return None
    size_bytes = {6: 1, 7: 2}.get(size_code, 0)
    rate_bytes = {12: 1, 13: 2, 14: 2}.get(rate_code, 0)
    stop = at + size_bytes + rate_bytes
    if stop >= len(head) or _crc8(head[:stop]) != head[stop]:
        return None
    block = _BLOCK_SIZES.get(size_code) or int.from_bytes(head[at : at + size_bytes], "big") + 1
    if block > largest_block:
        return None
    by_samples = head[1] & 1
    if by_samples == 0 and least_block != largest_block:
        return None
    return number + block if by_samples else number * largest_block + block


def _coded_number(head: bytes) -> tuple[int | None, int]:
    """The number that is coded as UTF-8 codes characters, up to 36 bits, and the place behind it."""
    lead = head[4]
    if lead < 0x80:
        return lead, 5
    length = 8 - (lead ^ 0xFF).bit_length()
    following = head[5 : 4 + length]
    if not 2 <= length <= 7 or len(following) < length - 1 or any(byte >> 6 != 2 for byte in following):
        return None, 0
    number = lead & (0x7F >> length)
    for byte in following:
        number = number << 6 | byte & 0x3F
    return number, 4 + length


def _crc8(data: bytes) -> int:
    crc = 0
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = crc << 1 ^ (0x107 if crc & 0x80 else 0)
    return crc & 0xFF
