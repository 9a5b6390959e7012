"""Trainings that go on from the champion: from which, for how long the same, and with which key."""

from __future__ import annotations

from pathlib import Path

import pytest

from artifacts.manifest import Manifest, RowRef
from artifacts.store import BlobRef, Store
from configs.errors import UserError
from configs.loading import resolve
from tasks.code import Code
from tasks.finetune.kokoro.stages import FIT_KOKORO, TRAIN_KOKORO
from tasks.release.kokoro.stages import FITTED
from tasks.stage import key_of
from tasks.versions.begins import BEGINS, ChampionBegins, beginning
from tasks.versions.voices import copy_voice, delete_version, promote
from tests.tasks.versions.made import made

SETTING = "train.kokoro_fit.pretrained_voices"
GOOD, BETTER = [0.8] * 6, [0.9] * 6
SETTINGS = resolve("kokoro-fit", None, ("train.begin=champion",)).settings


def of_data(number: int) -> dict[str, Manifest]:
    """What the stage learns from."""
    return {"shard": Manifest("shard", "k", {}, (RowRef("row", f"{number}" * 64, "", 0, 0),))}


def begins_of(workspace: Path, voice: str = "anna") -> ChampionBegins:
    store = Store(str(workspace / "store"), workspace / "cache")
    return ChampionBegins(workspace, voice, SETTINGS, store, {SETTING: "nets/*.bin"})


def voices(begins: ChampionBegins, data: int) -> str | None:
    """The weights that fitting on this data begins with, as their content."""
    path = begins.settings_of(FIT_KOKORO, of_data(data)).train.kokoro_fit.pretrained_voices
    return None if path is None else Path(path).read_text()


def test_new_data_is_learned_from_the_champion_and_known_data_from_what_it_began_with(tmp_path: Path) -> None:
    assert voices(begins_of(tmp_path), 1) is None
    begins_of(tmp_path).keep(FIT_KOKORO, of_data(1))
    made(tmp_path, GOOD)
    # Nothing new: the champion that came of it changes nothing.
    assert voices(begins_of(tmp_path), 1) is None
    first = voices(begins_of(tmp_path), 2)
    assert first is not None and "0.8" in first
    begins_of(tmp_path).keep(FIT_KOKORO, of_data(2))
    made(tmp_path, BETTER)
    assert voices(begins_of(tmp_path), 2) == first
    later = voices(begins_of(tmp_path), 3)
    assert later is not None and "0.9" in later


def test_what_is_not_learned_from_is_no_new_data(tmp_path: Path) -> None:
    """A recording that is refused changes the table's card, and nothing that is trained on."""

    def shard(card: str) -> dict[str, Manifest]:
        files = {"data.parquet": BlobRef("1" * 64, 1), "README.md": BlobRef(card * 64, 1)}
        return {"shard": Manifest("shard", "k", {}, files=files)}

    begins_of(tmp_path).keep(FIT_KOKORO, shard("a"))
    made(tmp_path, GOOD)
    begun = begins_of(tmp_path).settings_of(FIT_KOKORO, shard("b")).train.kokoro_fit.pretrained_voices
    assert begun is None


def test_other_settings_are_another_training(tmp_path: Path) -> None:
    made(tmp_path, GOOD)
    begins_of(tmp_path).keep(FIT_KOKORO, of_data(1))
    made(tmp_path, BETTER)
    store = Store(str(tmp_path / "store"), tmp_path / "cache")
    changed = resolve("kokoro-fit", None, ("train.begin=champion", "seed=7")).settings
    other = ChampionBegins(tmp_path, "anna", changed, store, {SETTING: "nets/*.bin"})
    assert "0.9" in str(voices(other, 1))


def test_the_key_holds_what_the_weights_are_and_not_where_they_lie(tmp_path: Path) -> None:
    keys = []
    for place in (tmp_path / "one", tmp_path / "two"):
        made(place, GOOD)
        settings = begins_of(place).settings_of(FIT_KOKORO, of_data(1))
        code = Code(place / "code.json")
        keys.append(key_of(FIT_KOKORO, settings, of_data(1), code, lambda *_: {}))
        assert str(place) not in str(keys[-1].parts)
    assert keys[0].action == keys[1].action
    assert keys[0].parts["config"][SETTING].startswith("content ")


def test_only_trainings_that_read_the_setting_are_told(tmp_path: Path) -> None:
    made(tmp_path, GOOD)
    for stage in (TRAIN_KOKORO, FITTED[-1]):
        inputs = {name: of_data(1)["shard"] for name in stage.reads}
        begins = begins_of(tmp_path)
        assert begins.settings_of(stage, inputs) is SETTINGS
        begins.keep(stage, inputs)
    assert not (tmp_path / "runs" / "anna" / BEGINS).exists()


def test_a_copy_begins_alike_and_a_version_that_is_gone_is_begun_with_no_more(tmp_path: Path) -> None:
    made(tmp_path, GOOD)
    begins_of(tmp_path).keep(FIT_KOKORO, of_data(1))
    made(tmp_path, BETTER)
    store = Store(str(tmp_path / "store"), tmp_path / "cache")
    copy_voice(store, tmp_path, "anna", "bert")
    assert "0.8" in str(voices(begins_of(tmp_path, "bert"), 1))
    promote(store, tmp_path, "anna", 2, "hand", "")
    delete_version(store, tmp_path, "anna", 1)
    assert "0.9" in str(voices(begins_of(tmp_path), 1))


def test_a_champion_of_another_family_is_no_beginning(tmp_path: Path) -> None:
    made(tmp_path, GOOD)
    store = Store(str(tmp_path / "store"), tmp_path / "cache")
    begins = ChampionBegins(tmp_path, "anna", SETTINGS, store, {SETTING: "networks/voices.safetensors"})
    assert voices(begins, 1) is None


def test_who_cannot_go_on_says_so(tmp_path: Path) -> None:
    store = Store(str(tmp_path / "store"), tmp_path / "cache")
    scratch = resolve("styletts2-tiny", None, ("train.begin=champion",)).settings
    with pytest.raises(UserError, match="styletts2 voice in this way cannot go on"):
        beginning(tmp_path, "anna", scratch, store)
    assert beginning(tmp_path, "anna", resolve("tiny", None, ()).settings, store) is None
    for preset in ("tiny", "kokoro-fit", "kokoro", "kokoro-tiny", "styletts2-finetune"):
        settings = resolve(preset, None, ("train.begin=champion",)).settings
        assert beginning(tmp_path, "anna", settings, store) is not None


def test_a_begins_record_that_cannot_be_believed_is_told(tmp_path: Path) -> None:
    made(tmp_path, GOOD)
    (tmp_path / "runs" / "anna" / BEGINS).write_text('{"a": -1}')
    with pytest.raises(UserError, match=r"begins\.json"):
        voices(begins_of(tmp_path), 1)
