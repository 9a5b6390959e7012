"""StyleTTS 2's defaults, presets and constants are the published ones, or differ where the table says why."""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from typing import Any

import pytest

from configs.loading import leaves, presets, resolve
from configs.train_styletts2 import StyleTTS2TrainSettings
from models.styletts2.config import VERSIONS, styletts2_config
from tests.published_constants.published import Published
from tests.published_constants.styletts2 import CONSTANTS, OWN_SIZES, PRESETS, SETTINGS, SIZES

GROUPS = ("losses", "optimiser", "slm.adversary", "stage1", "stage2", "finetune")
ALONE = ("batch_size", "accumulate", "ema_decay", "max_len_frames")
NO_NUMBER = ("optimiser.modules",)


def _recipe(settings: StyleTTS2TrainSettings) -> dict[str, Any]:
    """What decides which weights come out, by name; the rest watches, saves or refuses."""
    return {
        name: value
        for name, value in leaves(settings)
        if name not in NO_NUMBER and (name in ALONE or name.startswith(tuple(f"{g}." for g in GROUPS)))
    }


def _values(table: Mapping[str, Published]) -> dict[str, Any]:
    return {name: published.value for name, published in table.items()}


def test_every_default_is_the_published_one() -> None:
    assert _recipe(StyleTTS2TrainSettings()) == _values(SETTINGS)


def test_every_preset_has_a_table() -> None:
    assert set(PRESETS) == {name for name in presets() if name.startswith("styletts2-")}


@pytest.mark.parametrize("preset", PRESETS)
def test_a_preset_changes_what_its_table_says_and_nothing_else(preset: str) -> None:
    found = _recipe(resolve(preset).settings.train.styletts2)
    assert found == _values({**SETTINGS, **PRESETS[preset]})


@pytest.mark.parametrize("name", CONSTANTS)
def test_a_constant_is_the_published_one(name: str) -> None:
    module, constant = name.split(":")
    wanted = CONSTANTS[name]
    assert getattr(importlib.import_module(module), constant) == wanted.value, wanted.source


@pytest.mark.parametrize("version", VERSIONS)
def test_sizes_are_the_published_ones(version: str) -> None:
    config, published = styletts2_config(version), {**SIZES, **OWN_SIZES[version]}
    assert {name: getattr(config, name) for name in published} == _values(published)


def test_danish_renders_twenty_clips_every_2500_steps() -> None:
    settings = resolve("styletts2-danish-coral").settings.train.styletts2
    assert (settings.sample_clips, settings.validate_every_steps) == (20, 2500)
    assert (settings.checkpoint_every_steps, settings.keep_checkpoints) == (5000, 10)
