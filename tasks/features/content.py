"""Stage content: what is said, frame by frame."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch

from configs.content import ContentSettings
from models.content.hubert import SAMPLE_RATE, hubert_features, load_hubert
from models.content.mfcc import mfcc_features
from models.frontend.audio import Samples, resample
from models.frontend.mel import SpectrogramParameters, frame_count, linear_spectrogram
from tasks.features.frames import family_wave, spectrogram_parameters
from tasks.stage import ConfigView, Outcome, reject


def content_rows(
    rows: list[dict[str, Any]], cfg: ConfigView, files: Mapping[str, Mapping[str, Path]]
) -> list[Outcome]:
    """One outcome per row, with exactly as many frames as the spectrogram.

    Raises UserError when HuBERT's weights cannot be had.
    """
    del files
    return [_content_row(row, cfg) for row in rows]


def _content_row(row: dict[str, Any], cfg: ConfigView) -> Outcome:
    parameters = spectrogram_parameters(cfg.family)
    samples = family_wave(row, cfg.family)
    try:
        features, backend = encode_content(samples, parameters, cfg.features.content)
    except ValueError as error:
        refusal = reject(
            row["utterance_id"],
            "too_short",
            "duration_s",
            f"{len(samples) / parameters.sample_rate:.4f}",
            str(error),
            "Remove the clip.",
        )
        return Outcome(rejects=[refusal])
    encoded = np.ascontiguousarray(features.numpy().T).astype("<f2").tobytes()
    return Outcome(rows=[_row(row, encoded, features.shape, backend, cfg)])


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


def encode_content(
    samples: Samples, parameters: SpectrogramParameters, settings: ContentSettings
) -> tuple[torch.Tensor, str]:
    """Features [D, N], in step with the spectrogram, and the name of what made them.

    Args:
        samples: float32 `[S]` at the family's sample rate.
        parameters: The family's audio frame.
        settings: Which encoder.

    Raises:
        ValueError: the clip is shorter than one frame.
        UserError: HuBERT's weights cannot be had.
    """
    if settings.backend == "mfcc":
        linear = linear_spectrogram(torch.from_numpy(samples)[None], parameters)
        features = mfcc_features(linear[0], parameters, settings.mfcc_dim)
        return features, f"mfcc-{settings.mfcc_dim} (no weights)"
    network = load_hubert(
        settings.model, settings.revision, settings.weights_digest, "features.content.model"
    )
    features = hubert_features(
        network,
        resample(samples, parameters.sample_rate, SAMPLE_RATE),
        frame_count(len(samples), parameters),
        settings.layer,
        settings.normalize,
    )
    return features, f"hubert layer {settings.layer}"
