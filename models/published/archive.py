"""The zip file that `torch.save` writes, with nothing in it that torch does not write.

A directory at its end, members stored as they are: `ROOT/data.pkl`, `ROOT/data/KEY` for the numbers of
tensors, and a few of no interest. GPT-SoVITS overwrites the first two bytes with a version's mark.
"""

import io
import struct
import zlib
from typing import Any, BinaryIO, NamedTuple

import torch

from models.published.limits import (
    MAX_DIRECTORY_BYTES,
    MAX_MEMBERS,
    MAX_PICKLE_BYTES,
    UnusableError,
    damaged,
    excessive,
    require_name,
)
from models.published.pickled import read_pickle
from models.published.storages import filled

_END = struct.Struct("<4s4H2LH")
_END64 = struct.Struct("<4sQ2H2L4Q")
_LOCATOR64 = struct.Struct("<4sLQL")
_ENTRY = struct.Struct("<4s6H3L5H2L")
_LOCAL = struct.Struct("<4s5H3L2H")
_ENCRYPTED = 1
_ABSENT16, _ABSENT32 = 0xFFFF, 0xFFFFFFFF
_SIZES64 = 1
"""Kind of the extra field that holds sizes of 64 bits."""


class _Member(NamedTuple):
    name: str
    start: int
    """Of its bytes in the file."""
    size: int
    crc: int


class _ArchiveStorages:
    """Members as storages, each read when a tensor first needs it."""

    def __init__(self, file: BinaryIO, members: dict[str, _Member], root: str) -> None:
        self._file, self._members, self._root = file, members, root
        self._taken: dict[str, torch.UntypedStorage] = {}

    def take(self, key: str, n_bytes: int) -> torch.UntypedStorage:
        member = self._members.get(f"{self._root}data/{key}")
        if member is None or n_bytes > member.size:
            held = "none" if member is None else f"{member.size} bytes"
            raise damaged(f"a storage of {n_bytes} bytes where the file holds {held}")
        if key not in self._taken:
            self._file.seek(member.start)
            storage, crc = filled(self._file, member.size)
            _require_sum(member, crc)
            self._taken[key] = storage
        return self._taken[key]


def read_archive(file: BinaryIO) -> Any:
    """What was saved, on the CPU.

    Raises:
        UnusableError: the file is damaged, larger than it seems, or holds more than tensors and plain values.
    """
    members = _members(file)
    pickles = [member for name, member in members.items() if name.split("/")[1:] == ["data.pkl"]]
    if len(pickles) != 1:
        raise damaged("no data.pkl")
    pickle = pickles[0]
    if pickle.size > MAX_PICKLE_BYTES:
        raise excessive(f"holds a pickle of {pickle.size} bytes")
    root = pickle.name.removesuffix("data.pkl")
    order = members.get(f"{root}byteorder")
    if order is not None and _bytes(file, order, 16) == b"big":
        raise UnusableError("was saved on a big-endian machine", "save it again on another")
    data = _bytes(file, pickle, MAX_PICKLE_BYTES)
    _require_sum(pickle, zlib.crc32(data))
    return read_pickle(io.BytesIO(data), _ArchiveStorages(file, members, root))


def _members(file: BinaryIO) -> dict[str, _Member]:
    total = file.seek(0, io.SEEK_END)
    count, length, start = _directory(file, total)
    if count > MAX_MEMBERS or length > MAX_DIRECTORY_BYTES:
        raise excessive(f"holds {count} members")
    if start + length > total:
        raise damaged("its directory lies outside the file")
    file.seek(start)
    directory, at = file.read(length), 0
    members: dict[str, _Member] = {}
    held = 0
    for _ in range(count):
        if at + _ENTRY.size > length:
            raise damaged("its directory is cut short")
        entry = _ENTRY.unpack_from(directory, at)
        at += _ENTRY.size
        name, extra = directory[at : at + entry[10]], directory[at + entry[10] : at + entry[10] + entry[11]]
        at += entry[10] + entry[11] + entry[12]
        member = _member(file, entry, name, extra, start)
        if member.name in members:
            raise damaged(f"{member.name} is there twice")
        members[member.name] = member
        held += member.size
    if held > total:
        raise UnusableError("unpacks to more than its size, as no checkpoint does", "do not use it")
    return members


def _directory(file: BinaryIO, total: int) -> tuple[int, int, int]:
    """Members, length and start of the directory."""
    if total < _END.size:
        raise damaged("it ends before its directory")
    file.seek(total - _END.size)
    mark, _, _, _, count, length, start, comment = _END.unpack(file.read(_END.size))
    if mark != b"PK\x05\x06" or comment:
        raise damaged("it does not end in a directory")
    if _ABSENT16 in (count,) or _ABSENT32 in (length, start):
        return _directory64(file, total)
    return count, length, start


def _directory64(file: BinaryIO, total: int) -> tuple[int, int, int]:
    at = total - _END.size - _LOCATOR64.size
    if at < 0:
        raise damaged("its directory is cut short")
    file.seek(at)
    mark, _, end, _ = _LOCATOR64.unpack(file.read(_LOCATOR64.size))
    if mark != b"PK\x06\x07" or end > at - _END64.size:
        raise damaged("its directory is cut short")
    file.seek(end)
    mark, *_, count, length, start = _END64.unpack(file.read(_END64.size))
    if mark != b"PK\x06\x06":
        raise damaged("its directory is cut short")
    return count, length, start


def _member(file: BinaryIO, entry: tuple[Any, ...], name: bytes, extra: bytes, end: int) -> _Member:
    """One member, where its own header says that it begins."""
    mark, _, _, flags, method, _, _, crc, packed, size, *_, at = entry
    if mark != b"PK\x01\x02":
        raise damaged("its directory is damaged")
    text = name.decode("utf-8", "replace")
    require_name(text)
    size, packed, at = _sizes64(extra, size, packed, at)
    if size > packed:
        raise UnusableError("unpacks to more than its size, as no checkpoint does", "do not use it")
    if flags & _ENCRYPTED or method or size != packed:
        raise damaged(f"{text} is compressed or encrypted, which torch never does")
    file.seek(at)
    head = file.read(_LOCAL.size)
    if len(head) < _LOCAL.size or head[2:4] != b"\x03\x04" or (at and head[:2] != b"PK"):
        raise damaged(f"{text} is not where the directory says")
    *_, name_length, extra_length = _LOCAL.unpack(head)
    start = at + _LOCAL.size + name_length + extra_length
    if file.read(name_length) != name or start + size > end:
        raise damaged(f"{text} is not where the directory says")
    return _Member(text, start, size, crc)


def _sizes64(extra: bytes, size: int, packed: int, at: int) -> tuple[int, int, int]:
    """Sizes and place, those that do not fit 32 bits out of the extra field."""
    wide = list[int]()
    while len(extra) >= 4:
        kind, length = struct.unpack_from("<2H", extra)
        if kind == _SIZES64:
            field = extra[4 : 4 + length]
            wide = [number for (number,) in struct.iter_unpack("<Q", field[: len(field) // 8 * 8])]
        extra = extra[4 + length :]
    values = [wide.pop(0) if value == _ABSENT32 and wide else value for value in (size, packed, at)]
    return values[0], values[1], values[2]


def _require_sum(member: _Member, crc: int) -> None:
    # Torch writes 0 where it was told to spare the time.
    if member.crc not in (0, crc):
        raise damaged(f"the checksum of {member.name} is wrong")


def _bytes(file: BinaryIO, member: _Member, most: int) -> bytes:
    file.seek(member.start)
    return file.read(min(member.size, most))
