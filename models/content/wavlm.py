"""WavLM (Chen et al. 2022, arXiv:2110.13900), frozen: the speech language model StyleTTS 2 listens through.

StyleTTS 2 resamples to 16 kHz without normalising, and reads all hidden states of
`microsoft/wavlm-base-plus`, the input embedding among them. Any model of transformers' WavLM, HuBERT or
wav2vec 2.0 form will do.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from configs.errors import UserError
from models.content.resample import Resample
from models.frontend.pretrained import load_pretrained

SAMPLE_RATE = 16_000


class WavLM(nn.Module):
    """Waveforms [B, S] in +-1 -> hidden states [B, layers * hidden, F], 50 frames a second, layer by layer.

    A gradient flows to the waveform and none to the network, which stays in evaluation mode whatever its
    parent is set to.

    Args:
        network: a transformers model.
        sample_rate: of the waveforms, in Hz.
    """

    def __init__(self, network: Any, sample_rate: int) -> None:
        super().__init__()
        self.resample = Resample(sample_rate, SAMPLE_RATE)
        self.network = network
        self.requires_grad_(False).eval()

    @property
    def hidden(self) -> int:
        """Width of a hidden state."""
        return int(self.network.config.hidden_size)

    @property
    def layers(self) -> int:
        """Hidden states, the input embedding among them."""
        return int(self.network.config.num_hidden_layers) + 1

    def train(self, mode: bool = True) -> WavLM:  # noqa: ARG002
        """Stays in evaluation mode."""
        return super().train(False)

    def forward(self, wave: Tensor) -> Tensor:
        heard = self.network(self.resample(wave), output_hidden_states=True).hidden_states
        return torch.stack(heard, 1).transpose(2, 3).flatten(1, 2)


def load_wavlm(
    model: str, revision: str, sample_rate: int, setting: str, weights_digest: str | None = None
) -> WavLM:
    """The frozen model of a local folder or the hub.

    Args:
        sample_rate: of the waveforms it will be given, in Hz.
        setting: dotted name of the setting that names the model, for messages.

    Raises:
        UserError: the weights cannot be had, or are of another kind of model.
    """
    from transformers import AutoModel

    network = load_pretrained(AutoModel, model, revision, setting, weights_digest)
    if not hasattr(network.config, "conv_stride"):
        raise UserError(
            f"{setting} = {model!r}: this is a {network.config.model_type} model, which does not read "
            f"waveforms. Use a WavLM, HuBERT or wav2vec 2.0 model, e.g. microsoft/wavlm-base-plus."
        )
    return WavLM(network, sample_rate)
