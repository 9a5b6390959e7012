"""How many steps the trainings of a GPT-SoVITS voice will take, before there is a table to train on."""

from __future__ import annotations

import math

from configs.settings import Settings
from tasks.finetune.gpt_sovits.plan import networks_of
from tasks.finetune.gpt_sovits.planner import plan_training


def expected_steps(settings: Settings, speech_s: float, clips: int, speakers: int) -> dict[str, int]:
    """Steps by stage, 0 for a network that is kept; arguments as every family's."""
    del speakers
    train = settings.train
    plan = plan_training(speech_s, networks_of(train, clips))
    return {
        f"train_{name}": plan.decisions[name].length.steps(
            network.accumulate, math.ceil(clips / network.batch_size)
        )
        for name, network in (("sovits", train.sovits), ("t2s", train.t2s))
    }
