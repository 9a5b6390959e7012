"""Settings: where values come from, and what a mistake is told."""

from __future__ import annotations

from pathlib import Path

import pytest
from pydantic import ValidationError

from configs.errors import UserError
from configs.loading import documented, presets, resolve


def test_later_wins_and_origin_is_kept(tmp_path: Path):
    file = tmp_path / "mine.yaml"
    file.write_text("seed: 5\nfeatures:\n  pitch:\n    method: harvest\n")
    resolved = resolve("tiny", file, ("seed=6",))
    assert resolved.settings.seed == 6
    assert resolved.origins["seed"] == "--set"
    assert resolved.settings.features.pitch.method == "harvest"
    assert resolved.origins["features.pitch.method"] == f"{file}:4"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (
            "features:\n  pitch:\n    metod: dio\n",
            ["mine.yaml:3", "features.pitch.metod", "features.pitch.method"],
        ),
        ("features:\n  pitch:\n    method: doi\n", ["mine.yaml:3", "features.pitch.method", "doi"]),
        ("seed: many\n", ["mine.yaml:1", "seed", "many"]),
        ("seed: 1\nseed: 2\n", ["mine.yaml:2", "seed", "twice"]),
        ("features: dio\n", ["mine.yaml:1", "features", "group"]),
        ("- seed\n", ["mine.yaml", "name: value"]),
        ("seed: [1\n", ["mine.yaml", "YAML"]),
    ],
)
def test_mistake_names_file_line_key_and_remedy(tmp_path: Path, text: str, expected: list[str]):
    file = tmp_path / "mine.yaml"
    file.write_text(text)
    with pytest.raises(UserError) as caught:
        resolve("tiny", file)
    for part in expected:
        assert part in str(caught.value)


def test_unknown_preset_names_the_nearest():
    with pytest.raises(UserError, match="tiny"):
        resolve("tinny")


@pytest.mark.parametrize("text", ["seed", "=5", "seed=[1"])
def test_malformed_override(text: str):
    with pytest.raises(UserError, match="--set"):
        resolve("tiny", None, (text,))


def test_the_last_part_of_a_name_is_enough_where_no_other_setting_has_it():
    resolved = resolve("tiny", None, ("language=lb",))
    assert resolved.settings.corpus.language == "lb"
    assert resolved.origins["corpus.language"] == "--set"
    with pytest.raises(UserError, match="there is no setting max_steps; did you mean"):
        resolve("tiny", None, ("max_steps=3",))


@pytest.mark.parametrize(
    ("override", "message"),
    (
        ("family.hop_samples=240", "hop_samples = 240: the mel styletts2 has 300"),
        ("family.sample_rate=22050", "sample_rate = 22050: .* has 24000"),
        (
            "family.character_table=styletts2",
            "kokoro would learn nonsense from it; set character_table: kokoro",
        ),
        ("release.kokoro.max_phonemes=511", "less than or equal to 510"),
    ),
)
def test_what_no_kokoro_weights_fit_is_refused(override: str, message: str):
    with pytest.raises(UserError, match=message):
        resolve("kokoro", None, (override,))


@pytest.mark.parametrize("name", presets())
def test_every_preset_resolves(name: str):
    assert resolve(name).settings.preset == name


def test_settings_are_frozen():
    settings = resolve("tiny").settings
    with pytest.raises(ValidationError):
        settings.seed = 2


def test_every_setting_is_documented():
    assert [path for path, _, _, about in documented() if len(about) < 8] == []
