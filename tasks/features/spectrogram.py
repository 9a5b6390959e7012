"""Stage spectrogram: mel bands, linear magnitudes and energy with the family's exact settings."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch

from models.frontend.mel import frame_energy, linear_spectrogram, log_norm, mel_from_linear, styletts2_mel
from tasks.features.frames import family_wave, spectrogram_parameters
from tasks.stage import ConfigView, Outcome, reject


def spectrogram_rows(
    rows: list[dict[str, Any]], cfg: ConfigView, files: Mapping[str, Mapping[str, Path]]
) -> list[Outcome]:
    """One outcome per row; a clip shorter than the analysis window's padding is rejected."""
    del files
    return [_spectrogram_row(row, cfg) for row in rows]


def _spectrogram_row(row: dict[str, Any], cfg: ConfigView) -> Outcome:
    samples = family_wave(row, cfg.family)
    try:
        features = _features(torch.from_numpy(samples)[None], cfg)
    except ValueError as error:
        refusal = reject(
            row["utterance_id"],
            "too_short",
            "duration_s",
            f"{len(samples) / cfg.family.sample_rate:.4f}",
            f"{error} (at {cfg.family.sample_rate} Hz)",
            "Remove the clip.",
        )
        return Outcome(rejects=[refusal])
    made = {
        "utterance_id": row["utterance_id"],
        "source_digest": row["source_digest"],
        "mel": _as_float16_bytes(features.mel[0]),
        "linear": b"" if features.linear is None else _as_float16_bytes(features.linear[0]),
        "energy": features.energy[0].tolist(),
        "n_frames": features.mel.shape[-1],
        "n_mels": features.mel.shape[1],
        "n_bins": spectrogram_parameters(cfg.family).n_bins,
    }
    return Outcome(rows=[made])


class _Features(NamedTuple):
    """mel [1, M, N], energy [1, N]; linear [1, F, N] where it is kept."""

    mel: torch.Tensor
    energy: torch.Tensor
    linear: torch.Tensor | None


def _features(wave: torch.Tensor, cfg: ConfigView) -> _Features:
    """Raises ValueError when wave [1, T] is shorter than the analysis window's padding."""
    if cfg.family.mel == "styletts2":
        mel = styletts2_mel(wave)
        return _Features(mel, log_norm(mel), None)
    parameters = spectrogram_parameters(cfg.family)
    linear = linear_spectrogram(wave, parameters)
    kept = linear if cfg.features.spectrogram.store_linear else None
    return _Features(mel_from_linear(linear, parameters), frame_energy(linear), kept)


def _as_float16_bytes(spectrogram: torch.Tensor) -> bytes:
    """[F, N] to float16 [N, F] in C order."""
    return np.ascontiguousarray(spectrogram.numpy().T).astype("<f2").tobytes()
