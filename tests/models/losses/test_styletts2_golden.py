"""Spectral and duration losses and the soft alignment reproduce the reference, gradients too."""

from pathlib import Path

import pytest
import torch

from models.losses.durations import duration_losses, soft_alignment
from models.losses.spectral import MultiResolutionMelLoss
from tests.models import styletts2_golden as golden

pytestmark = pytest.mark.golden


def test_mel_loss(goldens: Path) -> None:
    given = golden.inputs(goldens, "stft_loss")
    fake = given["pred"].requires_grad_()
    distance = MultiResolutionMelLoss()
    loss = distance(fake, given["target"])
    golden.check(goldens, "stft_loss", "loss", loss)
    golden.check(goldens, "stft_loss", "parts", torch.stack(distance.parts(fake, given["target"])))
    golden.check(goldens, "stft_loss", "grad", torch.autograd.grad(loss, fake)[0])


def test_duration_losses(goldens: Path) -> None:
    given = golden.inputs(goldens, "duration_losses")
    found = duration_losses(given["logits"], given["dur_gt"], given["lengths"])
    golden.check(goldens, "duration_losses", "loss_dur", found.l1)
    golden.check(goldens, "duration_losses", "loss_ce", found.cross_entropy)


def test_soft_alignment(goldens: Path) -> None:
    given = golden.inputs(goldens, "slmadv_alignment")
    logits = given["logits"].requires_grad_()
    found = soft_alignment(logits, given["lengths"])
    golden.check(goldens, "slmadv_alignment", "attn", found.attention)
    golden.check(goldens, "slmadv_alignment", "lengths", torch.tensor(found.lengths))
    golden.check(goldens, "slmadv_alignment", "dur", found.durations)
    towards = given["gout"][..., : found.attention.shape[2]]
    (gradient,) = torch.autograd.grad((found.attention * towards).sum(), logits)
    golden.check(goldens, "slmadv_alignment", "grad", gradient)
