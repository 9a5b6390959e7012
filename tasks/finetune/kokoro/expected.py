"""How many steps the trainings of a Kokoro voice will take, before there is a table to train on."""

from __future__ import annotations

import math

from configs.settings import Settings
from tasks.finetune.kokoro.fit_plan import fit_plan
from tasks.finetune.length import total_steps


def expected_steps(settings: Settings, speech_s: float, clips: int, speakers: int) -> dict[str, int]:
    """Steps by stage.

    Args:
        settings: Of the run.
        speech_s: Of recordings, seconds.
        clips: That are trained on.
        speakers: Who speak in them.
    """
    kokoro, fitting = settings.train.kokoro, settings.train.kokoro_fit
    steps = {}
    if kokoro.method == "fit" or kokoro.table.start == "fitted":
        steps["fit_kokoro"] = fit_plan(fitting, speech_s, speakers).steps
    if kokoro.method == "train":
        batches = math.ceil(clips / kokoro.batch_size)
        steps["train_kokoro"] = total_steps(kokoro.max_steps, kokoro.max_epochs, kokoro.accumulate, batches)
    return steps
