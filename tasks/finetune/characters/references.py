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
    place = {clips.utterance_ids[index]: at for own in of_speaker.values() for at, index in enumerate(own)}

    def add(batch: AcousticBatch, rng: torch.Generator) -> AcousticBatch:
        shares = torch.rand(len(batch.speakers), generator=rng).tolist()
        mels = []
        for name, speaker, share in zip(batch.utterance_ids, batch.speakers, shares, strict=True):
            own, at = of_speaker[speaker], place.get(name)
            if at is None or len(own) == 1:
                drawn = int(share * len(own))
            else:
                drawn = int(share * (len(own) - 1))
                drawn += drawn >= at
            mels.append(clips[own[drawn]].mel)
        return batch._replace(
            reference_mel=pad_frames(mels).float(), reference_lengths=tuple(mel.shape[1] for mel in mels)
        )

    return add
