"""Speech of the whole model, against the numbers of the official package."""

from pathlib import Path
from typing import Any

import pytest
import torch

from models.kokoro.config import KokoroConfig
from models.kokoro.model import Kokoro, Segment
from tests.models import styletts2_golden as golden

pytestmark = [pytest.mark.golden, pytest.mark.slow]


@pytest.fixture(scope="module")
def model(goldens: Path) -> Kokoro:
    model = Kokoro(KokoroConfig()).eval()
    for name, module in model.named_children():
        golden.fill(goldens, name, module)
    return model


def test_children_are_the_modules_of_the_released_file(goldens: Path, model: Kokoro) -> None:
    found = {
        name: {key: list(value.shape) for key, value in module.state_dict().items()}
        for name, module in model.named_children()
    }
    assert found == golden.shapes(goldens, "kokoro")


@pytest.mark.slow
@pytest.mark.parametrize(("case", "speed"), (("kokoro", 1.0), ("kokoro_speed", 1.3)))
@torch.no_grad()
def test_speaking(goldens: Path, model: Kokoro, case: str, speed: float) -> None:
    given = golden.inputs(goldens, case)
    tokens, row = given["input_ids"], given["ref_s"]
    lengths = torch.tensor([tokens.shape[1]])
    outputs = golden.manifest(goldens, case)["outputs"]
    har = [golden.output(goldens, case, "har_FULL")] if "har_FULL" in outputs else None
    # What is not compared need not be decoded.
    segment = None if "audio" in outputs else Segment(4, torch.Generator().manual_seed(0))
    spoken = model.forward_train(tokens, lengths, row, speed=speed, har=har, segment=segment)
    d_en = model.bert_encoder(model.bert(tokens, torch.ones_like(tokens, dtype=torch.bool)))
    d = model.predictor.encode(d_en.transpose(1, 2), row[:, model.config.style_dim :], lengths)
    results: dict[str, Any] = {
        "d": d,
        "duration": spoken.durations,
        "pred_dur": spoken.token_frames[0],
        "asr": model.text_encoder(tokens, lengths) @ spoken.alignment,
        "F0": spoken.curves.f0_hz,
        "N": spoken.curves.energy,
    }
    if "audio" in outputs:
        results["audio"] = model.synthesize(tokens, lengths, row, speed=speed, har=har)[0]
        assert torch.equal(results["audio"], spoken.audio[0, 0])
    for key, value in results.items():
        golden.check(goldens, case, key, value)
