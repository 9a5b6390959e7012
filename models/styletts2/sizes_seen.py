"""Sizes of StyleTTS 2's networks as state dicts show them: in which of them a file differs from a run."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import takewhile
from typing import Any

from torch import Tensor


def differing_sizes(found: Mapping[str, Tensor], own: Mapping[str, Tensor], name: str) -> dict[str, Any]:
    """Sizes of the network `name`, as `StyleTTS2Config` names them, that two of its state dicts differ in.

    Returns:
        Pairs of values by size: `found`'s and `own`'s.
    """
    theirs, ours = _sizes_seen(name, found), _sizes_seen(name, own)
    return {
        size: (theirs[size], ours[size])
        for size in theirs
        if size in ours and None not in (theirs[size], ours[size]) and theirs[size] != ours[size]
    }


_SEEN: Mapping[str, Mapping[str, tuple[str, int]]] = {
    "bert": {
        "n_symbols": ("embeddings.word_embeddings.weight", 0),
        "bert_embedding": ("embeddings.word_embeddings.weight", 1),
        "bert_positions": ("embeddings.position_embeddings.weight", 0),
        "bert_hidden": ("pooler.weight", 0),
        "bert_intermediate": ("encoder.albert_layer_groups.0.albert_layers.0.ffn.weight", 0),
    },
    "bert_encoder": {"hidden": ("weight", 0), "bert_hidden": ("weight", 1)},
    "predictor": {
        "max_dur": ("duration_proj.linear_layer.weight", 0),
        "hidden": ("duration_proj.linear_layer.weight", 1),
        "style_dim": ("text_encoder.lstms.1.fc.weight", 1),
    },
    "decoder": {
        "decoder_hidden": ("encode.conv1.weight_v", 0),
        "decoder_text": ("asr_res.0.weight_v", 0),
        "hidden": ("asr_res.0.weight_v", 1),
        "upsample_initial": ("generator.ups.0.weight_v", 0),
    },
    "text_encoder": {
        "n_symbols": ("embedding.weight", 0),
        "hidden": ("embedding.weight", 1),
        "text_kernel": ("cnn.0.0.weight_v", 2),
    },
    **{
        name: {
            "style_dim": ("unshared.weight", 0),
            "style_max_dim": ("unshared.weight", 1),
            "style_dim_in": ("shared.0.weight_orig", 0),
        }
        for name in ("style_encoder", "predictor_encoder")
    },
    "diffusion": {"bert_hidden": ("fixed_embedding.embedding.weight", 1)},
    "text_aligner": {
        "n_symbols": ("asr_s2s.embedding.weight", 0),
        "aligner_embedding": ("asr_s2s.embedding.weight", 1),
        "aligner_hidden": ("projection.conv.weight", 1),
        "aligner_attention": ("projection.conv.weight", 0),
        "aligner_location_channels": ("asr_s2s.attention_layer.location_layer.location_conv.conv.weight", 0),
        "aligner_location_kernel": ("asr_s2s.attention_layer.location_layer.location_conv.conv.weight", 2),
    },
    "pitch_extractor": {"pitch_lstm": ("bilstm_classifier.weight_hh_l0", 1)},
    "msd": {"resolution_channels": ("discriminators.0.discriminators.0.weight_v", 0)},
    "wd": {"slm_channels": ("pre.weight_v", 0), "slm_hidden times slm_layers": ("pre.weight_v", 1)},
}
"""Where each network shows a size: a tensor, and which of its dimensions."""

_LISTED: Mapping[str, Mapping[str, tuple[str, int]]] = {
    "decoder": {"upsample_kernels": ("generator.ups.{}.weight_v", 2)},
    "mpd": {"discriminator_channels": ("discriminators.0.convs.{}.weight_v", 0)},
}
"""The same for sizes that are lists, an entry from each tensor of a row."""

_COUNTED: Mapping[str, Mapping[str, str]] = {
    "text_encoder": {"n_layers": "cnn.{}.0.weight_v"},
    "diffusion": {"diffusion_layers": "blocks.{}.attention.to_q.weight"},
    "text_aligner": {"aligner_layers": "cnns.{}.1.weight"},
    "mpd": {"number of discriminator_periods": "discriminators.{}.conv_post.weight_v"},
    "msd": {"number of resolutions": "discriminators.{}.out.weight_v"},
}
"""The same for sizes that count the tensors of a row."""


def _sizes_seen(name: str, weights: Mapping[str, Tensor]) -> dict[str, Any]:
    """None for what a state dict does not show."""

    def dimension(key: str, axis: int) -> int | None:
        shape = weights[key].shape if key in weights else ()
        return shape[axis] if axis < len(shape) else None

    def row(pattern: str) -> list[str]:
        numbers = range(len(weights))
        return list(takewhile(weights.__contains__, (pattern.format(n) for n in numbers)))

    seen: dict[str, Any] = {size: dimension(*at) for size, at in _SEEN.get(name, {}).items()}
    for size, (pattern, axis) in _LISTED.get(name, {}).items():
        seen[size] = tuple(dimension(key, axis) for key in row(pattern))
    seen |= {size: len(row(pattern)) for size, pattern in _COUNTED.get(name, {}).items()}
    if name == "decoder":
        last = dimension("generator.conv_post.weight_v", 0)
        seen["decoder"] = None if last is None else "hifigan" if last == 1 else "istftnet"
        kernels = [dimension(key, 2) for key in row("generator.resblocks.{}.convs1.0.weight_v")]
        seen["resblock_kernels"] = tuple(kernels[: len(kernels) // max(1, len(seen["upsample_kernels"]))])
    if name == "pitch_extractor":
        blocks = (f"res_block{n}.conv1by1.weight" for n in (1, 2, 3))
        seen["pitch_channels"] = tuple(dimension(key, 0) for key in ("conv_block.0.weight", *blocks))
    if name == "diffusion":
        seen["multispeaker"] = "to_features.0.weight" in weights
    return seen
