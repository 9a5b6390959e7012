"""What is remembered of how a voice was made: kept when files change or go, and the same from any folder."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from configs.errors import UserError
from configs.loading import documented
from configs.places import NEW_PLACES, PLACES
from tasks.nights.listed import add_night, read_nights
from tasks.recipe import keep_settings, placed, recipe_changes, unused_edit, with_recipe
from tasks.run_record import write_run
from tasks.stage import config_slice
from tasks.stages import stages_of
from tasks.versions.voices import copy_voice
from tasks.voice import Request, open_store, remembered


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder where commands are typed."""
    folder = tmp_path / "here"
    (folder / "clips").mkdir(parents=True)
    (folder / "clips" / "x.csv").write_text("a,Hello.\n")
    monkeypatch.chdir(folder)
    return folder


def made(workspace: Path, request: Request) -> Request:
    """The request as a run remembers it."""
    kept = keep_settings(workspace, placed(request))
    write_run(workspace, request.voice, {"request": kept.as_record(), "stages": {}})
    return kept


def test_a_file_of_settings_that_was_edited_or_is_gone_is_remembered_as_it_was(tmp_path: Path) -> None:
    file = tmp_path / "anna.yaml"
    file.write_text("seed: 5\n")
    made(tmp_path, Request(tmp_path, "anna", "tiny", file))
    file.write_text("seed: 6\n")
    again = with_recipe(tmp_path, Request(tmp_path, "anna"))
    assert again.resolve().settings.seed == 5
    assert str(file) in unused_edit(again)[0] and "has changed" in unused_edit(again)[0]
    assert recipe_changes(tmp_path, again) == []
    assert "seed 5 -> 6" in recipe_changes(tmp_path, Request(tmp_path, "anna", "tiny", file))[0]
    file.unlink()
    assert remembered(tmp_path, "anna").resolve().settings.seed == 5
    assert unused_edit(with_recipe(tmp_path, Request(tmp_path, "anna"))) == []


def test_the_given_files_name_outlives_runs_that_read_its_copy(tmp_path: Path) -> None:
    file = tmp_path / "anna.yaml"
    file.write_text("seed: 5\n")
    first = made(tmp_path, Request(tmp_path, "anna", "tiny", file))
    # As the flow gets it: by path alone.
    again = made(tmp_path, Request(tmp_path, "anna", "tiny", first.config_file))
    assert again == first
    assert remembered(tmp_path, "anna").copied_from == file


def test_a_record_of_before_that_has_the_path_alone_is_read(tmp_path: Path) -> None:
    file = tmp_path / "anna.yaml"
    file.write_text("seed: 5\n")
    old = Request(tmp_path, "anna", "tiny", file).as_record()
    assert set(old) == {"recordings", "voice", "preset", "config_file", "overrides"}
    write_run(tmp_path, "anna", {"request": old, "stages": {}})
    assert remembered(tmp_path, "anna").resolve().settings.seed == 5


def test_a_copy_of_a_voice_and_its_nights_have_the_settings_too(tmp_path: Path) -> None:
    file = tmp_path / "anna.yaml"
    file.write_text("seed: 5\n")
    request = made(tmp_path, Request(tmp_path, "anna", "tiny", file))
    add_night(tmp_path, "anna")
    copy_voice(open_store(tmp_path, request.resolve().settings), tmp_path, "anna", "bert")
    file.write_text("seed: 6\n")
    made(tmp_path, Request(tmp_path, "anna", "tiny", file))
    assert remembered(tmp_path, "anna").resolve().settings.seed == 6
    assert remembered(tmp_path, "bert").resolve().settings.seed == 5
    assert read_nights(tmp_path)["anna"].resolve().settings.seed == 5


@pytest.mark.parametrize("way", ["option", "short option", "file", "group"])
def test_relative_paths_lead_to_the_same_from_anywhere(
    here: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, way: str
) -> None:
    file = tmp_path / "anna.yaml"
    file.write_text("corpus:\n  metadata: clips/x.csv\n")
    overrides = {
        "option": ("corpus.metadata=clips/x.csv",),
        "short option": ("seed=3", "metadata=clips/x.csv"),
        "group": ("corpus={metadata: clips/x.csv}",),
    }.get(way, ())
    made(tmp_path, Request(here, "anna", "tiny", file if way == "file" else None, overrides))
    monkeypatch.chdir(tmp_path)
    settings = remembered(tmp_path, "anna").resolve().settings
    assert settings.corpus.metadata == str(here / "clips" / "x.csv")
    # Keys hold what a file says, not where it lies.
    shows_all = stages_of(settings).all[-1]
    assert "corpus.metadata" in config_slice(shows_all, settings)
    assert str(here) not in str(config_slice(shows_all, settings))
    assert placed(remembered(tmp_path, "anna")) == remembered(tmp_path, "anna")


def test_names_urls_and_what_is_not_here_stay_as_they_are(here: Path) -> None:
    (here / "kokoro-82m").mkdir()
    for name in ("mfa", "new.tsv"):
        (here / name).touch()
    given = (
        "train.kokoro_fit.pretrained=kokoro-82m",
        "features.align.mfa.executable=mfa",
        "store.url=s3://voices",
        "weights.folder=nowhere",
    )
    assert placed(Request(here, "anna", "kokoro-fit", None, given)).overrides == given
    several = placed(
        Request(here, "anna", "tiny", None, ("lexicon=[new.tsv, of-the-workspace.tsv]", "store.url=s"))
    )
    settings = several.resolve().settings
    assert settings.features.phonemize.lexicon == (str(here / "new.tsv"), "of-the-workspace.tsv")
    assert settings.store.url == str(here / "s")


def test_every_setting_that_may_be_a_path_is_known() -> None:
    from tasks.weights import _USES

    known = {*PLACES, *NEW_PLACES}
    assert {use.setting for use in _USES} <= known
    assert known <= {name for name, *_ in documented()}


def test_a_file_that_is_gone_before_it_could_be_kept_is_told(tmp_path: Path) -> None:
    request = replace(Request(tmp_path, "anna", "tiny"), config_file=tmp_path / "gone.yaml")
    with pytest.raises(UserError, match=r"gone\.yaml: cannot be read"):
        keep_settings(tmp_path, request)
