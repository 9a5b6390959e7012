"""What is wrong with a plan of training, said before it starts."""

from __future__ import annotations

from collections.abc import Sequence

from configs.errors import UserError
from configs.train_styletts2 import StyleTTS2TrainSettings
from models.styletts2.slm_adversary import can_judge, judged_clips
from tasks.finetune.styletts2.phases import Schedule


def check_adversary(settings: StyleTTS2TrainSettings, batches: Sequence[Sequence[int]]) -> tuple[str, ...]:
    """Warnings about the SLM adversary: it judges two clips or more, longer than `min_len`.

    Args:
        batches: Mel frames of each clip of each batch of an epoch.

    Raises:
        UserError: no batch will ever be judged, with what would change that.
    """
    rule = settings.slm.adversary
    assert rule is not None
    size = settings.batch_size
    where = "train.styletts2.slm.adversary"
    clips = judged_clips(rule, size)
    if clips < 2:
        enough = 2 if size >= 2 else 4
        way = f"batch_percentage to {2 / size:g}" if size >= 2 else f"train.styletts2.batch_size to {enough}"
        raise UserError(
            f"{where}.batch_percentage = {rule.batch_percentage:g} of batch_size = {size} is "
            f"{clips} clip, and the adversary compares at least two, so it would never train; "
            f"raise {way}, or set {where}: null"
        )
    judged = sum(can_judge(rule, lengths) for lengths in batches)
    if judged == 0:
        second = max((sorted(lengths)[-2] for lengths in batches if len(lengths) > 1), default=0)
        raise UserError(
            f"{where}.min_len = {rule.min_len} frames ({rule.min_len / 80:g} s): no batch holds two clips "
            f"that are longer, so the adversary would never train; lower min_len below {second}, or set "
            f"{where}: null"
        )
    if judged < len(batches) / 4:
        return (
            f"{where}: only {judged} of {len(batches)} batches hold two clips longer than min_len = "
            f"{rule.min_len} frames, so the adversary trains in {judged / len(batches):.0%} of the steps; "
            "lower min_len for more",
        )
    return ()


def check_sources(settings: StyleTTS2TrainSettings) -> tuple[str, ...]:
    """Whether alignment and pitch come from something that knows them.

    Raises:
        UserError: pitch would come from a network that has learnt nothing and never will.
    """
    if settings.pitch == "extractor" and settings.pretrained_pitch is None:
        raise UserError(
            "train.styletts2.pitch = extractor needs train.styletts2.pretrained_pitch: the extractor (JDC) "
            "is never trained here; give its checkpoint, or set train.styletts2.pitch: given"
        )
    if settings.alignment == "aligner" and settings.pretrained_aligner is None:
        return (
            "train.styletts2.pretrained_aligner is null: the aligner starts afresh, and its first alignments "
            "say nothing; give its checkpoint, or set train.styletts2.alignment: given",
        )
    return ()


def is_judged(settings: StyleTTS2TrainSettings, schedule: Schedule, steps: int, per_epoch: float) -> bool:
    """Whether a run of so many steps comes to a phase with the SLM adversary.

    Args:
        per_epoch: Optimiser steps of an epoch.
    """
    if settings.slm.model is None or settings.slm.adversary is None:
        return False
    return schedule.at(steps - 1, int((steps - 1) / per_epoch)).joint
