"""A voice's networks as the one file, and the `config.yml`, that StyleTTS 2's own scripts read."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from models.published import read_table, write_whole
from models.styletts2.upstream import NETWORKS, save_checkpoint
from models.styletts2.upstream_config import content_of, official_problem
from tasks.release.styletts2.networks import config_of

FOLDER = "official"


def write_official_files(
    folder: Path, name: str, files: Mapping[str, Path], network: Mapping[str, Any], character_table: str
) -> str | None:
    """Write `official/<name>.pth` and `official/config.yml` under `folder`.

    Args:
        files: What the training wrote, by name.
        network: What its `config.json` says.

    Returns:
        Why StyleTTS 2's own scripts cannot speak with them, though training can go on from them; else None.

    Raises:
        UserError: a network's file is damaged, or a weight is not finite.
    """
    weights = {}
    for each in NETWORKS:
        path = files.get(f"{each}.safetensors")
        if path is None:
            continue
        weights[each] = read_table(path, "run the training again")
    target = folder / FOLDER
    target.mkdir()
    save_checkpoint(
        target / f"{name}.pth",
        weights,
        epochs=network["epochs"],
        steps=network["steps"],
        sizes=network["sizes"],
        character_table=character_table,
    )
    config = config_of(network["sizes"])
    write_whole(target / "config.yml", yaml.safe_dump(content_of(config), sort_keys=False).encode())
    return official_problem(config, character_table)


def told_of(name: str, problem: str | None) -> str:
    """What the voice card says of the files."""
    files = f"`{FOLDER}/{name}.pth` and `config.yml` are the same networks as StyleTTS 2 itself keeps them"
    if problem is None:
        return f"{files}, for its inference scripts and for fine-tuning."
    return f"{files}, to fine-tune from here; its own scripts cannot speak with them: {problem}."
