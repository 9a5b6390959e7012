"""Published encoders from the Hugging Face hub or a local folder, with errors that say what is missing.

A local folder is not trusted: its weights are read by our own reader before transformers opens them, its
settings must be of a size that such networks have, and no code that it brings is run.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from configs.errors import UserError
from models.published import read_weights

_BLOCK_BYTES = 1 << 20
_WEIGHTS = ("model.safetensors", "pytorch_model.bin")
"""Files of weights in the order in which transformers looks for them."""
_MAX_JSON_BYTES = 16 << 20
_LARGEST_SIZE = 1 << 20
_LARGEST_DEPTH = 256
"""Limits of what `config.json` may claim."""
_NOT_USED = ("masked_spec_embed", "pooler.")
"""Weights that a file may lack: they serve training, or a head that nothing reads."""


def load_pretrained(
    loader: Any, model: str, revision: str, setting: str, weights_digest: str | None = None, **options: Any
) -> Any:
    """The network that `loader.from_pretrained` of a transformers class makes, in evaluation mode.

    Args:
        model: Local folder, or name on the hub.
        setting: Dotted name of the setting that names it, for messages.
        weights_digest: SHA-256 of the folder's file of weights.

    Raises:
        UserError: the weights cannot be had, are not those that were asked for, or are not the network's.
    """
    folder = Path(model)
    if weights_digest is not None:
        if not folder.is_dir():
            raise UserError(
                f"{setting} = {model!r}: weights_digest is checked on a local folder only. Download the "
                f"model and give its folder, or pin the hub's revision instead."
            )
        _check_digest(folder, weights_digest, setting)
    if folder.is_dir():
        _check_settings(folder / "config.json", setting)
        for path in _weights_files(folder, setting):
            _check_weights(path, setting)
    network, told = _made(loader, model, revision, setting, output_loading_info=True, **options)
    lacking = sorted(name for name in told["missing_keys"] if not name.startswith(_NOT_USED))
    if lacking:
        more = f" and {len(lacking) - 1} more" if len(lacking) > 1 else ""
        raise UserError(
            f"{setting} = {model!r}: its weights lack {lacking[0]}{more}, so they are of another network "
            "than its config.json says. Download the whole model again."
        )
    return network.eval()


def load_tokenizer(loader: Any, model: str, revision: str, setting: str) -> Any:
    """What `loader.from_pretrained` makes of a tokenizer; arguments and errors of `load_pretrained`."""
    return _made(loader, model, revision, setting)


def _made(loader: Any, model: str, revision: str, setting: str, **options: Any) -> Any:
    from transformers.utils import logging as transformers_logging

    is_local = Path(model).is_dir()
    # transformers draws a bar for every file and a table of what did not fit, in the middle of the
    # pipeline's own bars; what matters of the table is an error here.
    transformers_logging.disable_progress_bar()
    transformers_logging.set_verbosity_error()
    if is_local:
        options["local_files_only"] = True
    else:
        options["revision"] = revision
    try:
        return loader.from_pretrained(model, trust_remote_code=False, **options)
    # Settings that contradict each other end in an error of whatever kind in the middle of transformers.
    except Exception as error:
        kind = "local folder" if is_local else "hub model, and no such local folder"
        reason = " ".join(str(error).split())[:300] or type(error).__name__
        raise UserError(
            f"{setting} = {model!r} ({kind}): cannot be loaded ({reason}). Download the model where there "
            f"is a network and set {setting} to its folder (config.json beside the weights), or choose "
            f"a backend that needs no weights."
        ) from error


def _weights_files(folder: Path, setting: str) -> Iterator[Path]:
    """The files that transformers would open, all in the folder itself."""
    for name in _WEIGHTS:
        index = folder / f"{name}.index.json"
        if (folder / name).is_file():
            yield folder / name
            return
        if index.is_file():
            shards = _json(index, setting).get("weight_map")
            named = set(map(str, shards.values())) if isinstance(shards, dict) else set()
            if not named or any(Path(each).name != each for each in named):
                raise UserError(
                    f"{setting}: {index} names no files of its own folder. Download the model again."
                )
            yield from (folder / each for each in sorted(named))
            return


def _check_weights(path: Path, setting: str) -> None:
    try:
        read_weights(path)
    except UserError as error:
        raise UserError(f"{setting}: {error}") from error


def _check_settings(path: Path, setting: str) -> None:
    """Refuse sizes that would take for ever to lay out; transformers itself says if the file is missing."""
    if not path.is_file():
        return
    for name, value in _json(path, setting).items():
        limit = _LARGEST_DEPTH if "layers" in name else _LARGEST_SIZE
        values = value if isinstance(value, list) else [value]
        if len(values) > _LARGEST_DEPTH or any(type(n) is int and abs(n) > limit for n in values):
            raise UserError(
                f"{setting}: {path} says {name[:60]!r}: {str(value)[:60]}, which no such network has. "
                "Download the model again."
            )


def _json(path: Path, setting: str) -> dict[str, Any]:
    try:
        with path.open("rb") as file:
            content = json.loads(file.read(_MAX_JSON_BYTES))
    except (OSError, ValueError, RecursionError) as error:
        raise UserError(
            f"{setting}: {path} cannot be read as JSON ({str(error)[:200]}). Download the model again."
        ) from error
    if not isinstance(content, dict):
        raise UserError(f"{setting}: {path} holds no JSON object. Download the model again.")
    return content


def _check_digest(folder: Path, expected: str, setting: str) -> None:
    for name in _WEIGHTS:
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
