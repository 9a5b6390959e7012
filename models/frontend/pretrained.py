"""Published encoders from the Hugging Face hub or a local folder, with errors that say what is missing."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

from configs.errors import UserError

_BLOCK_BYTES = 1 << 20


def load_pretrained(
    loader: Any, model: str, revision: str, setting: str, weights_digest: str | None = None, **options: Any
) -> Any:
    """`loader.from_pretrained` of a transformers class, in evaluation mode where it is a network.

    model: local folder, or name on the hub; setting: dotted name of the setting that names it, for the
    message. Raises UserError when the weights cannot be had, or are not those that were asked for.
    """
    from transformers.utils import logging as transformers_logging

    folder = Path(model)
    is_local = folder.is_dir()
    if weights_digest is not None:
        if not is_local:
            raise UserError(
                f"{setting} = {model!r}: weights_digest is checked on a local folder only. Download the "
                f"model and give its folder, or pin the hub's revision instead."
            )
        _check_digest(folder, weights_digest, setting)
    # transformers draws a bar for every file, once per process, in the middle of the pipeline's own.
    transformers_logging.disable_progress_bar()
    if is_local:
        options["local_files_only"] = True
    else:
        options["revision"] = revision
    try:
        loaded = loader.from_pretrained(model, **options)
    except (OSError, ValueError) as error:
        kind = "local folder" if is_local else "hub model, and no such local folder"
        reason = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
        raise UserError(
            f"{setting} = {model!r} ({kind}): cannot be loaded ({reason}). Download the model where there "
            f"is a network and set {setting} to its folder (config.json beside the weights), or choose "
            f"a backend that needs no weights."
        ) from error
    return loaded.eval() if hasattr(loaded, "eval") else loaded


def _check_digest(folder: Path, expected: str, setting: str) -> None:
    for name in ("model.safetensors", "pytorch_model.bin"):
        path = folder / name
        if path.is_file():
            found = _digest(path)
            if found != expected:
                raise UserError(
                    f"{setting}: {path} has SHA-256 {found}, but weights_digest is {expected}. Replace "
                    f"the file or correct weights_digest."
                )
            return
    raise UserError(
        f"{setting}: {folder} holds neither model.safetensors nor pytorch_model.bin. Put the weights there."
    )


def _digest(path: Path) -> str:
    digest = hashlib.sha256()
    with path.open("rb") as stream:
        while block := stream.read(_BLOCK_BYTES):
            digest.update(block)
    return digest.hexdigest()
