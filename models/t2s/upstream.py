"""Published text-to-semantic checkpoints (`.ckpt`) to our decoder and back."""

import re
from pathlib import Path
from typing import Any

from torch import Tensor

from configs.errors import UserError
from models.published import (
    DECODER,
    PublishedFile,
    build_strictly,
    read_published,
    require_as_trained,
    require_kind,
    write_published,
)
from models.t2s.config import VERSIONS, T2SConfig, t2s_config
from models.t2s.model import TextToSemantic

PREFIX = "model."
LARGEST_DEPTH = 64
"""Layers that a file may claim."""
_LAYER = re.compile(r"h\.layers\.\d+\.linear1\.weight")


def load_decoder(path: Path) -> TextToSemantic:
    """The decoder in a published file; sizes come from the weights, the number of heads from its config.

    Raises:
        UserError: the file cannot be read, holds another network, or its settings and weights disagree.
    """
    published = read_published(path)
    require_kind(published, DECODER, path)
    weights = {name.removeprefix(PREFIX): tensor for name, tensor in published.weights.items()}
    sizes = published.config.get("model", {})
    if not isinstance(sizes, dict):
        raise UserError(f"{path}: its settings hold no table 'model'; download it again")
    text = _matrix(weights, "ar_text_embedding.word_embeddings.weight", path)
    predict = _matrix(weights, "ar_predict_layer.weight", path)
    _check_symbols(text.shape[0], sizes, path)
    heads, dropout = sizes.get("head", T2SConfig.n_heads), sizes.get("dropout", T2SConfig.dropout)
    if not isinstance(heads, int) or not 1 <= heads <= text.shape[1]:
        raise UserError(f"{path}: its settings say head = {heads!r}, which no decoder has; download it again")
    if not isinstance(dropout, int | float) or not 0 <= dropout < 1:
        raise UserError(
            f"{path}: its settings say dropout = {dropout!r}; it must be 0 to 1, download it again"
        )
    depth = sum(_LAYER.fullmatch(name) is not None for name in weights)
    if depth > LARGEST_DEPTH:
        raise UserError(
            f"{path}: holds {depth} layers, which no decoder has; give a GPT-SoVITS s1 checkpoint"
        )
    try:
        config = T2SConfig(
            n_symbols=text.shape[0],
            n_codes=predict.shape[0] - 1,
            linguistic_channels=_matrix(weights, "bert_proj.weight", path).shape[1],
            width=text.shape[1],
            n_heads=heads,
            n_layers=depth,
            feed_forward=_matrix(weights, "h.layers.0.linear1.weight", path).shape[0],
            dropout=float(dropout),
        )
    except UserError as error:
        raise UserError(f"{path}: {error}; get the file again from where it was made") from error
    decoder, _ = build_strictly(lambda: TextToSemantic(config), weights, str(path))
    return decoder


def save_decoder(path: Path, decoder: TextToSemantic, info: str) -> None:
    """Write a file that GPT-SoVITS's own inference reads, in fp16.

    Raises:
        UserError: a weight is not finite, or too large for fp16.
        ValueError: the decoder is laid out for speaking, and nothing could read its weights.
    """
    require_as_trained(decoder, lambda: TextToSemantic(decoder.config))
    weights = {f"{PREFIX}{name}": tensor for name, tensor in decoder.state_dict().items()}
    write_published(path, PublishedFile("PK", weights, upstream_config(decoder.config), info))


def upstream_problem(config: T2SConfig, version: str) -> str | None:
    """Why GPT-SoVITS's own inference could not load a decoder of these sizes; None when it can.

    `version` is that of the SoVITS generator that speaks its codes.
    """
    theirs = t2s_config("v1" if version == "v1" else "v2")
    fixed = {
        "n_symbols": theirs.n_symbols,
        "n_codes": theirs.n_codes,
        "linguistic_channels": theirs.linguistic_channels,
        "feed_forward": 4 * config.width,
    }
    for name, value in fixed.items():
        if getattr(config, name) != value:
            return f"t2s {name} is {getattr(config, name)} where GPT-SoVITS has {value}"
    return None


def upstream_config(config: T2SConfig) -> dict[str, Any]:
    """The settings under the names of GPT-SoVITS's `s1longer-v2.yaml`, as its loader wants them."""
    return {
        "data": {"max_eval_sample": 8, "max_sec": 54, "num_workers": 4, "pad_val": config.end_id},
        "model": {
            "vocab_size": config.n_codes + 1,
            "phoneme_vocab_size": config.n_symbols,
            "embedding_dim": config.width,
            "hidden_dim": config.width,
            "head": config.n_heads,
            "linear_units": config.feed_forward,
            "n_layer": config.n_layers,
            "dropout": config.dropout,
            "EOS": config.end_id,
            "random_bert": 0,
        },
        "inference": {"top_k": 15},
    }


def _check_symbols(n_symbols: int, sizes: dict[str, Any], path: Path) -> None:
    known = sorted(t2s_config(version).n_symbols for version in VERSIONS)
    stated = sizes.get("phoneme_vocab_size")
    if stated is None and n_symbols not in known:
        raise UserError(
            f"{path}: knows {n_symbols} phone symbols, where GPT-SoVITS v1 has {known[0]} and later "
            f"versions {known[1]}; give a file with one of those tables"
        )
    if stated is not None and stated != n_symbols:
        raise UserError(
            f"{path}: its settings say phoneme_vocab_size = {str(stated)[:20]} but its weights hold "
            f"{n_symbols} phone symbols; get the file again from where it was made"
        )


def _matrix(weights: dict[str, Tensor], name: str, path: Path) -> Tensor:
    found = weights.get(name)
    if found is None or found.ndim != 2 or 0 in found.shape:
        state = "missing" if found is None else "no matrix"
        raise UserError(f"{path}: {name} is {state}; give a GPT-SoVITS s1 checkpoint")
    return found
