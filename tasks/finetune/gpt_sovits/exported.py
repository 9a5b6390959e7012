"""Networks of an exported voice's folder, which a training goes on from; `voice.json` tells their sizes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from configs.errors import UserError
from tasks.finetune.trained import read_json

SUFFIX = ".safetensors"
"""Of our own networks; GPT-SoVITS's files are .pth and .ckpt."""
_DESCRIPTION = "voice.json"


def sizes_beside(weights: Path, network: str, setting: str) -> dict[str, Any]:
    """The sizes of a network in an exported voice.

    Args:
        weights: Its file.
        network: `sovits` or `t2s`.
        setting: That names the file, for messages.

    Raises:
        UserError: there is no whole voice around the file, or it is another network's.
    """
    remedy = "give the file inside the folder of an exported GPT-SoVITS voice, or GPT-SoVITS's own"
    described = weights.with_name(_DESCRIPTION)
    if not described.is_file():
        raise UserError(f"{setting} = {weights}: there is no {_DESCRIPTION} beside it; {remedy}")
    entry = read_json(described).get("networks", {}).get(network)
    if not isinstance(entry, dict) or entry.get("file") != weights.name or "sizes" not in entry:
        raise UserError(f"{setting} = {weights}: {described} knows it as no {network} network; {remedy}")
    sizes: dict[str, Any] = entry["sizes"]
    return sizes
