"""Who hears validation clips of characters."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import torch

from configs.train_acoustic import ListeningSettings
from models.acoustics.batch import AcousticBatch
from models.speaker.ge2e import load_ge2e
from models.speaker.likeness import SpeakerLikeness
from tasks.finetune.characters.clips import FamilyOfCharacters
from tasks.finetune.listener import listener
from tasks.finetune.listening import Ear
from tasks.finetune.rendered_pitch import Grid


def ear_for(
    settings: ListeningSettings,
    validation: Sequence[AcousticBatch],
    device: torch.device,
    files: Mapping[str, Path],
    family: FamilyOfCharacters,
) -> Ear:
    """Hears the first of the held-out clips, as many as the settings say.

    Args:
        settings: Of listening.
        validation: A batch of each held-out clip.
        device: Where they are spoken.
        files: The shard stage's, which know what is said.
        family: Of the sound.
    """
    heard = [batch.utterance_ids[0] for batch in validation[: settings.clips]]
    grid = Grid(family.sample_rate, family.hop_samples)
    if not heard:
        return Ear((), grid)
    likeness = SpeakerLikeness(load_ge2e(), family.sample_rate).to(device)
    by = listener(settings.recogniser, files, "validation", family.sample_rate)
    return Ear(frozenset(heard), grid, likeness, by)
