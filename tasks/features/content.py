"""Stage content: what is said, frame by frame."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch

from configs.content import ContentSettings
from models.batches import by_length
from models.content.hubert import (
    SAMPLE_RATE,
    hubert_features,
    hubert_features_together,
    load_hubert,
)
from models.content.mfcc import mfcc_features
from models.frontend.audio import Samples, resample
from models.frontend.mel import SpectrogramParameters, frame_count, linear_spectrogram
from tasks.device import CPU, chosen_device, full_fp32
from tasks.features.frames import family_wave, spectrogram_parameters
from tasks.stage import ConfigView, Outcome, reject

_ROOM_S = 120
"""Seconds that HuBERT reads at once on a GPU, padding included."""


def content_rows(
    rows: list[dict[str, Any]], cfg: ConfigView, files: Mapping[str, Mapping[str, Path]]
) -> list[Outcome]:
    """One outcome per row, with exactly as many frames as the spectrogram.

    Raises UserError when HuBERT's weights cannot be had, or the device is not there.
    """
    del files
    parameters, settings = spectrogram_parameters(cfg.family), cfg.features.content
    clips = [family_wave(row, cfg.family) for row in rows]
    device = chosen_device(cfg.compute.device) if settings.backend == "hubert" else CPU
    encoded = encode_together(clips, parameters, settings, device)
    return [_outcome(row, clip, made, cfg) for row, clip, made in zip(rows, clips, encoded, strict=True)]


def _outcome(
    row: dict[str, Any], samples: Samples, made: torch.Tensor | ValueError, cfg: ConfigView
) -> Outcome:
    if isinstance(made, ValueError):
        refusal = reject(
            row["utterance_id"],
            "too_short",
            "duration_s",
            f"{len(samples) / cfg.family.sample_rate:.4f}",
            str(made),
            "Remove the clip.",
        )
        return Outcome(rejects=[refusal])
    encoded = np.ascontiguousarray(made.numpy().T).astype("<f2").tobytes()
    backend = backend_name(cfg.features.content)
    return Outcome(rows=[_row(row, encoded, made.shape, backend, cfg)])


def _row(
    row: dict[str, Any], features: bytes, shape: tuple[int, ...], backend: str, cfg: ConfigView
) -> dict[str, Any]:
    """features: float16 of the transpose of `shape`, which is (dim, frames)."""
    return {
        "utterance_id": row["utterance_id"],
        "source_digest": row["source_digest"],
        "features": features,
        "dim": shape[0],
        "n_frames": shape[1],
        "frame_rate_hz": spectrogram_parameters(cfg.family).frame_rate_hz,
        "backend": backend,
    }


def encode_together(
    clips: Sequence[Samples],
    parameters: SpectrogramParameters,
    settings: ContentSettings,
    device: torch.device,
) -> list[torch.Tensor | ValueError]:
    """Features [D, N] of each clip, in step with its spectrogram; the error of one shorter than a frame.

    Arguments and other errors as `encode_content`.
    """
    made: dict[int, torch.Tensor | ValueError] = {}
    for places in by_length([len(clip) for clip in clips], device, _ROOM_S * parameters.sample_rate):
        own = [clips[place] for place in places]
        try:
            if len(own) > 1 and settings.layer == -1:
                features = _together(own, parameters, settings, device)
            else:
                features = [encode_content(clip, parameters, settings, device) for clip in own]
            made.update(zip(places, features, strict=True))
        except ValueError as error:
            if len(own) == 1:
                made[places[0]] = error
                continue
            alone = [encode_together([clip], parameters, settings, device)[0] for clip in own]
            made.update(zip(places, alone, strict=True))
    return [made[place] for place in range(len(clips))]


def encode_content(
    samples: Samples,
    parameters: SpectrogramParameters,
    settings: ContentSettings,
    device: torch.device = CPU,
) -> torch.Tensor:
    """Features [D, N], in step with the spectrogram, on the CPU.

    Args:
        samples: float32 `[S]` at the family's sample rate.
        parameters: The family's audio frame.
        settings: Which encoder.
        device: Of HuBERT.

    Raises:
        ValueError: the clip is shorter than one frame.
        UserError: HuBERT's weights cannot be had.
    """
    if settings.backend == "mfcc":
        linear = linear_spectrogram(torch.from_numpy(samples)[None], parameters)
        return mfcc_features(linear[0], parameters, settings.mfcc_dim)
    with full_fp32():
        return hubert_features(
            _hubert(settings, device),
            resample(samples, parameters.sample_rate, SAMPLE_RATE),
            frame_count(len(samples), parameters),
            settings.layer,
            settings.normalize,
        )


def _together(
    clips: Sequence[Samples],
    parameters: SpectrogramParameters,
    settings: ContentSettings,
    device: torch.device,
) -> list[torch.Tensor]:
    with full_fp32():
        return hubert_features_together(
            _hubert(settings, device),
            [resample(clip, parameters.sample_rate, SAMPLE_RATE) for clip in clips],
            [frame_count(len(clip), parameters) for clip in clips],
            settings.normalize,
        )


def _hubert(settings: ContentSettings, device: torch.device) -> Any:
    name = "features.content.model"
    return load_hubert(settings.model, settings.revision, settings.weights_digest, name, device)


def backend_name(settings: ContentSettings) -> str:
    """What makes the features, for people."""
    if settings.backend == "mfcc":
        return f"mfcc-{settings.mfcc_dim} (no weights)"
    return f"hubert layer {settings.layer}"
