"""The machine's faults are told in words, whichever library meets them."""

from __future__ import annotations

import errno
import os
import pickle
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import soundfile
import torch
from safetensors.torch import save_file

from artifacts import space
from artifacts.faults import amount, free_bytes, machine_error, recognised, writing
from artifacts.store import Store, write_atomically
from configs.errors import MachineError, UserError
from tests.small_disk import make_read_only, small_disk

NOISE = os.urandom(400_000)


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 256 kB."""
    with small_disk(tmp_path / "disk", 256 * 1024) as folder:
        yield folder


def test_what_is_free_is_asked_of_the_folder_above_where_there_is_none(tmp_path: Path) -> None:
    missing = tmp_path / "not" / "made" / "yet"
    # Something may be written in between, by other processes.
    assert free_bytes(missing) == pytest.approx(shutil.disk_usage(tmp_path).free, rel=0.2)


def write_text(folder: Path) -> None:
    (folder / "a.txt").write_bytes(NOISE)


def write_whole(folder: Path) -> None:
    write_atomically(folder / "a.json", NOISE)


def write_blob(folder: Path) -> None:
    Store(str(folder / "store"), folder / "cache").put_bytes(NOISE)


def write_safetensors(folder: Path) -> None:
    save_file({"a": torch.zeros(100_000)}, folder / "a.safetensors")


def write_archive(folder: Path) -> None:
    torch.save({"a": torch.zeros(100_000)}, folder / "a.pth")


def write_parquet(folder: Path) -> None:
    pq.write_table(pa.table({"a": [NOISE]}), folder / "a.parquet", compression="none")


def write_database(folder: Path) -> None:
    with sqlite3.connect(folder / "a.db") as database:
        database.execute("create table t (a blob)")
        database.execute("insert into t values (?)", (NOISE,))


def write_sound(folder: Path) -> None:
    soundfile.write(folder / "a.wav", np.zeros(400_000), 16000)


WRITERS = [
    write_text,
    write_whole,
    write_blob,
    write_safetensors,
    write_archive,
    write_parquet,
    write_database,
    write_sound,
]


@pytest.mark.parametrize("write", WRITERS)
def test_a_full_disk_is_told_whoever_finds_it(write, disk: Path) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(Exception) as raised:
        write(disk)
    told = machine_error(raised.value, "shard", disk)
    assert told is not None, repr(raised.value)
    text = str(told)
    assert text.startswith("shard: no space is left for ") and str(disk) in text
    assert "of 262 kB are free there" in text and "store gc" in text
    assert not told.passing


@pytest.mark.parametrize("write", WRITERS)
def test_a_read_only_disk_is_told_whoever_finds_it(write, disk: Path) -> None:  # type: ignore[no-untyped-def]
    sqlite3.connect(disk / "a.db").execute("create table u (a blob)").connection.close()
    make_read_only(disk)
    with pytest.raises(Exception) as raised:
        write(disk)
    if isinstance(raised.value, UserError):  # a store that cannot even be opened names its setting
        assert "Read-only" in str(raised.value)
        return
    told = machine_error(raised.value, "shard", disk)
    assert told is not None, repr(raised.value)
    assert "read-only" in str(told) and str(disk) in str(told)


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (OSError(errno.EDQUOT, "x", "/d/a"), "your quota is used up on the file system of /d/a"),
        (OSError(errno.EFBIG, "x", "/d/a"), "/d/a would become larger"),
        (OSError(errno.EIO, "x"), "input/output error"),
        (OSError(errno.EMFILE, "x"), "ulimit -n"),
        (PermissionError(errno.EACCES, "x", "/d/a"), "/d/a may not be read or written by you"),
        (OSError(errno.ENOMEM, "x"), "the memory is full"),
        (MemoryError(), "the memory is full"),
        (RuntimeError("can't start new thread"), "the memory is full"),
        (sqlite3.OperationalError("database or disk is full"), "no space is left"),
        (sqlite3.OperationalError("disk I/O error"), "input/output error"),
    ],
)
def test_each_fault_has_its_words(error: Exception, words: str, tmp_path: Path) -> None:
    told = machine_error(error, "ingest", tmp_path)
    assert told is not None
    assert words in str(told) and "\n" not in str(told)


def test_how_much_memory_was_asked_for_is_told(tmp_path: Path) -> None:
    with pytest.raises(MemoryError) as of_numpy:
        np.zeros(1 << 46, np.float64)
    with pytest.raises(RuntimeError) as of_torch:
        torch.zeros(1 << 46)
    for raised in (of_numpy, of_torch):
        text = str(machine_error(raised.value, "train_sovits", tmp_path))
        assert "more were asked for" in text and "TB" in text and "train.*.batch_size" in text


@pytest.mark.parametrize(
    "error",
    [
        ValueError("No space left on device"),
        UserError("a.txt: No space left on device"),
        RuntimeError("shapes do not fit"),
        FileNotFoundError(errno.ENOENT, "x", "/d/a"),
        PermissionError(errno.EPERM, "x"),
        sqlite3.OperationalError("no such table: t"),
    ],
)
def test_what_is_no_fault_of_the_machine_stays_itself(error: Exception, tmp_path: Path) -> None:
    assert machine_error(error, "ingest", tmp_path) is None


def test_a_fault_is_found_behind_what_a_library_makes_of_it() -> None:
    try:
        try:
            raise OSError(errno.ENOSPC, "x", "/d/model.safetensors")
        except OSError as error:
            raise ValueError("could not save") from error
    except ValueError as error:
        fault = recognised(error)
    assert fault is not None and (fault.number, fault.path) == (errno.ENOSPC, "/d/model.safetensors")


def test_a_fault_travels_between_processes() -> None:
    told = pickle.loads(pickle.dumps(MachineError("full", passing=True)))
    assert str(told) == "full" and told.passing


def test_too_many_open_files(tmp_path: Path) -> None:
    program = (
        "import resource, sys\n"
        "from pathlib import Path\n"
        "from artifacts.faults import machine_error\n"
        "resource.setrlimit(resource.RLIMIT_NOFILE, (32, 32))\n"
        "held = []\n"
        "try:\n"
        "    while True: held.append(open(sys.executable, 'rb'))\n"
        "except OSError as error:\n"
        "    told = machine_error(error, 'ingest', Path('/'))\n"
        "    held.clear()\n"
        "    print(told)\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert "32 are allowed" in done.stdout


def test_what_cannot_fit_is_refused_with_both_numbers(disk: Path) -> None:
    space.require(disk / "not" / "yet" / "there", 100_000, "shard")
    with pytest.raises(
        MachineError, match=r"shard: at least 3\.0 GB will be written to .*, and 262 kB are free"
    ):
        space.require(disk, 3e9, "shard")


def test_where_nothing_can_be_written_is_refused_before_it_is_tried(disk: Path) -> None:
    make_read_only(disk)
    with pytest.raises(MachineError, match=r"shard: .* lies on a file system that is read-only; make it"):
        space.require(disk / "not" / "yet" / "there", 1, "shard")


def test_amounts_are_for_people() -> None:
    assert [amount(n) for n in (0, 999, 1500, 25_000_000, 3.2e12)] == [
        "0 bytes",
        "999 bytes",
        "1.5 kB",
        "25 MB",
        "3.2 TB",
    ]


def test_of_two_files_the_one_that_is_written_is_told(tmp_path: Path, disk: Path) -> None:
    (tmp_path / "page.html").write_bytes(NOISE)
    with pytest.raises(MachineError, match=f"no space is left for {disk / 'page.html'}"), writing(tmp_path):
        shutil.copyfile(tmp_path / "page.html", disk / "page.html")


def test_another_disk_than_the_known_one_is_not_blamed(tmp_path: Path) -> None:
    with pytest.raises(MachineError) as raised, writing(tmp_path), Path("/dev/full").open("w") as output:
        output.write("page")
    assert str(tmp_path) not in str(raised.value).partition(";")[0]
