"""Sizes of small networks: SoVITS and T2S as the preset `tiny` trains them, and encoders of speech."""

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


def speech_encoder_sizes(**changes: Any) -> dict[str, Any]:
    """Sizes of a small HuBERT or WavLM with the published strides, as transformers names them."""
    sizes = {
        "hidden_size": 24,
        "num_hidden_layers": 1,
        "num_attention_heads": 2,
        "intermediate_size": 32,
        "conv_dim": (16,) * 7,
        "num_conv_pos_embeddings": 16,
        "num_conv_pos_embedding_groups": 4,
    }
    return sizes | changes
