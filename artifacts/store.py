"""The content-addressed store: immutable blobs, and records that are written last.

Layout under the root (a local folder or any fsspec URL)::

    blobs/<aa>/<digest>              bytes, named by their SHA-256
    actions/<stage>/<key>.json       what a stage made under a key: the commit point
    actions/<stage>/<key>.history/   what it had made before it was forced
    rows/<stage>/<function>/<shard>.json   which rows a shard holds, so that single rows are reused
    voices/<name>.json               the actions that a voice is made of: what `gc` keeps
    damaged/<digest>                 blobs that were found changed, until `gc`
    leases/                          who uses the store at this moment
    tmp/                             what is being written

A blob or record appears whole or not at all: it is written under a temporary name, synced and renamed. Blobs
are checked when they are read, records by a checksum of their own. Nothing that lasts holds an absolute path,
a time or a host name, so a copied folder is a shared cache.
"""

from __future__ import annotations

import io
import os
import re
import uuid
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

import fsspec
from fsspec.implementations.local import LocalFileSystem
from pydantic import TypeAdapter

from artifacts import digest, leases, records
from artifacts.records import RecordError
from configs.errors import UserError

ShapeT = TypeVar("ShapeT")
_BLOB = re.compile(r"blobs/([0-9a-f]{2})/(\1[0-9a-f]{62})")


class BlobRef(NamedTuple):
    """A blob's digest and its size in bytes."""

    digest: str
    size_bytes: int


class DamagedError(UserError):
    """A blob is not what its name says, or is gone; the next run of the stage that made it makes it again.

    Attributes:
        ref: the blob.
        what: what is the matter with it, and where it lies.
        stage: who made it; empty where that is not known.
    """

    def __init__(self, ref: BlobRef, what: str, stage: str = "") -> None:
        self.ref, self.what, self.stage = ref, what, stage
        whose = f"of stage {stage} " if stage else ""
        super().__init__(
            f"blob {ref.digest[:12]} {whose}{what}; run `voicewright finetune` for the voice again: it makes "
            "anew what is damaged and keeps the rest"
        )

    def __reduce__(self) -> tuple[Any, ...]:  # it travels from a worker process to the run
        return type(self), (self.ref, self.what, self.stage)


class Store:
    """Blobs and records under one root.

    Args:
        url: folder or fsspec URL (`s3://bucket/prefix`, `gs://...`, `memory://...`).
        cache: local folder for blobs of a remote store that are wanted as files.

    Raises:
        UserError: the URL's protocol is not installed or the root cannot be made.
    """

    def __init__(self, url: str, cache: Path) -> None:
        try:
            self.fs, self.root = fsspec.core.url_to_fs(url)
            self.fs.makedirs(self.root, exist_ok=True)
        except (ImportError, ValueError) as error:
            raise UserError(
                f"store.url: {url!r} cannot be opened ({error}); install the fsspec driver for it "
                "(s3fs, gcsfs, ...) or name a local folder"
            ) from error
        except OSError as error:
            raise UserError(f"store.url: {url!r} cannot be written ({error})") from error
        self.cache = cache
        self.is_local = isinstance(self.fs, LocalFileSystem)

    # -- blobs

    def put_bytes(self, data: bytes) -> BlobRef:
        """Store bytes; writing the same bytes twice is one blob."""
        ref = BlobRef(digest.of_bytes(data), len(data))
        if not self.intact(ref):
            self._write(self._blob(ref.digest), data)
        return ref

    def put_file(self, path: Path) -> BlobRef:
        """Store a file's content, streamed."""
        ref = BlobRef(digest.of_file(path), path.stat().st_size)
        if not self.intact(ref):
            temporary = self._temporary()
            with path.open("rb") as source, self.fs.open(temporary, "wb") as target:
                while block := source.read(digest.CHUNK_BYTES):
                    target.write(block)
                _sync(target)
            self._rename(temporary, self._blob(ref.digest))
        return ref

    def holds(self, ref: BlobRef) -> bool:
        """Whether the blob is there with its full size."""
        try:
            found = self.fs.info(self._blob(ref.digest))
        except FileNotFoundError:
            return False
        return bool(found["type"] == "file" and found["size"] == ref.size_bytes)

    def intact(self, ref: BlobRef) -> bool:
        """Whether the blob's bytes still have their digest; one that is there and has not is set aside.

        A local file is read once per process for as long as nobody touches it.
        """
        if not self.holds(ref):
            return False
        if self._has_digest(ref):
            return True
        self._set_aside(ref)
        return False

    def read(self, ref: BlobRef) -> bytes:
        """The blob's bytes, checked.

        Raises:
            DamagedError: it is not there, or its bytes have changed.
        """
        path = self._blob(ref.digest)
        try:
            data: bytes = self.fs.cat_file(path)
        except (FileNotFoundError, IsADirectoryError) as error:
            raise DamagedError(ref, f"is missing ({path})") from error
        if digest.of_bytes(data) != ref.digest:
            raise self._damaged(ref)
        return data

    def open(self, ref: BlobRef) -> Any:
        """The blob as a seekable binary stream, checked.

        Raises:
            DamagedError: it is not there, or its bytes have changed.
        """
        return self.local_path(ref).open("rb") if self.is_local else io.BytesIO(self.read(ref))

    def local_path(self, ref: BlobRef, check: bool = True) -> Path:
        """A local, read-only file with the blob's content; fetched into the cache from a remote store.

        Args:
            check: see that the content is the blob's; False where the file is only named.

        Raises:
            DamagedError: it is not there, or its bytes have changed.
        """
        if self.is_local:
            path = Path(self._blob(ref.digest))
            if check and not self.holds(ref):
                raise DamagedError(ref, f"is missing or cut short ({path})")
            if check and not self._has_digest(ref):
                raise self._damaged(ref)
            return path
        path = self.cache / ref.digest[:2] / ref.digest
        whole = path.is_file() and path.stat().st_size == ref.size_bytes
        if not whole or (check and digest.of_unchanged_file(path) != ref.digest):
            write_atomically(path, self.read(ref))
        return path

    def discard_blob(self, name: str) -> None:
        """Remove a blob by digest."""
        self.fs.rm_file(self._blob(name))

    def blobs(self) -> Iterator[BlobRef]:
        """Every blob, by listing; files with other names are no blobs."""
        for name, size_bytes in self.files("blobs"):
            if _BLOB.fullmatch(name):
                yield BlobRef(name.rsplit("/", 1)[-1], size_bytes)

    # -- records

    def write_record(self, name: str, record: Mapping[str, Any]) -> None:
        """Write a JSON record (`actions/pitch/<key>.json`), whole or not at all."""
        self._write(self._path(name), records.encode(record))

    def read_record(self, name: str, shape: TypeAdapter[ShapeT]) -> ShapeT | None:
        """The record, or None: one that is torn or of another shape counts as absent."""
        try:
            return self.checked_record(name, shape)
        except RecordError:
            return None

    def checked_record(self, name: str, shape: TypeAdapter[ShapeT]) -> ShapeT | None:
        """The record, or None when there is none.

        Raises:
            RecordError: it is not whole, of another shape, or a folder lies in its place.
        """
        try:
            data: bytes = self.fs.cat_file(self._path(name))
        except FileNotFoundError:
            return None
        except IsADirectoryError as error:
            raise RecordError("a folder lies where the record should be") from error
        return records.decode(data, shape)

    def discard_record(self, name: str) -> None:
        """Remove a record, if it is there."""
        with suppress(FileNotFoundError):
            self.fs.rm_file(self._path(name))

    # -- listing

    def files(self, folder: str) -> list[tuple[str, int]]:
        """Name under the root and size of every file below a folder, sorted."""
        self.fs.invalidate_cache()
        try:
            found = self.fs.find(self._path(folder), detail=True)
        except FileNotFoundError:
            return []
        return sorted((self._name(path), int(info["size"])) for path, info in found.items())

    def entries(self, folder: str) -> list[str]:
        """Names under the root of the files and folders right in a folder, sorted."""
        self.fs.invalidate_cache()
        try:
            return sorted(self._name(path) for path in self.fs.ls(self._path(folder), detail=False))
        except FileNotFoundError:
            return []

    def discard_file(self, name: str) -> None:
        """Remove a file by its name under the root."""
        self.fs.rm_file(self._path(name))

    def shown(self, name: str) -> str:
        """Where an entry lies, for people."""
        return self._path(name)

    # -- who uses it

    def gate(self) -> leases.Gate:
        """What runs pass together and a clean-up alone."""
        if self.is_local:
            return leases.FolderGate(Path(self._path("leases")))
        return leases.ObjectGate(self.fs, self._path("leases"))

    def pins(self) -> leases.Pins:
        """New pins, for a run's results; to be made inside the gate."""
        if self.is_local:
            return leases.FolderPins(Path(self._path("leases")))
        return leases.ObjectPins(self.fs, self._path("leases"))

    def pinned(self) -> set[tuple[str, str]]:
        """`(stage, key)` of everything that living runs pin; to be called alone in the gate."""
        if self.is_local:
            return set(leases.folder_pinned(Path(self._path("leases"))))
        return set(leases.object_pinned(self.fs, self._path("leases")))

    # -- internals

    def _path(self, name: str) -> str:
        return f"{self.root.rstrip('/')}/{name}"

    def _name(self, path: str) -> str:
        return path[len(self.root.rstrip("/")) + 1 :]

    def _blob(self, name: str) -> str:
        return self._path(f"blobs/{name[:2]}/{name}")

    def _temporary(self) -> str:
        path = self._path(f"tmp/{uuid.uuid4().hex}")
        self.fs.makedirs(path.rsplit("/", 1)[0], exist_ok=True)
        return path

    def _write(self, path: str, data: bytes) -> None:
        temporary = self._temporary()
        with self.fs.open(temporary, "wb") as target:
            target.write(data)
            _sync(target)
        self._rename(temporary, path)

    def _rename(self, temporary: str, path: str) -> None:
        self.fs.makedirs(path.rsplit("/", 1)[0], exist_ok=True)
        if self.is_local:
            try:
                Path(temporary).replace(path)
            except IsADirectoryError:  # somebody's folder under the name: out of the way, but not lost
                self._move_aside(path)
                Path(temporary).replace(path)
        else:
            # An object store shows an object whole or not at all, so a copy is as good as a rename.
            self.fs.mv(temporary, path)

    def _has_digest(self, ref: BlobRef) -> bool:
        path = self._blob(ref.digest)
        if self.is_local:
            return digest.of_unchanged_file(Path(path)) == ref.digest
        with self.fs.open(path, "rb") as stream:
            return digest.of_stream(stream) == ref.digest

    def _damaged(self, ref: BlobRef) -> DamagedError:
        where = self._set_aside(ref)
        return DamagedError(ref, f"was changed after it was written and is damaged ({where})")

    def _set_aside(self, ref: BlobRef) -> str:
        """Take a damaged blob out of use, so that it is a miss; where it lies now."""
        path = self._blob(ref.digest)
        try:
            return self._move_aside(path)
        except FileNotFoundError:  # another process found it first
            return path
        except OSError as error:
            return f"{path}, which could not be set aside: {error.strerror}"

    def _move_aside(self, path: str) -> str:
        target = self._path(f"damaged/{path.rsplit('/', 1)[-1]}-{uuid.uuid4().hex[:8]}")
        self.fs.makedirs(target.rsplit("/", 1)[0], exist_ok=True)
        self.fs.mv(path, target, recursive=True)
        return target


def write_atomically(path: Path, data: bytes) -> None:
    """Write a local file so that it is seen whole or not at all.

    Raises:
        UserError: a folder lies in its place.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{uuid.uuid4().hex}")
    try:
        with temporary.open("wb") as target:
            target.write(data)
            _sync(target)
        temporary.replace(path)
    except IsADirectoryError as error:
        temporary.unlink(missing_ok=True)
        raise UserError(f"{path}: is a folder where a file is written; remove or rename it") from error


def _sync(stream: Any) -> None:
    stream.flush()
    try:
        descriptor = stream.fileno()
    except (AttributeError, OSError):  # a remote file has no descriptor to sync
        return
    os.fsync(descriptor)
