"""Defaults, presets and constants are those of GPT-SoVITS."""

from __future__ import annotations

import importlib
from functools import reduce

import pytest

from configs.content import ContentSettings
from configs.linguistic import LinguisticSettings
from configs.loading import resolve
from configs.release import SynthesizeSettings
from configs.train_sovits import SovitsTrainSettings
from configs.train_t2s import T2sTrainSettings
from models.optim.scaled_adam import ScaledAdam
from models.t2s.config import t2s_config
from models.t2s.model import TextToSemantic
from tasks.finetune.gpt_sovits.sovits.recipe import loss_weights
from tasks.finetune.gpt_sovits.t2s.recipe import build_optimizer, last_rate, peak_rate
from tests.published_constants.gpt_sovits import CONSTANTS, SETTINGS

DEFAULTS = {
    "features.linguistic": LinguisticSettings(),
    "features.content": ContentSettings(),
    "train.t2s": T2sTrainSettings(),
    "train.sovits": SovitsTrainSettings(),
    "release.synthesize": SynthesizeSettings(),
}


@pytest.mark.parametrize("name", SETTINGS)
def test_a_default_is_the_published_one(name: str) -> None:
    section, field = name.rsplit(".", 1)
    assert getattr(DEFAULTS[section], field) == SETTINGS[name].value, SETTINGS[name].source


@pytest.mark.parametrize("preset", ["gpt-sovits-v2", "gpt-sovits-v2pro"])
def test_presets_of_published_weights_keep_them(preset: str) -> None:
    settings = resolve(preset).settings
    found = {name: reduce(getattr, name.split("."), settings) for name in SETTINGS}
    assert found == {name: published.value for name, published in SETTINGS.items()}


@pytest.mark.parametrize("name", CONSTANTS)
def test_a_constant_is_the_published_one(name: str) -> None:
    module, constant = name.split(":")
    assert getattr(importlib.import_module(module), constant) == CONSTANTS[name].value, CONSTANTS[name].source


def test_the_default_optimiser_is_scaled_adam_at_the_published_rate() -> None:
    model = TextToSemantic(t2s_config("v2", width=16, n_heads=2, n_layers=1, feed_forward=32))
    optimizer = build_optimizer(model, T2sTrainSettings())
    assert isinstance(optimizer, ScaledAdam)
    (group,) = optimizer.param_groups
    assert (group["lr"], group["betas"], group["clipping_scale"]) == (2e-3, (0.9, 0.95), 2.0)
    assert group["clipping_period"] == 1000


def test_the_mel_distance_counts_45_times() -> None:
    assert loss_weights(SovitsTrainSettings()) == {
        "adversarial": 1.0,
        "feature_matching": 1.0,
        "mel": 45.0,
        "kl_ssl": 1.0,
        "kl": 1.0,
    }


def test_other_optimisers_keep_their_own_rates() -> None:
    published = T2sTrainSettings()
    assert (peak_rate(published), last_rate(published)) == (2e-3, 2e-3)
    adamw = T2sTrainSettings(optimizer="adamw")
    assert (peak_rate(adamw), last_rate(adamw)) == (2e-4, pytest.approx(2e-5))
    decaying = T2sTrainSettings(learning_rate=4e-3, final_learning_rate=1e-4)
    assert (peak_rate(decaying), last_rate(decaying)) == (4e-3, 1e-4)
