"""Speaker embeddings from a self-supervised speech model (WavLM, HuBERT): its hidden states, pooled in time.

Which layers tell who speaks differs by network, so all hidden states count alike: their mean, and of that,
over the clip, mean and spread of each channel. Nothing is trained.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch.nn import functional

from configs.errors import UserError
from models.frontend.pretrained import load_pretrained

_FEWEST_SAMPLES = 1_600
"""A tenth of a second at 16 kHz, some frames; a shorter clip is heard with zeros after it."""


@lru_cache(maxsize=1)
def load_pooled(model: str) -> Any:
    """The frozen network of a local folder or the hub.

    Raises:
        UserError: as `load_pretrained`, or it is a network that does not read waveforms.
    """
    from transformers import AutoModel

    network = load_pretrained(AutoModel, model, "main", "`model`")
    if not hasattr(network.config, "conv_stride"):
        raise UserError(
            f"`model` = {model}: this is a {network.config.model_type} model, which does not read waveforms; "
            "give a WavLM, HuBERT or wav2vec 2.0 model, such as microsoft/wavlm-base-plus"
        )
    return network.requires_grad_(False)


@torch.inference_mode()
def embed_pooled(samples_16k: NDArray[np.float32], model: str) -> NDArray[np.float32]:
    """Unit-length embedding `[2 D]` of speech `[T]` at 16 kHz: means, then spreads, of D channels.

    Each half counts as much as the other, however large the network's numbers are.

    Raises:
        UserError: as `load_pooled`.
    """
    network = load_pooled(model)
    wave = torch.from_numpy(samples_16k)
    wave = functional.pad(wave, (0, max(0, _FEWEST_SAMPLES - len(wave))))[None]
    states = network(wave, output_hidden_states=True).hidden_states
    heard = torch.stack(states).mean(0)[0]
    halves = [functional.normalize(part, dim=0) for part in (heard.mean(0), heard.std(0, correction=0))]
    pooled: NDArray[np.float32] = functional.normalize(torch.cat(halves), dim=0).numpy()
    return pooled
