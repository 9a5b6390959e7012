"""Stage spectrogram: mel bands, linear magnitudes and energy with the family's exact settings."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch

from artifacts import schemas
from models.frontend.mel import frame_energy, linear_spectrogram, mel_from_linear
from tasks.features.frames import AUDIO_COLUMNS, FRAME_SETTINGS, family_wave, spectrogram_parameters
from tasks.stage import ConfigView, Outcome, RowStage, reject


def spectrogram_rows(
    rows: list[dict[str, Any]], cfg: ConfigView, files: Mapping[str, Mapping[str, Path]]
) -> list[Outcome]:
    """One outcome per row; a clip shorter than the analysis window's padding is rejected."""
    del files
    return [_spectrogram_row(row, cfg) for row in rows]


def _spectrogram_row(row: dict[str, Any], cfg: ConfigView) -> Outcome:
    parameters = spectrogram_parameters(cfg.family)
    samples = family_wave(row, cfg.family)
    if len(samples) <= parameters.padding_samples:
        refusal = reject(
            row["utterance_id"],
            "too_short",
            "duration_s",
            f"{len(samples) / parameters.sample_rate:.4f}",
            f"a spectrogram takes more than {parameters.padding_samples} samples at "
            f"{parameters.sample_rate} Hz",
            "Remove the clip.",
        )
        return Outcome(rejects=[refusal])
    linear = linear_spectrogram(torch.from_numpy(samples)[None], parameters)
    mel = mel_from_linear(linear, parameters)
    made = {
        "utterance_id": row["utterance_id"],
        "source_digest": row["source_digest"],
        "mel": _as_float16_bytes(mel[0]),
        "linear": _as_float16_bytes(linear[0]) if cfg.features.spectrogram.store_linear else b"",
        "energy": frame_energy(linear)[0].tolist(),
        "n_frames": mel.shape[-1],
        "n_mels": parameters.n_mels,
        "n_bins": parameters.n_bins,
    }
    return Outcome(rows=[made])


def _as_float16_bytes(spectrogram: torch.Tensor) -> bytes:
    """[F, N] to float16 [N, F] in C order."""
    return np.ascontiguousarray(spectrogram.numpy().T).astype("<f2").tobytes()


SPECTROGRAM = RowStage(
    name="spectrogram",
    version=1,
    run=spectrogram_rows,
    reads={"enhance": AUDIO_COLUMNS},
    only=("screen",),
    config=("features.spectrogram", *FRAME_SETTINGS),
    schema=schemas.SPECTROGRAM,
    libraries=("torch", "soxr"),
    about="Log-mel and linear spectrograms and frame energy.",
)
