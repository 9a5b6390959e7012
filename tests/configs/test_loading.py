"""Settings: where values come from, and what a mistake is told."""

from __future__ import annotations

import itertools
from pathlib import Path

import pytest
from pydantic import ValidationError

from configs.errors import UserError
from configs.loading import PRESETS, documented, leaves, presets, resolve
from configs.settings_file import as_file


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


HOSTILE = {
    "tag": ("seed: !!python/object/apply:os.system ['true']\n", 1, "python/object"),
    "tag of text": ("voice: a\nseed: !!timestamp soon\n", 2, "seed = 'soon'"),
    "truth": ("corpus:\n  keep_truncated: !!bool perhaps\n", 2, "corpus.keep_truncated"),
    "date": ("voice: 2026-13-45\n", 1, "quotes"),
    "digits": (f"seed: {'9' * 5000}\n", 1, "seed"),
    "large": (f"seed: {'9' * 50}\n", 1, "too large"),
    "cyclic": ("features: &a {pitch: *a}\n", 1, "nested deeper"),
    "cyclic list": ("voice: &a [*a]\n", 1, "nested deeper"),
    "bomb": ("x: &a [1, 1]\n" + "".join(f"x{n}: &{b} [*{a}, *{a}]\n" for n, (a, b) in enumerate(
        itertools.pairwise("abcdefghijklmnopqrs"))), None, "more than 20000"),
    "deep": ("voice: " + "[" * 100_000, None, "nested deeper"),
    "deep lines": ("".join(" " * n + f"a{n}:\n" for n in range(200)), None, "nested deeper"),
    "key": ("? [a, b]\n: 1\n", 1, "name is wanted"),
    "twice": ("features:\n  pitch:\n    method: dio\n    method: dio\n", 4, "features.pitch.method is given"),
    "control": ("seed: 1\nvoice: \x07\n", 2, "remove it"),
    "escape": ('voice: "\\UFFFFFFFF"\n', None, "YAML"),
    "surrogate": ('voice: "\\ud800"\n', 1, "surrogate"),
    "unclosed": ("seed: 1\nvoice: 'a\n", None, "YAML"),
    "long": ("# " + "x" * 300_000, None, "characters"),
    "name of controls": ('"\\e[31m": 1\n', 1, "\\x1b"),
}  # fmt: skip


@pytest.mark.parametrize("kind", HOSTILE)
def test_what_is_no_plain_yaml_is_one_message_with_its_line(tmp_path: Path, kind: str):
    text, line, part = HOSTILE[kind]
    file = tmp_path / "mine.yaml"
    file.write_text(text)
    with pytest.raises(UserError) as caught:
        resolve("tiny", file)
    message = str(caught.value)
    assert message.startswith(f"{file}:{line}:" if line else f"{file}:") and part in message
    assert "\n" not in message and len(message) < 600


def test_bytes_that_are_no_text_are_one_message(tmp_path: Path):
    file = tmp_path / "mine.yaml"
    file.write_bytes(b"seed: \xff\n")
    with pytest.raises(UserError, match="is not UTF-8 text; save it as UTF-8"):
        resolve("tiny", file)


def test_aliases_within_reason_are_read(tmp_path: Path):
    file = tmp_path / "mine.yaml"
    file.write_text("seed: &n 7\nvoice: *n\n")
    with pytest.raises(UserError, match=r"mine.yaml:2: voice = 7"):
        resolve("tiny", file)


@pytest.mark.parametrize(
    "value",
    ["!!python/name:os.system", "2026-02-31", "9" * 5000, "&a [*a]", "[" * 5000, "\x00", "{a: 1, a: 2}"],
)
def test_a_hostile_override_is_one_message(value: str):
    with pytest.raises(UserError, match=r"^--set seed") as caught:
        resolve("tiny", None, (f"seed={value}",))
    assert len(str(caught.value)) < 600


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


def test_a_group_that_may_be_null_is_set_part_by_part_and_switched_off_and_on(tmp_path: Path):
    rule = "train.styletts2.slm.adversary"
    assert {f"{rule}", f"{rule}.iter"} <= {path for path, *_ in documented()}
    assert resolve("styletts2-libritts").settings.train.styletts2.slm.adversary.iter == 20
    file = tmp_path / "own.yaml"
    file.write_text("train:\n  styletts2:\n    slm:\n      adversary:\n        min_len: 300\n")
    found = resolve("styletts2-libritts", file).settings.train.styletts2.slm.adversary
    assert (found.min_len, found.iter) == (300, 20)
    off = [f"{rule}=null"]
    assert resolve("styletts2-libritts", file, off).settings.train.styletts2.slm.adversary is None
    again = resolve("styletts2-libritts", file, [*off, f"{rule}.thresh=4"])
    assert again.settings.train.styletts2.slm.adversary.thresh == 4
    assert again.settings.train.styletts2.slm.adversary.iter == 10


def test_settings_are_frozen():
    settings = resolve("tiny").settings
    with pytest.raises(ValidationError):
        settings.seed = 2


def test_every_setting_is_documented():
    assert [path for path, _, _, about in documented() if len(about) < 8] == []


def test_a_file_starts_from_the_preset_that_its_base_names(tmp_path: Path):
    file = tmp_path / "mine.yaml"
    file.write_text("base: kokoro-fit\nseed: 5\n")
    of_file, of_option = resolve(None, file), resolve("kokoro-fit", None, ("seed=5",))
    assert of_file.settings == of_option.settings
    assert (of_file.settings.preset, of_file.own) == ("kokoro-fit", {"seed"})
    assert resolve("kokoro-fit", file).settings == of_file.settings
    with pytest.raises(UserError, match=r"mine.yaml:1: base = kokoro-fit, beside the preset tiny"):
        resolve("tiny", file)
    file.write_text("seed: 5\nbase: kokoro-fitt\n")
    with pytest.raises(
        UserError, match=r"mine.yaml:2: base = kokoro-fitt: is not .* did you mean 'kokoro-fit'"
    ):
        resolve(None, file)


@pytest.mark.parametrize("name", presets())
def test_a_copy_of_a_preset_is_a_file_of_settings(tmp_path: Path, name: str):
    copy = tmp_path / "copy.yaml"
    copy.write_text((PRESETS / f"{name}.yaml").read_text(encoding="utf-8"), encoding="utf-8")
    copied, named = (
        dict(leaves(one.settings)) | {"preset": ""} for one in (resolve(None, copy), resolve(name))
    )
    assert copied == named


@pytest.mark.parametrize("name", [None, *presets()])
def test_settings_written_as_a_file_are_the_same_settings(tmp_path: Path, name: str | None):
    own = (
        "seed=7",
        "gates.forbidden={words_wrong: 0.5}",
        "train.styletts2.optimiser.modules={bert: {lr: 1.0e-6}, mpd: {lr: 2.0e-6}}",
        "train.styletts2.slm.adversary=null",
        "train.sovits.betas=[0.7, 0.9]",
        "corpus.licence='yes: 1 # no'",
    )
    for given in ((), own):
        before = resolve(name, None, given)
        file = tmp_path / "mine.yaml"
        file.write_text(as_file(before), encoding="utf-8")
        again = resolve(None, file)
        assert again.settings == before.settings
        assert as_file(again) == as_file(before)


def test_a_setting_that_is_a_mapping_is_given_in_a_file(tmp_path: Path):
    file = tmp_path / "mine.yaml"
    file.write_text("gates:\n  forbidden:\n    words_wrong: 0.5\n")
    assert resolve("tiny", file).settings.gates.forbidden == {"words_wrong": 0.5}
