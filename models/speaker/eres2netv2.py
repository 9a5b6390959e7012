"""ERes2NetV2, the speaker network whose last map conditions GPT-SoVITS v2Pro.

Chen et al., "ERes2NetV2: boosting short-duration speaker verification performance with computational
efficiency" (arXiv:2406.02167); architecture and parameter names of `speakerlab/models/eres2net/ERes2NetV2.py`
(3D-Speaker) in the size base width 24, scale 4, expansion 4. GPT-SoVITS (`GPT_SoVITS/sv.py`) reads the time
mean of the last map before pooling, 2048 channels x 10 frequencies; the pooled 192 values are the network's
own embedding. Input is the Kaldi filterbank of a whole clip in -1..1, its mean not removed.
"""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from configs.errors import UserError
from models.frontend.audio import resample
from models.frontend.fbank import KALDI_16K, kaldi_fbank
from models.published import load_strictly, read_weights

SAMPLE_RATE = KALDI_16K.sample_rate
CPU = torch.device("cpu")
VECTOR_SIZE = 20_480
WEIGHTS_FILE = "pretrained_eres2netv2w24s4ep4.ckpt"
WEIGHTS_FOLDER = "sv"
WEIGHTS_SOURCE = "lj1995/GPT-SoVITS"

_STAGES = ((64, 3, 1, False), (128, 4, 2, False), (256, 6, 2, True), (512, 3, 2, True))
"""Planes, blocks, stride of the first block, and whether the parts inside a block are fused by attention."""
_BASE_WIDTH, _SCALE, _EXPANSION = 24, 4, 4
_REDUCTION = 4
_ACTIVATION_LIMIT = 20.0
_EMBEDDING_SIZE = 192
_VARIANCE_FLOOR = 1e-8
_LEAST_POOLED_FRAMES = 2


class AttentionalFusion(nn.Module):
    """Two maps weighed against each other, position by position (AFF)."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        inner = channels // _REDUCTION
        self.local_att = nn.Sequential(
            nn.Conv2d(2 * channels, inner, 1),
            nn.BatchNorm2d(inner),
            nn.SiLU(inplace=True),
            nn.Conv2d(inner, channels, 1),
            nn.BatchNorm2d(channels),
        )

    def forward(self, a: Tensor, b: Tensor) -> Tensor:
        """Maps `[B, C, F, T]` to one of the same shape."""
        lean = torch.tanh(self.local_att(torch.cat((a, b), dim=1)))
        return a * (1 + lean) + b * (1 - lean)


class Block(nn.Module):
    """Res2Net bottleneck: each part of the channels also reads what the part before it made."""

    def __init__(self, in_channels: int, planes: int, stride: int, fused: bool) -> None:
        super().__init__()
        width, out_channels = planes * _BASE_WIDTH // 64, planes * _EXPANSION
        self.width = width
        self.conv1 = nn.Conv2d(in_channels, width * _SCALE, 1, stride, bias=False)
        self.bn1 = nn.BatchNorm2d(width * _SCALE)
        self.convs = nn.ModuleList(nn.Conv2d(width, width, 3, padding=1, bias=False) for _ in range(_SCALE))
        self.bns = nn.ModuleList(nn.BatchNorm2d(width) for _ in range(_SCALE))
        self.fuse_models = nn.ModuleList(AttentionalFusion(width) for _ in range(_SCALE - 1) if fused)
        self.conv3 = nn.Conv2d(width * _SCALE, out_channels, 1, bias=False)
        self.bn3 = nn.BatchNorm2d(out_channels)
        self.relu = nn.Hardtanh(0.0, _ACTIVATION_LIMIT, inplace=True)
        self.shortcut = nn.Sequential()
        if stride != 1 or in_channels != out_channels:
            self.shortcut = nn.Sequential(
                nn.Conv2d(in_channels, out_channels, 1, stride, bias=False), nn.BatchNorm2d(out_channels)
            )

    def forward(self, x: Tensor) -> Tensor:
        """Map `[B, C, F, T]` to `[B, C', F / stride, T / stride]`, rounded up."""
        parts = self.relu(self.bn1(self.conv1(x))).split(self.width, dim=1)
        made: list[Tensor] = []
        for index, (part, conv, norm) in enumerate(zip(parts, self.convs, self.bns, strict=True)):
            if made and self.fuse_models:
                part = self.fuse_models[index - 1](made[-1], part)
            elif made:
                part = made[-1] + part
            made.append(self.relu(norm(conv(part))))
        return self.relu(self.bn3(self.conv3(torch.cat(made, dim=1))) + self.shortcut(x))


class ERes2NetV2(nn.Module):
    """Filterbanks to speaker vectors; parameter names are the published checkpoint's."""

    def __init__(self) -> None:
        super().__init__()
        channels = _STAGES[0][0]
        self.conv1 = nn.Conv2d(1, channels, 3, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(channels)
        stages = []
        for planes, n_blocks, stride, fused in _STAGES:
            blocks = []
            for index in range(n_blocks):
                blocks.append(Block(channels, planes, stride if index == 0 else 1, fused))
                channels = planes * _EXPANSION
            stages.append(nn.Sequential(*blocks))
        self.layer1, self.layer2, self.layer3, self.layer4 = stages
        self.layer3_ds = nn.Conv2d(channels // 2, channels, 3, stride=2, padding=1, bias=False)
        self.fuse34 = AttentionalFusion(channels)
        self.seg_1 = nn.Linear(2 * VECTOR_SIZE, _EMBEDDING_SIZE)

    def last_map(self, fbank: Tensor) -> Tensor:
        """`[B, N, 80]` to the fused last map, channels and frequencies flattened: `[B, 20480, N / 8]`."""
        x = torch.relu_(self.bn1(self.conv1(fbank.transpose(1, 2).unsqueeze(1))))
        third = self.layer3(self.layer2(self.layer1(x)))
        return self.fuse34(self.layer4(third), self.layer3_ds(third)).flatten(1, 2)

    def forward(self, fbank: Tensor) -> Tensor:
        """Speaker vectors `[B, 20480]` of filterbanks `[B, N, 80]`, as v2Pro reads them."""
        return self.last_map(fbank).mean(-1)

    def embed(self, fbank: Tensor) -> Tensor:
        """The network's own embeddings `[B, 192]` of filterbanks `[B, N, 80]`.

        Raises:
            ValueError: fewer than 9 frames, whose deviation over time cannot be estimated.
        """
        frames = self.last_map(fbank)
        if frames.shape[-1] < _LEAST_POOLED_FRAMES:
            raise ValueError(f"a filterbank of {fbank.shape[1]} frames is too short to pool: it takes 9")
        deviation = torch.sqrt(frames.var(-1) + _VARIANCE_FLOOR)
        return self.seg_1(torch.cat((frames.mean(-1), deviation), dim=1))


def embed_speaker_vector(
    samples: NDArray[np.float32], sample_rate: int, model_path: str | Path, device: torch.device = CPU
) -> NDArray[np.float32]:
    """The speaker vector, float32 `[20480]`, of a whole clip `[T]` in -1..1 at any rate.

    Args:
        model_path: see `find_eres2netv2`.
        device: of the network, which hears one clip at a time: it averages over all of a clip.

    Raises:
        UserError: the weights cannot be had.
        ValueError: the clip is shorter than 25 ms.
    """
    wave = torch.from_numpy(np.ascontiguousarray(resample(samples, sample_rate, SAMPLE_RATE)))
    fbank = kaldi_fbank(wave)[None]
    with torch.inference_mode():
        network = load_eres2netv2(find_eres2netv2(model_path), device)
        return network(fbank.to(device))[0].cpu().numpy()


def find_eres2netv2(model_path: str | Path) -> Path:
    """The checkpoint: the file, or a folder that holds it or is a `pretrained_models` of GPT-SoVITS.

    Raises:
        UserError: it is nowhere; the message says what to put where.
    """
    place = Path(model_path).expanduser()
    for candidate in (place, place / WEIGHTS_FILE, place / WEIGHTS_FOLDER / WEIGHTS_FILE):
        if candidate.is_file():
            return candidate
    raise UserError(
        f"`model` = {model_path}: {WEIGHTS_FILE} is not there. Download it "
        f"(about 108 MB; {WEIGHTS_SOURCE} on the Hugging Face hub, folder {WEIGHTS_FOLDER}/), put it "
        f"anywhere, and name the file or its folder in `model`"
    )


@lru_cache(maxsize=1)
def load_eres2netv2(path: Path, device: torch.device = CPU) -> ERes2NetV2:
    """The network with a checkpoint's weights on a device, frozen, in float32 and evaluation mode.

    Raises:
        UserError: the file is damaged, holds more than weights, or is of another network.
    """
    try:
        weights = read_weights(path)
    except UserError as error:
        raise UserError(
            f"`model`: {error}. {WEIGHTS_FILE} (about 108 MB) is published at {WEIGHTS_SOURCE}"
        ) from error
    network = ERes2NetV2()
    load_strictly(network, weights, str(path))
    return network.eval().requires_grad_(False).to(device)
