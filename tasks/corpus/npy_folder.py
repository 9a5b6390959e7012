"""A training folder of NumPy files, as tools that train GPT-SoVITS outside PyTorch keep it, read and checked.

metadata.json           {"samples": [{"id", "transcript", "phoneme_len", "semantic_len"}, ...]}
phoneme_ids/<id>.npy    [phones], places in a GPT-SoVITS symbol table
audio/<id>.npy          [samples], floats in +-1 at 32 kHz
bert_features/<id>.npy  [1024, phones]; the whole part may be absent, as may the next two
semantic_ids/<id>.npy   [codes] at 25 Hz
spec/<id>.npy           [1025, frames] at 50 Hz

Each utterance is checked whole before it is taken, and its neighbours do not suffer. NumPy files may hold
pickled objects, which are code: such files are refused.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from artifacts.manifest import Reject
from configs.errors import UserError
from models.frontend.audio import Samples, encode_flac
from models.frontend.text.symbols import load_symbol_table
from tasks.corpus.experiment_folder import (
    BERT_CHANNELS,
    CODEBOOK,
    HOP_SAMPLES,
    SAMPLE_RATE,
    SLACK_FRAMES,
    IncompleteError,
    is_file_name,
)
from tasks.corpus.lists.entries import legible
from tasks.outcome import reject

METADATA = "metadata.json"
PHONES, AUDIO, BERT, CODES, SPECTRA = "phoneme_ids", "audio", "bert_features", "semantic_ids", "spec"
SPECTRUM_BINS = 1025
_REMEDY = "Prepare the folder again, or remove the utterance."
_TABLE = "gpt-sovits-v2"
"""The larger of the two tables; ids of the other lie within it."""


@dataclass(frozen=True, eq=False)
class NpyUtterance:
    """One utterance, complete and consistent.

    Attributes:
        name: Its id.
        text: What is said.
        samples: float32 `[S]` at 32 kHz.
    """

    name: str
    text: str
    samples: Samples

    @property
    def recording(self) -> tuple[str, bytes]:
        """Name and content of a file of its sound."""
        return f"{self.name}.flac", encode_flac(self.samples, SAMPLE_RATE)


def is_npy_folder(folder: Path) -> bool:
    """Whether this is such a folder, and none of GPT-SoVITS's own."""
    return (folder / METADATA).is_file() and (folder / PHONES).is_dir()


def read_npy_folder(folder: Path) -> Iterator[NpyUtterance | Reject]:
    """Every utterance that `metadata.json` names, or why it cannot be used, one at a time.

    Raises:
        UserError: the list is none, or the folder has no sound at all.
    """
    if not (folder / AUDIO).is_dir():
        raise UserError(
            f"{folder}: holds no folder {AUDIO}, and without sound no voice can be trained; prepare it with "
            "the audio as .npy files, or give the recordings themselves to `voicewright finetune`"
        )
    seen: set[str] = set()
    for number, told in enumerate(_samples(folder / METADATA), 1):
        name = told.get("id") if isinstance(told, dict) else None
        if not isinstance(name, str) or not is_file_name(name) or name in seen:
            reason = f"entry {number} has no new id that can be a file's name"
            yield reject(f"entry {number}", "bad_metadata", METADATA, legible(repr(told)), reason, _REMEDY)
            continue
        seen.add(name)
        try:
            yield _utterance(folder, name, told)
        except IncompleteError as problem:
            yield reject(name, problem.code, problem.part, problem.found, problem.reason, _REMEDY)


def _samples(path: Path) -> list[Any]:
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise UserError(f"{path}: cannot be read as JSON ({error}); prepare the folder again") from error
    samples = found.get("samples") if isinstance(found, dict) else None
    if not isinstance(samples, list) or not samples:
        raise UserError(f"{path}: has no list `samples`; prepare the folder again")
    return samples


def _utterance(folder: Path, name: str, told: Mapping[str, Any]) -> NpyUtterance:
    text = told.get("transcript")
    if not isinstance(text, str) or not text.strip():
        raise _problem("bad_metadata", METADATA, text, "it has no transcript")
    phones = _integers(folder, PHONES, name, len(load_symbol_table(_TABLE).symbols))
    _require_told(told, "phoneme_len", PHONES, len(phones))
    samples = _array(folder, AUDIO, name, "f", 1)
    if len(samples) < HOP_SAMPLES or not np.abs(samples).max() > 0:
        raise _problem("too_short", AUDIO, len(samples), f"it holds {len(samples)} samples, or silence")
    frames = len(samples) // HOP_SAMPLES
    if (folder / BERT).is_dir():
        _require_shape(BERT, _array(folder, BERT, name, "f", 2), (BERT_CHANNELS, len(phones)))
    if (folder / CODES).is_dir():
        codes = _integers(folder, CODES, name, CODEBOOK)
        _require_told(told, "semantic_len", CODES, len(codes))
        _require_length(CODES, 2 * len(codes), frames)
    if (folder / SPECTRA).is_dir():
        spectrum = _array(folder, SPECTRA, name, "f", 2)
        _require_shape(SPECTRA, spectrum, (SPECTRUM_BINS, spectrum.shape[1]))
        _require_length(SPECTRA, spectrum.shape[1], frames)
    # A line of the list of transcripts, whose columns a bar parts.
    line = " ".join(text.replace("|", " ").split())
    return NpyUtterance(name, line, np.clip(samples.astype(np.float32), -1, 1))


def _integers(folder: Path, part: str, name: str, limit: int) -> NDArray[Any]:
    found = _array(folder, part, name, "iu", 1)
    if found.min() < 0 or found.max() >= limit:
        reason = f"its numbers are not from 0 to {limit - 1}"
        raise _problem("damaged", part, f"{found.min()} to {found.max()}", reason)
    return found


def _array(folder: Path, part: str, name: str, kinds: str, dimensions: int) -> NDArray[Any]:
    path = folder / part / f"{name}.npy"
    if not path.is_file():
        raise _problem("missing", part, path.name, f"{part}/{path.name} is missing")
    try:
        # Mapped, so that a header which claims more than the file holds takes no memory.
        found = np.load(path, mmap_mode="r", allow_pickle=False)
    except (OSError, ValueError, EOFError, OverflowError) as error:
        raise _problem("damaged", part, path.name, f"{path.name} is no array of numbers: {error}") from error
    whole = isinstance(found, np.ndarray) and found.ndim == dimensions and found.size > 0
    if not whole or found.dtype.kind not in kinds:
        shape = list(getattr(found, "shape", ()))
        wanted = f"{dimensions}-dimensional array of {'numbers' if 'f' in kinds else 'whole numbers'}"
        raise _problem("damaged", part, f"{getattr(found, 'dtype', 'archive')} {shape}", f"it is no {wanted}")
    if not np.isfinite(found).all():
        raise _problem("damaged", part, path.name, f"{path.name} holds other than finite numbers")
    return found


def _require_told(told: Mapping[str, Any], key: str, part: str, found: int) -> None:
    if key in told and told[key] != found:
        raise _problem("mismatch", part, found, f"{METADATA} says {key} = {told[key]}")


def _require_shape(part: str, found: NDArray[Any], wanted: tuple[int, ...]) -> None:
    if found.shape != wanted:
        raise _problem("mismatch", part, list(found.shape), f"its shape is not {list(wanted)}")


def _require_length(part: str, found: int, frames: int) -> None:
    if abs(found - frames) > SLACK_FRAMES:
        raise _problem("mismatch", part, found, f"it lasts {found} frames where the audio has {frames}")


def _problem(code: str, part: str, found: object, reason: str) -> IncompleteError:
    return IncompleteError(code, part, found, reason, "preparation")
