"""An exported voice as the official scripts read it: the same weights, and a start for fine-tuning."""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch
import yaml
from safetensors.torch import load_file

from configs.errors import UserError
from models.styletts2.upstream import read_checkpoint
from models.styletts2.upstream_config import sizes_of_content
from tasks.release.speak import load_voice
from tasks.release.styletts2.official_files import told_of, write_official_files
from tests.tasks.finetune.styletts2 import case as styletts2_case

pytestmark = pytest.mark.slow


def test_the_exported_file_holds_the_weights_and_the_sizes(voice_folder: Path) -> None:
    read = read_checkpoint(voice_folder / "official/tones.pth")
    files = {path.stem: path for path in (voice_folder / "networks").glob("*.safetensors")}
    assert read.weights.keys() == files.keys()
    for name, path in files.items():
        found = load_file(path)
        assert found.keys() == read.weights[name].keys()
        assert all(torch.equal(value, read.weights[name][key]) for key, value in found.items())
    described = json.loads((voice_folder / "voice.json").read_text())
    sizes = described["networks"]["styletts2"]["sizes"]
    assert read.sizes == sizes and read.character_table == "styletts2"
    official = yaml.safe_load((voice_folder / "official/config.yml").read_text())
    assert sizes_of_content(official, "config.yml").items() <= sizes.items()
    assert official["PLBERT_dir"] == "Utils/PLBERT/"
    # Training has estimated it: what voice, networks and official scripts speak with is one number.
    spread = official["model_params"]["diffusion"]["dist"]["sigma_data"]
    assert load_voice(voice_folder).model.config.diffusion_sigma_data == spread != 0.2
    problem = described["official"]["problem"]
    assert "bert_embedding is 8, not 128" in problem
    assert problem in (voice_folder / "README.md").read_text()
    assert "for its inference scripts" in told_of("tones", None)


def test_fine_tuning_goes_on_from_the_exported_file(voice_folder: Path, tmp_path: Path) -> None:
    files = {"shard": styletts2_case.write_shards(tmp_path / "shards", train=2)}
    path = voice_folder / "official/tones.pth"
    produced = styletts2_case.train(
        "finetune",
        files,
        tmp_path / "work",
        pretrained=str(path),
        finetune={"max_steps": 1, "max_epochs": None, "diff_step": 0, "joint_step": 0},
        sample_clips=0,
    )
    described = json.loads(produced.files["config.json"].read_text())
    assert described["pretrained"].keys() >= {"decoder", "diffusion", "mpd"}
    assert described["sizes"]["trailing_frames"] == 0


def test_the_same_networks_are_the_same_bytes_and_damage_is_told(
    release: SimpleNamespace, voice_folder: Path, tmp_path: Path
) -> None:
    files = dict(release.train_styletts2_stage2.files)
    network = json.loads(files["config.json"].read_text())
    problem = write_official_files(tmp_path, "tones", files, network, "styletts2")
    assert problem is not None and "no setting for it" in problem
    for name in ("tones.pth", "config.yml"):
        assert (tmp_path / "official" / name).read_bytes() == (voice_folder / "official" / name).read_bytes()
    assert len(list((tmp_path / "official").iterdir())) == 2
    broken = tmp_path / "broken" / "decoder.safetensors"
    broken.parent.mkdir()
    broken.write_bytes(files["decoder.safetensors"].read_bytes()[:100])
    with pytest.raises(UserError, match=r"decoder\.safetensors: is cut short, damaged"):
        write_official_files(broken.parent, "tones", {**files, broken.name: broken}, network, "styletts2")
