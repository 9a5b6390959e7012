"""What the machine refused, in words: whichever library says so, and whatever type it has for that.

`recognised` finds the operating system's error number in an exception, `machine_error` makes the message,
with what is free at that moment, and `writing` does so for whatever is raised while it is entered.
"""

from __future__ import annotations

import errno
import os
import re
import resource
import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from configs.errors import MachineError

# Errors of the operating system that say something of the machine, not of what a person wrote.
NUMBERS = (
    errno.ENOSPC,
    errno.EDQUOT,
    errno.EFBIG,
    errno.EROFS,
    errno.EIO,
    errno.ESTALE,
    errno.EMFILE,
    errno.ENFILE,
    errno.EACCES,
    errno.EPERM,
    errno.ENOMEM,
)
PASSING = (errno.EIO, errno.ESTALE, errno.EMFILE, errno.ENFILE, errno.ENOMEM)
# Below this much free space a library that only says "write failed" is taken to have met the disk's end.
NEARLY_FULL_BYTES = 64 * 1024
# With more than this free, it was another disk that is full.
ROOMY_BYTES = 1_000_000_000
_ERROR_NUMBER = re.compile(r"\(os error (\d+)\)|\[[Ee]rrno (\d+)\]|[Ee]rror code (\d+) \(")
_TOLD_IN_WORDS = (
    ("database or disk is full", errno.ENOSPC),  # SQLite
    ("attempt to write a readonly database", errno.EROFS),
    ("disk I/O error", errno.EIO),
    ("can't allocate memory", errno.ENOMEM),  # PyTorch
    ("can't start new thread", errno.ENOMEM),
    *((os.strerror(number), number) for number in NUMBERS),
)
# Libraries that say no more than that writing failed: PyTorch's archive writer, libsndfile.
_WRITE_FAILED = re.compile(
    r"PytorchStreamWriter failed|inline_container.*unexpected pos|(^|: )System error\.$"
)
# PyTorch's `tried to allocate 40 bytes`, NumPy's `Unable to allocate 7.45 GiB`.
_WANTED = re.compile(r"(?:tried to allocate|[Uu]nable to allocate) ([\d.]+) ?(bytes|[KMGT]iB)")
_UNITS = {"bytes": 1, "KiB": 2**10, "MiB": 2**20, "GiB": 2**30, "TiB": 2**40}
# Types whose message can be the machine's; an error of ours that quotes such words is not.
_TEXT_TYPES = (
    "ArrowException",
    "DatabaseError",
    "LibsndfileError",
    "MlflowException",
    "OSError",
    "RuntimeError",
    "SQLAlchemyError",
    "SafetensorError",
)


AGAIN = "then run the same command again: what was finished is kept"
MAKE_ROOM = (
    "make room (`voicewright store gc` removes what no voice needs), or copy the workspace to a larger disk "
    f"and name it with --workspace, {AGAIN}"
)


class Disk(NamedTuple):
    """The file system that was written to: free bytes (None where unknown), whether it takes any."""

    free_bytes: int | None = None
    read_only: bool = False


UNKNOWN = Disk()


class Fault(NamedTuple):
    """What an exception says of the machine.

    Attributes:
        number: the operating system's error number.
        path: the file in question; empty where it is not told.
        wanted_bytes: memory that was asked for; 0 where it is not told.
        gpu: whether it is a GPU's memory.
    """

    number: int
    path: str = ""
    wanted_bytes: int = 0
    gpu: bool = False


def recognised(error: BaseException, disk: Disk = UNKNOWN) -> Fault | None:
    """The machine's fault behind an exception, in itself or in what led to it.

    Args:
        disk: where it was written, for libraries that say no more than that writing failed.
    """
    found = [fault for one in _chain(error) if (fault := _of_one(one, disk)) is not None]
    # The innermost that names a file says most.
    return next((fault for fault in reversed(found) if fault.path), found[-1] if found else None)


def machine_error(error: BaseException, doing: str, place: Path) -> MachineError | None:
    """The message for an exception that is the machine's fault; None for all others.

    Args:
        doing: what was being done; begins the message where it is not empty.
        place: folder that was written to, where the exception names no file.
    """
    if isinstance(error, MachineError):
        return error
    fault = recognised(error, Disk(free_bytes(place), is_read_only(place)))
    if fault is None:
        return None
    where = fault.path or str(place)
    begin = f"{doing}: " if doing else ""
    text = f"{begin}{_happened(fault, where)}; {_remedy(fault.number, place)}"
    return MachineError(text, fault.number in PASSING)


@contextmanager
def writing(place: Path, doing: str = "") -> Iterator[None]:
    """Tell the machine's faults of what is done in here.

    Args:
        place: folder that is written to: few libraries name the file when writing fails.
        doing: as for `machine_error`.

    Raises:
        MachineError: the machine refused something.
    """
    try:
        yield
    except Exception as error:
        # Every library has its own type for a full disk.
        told = machine_error(error, doing, place)
        if told is None or told is error:
            raise
        raise told from error


def amount(size_bytes: float) -> str:
    """A number of bytes for people."""
    exponent = next((n for n in range(4) if size_bytes < 1000 ** (n + 1)), 4)
    value = size_bytes / 1000**exponent
    digits = 0 if exponent == 0 or value >= 10 else 1
    return f"{value:.{digits}f} {('bytes', 'kB', 'MB', 'GB', 'TB')[exponent]}"


def _chain(error: BaseException) -> Iterator[BaseException]:
    seen: set[int] = set()
    waiting = [error]
    while waiting:
        one = waiting.pop(0)
        if id(one) in seen:
            continue
        seen.add(id(one))
        yield one
        waiting.extend(getattr(one, "exceptions", ()))
        before = one.__cause__ or (None if one.__suppress_context__ else one.__context__)
        if before is not None:
            waiting.append(before)


def _of_one(error: BaseException, disk: Disk) -> Fault | None:
    names = {kind.__name__ for kind in type(error).__mro__}
    text = str(error)
    wanted = _wanted_bytes(text)
    if isinstance(error, MemoryError):
        return Fault(errno.ENOMEM, wanted_bytes=wanted)
    if "OutOfMemoryError" in names:
        return Fault(errno.ENOMEM, wanted_bytes=wanted, gpu=True)
    if isinstance(error, OSError) and error.errno is not None:
        # Where two files are named, the second is the one that is written.
        named = error.filename2 if error.filename2 is not None else error.filename
        path = named if isinstance(named, str | os.PathLike) else ""
        if error.errno not in NUMBERS or (error.errno in (errno.EACCES, errno.EPERM) and not path):
            return None
        return Fault(error.errno, os.fspath(path))
    if names.isdisjoint(_TEXT_TYPES):
        return None
    told = [int(n) for groups in _ERROR_NUMBER.findall(text) for n in groups if n]
    told += [number for words, number in _TOLD_IN_WORDS if words in text]
    if told and told[0] in NUMBERS:
        return Fault(told[0], wanted_bytes=wanted)
    if _WRITE_FAILED.search(text):
        if disk.read_only:
            return Fault(errno.EROFS)
        full = disk.free_bytes is not None and disk.free_bytes < NEARLY_FULL_BYTES
        return Fault(errno.ENOSPC if full else errno.EIO)
    return None


def _wanted_bytes(text: str) -> int:
    found = _WANTED.search(text)
    return int(float(found[1]) * _UNITS[found[2]]) if found else 0


def _happened(fault: Fault, where: str) -> str:
    free, total = _free(Path(where))
    if fault.number == errno.ENOSPC and not fault.path and free is not None and free > ROOMY_BYTES:
        # Not the folder that is known, for example the file that standard output goes to.
        return "no space is left on the disk that was written to"
    there = (
        f"{amount(free)} of {amount(total)} are free there" if free is not None else "nothing is known of it"
    )
    said = {
        errno.ENOSPC: f"no space is left for {where} ({there})",
        errno.EDQUOT: f"your quota is used up on the file system of {where}",
        errno.EFBIG: f"{where} would become larger than its file system or `ulimit -f` allows",
        errno.EROFS: f"{where} lies on a file system that is read-only",
        errno.EIO: f"the disk of {where} reported an input/output error ({there})",
        errno.ESTALE: f"the network file system of {where} lost the file",
        errno.EMFILE: f"too many files are open at once ({_open_files()} are allowed)",
        errno.ENFILE: "too many files are open on this machine",
        errno.EACCES: f"{where} may not be read or written by you ({_whoami()})",
        errno.EPERM: f"{where} may not be changed by you ({_whoami()})",
    }
    if fault.number != errno.ENOMEM:
        return said[fault.number]
    wanted = f"; {amount(fault.wanted_bytes)} more were asked for" if fault.wanted_bytes else ""
    if fault.gpu:
        return f"the GPU's memory is full{wanted}"
    available = available_memory_bytes()
    known = f" ({amount(available)} are free{wanted})" if available is not None else wanted
    return f"the memory is full{known}"


def _remedy(number: int, place: Path) -> str:
    if number in (errno.ENOSPC, errno.EDQUOT):
        return MAKE_ROOM
    if number == errno.ENOMEM:
        return (
            f"end other programs, or lower compute.workers and the batch size (train.*.batch_size), {AGAIN}"
        )
    return {
        errno.EFBIG: f"raise the limit or choose another --workspace, {AGAIN}",
        errno.EROFS: f"make it writable or choose another --workspace, {AGAIN}",
        errno.EIO: f"look at the system's log (`dmesg`) and save the folder {place} elsewhere, {AGAIN}",
        errno.ESTALE: f"see that the network file system is mounted, {AGAIN}",
        errno.EMFILE: f"raise the limit with `ulimit -n {4 * max(_open_files(), 256)}`, {AGAIN}",
        errno.ENFILE: f"end other programs, {AGAIN}",
        errno.EACCES: f"have its owner or rights changed (chown, chmod), {AGAIN}",
        errno.EPERM: f"have its owner or rights changed (chown, chmod, chattr), {AGAIN}",
    }[number]


def _free(place: Path) -> tuple[int | None, int]:
    """Free and total bytes of the file system of a path that need not exist."""
    for folder in (place, *place.absolute().parents):
        try:
            usage = shutil.disk_usage(folder)
        except OSError:
            continue
        return usage.free, usage.total
    return None, 0


def free_bytes(place: Path) -> int | None:
    """Free space on the file system of a path that need not exist; None where it cannot be told."""
    return _free(place)[0]


def is_read_only(place: Path) -> bool:
    """Whether the file system of a path that need not exist takes no writing."""
    existing = next(folder for folder in (place.absolute(), *place.absolute().parents) if folder.exists())
    return bool(os.statvfs(existing).f_flag & os.ST_RDONLY)


def available_memory_bytes() -> int | None:
    """Memory that a program could still have, as Linux estimates it; None elsewhere."""
    try:
        lines = Path("/proc/meminfo").read_text().splitlines()
    except OSError:
        return None
    found = [line.split()[1] for line in lines if line.startswith("MemAvailable:")]
    return int(found[0]) * 1024 if found else None


def _open_files() -> int:
    return resource.getrlimit(resource.RLIMIT_NOFILE)[0]


def _whoami() -> str:
    return f"user number {os.geteuid()}" if sys.platform != "win32" else "this user"
