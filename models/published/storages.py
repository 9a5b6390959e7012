"""Numbers of tensors from a file."""

import zlib
from typing import BinaryIO

import torch

from models.published.limits import damaged

_BLOCK_BYTES = 1 << 20


def filled(file: BinaryIO, n_bytes: int) -> tuple[torch.UntypedStorage, int]:
    """A storage with the next bytes of a file, which is known to have them, and their CRC-32.

    Raises:
        UnusableError: the file ends before.
    """
    storage = torch.UntypedStorage(n_bytes)
    return storage, fill(storage, file)


def fill(storage: torch.UntypedStorage, file: BinaryIO) -> int:
    """Read the next bytes of a file into a storage; their CRC-32.

    Raises:
        UnusableError: the file ends before.
    """
    if storage.nbytes() == 0:
        return 0
    view = torch.empty(0, dtype=torch.uint8).set_(storage).numpy().data
    crc = 0
    for at in range(0, len(view), _BLOCK_BYTES):
        block = view[at : at + _BLOCK_BYTES]
        if file.readinto(block) != len(block):  # type: ignore[attr-defined]
            raise damaged("it ends before its numbers")
        crc = zlib.crc32(block, crc)
    return crc
