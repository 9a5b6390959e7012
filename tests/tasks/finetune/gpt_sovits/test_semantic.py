"""Codes are made of the frames that the content encoder gave, as GPT-SoVITS makes them."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from models.content.frames import align_frames, encoded_frames
from models.sovits.config import sovits_config
from models.sovits.model import SovitsGenerator
from tasks.finetune.gpt_sovits.semantic import semantic_codes
from tests.models.tiny import TINY_SOVITS


@pytest.mark.parametrize(
    ("given", "frames", "codes"),
    # The spectrogram has a frame more than HuBERT, as many, or two more, and either number may be odd.
    [(99, 100, 49), (100, 101, 50), (100, 100, 50), (101, 101, 50), (98, 100, 49), (1, 2, 1), (1, 1, 1)],
)
def test_odd_frames_and_repeated_ones_make_no_code(given: int, frames: int, codes: int) -> None:
    torch.manual_seed(0)
    generator = SovitsGenerator(sovits_config("v2", **TINY_SOVITS)).eval()
    own = torch.randn(generator.config.content_channels, given)
    stored = np.ascontiguousarray(align_frames(own, frames).numpy().T).astype(np.float16)
    assert encoded_frames(stored) == given
    found = semantic_codes(stored, generator)
    assert len(found) == codes
    if given > 1:
        exact = torch.from_numpy(stored[:given].astype(np.float32).T.copy())[None]
        with torch.no_grad():
            assert found == generator.extract_codes(exact)[0].tolist()
