"""What PyTorch wrote before 1.6: pickles one after the other, then the numbers of tensors.

The pickles are a number that marks the format, its version, the machine's sizes, the content, and the keys of
storages in the order in which their numbers follow, each behind its length of eight bytes.
"""

import io
import struct
from typing import Any, BinaryIO, NamedTuple

import torch

from models.published.limits import MAX_PICKLE_BYTES, UnusableError, damaged
from models.published.pickled import read_pickle
from models.published.storages import fill

_MAGIC, _VERSION = 0x1950A86A20F9469CFC6C, 1001


class _Claimed(NamedTuple):
    storage: torch.UntypedStorage
    n_bytes: int


class _StreamStorages:
    """Storages that are filled once the content is known; together no larger than the file."""

    def __init__(self, most_bytes: int) -> None:
        self.left = most_bytes
        self.claimed: dict[str, _Claimed] = {}

    def take(self, key: str, n_bytes: int) -> torch.UntypedStorage:
        if key not in self.claimed:
            self.left -= n_bytes
            if self.left < 0:
                raise damaged(f"a storage of {n_bytes} bytes, which the file does not hold")
            self.claimed[key] = _Claimed(torch.UntypedStorage(n_bytes), n_bytes)
        if n_bytes > self.claimed[key].n_bytes:
            raise damaged("a storage of two lengths")
        return self.claimed[key].storage


def read_stream(file: BinaryIO) -> Any:
    """What was saved, on the CPU.

    Raises:
        UnusableError: the file is damaged or holds more than tensors and plain values.
    """
    total = file.seek(0, io.SEEK_END)
    file.seek(0)
    storages = _StreamStorages(total)
    # Their length is told nowhere, so that what is looked at is bounded here.
    pickles = io.BytesIO(file.read(MAX_PICKLE_BYTES))
    if read_pickle(pickles, storages) != _MAGIC or read_pickle(pickles, storages) != _VERSION:
        raise damaged("a pickle that torch did not write")
    machine = read_pickle(pickles, storages)
    if not isinstance(machine, dict) or machine.get("little_endian") is not True:
        raise UnusableError("was saved on a big-endian machine", "save it again on another")
    content = read_pickle(pickles, storages)
    keys = read_pickle(pickles, storages)
    named = isinstance(keys, list) and all(isinstance(key, str) for key in keys)
    if not named or sorted(keys) != sorted(storages.claimed):
        raise damaged("its list of storages is not that of its tensors")
    file.seek(pickles.tell())
    for key in keys:
        storage, n_bytes = storages.claimed[key]
        head = file.read(8)
        if len(head) < 8:
            raise damaged("it ends before its numbers")
        (n,) = struct.unpack("<Q", head)
        if n_bytes % n if n else n_bytes:
            raise damaged("a storage of two lengths")
        fill(storage, file)
    return content
