"""StyleTTS 2 as a whole, at sizes that run in a moment."""

from typing import Any

import pytest
import torch

from configs.errors import UserError
from models.styletts2.config import TINY, StyleTTS2Config, styletts2_config
from models.styletts2.model import StyleTTS2
from tests.models import styletts2_golden as golden
from tests.models.golden_fill import integers, normal

VERSIONS = pytest.mark.parametrize("version", ("ljspeech", "libritts"))
LENGTHS = (9, 14, 5)


def _model(version: str) -> StyleTTS2:
    model = StyleTTS2(styletts2_config(version, **TINY)).eval()
    for name, module in model.named_children():
        golden.fill_with_salt("tiny/", name, module)
    return model


def _rngs() -> list[torch.Generator]:
    return [torch.Generator().manual_seed(row) for row in range(len(LENGTHS))]


@pytest.mark.slow
@VERSIONS
def test_a_row_is_spoken_as_alone(version: str) -> None:
    """Style, durations and waveform, with every row's randomness its own."""
    model = _model(version)
    tokens = integers("speak/tokens", 1, model.config.n_symbols, len(LENGTHS), max(LENGTHS))
    features = None
    if model.config.multispeaker:
        features = model.encode_reference(normal("speak/mel", len(LENGTHS), 80, 90), (90, 80, 70)).detach()
    noise = model.draw_noise(_rngs(), 3)
    together = model.synthesize(
        tokens, torch.tensor(LENGTHS), noise=noise, steps=3, guidance=1.5, features=features, rngs=_rngs()
    )
    for row, length in enumerate(LENGTHS):
        rows = slice(row, row + 1)
        alone = model.synthesize(
            tokens[rows, :length],
            torch.tensor([length]),
            noise=model.draw_noise(_rngs()[rows], 3),
            steps=3,
            guidance=1.5,
            features=None if features is None else features[rows],
            rngs=_rngs()[rows],
        )
        torch.testing.assert_close(together.style[row], alone.style[0], rtol=1e-4, atol=1e-5)
        frames = together.prosody.token_frames[row]
        assert torch.equal(frames[:length], alone.prosody.token_frames[0])
        assert not frames[length:].any()
        wave = together.waves[row]
        assert wave.shape == (together.prosody.n_frames[row] * model.config.frame_samples,)
        # Phases of the transform are sines of what rounding decides; loudness is not.
        assert wave.std() == pytest.approx(float(alone.waves[0].std()), rel=1e-2)


@pytest.mark.slow
def test_faster_speech_is_shorter_and_the_style_can_be_given() -> None:
    model = _model("libritts")
    tokens, lengths = integers("speed/tokens", 1, 178, 1, 12), torch.tensor([12])
    style = normal("speed/style", 1, model.config.full_style)
    plain, fast = (model.synthesize(tokens, lengths, style=style, speed=speed) for speed in (1.0, 2.0))
    torch.testing.assert_close(fast.prosody.durations, plain.prosody.durations / 2)
    assert len(fast.waves[0]) < len(plain.waves[0])
    with pytest.raises(ValueError, match="either a style or the noise"):
        model.synthesize(tokens, lengths)


@pytest.mark.parametrize(
    ("sizes", "message"),
    (
        ({"upsample_rates": (10, 5)}, "upsample_rates"),
        ({"upsample_kernels": (20,)}, "one kernel per upsample rate"),
        ({"upsample_initial": 30}, "multiple of 2"),
        ({"hidden": 511}, "even"),
        ({"bert_heads": 7}, "bert_heads"),
        ({"istft_n_fft": 16}, "four times istft_hop"),
        ({"decoder": "vocos"}, "istftnet or hifigan"),
    ),
)
def test_sizes_that_cannot_work_are_refused(sizes: dict[str, Any], message: str) -> None:
    with pytest.raises(UserError, match=message):
        StyleTTS2Config(**sizes)


def test_an_unknown_version_is_refused() -> None:
    with pytest.raises(UserError, match="use one of ljspeech, libritts"):
        styletts2_config("vctk")
