"""Another clip by the same speaker for each row of a batch: what a multi-speaker style diffusion reads."""

from __future__ import annotations

from collections.abc import Callable

import torch

from models.acoustics.batch import AcousticBatch
from tasks.finetune.batches import pad_frames
from tasks.finetune.characters.clips import Clips

References = Callable[[AcousticBatch, torch.Generator], AcousticBatch]
"""Adds another clip by each row's speaker."""


def no_references(batch: AcousticBatch, rng: torch.Generator) -> AcousticBatch:
    """The batch as it is: a single-speaker model has no use for a reference."""
    del rng
    return batch


def references_among(clips: Clips) -> References:
    """For each row of a batch another clip by its speaker, drawn anew in every step; its own where alone."""
    of_speaker: dict[str, list[int]] = {}
    for index, speaker in enumerate(clips.speakers):
        of_speaker.setdefault(speaker, []).append(index)
    place = {name: index for index, name in enumerate(clips.utterance_ids)}

    def add(batch: AcousticBatch, rng: torch.Generator) -> AcousticBatch:
        shares = torch.rand(len(batch.speakers), generator=rng).tolist()
        mels = []
        for name, speaker, share in zip(batch.utterance_ids, batch.speakers, shares, strict=True):
            others = [index for index in of_speaker[speaker] if index != place.get(name)]
            candidates = others or of_speaker[speaker]
            mels.append(clips[candidates[int(share * len(candidates))]].mel)
        return batch._replace(
            reference_mel=pad_frames(mels).float(), reference_lengths=tuple(mel.shape[1] for mel in mels)
        )

    return add
