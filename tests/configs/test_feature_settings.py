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

STYLETTS2 = {
    "name": "styletts2",
    "sample_rate": 24_000,
    "hop_samples": 300,
    "n_mels": 80,
    "mel": "styletts2",
    "edge_silence_samples": 5_000,
    "symbol_table": "ipa",
    "character_table": "styletts2",
}
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


def test_families_that_read_characters() -> None:
    FamilySettings(**STYLETTS2)
    FamilySettings(**{**STYLETTS2, "name": "kokoro", "character_table": "kokoro"})


@pytest.mark.parametrize(
    ("values", "named"),
    [
        ({"hop_samples": 240}, "set hop_samples: 300"),
        ({"sample_rate": 22_050}, "set sample_rate: 24000"),
        ({"n_mels": 128}, "set n_mels: 80"),
        ({"mel": "slaney"}, "set mel: styletts2"),
        ({"mel_max_hz": 8_000.0}, "leave both out"),
        ({"character_table": None}, "set character_table: styletts2"),
        ({"character_table": "kokoro"}, "set character_table: styletts2"),
        ({"name": "kokoro"}, "set character_table: kokoro"),
        ({"symbol_table": "gpt-sovits-v2"}, "set symbol_table: ipa"),
    ],
)
def test_a_frame_or_table_that_no_weights_fit_is_refused_with_the_remedy(values: dict, named: str) -> None:
    with pytest.raises(ValidationError, match=named):
        FamilySettings(**{**STYLETTS2, **values})


def test_gpt_sovits_has_neither_characters_nor_edge_silence() -> None:
    for values in ({"character_table": "kokoro"}, {"edge_silence_samples": 5_000}, {"mel": "styletts2"}):
        with pytest.raises(ValidationError, match="set "):
            FamilySettings(**values)
