"""Fetching published weights from where they are published."""

from __future__ import annotations

import json
from http.client import HTTPException
from pathlib import Path
from urllib.request import urlopen

from artifacts import digest
from artifacts.store import write_atomically
from configs.errors import UserError
from configs.weights import Weights
from tasks.weights import RECORD

_PATIENCE_S = 60
"""Without a byte from the host."""


def fetch(weights: Weights, folder: Path, revision: str | None = None) -> Path:
    """Download an entry's files and record each file's digest beside them.

    Returns:
        The file or folder that the entry's setting can name.

    Raises:
        UserError: the host cannot be reached; the message says where to put the files by hand.
    """
    place = folder / weights.place
    try:
        download = _from_github if weights.host == "github.com" else _from_hub
        download(weights, folder, revision or weights.revision)
    except (OSError, HTTPException) as error:
        raise UserError(
            f"models fetch {weights.name}: {weights.host} cannot be reached ({type(error).__name__}). "
            f"Without it, put {weights.path or 'the files'} of {weights.hub_id} at {place}, or name any "
            f"local place with --set {weights.setting}=PATH"
        ) from error
    files = [place] if weights.is_file else sorted(place.rglob("*"))
    found = {
        path.relative_to(folder).as_posix(): digest.of_file(path)
        for path in files
        if path.is_file() and ".cache" not in path.parts and path.name != RECORD
    }
    if not found:
        raise UserError(
            f"models fetch {weights.name}: {weights.hub_id} holds no {weights.path or 'files'} at revision "
            f"{revision or weights.revision}; look at the repository and name another with --revision"
        )
    record = {"hub_id": weights.hub_id, "revision": revision or weights.revision, "sha256": found}
    beside = place.with_name(f"{place.name}.{RECORD}") if weights.is_file else place / RECORD
    write_atomically(beside, json.dumps(record, indent=1).encode())
    return place


def _from_hub(weights: Weights, folder: Path, revision: str) -> None:
    """Raises OSError where it cannot, as all of the hub's own errors are."""
    from huggingface_hub import snapshot_download

    # Paths inside the repository are kept, so what has one lands in its place by itself.
    root = folder if weights.path else folder / weights.place
    inside = [weights.path, f"{weights.path}/*"] if weights.path else []
    patterns = [*inside, *weights.files]
    snapshot_download(weights.hub_id, revision=revision, local_dir=root, allow_patterns=patterns or None)


def _from_github(weights: Weights, folder: Path, revision: str) -> None:
    """Fetch the one file of an entry of GitHub; raises OSError where it cannot."""
    address = f"https://raw.githubusercontent.com/{weights.hub_id}/{revision}/{weights.path}"
    with urlopen(address, timeout=_PATIENCE_S) as answer:
        data = answer.read()
    write_atomically(folder / weights.place, data)
