"""StyleTTS 2's arithmetic and order of work as its published code has them, on our networks: a baseline."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any
from unittest import mock

import torch
from torch import Tensor, nn
from torch.nn import functional

from models.acoustics import adain, generators
from models.acoustics.batch import AcousticBatch
from models.acoustics.spectral_norm import SpectralConv2d
from models.acoustics.style_encoder import StyleEncoder
from models.discriminators import resolution
from models.layers.cpu import winograd
from models.losses.adversarial import discriminator_loss, feature_matching_loss, generator_loss
from models.losses.relativistic import relativistic_discriminator_loss, relativistic_generator_loss
from models.losses.weighting import weighted_total
from models.styletts2 import slm_adversary
from models.styletts2.training import chosen
from tasks.finetune.styletts2.recipe import JointRecipe


@contextmanager
def published_operations() -> Iterator[None]:
    """Inside, every layer that we write otherwise is the operations that it is defined by."""
    with ExitStack() as published:
        for owner, name, plain in _OPERATIONS:
            # Plain functions: a recording mock would keep every tensor it is called with alive.
            published.enter_context(mock.patch.object(owner, name, new=plain))
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
    (slm_adversary, "can_judge", lambda *_: True),
)


def published_order(
    recipe: JointRecipe, batch: AcousticBatch, rng: torch.Generator, mark: Callable[[], None]
) -> None:
    """The same update as StyleTTS 2's `train_second.py` orders its work."""
    step, networks, machine = recipe.step, recipe.networks, recipe.machine
    # It makes the reconstruction in every phase.
    phase = dataclasses.replace(recipe.phase, target="reconstruction")
    judges = [judge for judge in (networks.mpd, networks.msd) if judge is not None]
    wavlm = networks.wavlm
    assert wavlm is not None and recipe.adversary is not None
    wavlm.requires_grad_(True)
    for module in recipe.modules.values():
        for layer in module.modules():
            if isinstance(layer, SpectralConv2d):
                layer.train()
    with machine.autocast():
        made = step.forward(batch, phase, rng)
        mark()
        losses = []
        for judge in judges:
            real, fake = judge.judge(made.real), judge.judge(made.fake.detach())
            losses += [discriminator_loss(real.scores, fake.scores)]
            losses += [relativistic_discriminator_loss(real.scores, fake.scores)]
    mark()
    torch.stack(losses).sum().backward()
    recipe.optimisers["discriminator"].step()
    recipe.optimisers["discriminator"].zero_grad()
    with machine.autocast():
        told = {"mel": step.losses.mel_distance(made.real, made.fake), **made.losses}
        losses = []
        for judge in judges:
            real, fake = judge.judge(made.real), judge.judge(made.fake)
            losses += [generator_loss(fake.scores), feature_matching_loss(real.features, fake.features)]
            losses += [relativistic_generator_loss(real.scores, fake.scores)]
        told["gen"] = torch.stack(losses).sum()
        with torch.no_grad():
            expected = wavlm(made.real[:, 0])
        told["slm"] = networks.config.slm_layers * functional.l1_loss(wavlm(made.fake[:, 0]), expected)
        total = weighted_total(told, chosen(recipe.weights, told))
    mark()
    total.backward()
    recipe.optimisers["generator"].step()
    with machine.autocast():
        assert recipe.adversary.synthesize(batch, rng) is None
