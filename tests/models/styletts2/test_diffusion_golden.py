"""Style diffusion: the reference's network, loss and sampler."""

from pathlib import Path

import pytest
import torch
from torch import Tensor

from models.styletts2.config import StyleTTS2Config, styletts2_config
from models.styletts2.diffusion import DiffusionDraws, StyleDiffusion
from models.styletts2.sampling import karras_sigmas
from tests.models import styletts2_golden as golden

pytestmark = pytest.mark.golden

CASES = {
    "diffusion_single": ("ljspeech", "styletts2_ljspeech_istftnet"),
    "diffusion_multi": ("libritts", "styletts2_libritts_hifigan"),
}


def _config(goldens: Path, name: str) -> StyleTTS2Config:
    """The published sizes, less those that another golden set may have changed."""
    version, configuration = CASES[name]
    shapes = golden.shapes(goldens, configuration)["diffusion"]
    layers = {key.split(".")[2] for key in shapes if key.startswith("unet.blocks.")}
    width, positions = shapes["unet.to_mapping.0.bias"][0], shapes["unet.fixed_embedding.embedding.weight"]
    return styletts2_config(
        version,
        diffusion_layers=len(layers),
        style_dim=(width - positions[1]) // 2,
        bert_hidden=positions[1],
        bert_positions=positions[0],
    )


@pytest.mark.parametrize("name", CASES)
def test_state_dict_has_the_published_names_and_shapes(goldens: Path, name: str) -> None:
    diffusion = StyleDiffusion(_config(goldens, name))
    found = {key: list(value.shape) for key, value in diffusion.state_dict().items()}
    assert found == golden.shapes(goldens, CASES[name][1])["diffusion"]


@pytest.mark.slow
@pytest.mark.parametrize("name", CASES)
@torch.no_grad()
def test_network_loss_and_sampler_reproduce_the_reference(goldens: Path, name: str) -> None:
    config = _config(goldens, name)
    diffusion = StyleDiffusion(config).eval()
    golden.fill(goldens, "diffusion", diffusion)
    given = golden.inputs(goldens, name)
    text, sigma, features = given["embedding"], given["sigma"], given.get("features")
    style, noise = given["x0"][:, 0], given["eps"][:, 0]

    def check(key: str, value: Tensor) -> None:
        golden.check(goldens, name, key, value)

    time = sigma.log() / 4
    check("net", diffusion.unet(style, time, text, features=features)[:, None])
    check("net_cfg", diffusion.unet(style, time, text, features=features, guidance=2.5)[:, None])
    noisy = style + sigma[:, None] * noise
    check("denoised", diffusion.denoise(noisy, sigma, text, features=features)[:, None])
    for key, hidden in (("loss", False), ("loss_masked", True)):
        draws = DiffusionDraws(sigma, noise, torch.full((len(style),), hidden))
        check(key, diffusion.loss(style, text, draws, features=features))

    step_noise = given["step_noise"][:, :, 0]
    steps = len(step_noise)
    check("sigmas", torch.tensor(karras_sigmas(steps)))
    first = given["n0"][:, 0]
    drawn = diffusion.sample(first, text, features=features, steps=steps, step_noise=step_noise)
    check("sample", drawn[:, None])
