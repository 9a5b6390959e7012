"""Batches of T2S out of examples and their codes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import torch

from models.t2s.step import T2SBatch
from tasks.finetune.batches import pad_frames
from tasks.finetune.gpt_sovits.examples import Example


def collate(
    examples: Sequence[Example], codes: Mapping[str, np.ndarray], linguistic_channels: int
) -> T2SBatch:
    """Pad examples and their codes to one batch; absent linguistic features are zeros."""
    phones = [len(e.phone_ids) for e in examples]
    chosen = [codes[e.utterance_id] for e in examples]
    bert = torch.zeros(len(examples), linguistic_channels, max(phones))
    for row, example in zip(bert, examples, strict=True):
        if example.linguistic is not None:
            row[:, : example.linguistic.shape[1]] = torch.from_numpy(example.linguistic)
    return T2SBatch(
        phone_ids=pad_frames([e.phone_ids for e in examples]),
        phone_lengths=torch.tensor(phones),
        bert=bert,
        codes=pad_frames(chosen),
        code_lengths=torch.tensor([len(c) for c in chosen]),
        utterance_ids=tuple(e.utterance_id for e in examples),
    )
