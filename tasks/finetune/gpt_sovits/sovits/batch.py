"""Batches of SoVITS out of examples."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from configs.errors import UserError
from models.sovits.step import SovitsBatch
from tasks.finetune.batches import pad_frames
from tasks.finetune.gpt_sovits.examples import Example


def collate(examples: Sequence[Example], hop_samples: int, uses_speaker_vector: bool = False) -> SovitsBatch:
    """Pad examples to one batch; content and waveform are fitted to the spectrogram's frames.

    Args:
        uses_speaker_vector: Whether the network's version is conditioned on speaker vectors.

    Raises:
        UserError: it is, and a clip has none.
    """
    frames = [example.linear.shape[1] for example in examples]
    longest = max(frames)
    content = [fit_frames(e.content, n) for e, n in zip(examples, frames, strict=True)]
    waves = [fit_samples(e.wave, n * hop_samples)[None] for e, n in zip(examples, frames, strict=True)]
    return SovitsBatch(
        ssl=pad_frames(content, longest).float(),
        spec=pad_frames([e.linear for e in examples], longest).float(),
        spec_lengths=torch.tensor(frames),
        wave=pad_frames(waves, longest * hop_samples),
        phone_ids=pad_frames([e.phone_ids for e in examples]),
        phone_lengths=torch.tensor([len(e.phone_ids) for e in examples]),
        speaker_vector=_speaker_vectors(examples) if uses_speaker_vector else None,
        utterance_ids=tuple(e.utterance_id for e in examples),
    )


def _speaker_vectors(examples: Sequence[Example]) -> Tensor:
    """The clips' speaker vectors `[B, V]`."""
    vectors = [e.speaker_vector for e in examples if e.speaker_vector is not None]
    if len(vectors) < len(examples):
        lacking = next(e.utterance_id for e in examples if e.speaker_vector is None)
        raise UserError(
            f"train.sovits.version: v2Pro and v2ProPlus are conditioned on speaker vectors, and {lacking} "
            "has none in the shards. Set features.speaker_vector.backend=eres2netv2 and run again"
        )
    return torch.from_numpy(np.stack(vectors))


def fit_frames(track: np.ndarray, frames: int) -> np.ndarray:
    """`[D, T]` cut, or its last frame repeated, to `frames`: encoders differ by a frame at the end."""
    missing = frames - track.shape[1]
    if missing <= 0:
        return track[:, :frames]
    return np.pad(track, ((0, 0), (0, missing)), mode="edge")


def fit_samples(wave: np.ndarray, samples: int) -> np.ndarray:
    """`[S]` cut, or padded with silence, to `samples`."""
    return np.pad(wave[:samples], (0, max(0, samples - len(wave))))
