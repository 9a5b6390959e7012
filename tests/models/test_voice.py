"""Phones to samples through both networks."""

import pytest
import torch

from configs.errors import UserError
from models.t2s.config import T2SConfig
from models.t2s.model import TextToSemantic
from models.voice import Prompt, Voice
from tests.models.golden_fill import integers, normal
from tests.models.sovits.conftest import tiny_config, tiny_step


def _decoder(n_codes: int) -> TextToSemantic:
    return TextToSemantic(
        T2SConfig(
            n_symbols=20,
            n_codes=n_codes,
            linguistic_channels=6,
            width=16,
            n_heads=2,
            n_layers=2,
            feed_forward=32,
        )
    )


@pytest.mark.parametrize("prompted", [True, False])
def test_speech_has_the_length_of_its_codes_and_repeats(prompted: bool) -> None:
    generator = tiny_step(tiny_config()).generator
    voice = Voice(generator, _decoder(generator.config.codebook_size))
    phones, bert = integers("phones", 0, 20, 6), torch.zeros(6, 6)
    reference = normal("reference", 1, generator.config.spec_channels, 40).abs()
    prompt = None
    if prompted:
        prompt = Prompt(integers("said", 0, 20, 4), torch.zeros(6, 4), integers("codes", 0, 9, 12))

    def speak() -> torch.Tensor:
        rng = torch.Generator().manual_seed(0)
        speech = voice.speak(phones, bert, [reference], rng=rng, prompt=prompt, max_codes=30)
        assert len(speech.samples) == 2 * len(speech.codes) * generator.config.hop_samples
        return speech.samples

    assert torch.equal(speak(), speak())
    with pytest.raises(UserError, match="no phones"):
        voice.speak(phones[:0], bert[:, :0], [reference], rng=torch.Generator())


def test_networks_of_different_voices_are_refused() -> None:
    with pytest.raises(UserError, match="256 codes but the decoder speaks 30"):
        Voice(tiny_step(tiny_config()).generator, _decoder(30))
