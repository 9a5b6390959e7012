"""What speaking needs of a model of the StyleTTS 2 line, whichever model it is."""

from __future__ import annotations

from typing import NamedTuple

from torch import nn

from models.acoustics.decoder import Decoder
from models.acoustics.plbert import PhonemeBert
from models.acoustics.prosody import ProsodyPredictor
from models.acoustics.text_encoder import TextEncoder


class SynthesisParts(NamedTuple):
    """What speaking needs of a model in evaluation mode, the style given."""

    bert: PhonemeBert
    bert_encoder: nn.Linear
    predictor: ProsodyPredictor
    text_encoder: TextEncoder
    decoder: Decoder
    style_dim: int
    """Width of each half of a style: acoustic first, prosody second."""
    trailing_frames: int = 0
    """Frames that speaking adds to the last token."""
    frame_delay: int = 0
    """Frames by which speaking holds text and prosody back."""
