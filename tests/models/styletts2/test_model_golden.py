"""Inference of the whole single-speaker model, against the numbers of the reference."""

from pathlib import Path

import pytest
import torch

from models.styletts2.config import styletts2_config
from models.styletts2.model import StyleNoise, StyleTTS2
from tests.models import styletts2_golden as golden

pytestmark = pytest.mark.golden

CASE = "styletts2_infer_lj"


@pytest.mark.slow
def test_inference(goldens: Path) -> None:
    given = golden.inputs(goldens, CASE)
    model = StyleTTS2(styletts2_config("ljspeech")).eval()
    for name, module in model.named_children():
        golden.fill(goldens, name, module)
    tokens = given["tokens"]
    spoken = model.synthesize(
        tokens,
        torch.tensor([tokens.shape[1]]),
        noise=StyleNoise(given["n0"][:, 0], given["step_noise"][:, :, 0]),
        steps=len(given["step_noise"]),
        har=[golden.output(goldens, CASE, "har_FULL")],
    )
    results = {
        "s_pred": spoken.style,
        "duration": spoken.prosody.durations,
        "pred_dur": spoken.prosody.token_frames[0],
        "F0": spoken.prosody.curves.f0_hz,
        "N": spoken.prosody.curves.energy,
        "audio": spoken.waves[0][None, None],
    }
    for key, value in results.items():
        golden.check(goldens, CASE, key, value)


@pytest.mark.slow
def test_children_are_modules_of_the_checkpoint(goldens: Path) -> None:
    for version, configuration in (
        ("ljspeech", "styletts2_ljspeech_istftnet"),
        ("libritts", "styletts2_libritts_hifigan"),
    ):
        recorded = golden.shapes(goldens, configuration)
        with torch.device("meta"):
            model = StyleTTS2(styletts2_config(version))
        for name, module in model.named_children():
            found = {key: list(value.shape) for key, value in module.state_dict().items()}
            assert found == recorded[name], f"{version}: {name}"
