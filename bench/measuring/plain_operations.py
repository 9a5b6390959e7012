"""Our networks with every layer as the operations that it is defined by: a baseline."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any
from unittest import mock

import torch
from torch import Tensor, nn
from torch.nn import functional

from models.acoustics import adain, generators
from models.acoustics.style_encoder import StyleEncoder
from models.discriminators import resolution
from models.layers.cpu import winograd


@contextmanager
def plain_operations() -> Iterator[None]:
    """Inside, every layer that we write otherwise is the operations that it is defined by."""
    with ExitStack() as plain_layers:
        for owner, name, plain in _OPERATIONS:
            # Plain functions: a recording mock would keep every tensor it is called with alive.
            plain_layers.enter_context(mock.patch.object(owner, name, new=plain))
        yield


def _styled_convolution(
    convolution: nn.Module, norm: nn.Module, alpha: Tensor, x: Tensor, style: Tensor
) -> Tensor:
    normed = norm(x, style)
    return convolution(normed + (1 / alpha) * torch.sin(alpha * normed) ** 2)


def _styled_norm(
    norm: adain.AdaptiveInstanceNorm, x: Tensor, style: Tensor, frames: Tensor | None = None
) -> Tensor:
    del frames
    gain, bias = norm.gain_and_bias(style)
    return gain[..., None] * functional.instance_norm(x, eps=adain.EPSILON) + bias[..., None]


def _snake(x: Tensor, alpha: Tensor) -> Tensor:
    scaled = alpha[:, None] * x
    return scaled + torch.sin(scaled) ** 2


def _clip_by_clip(encoder: StyleEncoder, mel: Tensor, lengths: Any) -> Tensor:
    return torch.cat([encoder(mel[row : row + 1, None, :, :n]) for row, n in enumerate(lengths)])


_OPERATIONS: tuple[tuple[Any, str, Callable[..., Any]], ...] = (
    (winograd, "pays", lambda *_: False),
    (generators, "fast_layout", lambda x: x),
    (generators, "snake", _snake),
    (resolution, "_as_image", lambda x: x[:, None]),
    (adain, "_styled_convolution", _styled_convolution),
    (adain.AdaptiveInstanceNorm, "forward", _styled_norm),
    (StyleEncoder, "encode_ragged", _clip_by_clip),
)
