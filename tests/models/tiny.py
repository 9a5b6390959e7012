"""Sizes of SoVITS and T2S that train on a CPU in minutes: those of the preset `tiny`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

import configs

_TRAIN = yaml.safe_load((Path(configs.__file__).parent / "presets" / "tiny.yaml").read_text())["train"]


def _sizes(network: str) -> dict[str, Any]:
    return {n: tuple(v) if isinstance(v, list) else v for n, v in _TRAIN[network]["sizes"].items()}


TINY_SOVITS: dict[str, Any] = {"dropout": 0.0, **_sizes("sovits")}
TINY_T2S: dict[str, Any] = {"n_codes": TINY_SOVITS["codebook_size"], **_sizes("t2s")}
