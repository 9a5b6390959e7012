"""Fetching published weights from the hub."""

from __future__ import annotations

import json
from pathlib import Path

from artifacts import digest
from artifacts.store import write_atomically
from configs.errors import UserError
from configs.weights import Weights
from tasks.weights import RECORD


def fetch(weights: Weights, folder: Path, revision: str | None = None) -> Path:
    """Download an entry's files and record each file's digest beside them.

    Returns:
        The file or folder that the entry's setting can name.

    Raises:
        UserError: the hub cannot be reached; the message says where to put the files by hand.
    """
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import HfHubHTTPError, LocalEntryNotFoundError, OfflineModeIsEnabled

    place = folder / weights.place
    # Paths inside the repository are kept, so what has one lands in its place by itself.
    root = folder if weights.path else place
    inside = [weights.path, f"{weights.path}/*"] if weights.path else list(weights.files)
    try:
        snapshot_download(
            weights.hub_id,
            revision=revision or weights.revision,
            local_dir=root,
            allow_patterns=inside or None,
        )
    except (LocalEntryNotFoundError, OfflineModeIsEnabled, HfHubHTTPError, OSError) as error:
        raise UserError(
            f"models fetch {weights.name}: the hub cannot be reached ({type(error).__name__}). Without it, "
            f"put {weights.path or 'the files'} of {weights.hub_id} at {place}, or name any local place with "
            f"--set {weights.setting}=PATH"
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
