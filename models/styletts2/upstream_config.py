"""StyleTTS 2's `config.yml`, as the official scripts read it, to our sizes and back.

Source: StyleTTS 2's `Configs/config.yml` and `config_libritts.yml`, and what `models.py` takes of them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from math import inf
from typing import Any

from configs.errors import UserError
from models.styletts2.config import StyleTTS2Config

_PLACES: Mapping[str, tuple[str, ...]] = {
    "sample_rate": ("preprocess_params", "sr"),
    "hop_samples": ("preprocess_params", "spect_params", "hop_length"),
    "multispeaker": ("model_params", "multispeaker"),
    "style_dim_in": ("model_params", "dim_in"),
    "hidden": ("model_params", "hidden_dim"),
    "n_layers": ("model_params", "n_layer"),
    "n_mels": ("model_params", "n_mels"),
    "n_symbols": ("model_params", "n_token"),
    "max_dur": ("model_params", "max_dur"),
    "style_dim": ("model_params", "style_dim"),
    "dropout": ("model_params", "dropout"),
    "decoder": ("model_params", "decoder", "type"),
    "upsample_rates": ("model_params", "decoder", "upsample_rates"),
    "upsample_kernels": ("model_params", "decoder", "upsample_kernel_sizes"),
    "upsample_initial": ("model_params", "decoder", "upsample_initial_channel"),
    "resblock_kernels": ("model_params", "decoder", "resblock_kernel_sizes"),
    "slm_hidden": ("model_params", "slm", "hidden"),
    "slm_layers": ("model_params", "slm", "nlayers"),
    "slm_channels": ("model_params", "slm", "initial_channel"),
    "diffusion_layers": ("model_params", "diffusion", "transformer", "num_layers"),
    "diffusion_heads": ("model_params", "diffusion", "transformer", "num_heads"),
    "diffusion_head_features": ("model_params", "diffusion", "transformer", "head_features"),
    "diffusion_multiplier": ("model_params", "diffusion", "transformer", "multiplier"),
    "diffusion_mask_probability": ("model_params", "diffusion", "embedding_mask_proba"),
    "diffusion_sigma_data": ("model_params", "diffusion", "dist", "sigma_data"),
    "diffusion_log_mean": ("model_params", "diffusion", "dist", "mean"),
    "diffusion_log_std": ("model_params", "diffusion", "dist", "std"),
}
"""Entry of each size."""
_ISTFTNET: Mapping[str, tuple[str, ...]] = {
    "istft_n_fft": ("model_params", "decoder", "gen_istft_n_fft"),
    "istft_hop": ("model_params", "decoder", "gen_istft_hop_size"),
}
"""The same for sizes that only this decoder has."""
_DILATIONS = ("model_params", "decoder", "resblock_dilation_sizes")
_TRAINING = ("dropout", "diffusion_mask_probability", "diffusion_log_mean", "diffusion_log_std")
"""Values of training alone. The spread of styles is none: training estimates it, and speaking needs it."""
_FIXED = (
    *("text_kernel", "decoder_hidden", "decoder_text", "bert_embedding", "bert_hidden", "bert_heads"),
    *("bert_intermediate", "bert_layers", "bert_positions", "aligner_mfcc", "aligner_layers"),
    *("aligner_hidden", "aligner_attention", "aligner_embedding", "aligner_location_channels"),
    *("aligner_location_kernel", "pitch_channels", "pitch_lstm", "discriminator_periods"),
    *("discriminator_channels", "resolution_channels", "resolutions", "sample_rate", "hop_samples"),
)
"""Sizes that the official code has from itself or from files of its own, whatever a voice's says."""


def sizes_of_content(content: Any, source: str) -> dict[str, Any]:
    """Sizes that a `config.yml` tells, as JSON values by the names of `StyleTTS2Config`.

    Raises:
        UserError: it is no configuration of StyleTTS 2.
    """
    if not isinstance(content, dict) or not isinstance(content.get("model_params"), dict):
        raise UserError(
            f"{source}: has no model_params, so it is no configuration of a StyleTTS 2 voice, and it lies "
            "where one would; move it away"
        )
    found = {}
    for name, place in {**_PLACES, **_ISTFTNET}.items():
        value = _at(content, place)
        if value is not None and name not in _TRAINING:
            found[name] = value
    spread = found.get("diffusion_sigma_data", 1.0)
    if isinstance(spread, bool) or not isinstance(spread, int | float) or not 0 < spread < inf:
        raise UserError(
            f"{source}: model_params.diffusion.dist.sigma_data = {spread!r}: it is the spread of styles, a "
            "number above 0 (about 0.2); put the voice's own there, or take the line out"
        )
    dilations = _at(content, _DILATIONS)
    if isinstance(dilations, list) and dilations:
        if any(each != dilations[0] for each in dilations):
            raise UserError(f"{source}: resblock_dilation_sizes differ; all blocks have the same ones here")
        found["resblock_dilations"] = dilations[0]
    return found


def content_of(config: StyleTTS2Config) -> dict[str, Any]:
    """What a `config.yml` holds for the official scripts, in a checkout of which the other files lie."""
    content: dict[str, Any] = {
        "pretrained_model": "",
        "second_stage_load_pretrained": True,
        "load_only_params": True,
        "F0_path": "Utils/JDC/bst.t7",
        "ASR_config": "Utils/ASR/config.yml",
        "ASR_path": "Utils/ASR/epoch_00080.pth",
        "PLBERT_dir": "Utils/PLBERT/",
        "preprocess_params": {"spect_params": {"n_fft": 2048, "win_length": 1200}},
        "model_params": {
            "max_conv_dim": config.style_max_dim,
            "slm": {"model": "microsoft/wavlm-base-plus", "sr": 16000},
            "diffusion": {"dist": {"estimate_sigma_data": True}},
        },
    }
    places = {**_PLACES, **(_ISTFTNET if config.decoder == "istftnet" else {})}
    for name, place in places.items():
        _put(content, place, getattr(config, name))
    _put(content, _DILATIONS, [config.resblock_dilations for _ in config.resblock_kernels])
    return content


def official_problem(config: StyleTTS2Config, character_table: str) -> str | None:
    """Why the official scripts cannot speak with networks of these sizes; None if they can."""
    if character_table != "styletts2":
        return f"they know the characters of styletts2, not those of {character_table}"
    ours, theirs = asdict(config), asdict(StyleTTS2Config())
    differing = [
        f"{name} is {ours[name]}, not {theirs[name]}" for name in _FIXED if ours[name] != theirs[name]
    ]
    if config.style_max_dim != config.hidden:
        differing.append(f"style_max_dim is {config.style_max_dim}, not hidden = {config.hidden}")
    if not differing:
        return None
    more = f" and {len(differing) - 3} more" if len(differing) > 3 else ""
    return f"they have no setting for it: {'; '.join(differing[:3])}{more}"


def _at(content: Mapping[str, Any], place: tuple[str, ...]) -> Any:
    value: Any = content
    for name in place:
        value = value.get(name) if isinstance(value, dict) else None
    return value


def _put(content: dict[str, Any], place: tuple[str, ...], value: Any) -> None:
    *parents, leaf = place
    for name in parents:
        content = content.setdefault(name, {})
    content[leaf] = _plain(value)


def _plain(value: Any) -> Any:
    return [_plain(part) for part in value] if isinstance(value, tuple | list) else value
