"""How many steps the trainings of a StyleTTS 2 voice will take, before there is a table to train on."""

from __future__ import annotations

import math

from configs.settings import Settings
from tasks.finetune.length import total_steps


def expected_steps(settings: Settings, speech_s: float, clips: int, speakers: int) -> dict[str, int]:
    """Steps by stage; arguments as every family's."""
    del speech_s, speakers
    train = settings.train.styletts2
    batches = math.ceil(clips / train.batch_size)
    phases = (
        {"stage1": train.stage1, "stage2": train.stage2}
        if train.pretrained is None
        else {"finetune": train.finetune}
    )
    return {
        f"train_styletts2_{name}": total_steps(phase.max_steps, phase.max_epochs, train.accumulate, batches)
        for name, phase in phases.items()
    }
