"""Two discriminator-then-generator updates give the reference's losses, gradients and weights."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from models.frontend.mel import linear_spectrogram
from models.layers.masking import sequence_mask
from models.sovits.config import sovits_config
from models.sovits.step import SovitsBatch, SovitsStep, generator_parameter_groups
from tests.models.golden_fill import error_against, relative_error, test_wave
from tests.models.golden_store import read_table
from tests.models.sovits.conftest import PUBLISHED_WEIGHTS
from tests.models.sovits.golden_case import (
    Inputs,
    arrays,
    case,
    filled_discriminator,
    filled_generator,
    folder,
    training_inputs,
)

pytestmark = [pytest.mark.golden, pytest.mark.slow]
ADAM: dict[str, Any] = {"betas": (0.8, 0.99), "eps": 1e-9, "weight_decay": 0.01}


def _batch(goldens: Path, inputs: Inputs, step: SovitsStep) -> SovitsBatch:
    tag, config = case(goldens)["tag"], step.config
    n_rows, n_frames = len(inputs.spec_lengths), inputs.spec.shape[-1]
    n_samples = n_frames * config.hop_samples
    wave = torch.stack([test_wave(f"{tag}/train/wave{b}", n_samples) for b in range(n_rows)])
    spec = linear_spectrogram(wave, config.spectrogram)
    return SovitsBatch(
        ssl=inputs.ssl,
        spec=spec * sequence_mask(inputs.spec_lengths, n_frames)[:, None],
        spec_lengths=inputs.spec_lengths,
        wave=wave[:, None],
        phone_ids=inputs.phone_ids,
        phone_lengths=inputs.phone_lengths,
        speaker_vector=inputs.speaker_vector,
        utterance_ids=tuple(f"row{b}" for b in range(n_rows)),
    )


def _gradient_norms(module: nn.Module, names: list[str]) -> np.ndarray:
    """-1 without a gradient. In fp32, as stored: its rounding of large tensors is part of the numbers."""
    parameters = dict(module.named_parameters())
    gradients = [parameters[name].grad for name in names]
    return np.array([-1.0 if g is None else float(g.norm()) for g in gradients])


def _check_gradients(norms: np.ndarray, expected: np.ndarray) -> None:
    np.testing.assert_array_equal(norms < 0, expected < 0)
    assert np.linalg.norm(norms - expected) / np.linalg.norm(expected) < 1e-4
    np.testing.assert_array_less(np.abs(norms - expected), 1e-3 * np.abs(expected) + 1e-6 * expected.max())


@pytest.mark.parametrize("version", ["v2", "v2Pro"])
def test_two_updates_reproduce_the_reference(goldens: Path, version: str) -> None:
    golden = arrays(goldens, f"trainstep_{version}")
    names = read_table(folder(goldens), f"trainstep_{version}_names.json")
    config = sovits_config(version)
    step = SovitsStep(filled_generator(version), filled_discriminator(config), PUBLISHED_WEIGHTS)
    inputs = training_inputs(goldens, config)
    batch = _batch(goldens, inputs, step)
    optimiser_g = torch.optim.AdamW(generator_parameter_groups(step.generator, 1e-4), **ADAM)
    optimiser_d = torch.optim.AdamW(step.discriminator.parameters(), lr=1e-4, **ADAM)
    before = {name: p.detach().clone() for name, p in step.generator.named_parameters()}
    rows = []
    for index in range(2):
        pass_ = step.forward_generator_with(batch, inputs.posterior_noise, inputs.segment_starts)
        loss_d = step.discriminator_losses(pass_)["discriminator"]
        optimiser_d.zero_grad()
        loss_d.backward()
        if index == 0:
            assert error_against(golden, "y_hat_step0", pass_.wave_fake) < 1e-4
            assert error_against(golden, "y_slice", pass_.wave_real) < 1e-6
            _check_gradients(_gradient_norms(step.discriminator, names["d"]), golden["gradnorm_d"])
        optimiser_d.step()
        losses = step.generator_losses(pass_)
        total = step.total(losses)
        optimiser_g.zero_grad()
        total.backward()
        if index == 0:
            _check_gradients(_gradient_norms(step.generator, names["g"]), golden["gradnorm_g"])
        optimiser_g.step()
        if index == 0:
            _check_update(step.generator, before, names["g"], golden)
        rows.append(_row(loss_d, losses, total))
    np.testing.assert_allclose(rows[0], golden["losses"][0], rtol=1e-5)
    np.testing.assert_allclose(rows[1], golden["losses"][1], rtol=1e-3)


def _row(loss_d: Tensor, losses: dict[str, Tensor], total: Tensor) -> list[float]:
    mel = PUBLISHED_WEIGHTS["mel"] * losses["mel"]
    columns = (
        loss_d,
        losses["adversarial"],
        losses["feature_matching"],
        mel,
        losses["kl_ssl"],
        losses["kl"],
        total,
    )
    return [value.item() for value in columns]


def _check_update(
    generator: nn.Module, before: dict[str, Tensor], names: list[str], golden: dict[str, np.ndarray]
) -> None:
    after = {name: p.detach() for name, p in generator.named_parameters()}
    sizes = np.array([float((after[name] - before[name]).double().norm()) for name in names])
    expected = golden["update_l2_g"]
    trained = expected >= 0
    assert np.linalg.norm((sizes - expected)[trained]) / np.linalg.norm(expected[trained]) < 1e-3
    np.testing.assert_allclose(sizes[trained], expected[trained], rtol=5e-2)
    assert not sizes[~trained].any()
    stored = {key.removeprefix("param_after.").split("#")[0] for key in golden if "param_after." in key}
    for name in stored:
        value = after[name]
        key = f"param_after.{name}"
        if key in golden:
            assert relative_error(value, golden[key]) < 1e-5
        else:
            assert error_against(golden, key, value) < 1e-5
