"""The codes of a reference clip that the decoder goes on from."""

from __future__ import annotations

import numpy as np
import torch

from configs.content import ContentSettings
from models.content.hubert import SAMPLE_RATE
from models.frontend.audio import Samples
from models.frontend.mel import SpectrogramParameters
from models.sovits.model import SovitsGenerator
from tasks.features.content import encode_content
from tasks.finetune.gpt_sovits.semantic import semantic_codes

SILENT_SAMPLES = 9_600
"""Zeros after the clip, at HuBERT's 16 kHz. GPT-SoVITS counts .3 s at 32 kHz, which here are .6 s."""


def prompt_codes(
    samples: Samples,
    generator: SovitsGenerator,
    frame: SpectrogramParameters,
    content: ContentSettings,
    device: torch.device,
) -> tuple[int, ...]:
    """Semantic codes of a clip and the silence after it, as GPT-SoVITS prompts its decoder.

    The silence tells the decoder that the clip's text is over, and keeps the clip's last frames from the
    cut's edge. MFCCs, which GPT-SoVITS does not have, get none: they are normalised over the clip, so that
    silence would change all codes.

    Args:
        samples: float32 `[S]` at the family's sample rate.
        generator: Whose quantiser makes the codes.
        frame: The family's audio frame.
        content: How a recording becomes content features.
        device: Of HuBERT.

    Raises:
        UserError: HuBERT's weights cannot be had.
        ValueError: the clip is shorter than a frame.
    """
    if content.backend == "hubert":
        silent = round(SILENT_SAMPLES / SAMPLE_RATE * frame.sample_rate)
        samples = np.concatenate((samples, np.zeros(silent, dtype=np.float32)))
    features = encode_content(samples, frame, content, device)
    # Half precision as in the shards.
    stored = np.ascontiguousarray(features.numpy().T).astype(np.float16)
    return tuple(semantic_codes(stored, generator))
