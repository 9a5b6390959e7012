"""HuBERT content features as GPT-SoVITS uses them (Hsu et al. 2021, arXiv:2106.07447).

GPT-SoVITS: 16 kHz waveform in -1..1, no per-clip normalisation, last hidden state, 768 values 50 times a
second (`feature_extractor/cnhubert.py`). Its training script scales the waveform by about 1145 while its
inference does not; the first layer's group norm hides most of that, and ours uses the scale of inference for
both.
"""

from __future__ import annotations

import functools
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn.utils.rnn import pad_sequence

from models.content.frames import align_frames
from models.frontend.pretrained import load_pretrained
from models.layers.masking import sequence_mask

SAMPLE_RATE = 16_000
CPU = torch.device("cpu")


@functools.lru_cache(maxsize=1)
def load_hubert(
    model: str, revision: str, weights_digest: str | None, setting: str, device: torch.device = CPU
) -> Any:
    """A frozen HubertModel on a device; other arguments and errors of `load_pretrained`."""
    from transformers import HubertModel

    network = load_pretrained(HubertModel, model, revision, setting, weights_digest)
    return network.requires_grad_(False).to(device)


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
    require_frame(network, samples)
    hidden = network(_wave(network, samples, normalize), output_hidden_states=layer != -1)
    taken = hidden.last_hidden_state if layer == -1 else hidden.hidden_states[layer]
    return align_frames(taken[0].transpose(0, 1), n_frames).cpu()


@torch.no_grad()
def hubert_features_together(
    network: Any, clips: Sequence[NDArray[np.float32]], n_frames: Sequence[int], normalize: bool = False
) -> list[Tensor]:
    """The network's output, as `hubert_features` gives it, of clips that its transformer reads at once.

    The convolutions before it hear each clip alone: the first of them is normalised over time, where padding
    would change the whole clip. Raises as `hubert_features`.
    """
    for clip in clips:
        require_frame(network, clip)
    heard = [
        network.feature_projection(
            network.feature_extractor(_wave(network, clip, normalize)).transpose(1, 2)
        )[0]
        for clip in clips
    ]
    lengths = torch.tensor([len(frames) for frames in heard], device=network.device)
    mask = sequence_mask(lengths, int(lengths.max()))
    made = network.encoder(pad_sequence(heard, batch_first=True), attention_mask=mask).last_hidden_state.cpu()
    return [
        align_frames(row[: len(frames)].transpose(0, 1), wanted)
        for row, frames, wanted in zip(made, heard, n_frames, strict=True)
    ]


def require_frame(network: Any, samples: NDArray[np.float32]) -> None:
    """Raises ValueError when the clip [T] is shorter than one frame."""
    if len(samples) < _receptive_field(network):
        raise ValueError(f"a clip of {len(samples)} samples at 16 kHz is shorter than one HuBERT frame")


def _wave(network: Any, samples: NDArray[np.float32], normalize: bool) -> Tensor:
    """[1, T] on the network's device."""
    wave = torch.from_numpy(np.ascontiguousarray(samples, dtype=np.float32))[None]
    if normalize:
        wave = (wave - wave.mean()) / torch.sqrt(wave.var(unbiased=False) + 1e-7)
    return wave.to(network.device)


def _receptive_field(network: Any) -> int:
    field, step = 1, 1
    for kernel, stride in zip(network.config.conv_kernel, network.config.conv_stride, strict=True):
        field += (kernel - 1) * step
        step *= stride
    return field
