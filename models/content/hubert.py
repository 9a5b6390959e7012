"""HuBERT content features as GPT-SoVITS uses them (Hsu et al. 2021, arXiv:2106.07447).

GPT-SoVITS: 16 kHz waveform in -1..1, no per-clip normalisation, last hidden state, 768 values 50 times a
second (`feature_extractor/cnhubert.py`). Its training script scales the waveform by about 1145 while its
inference does not; the first layer's group norm hides most of that, and ours uses the scale of inference for
both.
"""

from __future__ import annotations

import functools
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from models.content.frames import align_frames
from models.frontend.pretrained import load_pretrained

SAMPLE_RATE = 16_000


@functools.lru_cache(maxsize=1)
def load_hubert(model: str, revision: str, weights_digest: str | None, setting: str) -> Any:
    """A frozen HubertModel; arguments and errors of `load_pretrained`."""
    from transformers import HubertModel

    network = load_pretrained(HubertModel, model, revision, setting, weights_digest)
    return network.requires_grad_(False)


@torch.no_grad()
def hubert_features(
    network: Any,
    samples: NDArray[np.float32],
    n_frames: int,
    layer: int = -1,
    normalize: bool = False,
) -> Tensor:
    """Features [D, n_frames] of samples [T] at 16 kHz in -1..1.

    layer: index into the hidden states; -1 is the network's output. Raises ValueError when the clip is
    shorter than one frame, or the frame rate does not fit.
    """
    wave = torch.from_numpy(np.ascontiguousarray(samples, dtype=np.float32))[None]
    if wave.shape[-1] < _receptive_field(network):
        raise ValueError(f"a clip of {wave.shape[-1]} samples at 16 kHz is shorter than one HuBERT frame")
    if normalize:
        wave = (wave - wave.mean()) / torch.sqrt(wave.var(unbiased=False) + 1e-7)
    hidden = network(wave, output_hidden_states=layer != -1)
    taken = hidden.last_hidden_state if layer == -1 else hidden.hidden_states[layer]
    return align_frames(taken[0].transpose(0, 1), n_frames)


def _receptive_field(network: Any) -> int:
    field, step = 1, 1
    for kernel, stride in zip(network.config.conv_kernel, network.config.conv_stride, strict=True):
        field += (kernel - 1) * step
        step *= stride
    return field
