"""Speaking on another device: everything is moved there, and nothing else changes."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
import torch
from transformers import HubertConfig, HubertModel

from configs.content import ContentSettings
from configs.errors import UserError
from models.content.hubert import load_hubert
from tasks.features import content as content_module
from tasks.release.gpt_sovits import voice as voice_module
from tasks.release.speak import load_voice
from tasks.release.voice import SpeakOptions
from tests.models.tiny import speech_encoder_sizes
from tests.second_device import second_device
from tests.tasks.finetune import synthetic
from tests.tasks.release.spoken_elsewhere import TEXT, same_sound, spoken_on_both

pytestmark = pytest.mark.slow


@pytest.mark.parametrize("manner", [{}, {"prompt_with_reference": False, "noise_scale": 0.0}])
def test_a_text_sounds_the_same(voice_folder: Path, manner: dict[str, Any]) -> None:
    here, there = spoken_on_both(voice_folder, manner)
    assert same_sound(here, there)


def test_a_prompt_is_heard_there_by_hubert(
    voice_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """HuBERT is loaded on the voice's device, and what it makes of a stranger's clip is the same."""
    clip = tmp_path / "stranger.wav"
    soundfile.write(clip, synthetic.tone(77, 3.5), synthetic.FAMILY.sample_rate)
    torch.manual_seed(0)
    sizes = speech_encoder_sizes(hidden_size=12, num_attention_heads=2)
    HubertModel(HubertConfig(**sizes)).save_pretrained(tmp_path / "hubert")
    content = ContentSettings(backend="hubert", model=str(tmp_path / "hubert"))
    # Loaded outside: transformers itself lays networks out on `meta` before it reads them.
    network = load_hubert(content.model, content.revision, None, "")
    asked = []

    def moved(*arguments: Any) -> Any:
        asked.append(arguments[-1].type)
        return network.to(arguments[-1])

    monkeypatch.setattr(content_module, "load_hubert", moved)
    codes = []
    with second_device() as device:
        for place in (None, device):
            voice = dataclasses.replace(load_voice(voice_folder, device=place), content=content)
            codes.append(voice.reference_from_file(clip, "one two three").codes)
    assert codes[0] == codes[1]
    assert asked == ["cpu", "meta"]
    assert codes[0]


def test_byte_weights_stay_on_a_cpu_and_say_so(voice_folder: Path) -> None:
    with (
        second_device() as device,
        pytest.raises(UserError, match=r"decoder_weights: .*int8.* use fp16, or compute\.device = cpu"),
    ):
        load_voice(voice_folder, {"decoder_weights": "int8"}, device)


@pytest.mark.parametrize("graphs", [True, False])
def test_graphs_are_a_setting(voice_folder: Path, monkeypatch: pytest.MonkeyPatch, graphs: bool) -> None:
    asked = []
    generate = voice_module.generate

    def listened(*arguments: Any, **named: Any) -> Any:
        asked.append(named["cuda_graph"])
        return generate(*arguments, **named)

    monkeypatch.setattr(voice_module, "generate", listened)
    load_voice(voice_folder, {"cuda_graphs": graphs}).speak(TEXT, SpeakOptions(seed=3))
    assert set(asked) == {graphs}


def test_graphs_are_on_unless_turned_off(voice_folder: Path) -> None:
    assert load_voice(voice_folder).manner.cuda_graphs


@pytest.mark.parametrize(
    ("wanted", "has_units", "dtype"),
    [
        (None, True, None),
        ("fp32", True, None),
        ("auto", True, torch.bfloat16),
        ("auto", False, None),
        ("bf16", False, torch.bfloat16),
    ],
)
def test_the_vocoders_precision_is_a_setting(
    voice_folder: Path,
    monkeypatch: pytest.MonkeyPatch,
    wanted: str | None,
    has_units: bool,
    dtype: torch.dtype | None,
) -> None:
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: {"amx_bf16": has_units}, raising=False)
    voice = load_voice(voice_folder, {} if wanted is None else {"precision": wanted})
    asked = []
    decode = voice.generator.decode_with_style

    def listened(*arguments: Any, **named: Any) -> Any:
        asked.append(named["decoder_dtype"])
        return decode(*arguments, **named)

    monkeypatch.setattr(voice.generator, "decode_with_style", listened)
    voice.speak(TEXT, SpeakOptions(seed=3))
    assert set(asked) == {dtype}


def test_bf16_changes_the_waveform_a_little_and_nothing_else(voice_folder: Path) -> None:
    full, half = (
        load_voice(voice_folder, {"precision": wanted}).speak(TEXT, SpeakOptions(seed=3)).samples
        for wanted in ("fp32", "bf16")
    )
    assert full.shape == half.shape
    assert half.dtype == np.float32
    assert not np.array_equal(full, half)
    assert np.corrcoef(full, half)[0, 1] > 0.99
