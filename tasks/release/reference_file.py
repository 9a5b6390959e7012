"""A recording from outside the corpus, read to speak like it."""

from __future__ import annotations

from pathlib import Path

from configs.errors import UserError
from models.frontend.audio import Samples, decode_flac, resample
from models.frontend.audio_errors import AudioError
from models.frontend.recordings import DecodePolicy, decode_file


def read_reference_file(path: Path, sample_rate: int, min_s: float, max_s: float) -> Samples:
    """Samples `[S]` of a recording of any kind that the pipeline reads, at `sample_rate`.

    Raises:
        UserError: it cannot be read, or lasts less than `min_s` or more than `max_s`.
    """
    if not path.is_file():
        raise UserError(f"--reference: {path} is no file")
    try:
        decoded = decode_file(path, DecodePolicy())
    except AudioError as error:
        raise UserError(f"--reference: {path}: {error}") from error
    except OSError as error:
        raise UserError(f"--reference: {path} cannot be read: {error.strerror or error}") from error
    duration_s = decoded.n_samples / decoded.sample_rate
    if not min_s <= duration_s <= max_s:
        advice = "cut one clear sentence out" if duration_s > max_s else "record a longer sentence"
        raise UserError(
            f"--reference: {path} lasts {duration_s:.2f} s, and a reference {min_s:g} to {max_s:g} s; "
            f"{advice}"
        )
    wave = decode_flac(decoded.flac)
    return resample(wave.samples, wave.sample_rate, sample_rate)
