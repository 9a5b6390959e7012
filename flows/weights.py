"""Published weights on this machine: where they are, and fetching them from the hub."""

from __future__ import annotations

import json
from pathlib import Path

from artifacts import digest
from artifacts.store import write_atomically
from configs.errors import UserError
from configs.weights import Weights

RECORD = "fetched.json"


def located(weights: Weights, folder: Path) -> Path | None:
    """The local folder with the weights, if they were fetched or put there whole."""
    place = folder / weights.name
    return place if (place / RECORD).is_file() or (place / "config.json").is_file() else None


def fetch(weights: Weights, folder: Path, revision: str | None = None) -> Path:
    """Download a hub snapshot and record each file's digest beside it.

    Raises:
        UserError: the hub cannot be reached; the message says where to put the files by hand.
    """
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import HfHubHTTPError, LocalEntryNotFoundError, OfflineModeIsEnabled

    place = folder / weights.name
    try:
        snapshot_download(
            weights.hub_id,
            revision=revision or weights.revision,
            local_dir=place,
            allow_patterns=list(weights.files) or None,
        )
    except (LocalEntryNotFoundError, OfflineModeIsEnabled, HfHubHTTPError, OSError) as error:
        raise UserError(
            f"models fetch {weights.name}: the hub cannot be reached ({type(error).__name__}). Without it, "
            f"put the files of {weights.hub_id} into {place}, or name any local folder with "
            f"--set {weights.setting}=FOLDER"
        ) from error
    files = {
        str(path.relative_to(place)): digest.of_file(path)
        for path in sorted(place.rglob("*"))
        if path.is_file() and ".cache" not in path.parts and path.name != RECORD
    }
    record = {"hub_id": weights.hub_id, "revision": revision or weights.revision, "sha256": files}
    write_atomically(place / RECORD, json.dumps(record, indent=1).encode())
    return place
