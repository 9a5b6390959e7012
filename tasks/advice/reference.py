"""What trainings took where we measured them, for machines that have not trained yet.

Steps were timed with `bench/` on two threads, in fp32 (see `bench/results`). A machine that has trained a
preset itself goes by that instead; nothing was measured on a GPU.
"""

from __future__ import annotations

from typing import NamedTuple

from tasks.advice.machine import Machine


class Reference(NamedTuple):
    """What one training stage took.

    Attributes:
        clip_s: Seconds for one clip of a step.
        gflops: What the machine's matrix product made then, as `Machine.gflops`.
        further_s: Seconds beside the steps.
        memory_gb: At most, by the process; None where that was not measured.
    """

    clip_s: float
    gflops: float
    further_s: float
    memory_gb: float | None


_FULL_SIZE = {
    # sovits.json: a step of four clips, 7.3 s (v2) and 8.9 s (v2Pro)
    "train_sovits": Reference(7.3 / 4, 183, 60, 3.7),
    # t2s.json: a step of four clips with 250 codes, 5.1 s
    "train_t2s": Reference(5.1 / 4, 160, 30, 2.7),
    # kokoro_step.json: a step of two clips of 2.5 s with discriminators, 19.8 s
    "train_kokoro": Reference(19.8 / 2, 193, 60, 5.6),
    # styletts2.json: a joint step of two clips of 200 frames, 21.4 s
    "train_styletts2_stage1": Reference(21.4 / 2, 179, 60, 6.9),
    "train_styletts2_stage2": Reference(21.4 / 2, 179, 60, 6.9),
    "train_styletts2_finetune": Reference(21.4 / 2, 179, 60, 6.9),
}
_BY_PRESET = {
    # stages.json: 220 steps of SoVITS in 44 s, 300 of T2S in 10.5 s, on one thread
    ("tiny", "train_sovits"): Reference(44.1 / 220 / 4, 180, 0, None),
    ("tiny", "train_t2s"): Reference(10.5 / 300 / 4, 180, 0, None),
    # docs/howto/small-voices.md: .27 to .29 s a step of two clips, on one thread
    ("small", "train_sovits"): Reference(0.28 / 2, 180, 30, None),
}
_FIT = Reference(5.2, 180, 0, None)
"""docs/howto/choosing.md: 30 s of speech in 50 steps and 4.3 minutes in fp32. First comparison and
validations are spread over the steps."""
_FIT_BF16 = Reference(0.77, 248, 24, 2.6)
"""The same speech in 62 s in bf16."""


class Others(NamedTuple):
    """What all stages that train nothing take together, at `Machine.gflops` of 180.

    Attributes:
        further_s: Seconds, however little speech there is.
        each_s: Seconds for a second of speech.
        sentence_s: Seconds to say and to judge one of `release.evaluate.sentences`.
    """

    further_s: float
    each_s: float
    sentence_s: float = 6.6


OTHERS = {"kokoro": Others(40, 0.4)}
"""kokoro_fit.json: all but the fitting took 39 s for 30 s of speech, 97 s for 134 s, without sentences, of
which thirty took 3.3 minutes (docs/howto/choosing.md)."""
PLAIN = Others(4, 0.13)
"""stages.json: 18 s for 109 s of speech, with small networks; of other families nothing was measured."""
OTHERS_GFLOPS = 180
DISK_GB = {"kokoro": 4.0}
"""What a workspace grew by with its first voice (MLflow's copy, store, version and folder), by family."""


def reference_of(stage: str, preset: str, machine: Machine) -> Reference | None:
    """What is known of a training stage; None where nothing that is like it was measured."""
    if machine.gpu:
        return None
    if stage == "fit_kokoro":
        return _FIT_BF16 if machine.bf16 else _FIT
    if preset.endswith("-tiny") or preset in {"tiny", "small"}:
        return _BY_PRESET.get((preset, stage))
    return _FULL_SIZE.get(stage)
