"""The speech language model as a judge's ear, on a tiny WavLM with random weights."""

from pathlib import Path

import pytest
import torch

from configs.errors import UserError
from models.content.resample import Resample
from models.content.wavlm import WavLM, load_wavlm
from models.discriminators.wavlm import WavLMDiscriminator
from tests.models.golden_fill import normal
from tests.models.tiny import speech_encoder_sizes

SETTING = "train.styletts2.slm.model"


@pytest.fixture(scope="module")
def tiny_wavlm(tmp_path_factory: pytest.TempPathFactory) -> Path:
    from transformers import WavLMConfig, WavLMModel

    torch.manual_seed(0)
    config = WavLMConfig(**speech_encoder_sizes(num_hidden_layers=2))
    folder = tmp_path_factory.mktemp("wavlm")
    WavLMModel(config).save_pretrained(folder)
    return folder


def _loaded(folder: Path) -> WavLM:
    return load_wavlm(str(folder), "main", 24_000, SETTING)


def test_states_are_those_of_transformers_layer_by_layer(tiny_wavlm: Path) -> None:
    wavlm = _loaded(tiny_wavlm)
    assert (wavlm.hidden, wavlm.layers) == (24, 3)
    wave = 0.1 * normal("wave", 2, 12_000)
    states = wavlm(wave)
    heard = wavlm.network(Resample(24_000, 16_000)(wave), output_hidden_states=True).hidden_states
    assert states.shape == (2, 3 * 24, heard[0].shape[1])
    for layer, expected in zip(states.split(24, 1), heard, strict=True):
        assert torch.equal(layer, expected.transpose(1, 2))
    assert WavLMDiscriminator(wavlm.hidden, wavlm.layers, 8)(states).shape == (2, heard[0].shape[1])


def test_only_the_waveform_takes_a_gradient_and_nothing_drops_out(tiny_wavlm: Path) -> None:
    wavlm = _loaded(tiny_wavlm)
    torch.nn.ModuleList([wavlm]).train().requires_grad_(True)
    wavlm.requires_grad_(False)
    wave = (0.1 * normal("wave", 1, 8_000)).requires_grad_()
    first, second = wavlm(wave), wavlm(wave)
    assert torch.equal(first, second)
    first.abs().mean().backward()
    assert wave.grad is not None and wave.grad.any()
    assert all(p.grad is None for p in wavlm.parameters())


def test_models_that_are_missing_or_read_something_else_are_named(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=SETTING):
        load_wavlm(str(tmp_path), "main", 24_000, SETTING)
    from transformers import BertConfig, BertModel

    sizes = {"hidden_size": 8, "num_hidden_layers": 1, "num_attention_heads": 1, "intermediate_size": 8}
    BertModel(BertConfig(vocab_size=9, **sizes)).save_pretrained(tmp_path)
    with pytest.raises(UserError, match="bert model, which does not read waveforms"):
        load_wavlm(str(tmp_path), "main", 24_000, SETTING)
