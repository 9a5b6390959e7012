"""StyleTTS 2's stages start from published files exactly there, or say in one message why they cannot."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
import yaml
from safetensors.torch import load_file

from artifacts.digest import of_file
from configs.errors import UserError
from models.styletts2.config import StyleTTS2Config, styletts2_config
from models.styletts2.training import Networks
from models.styletts2.upstream import OWN
from models.styletts2.upstream_config import content_of
from tasks.finetune.styletts2.earlier import earlier_part
from tasks.finetune.styletts2.start import fresh_networks, model_config
from tasks.outcome import Produced
from tests.models.styletts2 import official
from tests.tasks.finetune.styletts2 import case as styletts2_case

pytestmark = pytest.mark.slow

ONE_STEP = {"max_steps": 1, "max_epochs": None}
LITTLE = {"lr": 1e-12, "bert_lr": 1e-12, "ft_lr": 1e-12, "weight_decay": 0.0, "bert_weight_decay": 0.0}
"""Rates that move nothing that could be told from the file."""
QUICK: dict[str, Any] = {
    "stage1": {**ONE_STEP, "tma_step": 0},
    "stage2": {**ONE_STEP, "diff_step": 0, "joint_step": 0},
    "finetune": {**ONE_STEP, "diff_step": 0, "joint_step": 0},
    "optimiser": LITTLE,
    "sample_clips": 0,
    "validate_every_steps": 0,
}
HEARD = {"alignment": "aligner", "pitch": "extractor"}
"""Runs with an aligner and a pitch extractor of their own."""


@pytest.fixture(scope="module")
def shards(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    return styletts2_case.write_shards(tmp_path_factory.mktemp("shards"), train=2)


@pytest.fixture
def train(shards: dict[str, Path], tmp_path: Path) -> Callable[..., Produced]:
    def run(stage: str, earlier: dict[str, Path] | None = None, **changes: Any) -> Produced:
        files = {"shard": shards, **({"train_styletts2_stage1": earlier} if earlier else {})}
        return styletts2_case.train(stage, files, tmp_path / stage, **{**QUICK, **changes})

    return run


def networks(seed: int = 5, **changes: Any) -> Networks:
    """Networks of the sizes that the runs have, or of others; every one there is."""
    settings = styletts2_case.settings(**HEARD, pretrained_pitch="x", **changes).train.styletts2
    config = model_config(settings, changes.get("n_symbols", 178), None, {})
    return fresh_networks(settings, config, None, judged=True, seed=seed)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return official.write(tmp_path / "epoch_2nd_00100.pth", official.content(networks()))


@pytest.mark.parametrize("version", ("ljspeech", "libritts"))
def test_fine_tuning_starts_exactly_from_a_published_voice(
    train: Callable[..., Produced], tmp_path: Path, version: str
) -> None:
    began = networks(version=version)
    path = official.write(tmp_path / "epoch_2nd_00100.pth", official.content(began))
    told = replace(began.config, diffusion_sigma_data=0.5)
    (tmp_path / "config.yml").write_text(yaml.safe_dump(content_of(told)))
    produced = train(
        "finetune",
        pretrained=str(path),
        version=version,
        finetune={**ONE_STEP, "diff_step": 9, "joint_step": 9},
    )
    wanted = official.state(began)
    for name in ("bert", "decoder", "text_encoder", "diffusion", "mpd"):
        found = load_file(produced.files[f"{name}.safetensors"])
        assert all(torch.allclose(found[key], value, atol=1e-6) for key, value in wanted[name].items()), name
    described = json.loads(produced.files["config.json"].read_text())
    assert described["pretrained"]["decoder"] == of_file(path)
    assert described["sizes"]["frame_delay"] == began.config.frame_delay
    # Diffusion has not learnt, so that it is the file's still.
    assert described["sizes"]["diffusion_sigma_data"] == 0.5
    left_out = described["dropped"]
    assert left_out["optimizer"].endswith("no weights")
    assert left_out["text_aligner"] == "this run has no use for it"
    assert any(
        note.startswith("train.styletts2.pretrained = ") and "read bert" in note for note in produced.notes
    )
    assert str(tmp_path) not in json.dumps(described)


def test_a_network_is_read_out_of_a_whole_voices_file(file: Path) -> None:
    read = earlier_part(str(file), "train.styletts2.pretrained_bert", "bert")
    wanted = official.state(networks())["bert"]
    assert list(read.weights) == ["bert"] and read.weights["bert"].keys() == wanted.keys()
    assert all(torch.equal(read.weights["bert"][key], value) for key, value in wanted.items())
    assert read.digests == {"bert": of_file(file)}


class _Malicious:
    def __reduce__(self) -> tuple[Any, ...]:
        return (os.system, ("touch ran",))


def _without(name: str) -> Callable[[dict[str, Any]], None]:
    return lambda content: content["net"].pop(name)


def _of(name: str, **sizes: Any) -> Callable[[dict[str, Any]], None]:
    """One network in the place of another size's."""
    return lambda content: content["net"].update({name: official.net(_sized(**sizes))[name]})


def _sized(**sizes: Any) -> Networks:
    n_symbols = sizes.pop("n_symbols", 178)
    return networks(sizes={**styletts2_case.SIZES, **sizes}) if n_symbols == 178 else _of_symbols(n_symbols)


def _of_symbols(n_symbols: int) -> Networks:
    settings = styletts2_case.settings().train.styletts2
    return fresh_networks(settings, model_config(settings, n_symbols, None, {}), None, judged=False, seed=5)


def _mixed(content: dict[str, Any]) -> None:
    content["net"]["predictor"]["F0_proj.bias"] = content["net"]["predictor"].pop("module.F0_proj.bias")


def _foreign(content: dict[str, Any]) -> None:
    content["net"]["bert"] = {
        f"model.{key.removeprefix('module.')}": v for key, v in content["net"]["bert"].items()
    }


def _broken(content: dict[str, Any]) -> None:
    content["net"]["decoder"]["module.F0_conv.bias"] = torch.tensor([torch.nan])


@pytest.mark.parametrize(
    ("change", "message"),
    (
        (_mixed, r"predictor: prefixes mismatch: .* F0_proj\.bias"),
        (_foreign, r"bert: every name stands behind 'model', a prefix that no published file has"),
        (_without("predictor"), r"lacks predictor; it holds bert, .* Give the whole result"),
        (
            lambda content: content.update(net=official.net(_of_symbols(90))),
            r"reads 90 characters, and this run's table has 178 \(family\.character_table\)",
        ),
        (
            lambda content: content.update({OWN: {"sizes": {}, "character_table": "kokoro"}}),
            r"the table kokoro, and this run those of family\.character_table = styletts2",
        ),
        (
            _of("predictor", max_dur=9),
            r"max_dur = 9 there and 8 here\. Set train\.styletts2\.sizes\.max_dur to theirs",
        ),
        (
            lambda content: content.update(net=official.net(networks(version="libritts"))),
            r"decoder = hifigan there and istftnet here.*train\.styletts2\.decoder",
        ),
        (_broken, r"decoder: F0_conv\.bias: values that are no finite numbers"),
        (lambda content: content.update(val_loss=_Malicious()), "nothing was run"),
    ),
)
def test_what_does_not_fit_is_one_message_before_training(
    train: Callable[..., Produced],
    tmp_path: Path,
    change: Callable[[dict[str, Any]], None],
    message: str,
) -> None:
    content = official.content(networks())
    change(content)
    path = official.write(tmp_path / "voice.pth", content)
    with pytest.raises(UserError, match=message) as told:
        train("finetune", pretrained=str(path))
    assert str(path) in str(told.value)
    assert not (tmp_path / "finetune" / "checkpoints").exists()
    assert not Path("ran").exists()


def test_a_truncated_or_a_missing_file_is_one_message(
    train: Callable[..., Produced], file: Path, tmp_path: Path
) -> None:
    file.write_bytes(file.read_bytes()[: file.stat().st_size // 2])
    with pytest.raises(UserError, match=r"epoch_2nd_00100\.pth: is cut short"):
        train("finetune", pretrained=str(file))
    with pytest.raises(UserError, match=r"pretrained = .*none\.pth: there is no such file .*models list"):
        train("finetune", pretrained=str(tmp_path / "none.pth"))


@pytest.mark.parametrize(
    ("written", "message"),
    (
        (
            yaml.safe_dump(
                content_of(styletts2_config("ljspeech", **{**styletts2_case.SIZES, "diffusion_heads": 4}))
            ),
            "diffusion_heads = 4 there and 2 here",
        ),
        ("a: [", r"config\.yml:1: is not valid YAML"),
        ("decoder: 1", r"config\.yml: has no model_params"),
    ),
)
def test_the_configuration_beside_a_voice_tells_what_weights_do_not(
    train: Callable[..., Produced], file: Path, written: str, message: str
) -> None:
    (file.parent / "config.yml").write_text(written)
    with pytest.raises(UserError, match=message):
        train("finetune", pretrained=str(file))


def test_stage1_starts_from_the_files_of_aligner_and_pitch_extractor(
    train: Callable[..., Produced], file: Path, tmp_path: Path
) -> None:
    began = networks()
    assert began.text_aligner is not None and began.pitch_extractor is not None
    aligner = official.write(tmp_path / "ASR/epoch_00080.pth", official.aligner_content(began.text_aligner))
    pitch = official.write(tmp_path / "JDC/bst.t7", official.pitch_content(began.pitch_extractor))
    produced = train("stage1", **HEARD, pretrained_aligner=str(aligner), pretrained_pitch=str(pitch))
    found = load_file(produced.files["pitch_extractor.safetensors"])
    assert all(torch.equal(found[key], value) for key, value in began.pitch_extractor.state_dict().items())
    found = load_file(produced.files["text_aligner.safetensors"])
    wanted = began.text_aligner.state_dict()
    assert all(torch.allclose(found[key], value, atol=1e-6) for key, value in wanted.items())
    described = json.loads(produced.files["config.json"].read_text())
    assert described["pretrained"] == {"text_aligner": of_file(aligner), "pitch_extractor": of_file(pitch)}
    with pytest.raises(UserError, match=r"epoch_00080\.pth: has no bilstm_classifier.* not pitch_extractor"):
        train("stage1", **HEARD, pretrained_aligner=str(aligner), pretrained_pitch=str(aligner))
    # A whole voice holds them too.
    with pytest.raises(UserError, match=r"aligner_hidden = 16 there and 32 here"):
        train(
            "stage1",
            **HEARD,
            pretrained_aligner=str(file),
            pretrained_pitch=str(file),
            sizes={**styletts2_case.SIZES, "aligner_hidden": 32},
        )


def test_stage2_starts_from_the_file_of_pl_bert(train: Callable[..., Produced], tmp_path: Path) -> None:
    began = networks().model.bert
    bert = official.write(tmp_path / "step_1000000.t7", official.bert_content(began))
    stage1 = dict(train("stage1").files)
    produced = train("stage2", stage1, pretrained_bert=str(bert))
    found = load_file(produced.files["bert.safetensors"])
    assert all(torch.allclose(found[key], value, atol=1e-6) for key, value in began.state_dict().items())
    described = json.loads(produced.files["config.json"].read_text())
    assert described["pretrained"]["bert"] == of_file(bert)
    assert described["dropped"]["bert.word_predictor.bias"] == "a head of its pre-training"
    other = official.write(tmp_path / "other.t7", official.bert_content(_of_symbols(90).model.bert))
    with pytest.raises(UserError, match=r"pretrained_bert = .*other\.t7: reads 90 characters"):
        train("stage2", stage1, pretrained_bert=str(other))


def test_a_voice_from_scratch_keeps_its_manner_of_speaking(
    train: Callable[..., Produced], tmp_path: Path
) -> None:
    """Published voices speak with frames added; what we train has none, fine-tuned or not."""
    assert StyleTTS2Config(trailing_frames=5) == styletts2_config("ljspeech")
    content = official.content(networks())
    content[OWN] = {"sizes": {"trailing_frames": 0, "frame_delay": 0}, "character_table": "styletts2"}
    path = official.write(tmp_path / "ours.pth", content)
    produced = train("finetune", pretrained=str(path))
    assert json.loads(produced.files["config.json"].read_text())["sizes"]["trailing_frames"] == 0
