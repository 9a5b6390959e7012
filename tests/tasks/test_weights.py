"""Published weights are found where people have them, and asked for in one message where they are not."""

from __future__ import annotations

import io
import json
from pathlib import Path

import pytest

from artifacts import digest
from configs.errors import UserError
from configs.loading import resolve
from configs.settings import Settings
from configs.weights import PUBLISHED
from flows.weights import fetch
from tasks.features.stages import CONTENT
from tasks.stage import config_slice
from tasks.stages import every_way, stages_of
from tasks.weights import (
    UNKNOWN_LICENCE,
    licences_of,
    local,
    located,
    portable,
    require_weights,
    with_local_weights,
)

EVERYTHING = [stage.name for stage in every_way()["gpt-sovits"].all]


def settings(*overrides: str, preset: str = "gpt-sovits-v2pro") -> Settings:
    return resolve(preset, None, overrides).settings


def pretrained_models(folder: Path) -> Path:
    """A folder as GPT-SoVITS's users have it, with files that only have to be there."""
    for name in ("chinese-hubert-base", "chinese-roberta-wwm-ext-large"):
        (folder / name).mkdir(parents=True)
        (folder / name / "config.json").write_text("{}")
    for name in (
        "v2Pro/s2Gv2Pro.pth",
        "v2Pro/s2Dv2Pro.pth",
        "s1v3.ckpt",
        "sv/pretrained_eres2netv2w24s4ep4.ckpt",
    ):
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_bytes(name.encode())
    return folder


def test_everything_missing_is_told_at_once_with_size_source_and_place(tmp_path: Path) -> None:
    wanted = with_local_weights(settings(), tmp_path)
    with pytest.raises(UserError) as told:
        require_weights(wanted, tmp_path, EVERYTHING)
    message = str(told.value)
    for name, size_mb in (
        ("chinese-hubert-base", 190),
        ("chinese-roberta-wwm-ext-large", 652),
        ("s2Gv2Pro.pth", 162),
        ("s2Dv2Pro.pth", 126),
        ("s1v3.ckpt", 156),
        ("pretrained_eres2netv2w24s4ep4.ckpt", 108),
    ):
        line = next(line for line in message.splitlines() if name in line)
        assert f"{size_mb} MB" in line and "lj1995/GPT-SoVITS" in line and str(tmp_path / "models") in line
    assert "voicewright models fetch" in message


def test_a_pretrained_models_folder_serves_as_it_is(tmp_path: Path) -> None:
    folder = pretrained_models(tmp_path / "pretrained_models")
    found = with_local_weights(settings(f"weights.folder={folder}"), tmp_path / "workspace")
    require_weights(found, tmp_path / "workspace", EVERYTHING)
    assert found.train.sovits.pretrained == str(folder / "v2Pro/s2Gv2Pro.pth")
    assert found.features.content.model == str(folder / "chinese-hubert-base")


def test_one_missing_file_is_the_only_one_told(tmp_path: Path) -> None:
    folder = pretrained_models(tmp_path / "models")
    (folder / "v2Pro/s2Dv2Pro.pth").unlink()
    with pytest.raises(UserError) as told:
        require_weights(with_local_weights(settings(), tmp_path), tmp_path, EVERYTHING)
    assert "s2Dv2Pro.pth" in str(told.value) and "s1v3" not in str(told.value)


def test_only_what_the_stages_to_run_read_is_asked_for(tmp_path: Path) -> None:
    require_weights(with_local_weights(settings(), tmp_path), tmp_path, ["ingest", "segment"])


def test_a_path_that_is_not_there_is_named_with_its_setting(tmp_path: Path) -> None:
    pretrained_models(tmp_path / "models")
    wrong = settings(f"train.t2s.pretrained={tmp_path / 'mine.ckpt'}")
    with pytest.raises(UserError, match=r"train\.t2s\.pretrained = .*mine\.ckpt.*no such file"):
        require_weights(with_local_weights(wrong, tmp_path), tmp_path, EVERYTHING)


def test_keys_hold_the_content_and_not_the_place(tmp_path: Path) -> None:
    slices = []
    for name in ("one", "two"):
        pretrained_models(tmp_path / name / "models")
        found = with_local_weights(settings(), tmp_path / name)
        slices.append(digest.of_value(config_slice(CONTENT, found)))
    assert slices[0] == slices[1]
    (tmp_path / "two/models/chinese-hubert-base/config.json").write_text('{"other": 1}')
    changed = with_local_weights(settings(), tmp_path / "two")
    assert digest.of_value(config_slice(CONTENT, changed)) != slices[0]


def test_what_leaves_the_machine_names_weights_and_finds_them_elsewhere(tmp_path: Path) -> None:
    here, elsewhere = pretrained_models(tmp_path / "here"), pretrained_models(tmp_path / "elsewhere")
    assert portable(str(here / "chinese-hubert-base")) == "hubert"
    assert local("hubert", elsewhere) == str(elsewhere / "chinese-hubert-base")
    assert local("hubert", tmp_path / "nowhere") == "hubert"
    assert portable("some/hub-model") == "some/hub-model"


def test_voices_from_scratch_need_nothing(tmp_path: Path) -> None:
    require_weights(with_local_weights(settings(preset="tiny"), tmp_path), tmp_path, EVERYTHING)


def names_of(found: Settings) -> list[str]:
    return [stage.name for stage in stages_of(found).all]


@pytest.mark.parametrize(
    ("preset", "wanted"),
    (
        ("styletts2-ljspeech", {"epoch_00080.pth", "bst.t7", "step_1000000.t7", "wavlm-base-plus"}),
        ("styletts2-finetune", {"epochs_2nd_00020.pth", "wavlm-base-plus"}),
        ("styletts2-danish-coral", set()),
        ("styletts2-tiny", set()),
    ),
)
def test_styletts2_asks_for_what_its_stages_read(tmp_path: Path, preset: str, wanted: set[str]) -> None:
    found = with_local_weights(settings(preset=preset), tmp_path)
    if not wanted:
        require_weights(found, tmp_path, names_of(found))
        return
    with pytest.raises(UserError) as told:
        require_weights(found, tmp_path, names_of(found))
    lines = str(told.value).splitlines()[1:-1]
    assert {Path(line.split(", ")[0].split(": ")[1]).name for line in lines} == wanted
    assert all("github.com/yl4579" in line or "huggingface.co/" in line for line in lines)


def test_a_checkout_of_styletts2_serves_as_it_is_and_so_does_a_folder_of_ours(tmp_path: Path) -> None:
    checkout, ours = tmp_path / "StyleTTS2", tmp_path / "voice/networks"
    for name in ("Utils/ASR/epoch_00080.pth", "Utils/JDC/bst.t7"):
        (checkout / name).parent.mkdir(parents=True)
        (checkout / name).write_bytes(name.encode())
    ours.mkdir(parents=True)
    (ours / "config.json").write_text("{}")
    chosen = (
        f"weights.folder={checkout}",
        f"train.styletts2.pretrained_bert={ours}",
        "train.styletts2.slm.model=null",
    )
    found = with_local_weights(settings(*chosen, preset="styletts2-ljspeech"), tmp_path)
    require_weights(found, tmp_path, names_of(found))
    assert found.train.styletts2.pretrained_aligner == str(checkout / "Utils/ASR/epoch_00080.pth")
    wrong = settings(*chosen, f"train.styletts2.pretrained_bert={tmp_path}", preset="styletts2-ljspeech")
    with pytest.raises(UserError, match=r"pretrained_bert = .*no such file or folder with config\.json"):
        require_weights(with_local_weights(wrong, tmp_path), tmp_path, names_of(wrong))


@pytest.mark.parametrize("name", ("styletts2-aligner", "styletts2-bert", "styletts2-pitch"))
def test_files_of_github_are_fetched_whole_with_their_digest(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    asked = []

    def answer(address: str, timeout: float) -> io.BytesIO:
        asked.append(address)
        return io.BytesIO(b"weights")

    monkeypatch.setattr("flows.weights.urlopen", answer)
    entry = next(weights for weights in PUBLISHED if weights.name == name)
    place = fetch(entry, tmp_path)
    assert asked == [f"https://raw.githubusercontent.com/yl4579/StyleTTS2/main/{entry.path}"]
    assert located(entry, tmp_path) == place and place.read_bytes() == b"weights"
    record = json.loads(place.with_name(f"{place.name}.fetched.json").read_text())
    assert record["sha256"] == {entry.path: digest.of_bytes(b"weights")}

    def unreachable(address: str, timeout: float) -> io.BytesIO:
        raise OSError

    monkeypatch.setattr("flows.weights.urlopen", unreachable)
    assert fetch(entry, tmp_path) == place
    with pytest.raises(UserError, match=rf"github\.com cannot be reached.*--set {entry.setting}=PATH"):
        fetch(entry, tmp_path / "another")


def test_what_was_fetched_is_found_by_name_and_by_repository(tmp_path: Path) -> None:
    for name in ("ecapa", "whisper", "wavlm-base-plus"):
        (tmp_path / "models" / name).mkdir(parents=True)
        (tmp_path / "models" / name / "fetched.json").write_text("{}")
    overrides = ("features.speaker.backend=ecapa", "train.styletts2.slm.model=microsoft/wavlm-base-plus")
    found = with_local_weights(settings(*overrides, preset="styletts2-tiny"), tmp_path)
    assert found.features.speaker.model == str(tmp_path / "models" / "ecapa")
    assert found.corpus.transcribe.model == str(tmp_path / "models" / "whisper")
    assert found.train.styletts2.slm.model == str(tmp_path / "models" / "wavlm-base-plus")


def test_a_smaller_whisper_that_was_fetched_stands_in(tmp_path: Path) -> None:
    def model(*overrides: str) -> str:
        return with_local_weights(settings(*overrides, preset="tiny"), tmp_path).corpus.transcribe.model

    assert "/" in model() and not Path(model()).is_absolute()
    for name in ("whisper-tiny.en", "whisper-base"):
        (tmp_path / "models" / name).mkdir(parents=True)
        (tmp_path / "models" / name / "fetched.json").write_text("{}")
        assert model() == str(tmp_path / "models" / name)
    assert model("corpus.transcribe.backend=faster-whisper") == model(
        "corpus.transcribe.model=Systran/faster-whisper-large-v3", "corpus.transcribe.backend=faster-whisper"
    )
    assert not Path(model("corpus.transcribe.backend=faster-whisper")).is_absolute()


def test_a_missing_speaker_encoder_and_recogniser_are_told_before_anything_starts(tmp_path: Path) -> None:
    overrides = ("features.speaker.backend=ecapa", "corpus.transcribe.backend=faster-whisper")
    wanted = with_local_weights(settings(*overrides, preset="tiny"), tmp_path)
    with pytest.raises(UserError, match=r"weights: 2 sets are missing") as told:
        require_weights(wanted, tmp_path, EVERYTHING)
    assert "models fetch whisper ecapa" in str(told.value)
    (tmp_path / "given").mkdir()
    (tmp_path / "given" / "embedding_model.ckpt").write_bytes(b"")
    given = settings(f"features.speaker.model={tmp_path / 'given'}", *overrides[:1], preset="tiny")
    require_weights(with_local_weights(given, tmp_path), tmp_path, EVERYTHING)


def test_licences_are_told_of_what_settings_name(tmp_path: Path) -> None:
    found = with_local_weights(settings("train.kokoro_fit.voices=null", preset="kokoro-fit"), tmp_path)
    assert licences_of((found.train.kokoro_fit.pretrained, found.train.kokoro_fit.voices)) == {
        "kokoro-82m": "Apache-2.0"
    }
    place = tmp_path / "models" / "kokoro-82m"
    place.mkdir(parents=True)
    (place / "config.json").write_text("{}")
    there = with_local_weights(found, tmp_path).train.kokoro_fit.pretrained
    assert there == str(place)
    assert licences_of((there, str(tmp_path / "mine.pth"))) == {
        "kokoro-82m": "Apache-2.0",
        "mine.pth": UNKNOWN_LICENCE,
    }
