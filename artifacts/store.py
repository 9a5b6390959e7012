"""The content-addressed store: immutable blobs, and records that are written last.

Layout under the root (a local folder or any fsspec URL)::

    blobs/<aa>/<digest>              bytes, named by their SHA-256
    actions/<stage>/<key>.json       what a stage made under a key: the commit point
    actions/<stage>/<key>.history/   what it had made before it was forced
    rows/<stage>/<function>/<shard>.json   which rows a shard holds, so that single rows are reused
    voices/<name>.json               the actions that a voice is made of: what `gc` keeps

A blob or record appears whole or not at all: it is written under a temporary name, synced and renamed.
Nothing here holds an absolute path, a time or a host name, so a copied folder is a shared cache.
"""

from __future__ import annotations

import json
import os
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import fsspec
from fsspec.implementations.local import LocalFileSystem

from artifacts import digest
from configs.errors import UserError


class BlobRef(NamedTuple):
    """A blob's digest and its size in bytes."""

    digest: str
    size_bytes: int


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
        if not self.holds(ref):
            self._write(self._blob(ref.digest), data)
        return ref

    def put_file(self, path: Path) -> BlobRef:
        """Store a file's content, streamed."""
        ref = BlobRef(digest.of_file(path), path.stat().st_size)
        if not self.holds(ref):
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
            return int(self.fs.size(self._blob(ref.digest))) == ref.size_bytes
        except FileNotFoundError:
            return False

    def intact(self, ref: BlobRef) -> bool:
        """Whether the blob's bytes still have their digest."""
        return self.holds(ref) and self._digest_of(self._blob(ref.digest)) == ref.digest

    def read(self, ref: BlobRef) -> bytes:
        """The blob's bytes.

        Raises:
            FileNotFoundError: it is not there.
        """
        data: bytes = self.fs.cat_file(self._blob(ref.digest))
        return data

    def open(self, ref: BlobRef) -> Any:
        """The blob as a seekable binary stream."""
        return self.fs.open(self._blob(ref.digest), "rb")

    def local_path(self, ref: BlobRef) -> Path:
        """A local, read-only file with the blob's content; fetched into the cache from a remote store."""
        if self.is_local:
            return Path(self._blob(ref.digest))
        path = self.cache / ref.digest[:2] / ref.digest
        if not (path.exists() and path.stat().st_size == ref.size_bytes):
            write_atomically(path, self.read(ref))
        return path

    def discard_blob(self, name: str) -> None:
        """Remove a blob by digest."""
        self.fs.rm_file(self._blob(name))

    def blobs(self) -> Iterator[BlobRef]:
        """Every blob, by listing."""
        for path, info in sorted(self._find("blobs").items()):
            yield BlobRef(path.rsplit("/", 1)[-1], int(info["size"]))

    # -- records

    def write_record(self, name: str, record: Any) -> None:
        """Write a JSON record (`actions/pitch/<key>.json`), whole or not at all."""
        self._write(self._path(name), digest.canonical_json(record).encode())

    def read_record(self, name: str) -> Any | None:
        """The record, or None when it is absent or unreadable (a torn copy counts as absent)."""
        try:
            return json.loads(self.fs.cat_file(self._path(name)))
        except (FileNotFoundError, json.JSONDecodeError, UnicodeDecodeError):
            return None

    def records(self, folder: str) -> Iterator[tuple[str, Any]]:
        """Every record below a folder, in name order."""
        for path in sorted(self._find(folder)):
            if path.endswith(".json"):
                name = path[len(self.root.rstrip("/")) + 1 :]
                record = self.read_record(name)
                if record is not None:
                    yield name, record

    def discard_record(self, name: str) -> None:
        """Remove a record."""
        self.fs.rm_file(self._path(name))

    # -- internals

    def _path(self, name: str) -> str:
        return f"{self.root.rstrip('/')}/{name}"

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
            Path(temporary).replace(path)
        else:
            # An object store shows an object whole or not at all, so a copy is as good as a rename.
            self.fs.mv(temporary, path)

    def _find(self, folder: str) -> dict[str, Any]:
        self.fs.invalidate_cache()
        try:
            return dict(self.fs.find(self._path(folder), detail=True))
        except FileNotFoundError:
            return {}

    def _digest_of(self, path: str) -> str:
        with self.fs.open(path, "rb") as stream:
            return digest.of_bytes(stream.read())


def write_atomically(path: Path, data: bytes) -> None:
    """Write a local file so that it is seen whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{uuid.uuid4().hex}")
    with temporary.open("wb") as target:
        target.write(data)
        _sync(target)
    temporary.replace(path)


def _sync(stream: Any) -> None:
    stream.flush()
    try:
        descriptor = stream.fileno()
    except (AttributeError, OSError):  # a remote file has no descriptor to sync
        return
    os.fsync(descriptor)
