"""Kokoro's sizes, presets and constants are the published ones."""

from __future__ import annotations

import importlib
from operator import attrgetter

import pytest

from configs.loading import leaves, presets, resolve
from models.kokoro.config import KokoroConfig
from models.kokoro.official_voices import OfficialVoices
from tests.published_constants.kokoro import CONSTANTS, FAMILY, SETTINGS, SIZES

PRESETS = [name for name in presets() if name.split("-")[0] == "kokoro"]


@pytest.mark.parametrize("name", SIZES)
def test_a_size_is_the_published_one(name: str) -> None:
    assert attrgetter(name)(KokoroConfig()) == SIZES[name].value, SIZES[name].source


@pytest.mark.parametrize("preset", PRESETS)
def test_presets_keep_what_the_published_weights_expect(preset: str) -> None:
    settings = resolve(preset).settings
    assert {name: getattr(settings.family, name) for name in FAMILY} == {
        name: published.value for name, published in FAMILY.items()
    }
    found = {name: attrgetter(name)(settings.train.kokoro) for name in SETTINGS}
    assert found == {name: published.value for name, published in SETTINGS.items()}
    if preset != "kokoro-tiny":
        train = settings.train.kokoro
        assert not train.tiny
        assert {value for _, value in leaves(train.sizes)} == {None}


@pytest.mark.parametrize("name", CONSTANTS)
def test_a_constant_is_the_published_one(name: str) -> None:
    module, constant = name.split(":")
    assert getattr(importlib.import_module(module), constant) == CONSTANTS[name].value, CONSTANTS[name].source


def test_the_voices_that_come_along_have_the_published_form() -> None:
    config = KokoroConfig()
    voice = OfficialVoices(None, config).table("af_heart")
    assert tuple(voice.shape) == (SIZES["voice_rows"].value, 1, SIZES["voice_width"].value)
