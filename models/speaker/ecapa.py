"""ECAPA-TDNN speaker embeddings with speechbrain's network, weights from the hub or a local folder.

Desplanques et al., "ECAPA-TDNN", Interspeech 2020; weights speechbrain/spkrec-ecapa-voxceleb
(Apache-2.0, 192 values, trained on VoxCeleb). Only the weights' file is read, and as weights: the
published `hyperparams.yaml` names Python objects to construct, so its few numbers are written here.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from configs.errors import UserError
from models.published import build_strictly, read_weights

SAMPLE_RATE = 16000
CPU = torch.device("cpu")
WEIGHTS_FILE = "embedding_model.ckpt"
N_MELS = 80
_WIDTHS = (
    "blocks.0.conv.conv.weight",
    "mfa.conv.conv.weight",
    "asp.tdnn.conv.conv.weight",
    "fc.conv.weight",
)
"""Weights whose first dimension is a width of the network."""
_WIDEST = 16_384


class EcapaEncoder(NamedTuple):
    """features: waveforms `[B, T]` to log mel `[B, N, 80]`; network: those to `[B, 1, D]`."""

    features: Any
    network: Any


@lru_cache(maxsize=1)
def load_ecapa(model: str, download: bool, device: torch.device = CPU) -> EcapaEncoder:
    """The encoder with weights from a folder, the hub's cache, or (if allowed) the hub; on a device.

    Raises:
        UserError: the weights are in none of them, or are not ECAPA's.
    """
    path = find_weights(model, download)
    try:
        weights = read_weights(path)
    except UserError as error:
        raise UserError(f"`model` = {model}: {error}") from error
    encoder = build_ecapa(weights, str(path))
    return encoder._replace(network=encoder.network.to(device))


def build_ecapa(weights: Mapping[str, Tensor], origin: str) -> EcapaEncoder:
    """The encoder for a state dict; its widths are read off the weights' shapes.

    Raises:
        UserError: names or shapes are not those of speechbrain's ECAPA_TDNN.
    """
    from speechbrain.lobes.features import Fbank
    from speechbrain.lobes.models.ECAPA_TDNN import ECAPA_TDNN

    widths = []
    for name in _WIDTHS:
        if name not in weights or weights[name].ndim != 3 or not 8 <= weights[name].shape[0] <= _WIDEST:
            raise UserError(
                f"`model`: {origin} has no {name} of a usable size, so it does not hold the "
                f"weights of ECAPA_TDNN; give {WEIGHTS_FILE} of speechbrain/spkrec-ecapa-voxceleb"
            )
        widths.append(weights[name].shape[0])
    width, last, attention, embedding = widths
    network, _ = build_strictly(
        lambda: ECAPA_TDNN(
            N_MELS,
            channels=[width] * 4 + [last],
            kernel_sizes=[5, 3, 3, 3, 1],
            dilations=[1, 2, 3, 4, 1],
            attention_channels=attention,
            lin_neurons=embedding,
        ),
        weights,
        f"`model`: {origin}",
    )
    return EcapaEncoder(Fbank(n_mels=N_MELS).eval(), network.eval().requires_grad_(False))


def find_weights(model: str, download: bool) -> Path:
    """Path of the weights' file.

    Raises:
        UserError: it is nowhere; the message says where to put it.
    """
    folder = Path(model).expanduser()
    if folder.is_dir():
        if not (folder / WEIGHTS_FILE).is_file():
            raise UserError(f"`model` = {model}: the folder lacks {WEIGHTS_FILE}; put it there")
        return folder / WEIGHTS_FILE
    from huggingface_hub import hf_hub_download
    from huggingface_hub.errors import HfHubHTTPError, HFValidationError, LocalEntryNotFoundError

    try:
        return Path(hf_hub_download(model, WEIGHTS_FILE, local_files_only=not download))
    except (LocalEntryNotFoundError, HFValidationError, HfHubHTTPError, OSError) as error:
        raise UserError(
            f"`model` = {model}: neither a folder nor in the local hub cache. Put "
            f"{WEIGHTS_FILE} (about 80 MB) into a folder and name it here, set "
            "`download`=true with a network, or use "
            "`backend`=resemblyzer, which needs nothing"
        ) from error


def embed_ecapa(
    samples_16k: NDArray[np.float32], model: str, download: bool, device: torch.device = CPU
) -> NDArray[np.float32]:
    """Unit-length embedding `[192]` of speech `[T]` at 16 kHz.

    One clip at a time on every device: the network mirrors a clip at its ends, where padding would stand.

    Raises:
        UserError: as `load_ecapa`.
    """
    encoder = load_ecapa(model, download, device)
    with torch.inference_mode():
        mels = encoder.features(torch.from_numpy(samples_16k)[None])
        embedding = encoder.network((mels - mels.mean(1, keepdim=True)).to(device)).reshape(-1).cpu()
    return torch.nn.functional.normalize(embedding, dim=0).numpy()
