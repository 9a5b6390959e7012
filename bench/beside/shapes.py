"""The work that both sides are given: sizes only, since this is imported beside modules of any name."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import torch
from torch import nn

Works = Mapping[str, Callable[[], object]]
"""What one process is timed at: the whole, or parts of it that are told apart."""

WHOLE = "whole"

SOVITS_FRAMES, SOVITS_PHONES = 200, 100
SPOKEN_CODES, SPOKEN_PHONES, REFERENCE_FRAMES = 125, 60, 200

T2S_ROWS, T2S_PHONES, T2S_CODES = 4, 100, 250
T2S_PROMPT = 75
FIRST, CODES = "text, prompt and one code", "text, prompt and all codes"
"""Their difference is the time of the codes after the first."""
TOP_K, REPETITION_PENALTY = 15, 1.35

STYLE_ROWS, STYLE_FRAMES, STYLE_TOKENS = 2, 100, 30
STYLE_SPOKEN_TOKENS, STYLE_SPOKEN_S, STYLE_LEVELS = 50, 5.0, 5

KOKORO_S, KOKORO_PHONEMES_PER_S = 5.0, 12


class Asked(NamedTuple):
    """What a process is asked to do."""

    item: str
    precision: str
    """"fp32", "bf16", "fp16" or "int8"; the references know fp32 only."""
    threads: int
    tiny: bool
    """Little enough work to see that everything runs; its times mean nothing."""
    references: Path
    shared: Path
    """Folder of what both sides read, from `prepare`."""

    @property
    def new_codes(self) -> int:
        """Codes that are decoded."""
        return 12 if self.tiny else 61

    def rows(self, published: int) -> int:
        """Rows of a training batch."""
        return 2 if self.tiny else published

    def to_json(self) -> str:
        """For the command line of a child."""
        return json.dumps(self._asdict(), default=str)

    @classmethod
    def of_json(cls, text: str) -> Asked:
        """What `to_json` wrote."""
        found: dict[str, Any] = json.loads(text)
        found |= {name: Path(found[name]) for name in ("references", "shared")}
        return cls(**found)


def never_end(predict: nn.Linear) -> None:
    """Make the end, the last code, score 0, which with random weights is never among the likeliest."""
    with torch.no_grad():
        predict.weight[-1] = 0
