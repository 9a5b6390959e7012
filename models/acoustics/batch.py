"""Clips that StyleTTS 2 and Kokoro train on."""

from typing import NamedTuple

from torch import Tensor


class AcousticBatch(NamedTuple):
    """One padded batch; everything beyond a row's length is 0. Lengths are plain numbers, on no device."""

    tokens: Tensor
    """[B, L] int64."""
    token_lengths: tuple[int, ...]
    mel: Tensor
    """[B, F, T] at 80 Hz, T even."""
    mel_lengths: tuple[int, ...]
    """Even."""
    wave: Tensor
    """[B, T * hop_samples] the recording that the mel was made of, in +-1."""
    durations: Tensor
    """[B, L] int64 frames of 25 ms per token, as the stage `align` has them."""
    f0_hz: Tensor
    """[B, T] pitch as the stage `pitch` has it, 0 where unvoiced."""
    speakers: tuple[str, ...]
    utterance_ids: tuple[str, ...]
    reference_mel: Tensor | None = None
    """[B, F, R] of another clip by each speaker, for a multi-speaker model."""
    reference_lengths: tuple[int, ...] = ()
