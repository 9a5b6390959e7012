"""Feature settings refuse values that cannot work together."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from configs.content import ContentSettings
from configs.family import FamilySettings
from configs.linguistic import LinguisticSettings
from configs.phonemize import PhonemizeSettings
from configs.pitch import PitchSettings
from configs.shard import ShardSettings
from configs.spectrogram import SpectrogramSettings

ALL = (
    ContentSettings, FamilySettings, LinguisticSettings, PhonemizeSettings, PitchSettings, ShardSettings,
    SpectrogramSettings,
)  # fmt: skip


@pytest.mark.parametrize("section", ALL)
def test_defaults_hold_and_every_setting_is_described(section: type) -> None:
    section()
    assert all(field.description for field in section.model_fields.values())


@pytest.mark.parametrize(
    ("section", "values", "named"),
    [
        (FamilySettings, {"hop_samples": 2_048}, "n_fft 2048"),
        (FamilySettings, {"mel_max_hz": 20_000.0}, "mel_max_hz 20000"),
        (FamilySettings, {"symbol_table": "gpt-sovits-v9"}, "symbol_table"),
        (PitchSettings, {"method": "yin"}, "method"),
        (PitchSettings, {"f0_min_hz": 300.0, "f0_max_hz": 400.0}, "f0_max_hz 400"),
        (ContentSettings, {"mfcc_dim": 40}, "mfcc_dim 40"),
        (ContentSettings, {"weights_digest": "abc"}, "weights_digest"),
        (ShardSettings, {"validation_share": 0.5, "test_share": 0.5}, "too little"),
        (PhonemizeSettings, {"unknown_ratio_max": 2}, "unknown_ratio_max"),
        (LinguisticSettings, {"folder": "x"}, "folder"),
    ],
)
def test_values_that_cannot_work_are_named(section: type, values: dict, named: str) -> None:
    with pytest.raises(ValidationError, match=named):
        section(**values)
