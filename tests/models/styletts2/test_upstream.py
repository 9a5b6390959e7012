"""StyleTTS 2's published files: read whole under every naming, written back, refused in one message."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from torch.optim.lr_scheduler import OneCycleLR

from configs.errors import UserError
from models.styletts2.config import VERSIONS, StyleTTS2Config, styletts2_config
from models.styletts2.model import StyleTTS2
from models.styletts2.sizes_seen import differing_sizes
from models.styletts2.training import Networks
from models.styletts2.upstream import (
    NETWORKS,
    load_network,
    read_checkpoint,
    read_part,
    save_checkpoint,
)
from models.styletts2.upstream_config import content_of, official_problem, sizes_of_content
from tests.models import styletts2_golden as golden
from tests.models.styletts2 import official
from tests.models.styletts2.training_case import config as small

TWINS = "the same network under a second name"


@pytest.fixture(scope="module", params=("ljspeech", "libritts"))
def made(request: pytest.FixtureRequest) -> Networks:
    return official.networks(request.param)


@pytest.fixture(scope="module")
def one() -> Networks:
    return official.networks()


@pytest.fixture
def file(one: Networks, tmp_path: Path) -> Path:
    return official.write(tmp_path / "epoch_2nd_00100.pth", official.content(one))


def same(found: dict[str, dict[str, torch.Tensor]], made: Networks) -> bool:
    wanted = official.state(made)
    return found.keys() == wanted.keys() and all(
        found[name].keys() == table.keys() and all(torch.equal(found[name][k], v) for k, v in table.items())
        for name, table in wanted.items()
    )


def test_a_voice_is_read_whole_and_what_is_left_out_is_told(made: Networks, tmp_path: Path) -> None:
    content = official.content(made)
    content["net"]["bert"]["module.embeddings.position_ids"] = torch.arange(512)[None]
    content["net"]["vocoder"] = {"a": torch.ones(1)}
    read = read_checkpoint(official.write(tmp_path / "voice.pth", content))
    assert same(read.weights, made)
    why = dict(read.dropped)
    twins = {f"diffusion.diffusion.net.{key}" for key in made.model.diffusion.unet.state_dict()}
    assert {name for name, reason in read.dropped if reason == TWINS} == twins
    beside = {"optimizer", "iters", "val_loss", "epoch", "net.vocoder", "bert.embeddings.position_ids"}
    assert why.keys() - twins == beside


@pytest.mark.parametrize("prefix", ("", "module.", "module.module.", "_orig_mod.module."))
def test_prefixes_come_and_go_network_by_network(one: Networks, tmp_path: Path, prefix: str) -> None:
    content = official.content(one)
    for name in ("bert", "mpd", "diffusion"):
        table = content["net"][name]
        content["net"][name] = {f"{prefix}{k.removeprefix('module.')}": v for k, v in table.items()}
    assert same(read_checkpoint(official.write(tmp_path / "voice.pth", content)).weights, one)


def test_newer_names_of_normalised_weights_are_read(one: Networks, tmp_path: Path) -> None:
    content = official.content(one)
    content["net"] = {name: official.newer_names(table) for name, table in content["net"].items()}
    assert not any("weight_g" in key for table in content["net"].values() for key in table)
    assert same(read_checkpoint(official.write(tmp_path / "voice.pth", content)).weights, one)


def test_a_voice_comes_back_bit_for_bit_and_byte_for_byte(made: Networks, tmp_path: Path) -> None:
    told: dict[str, Any] = {"epochs": 3, "steps": 40, "sizes": {"hidden": 16}, "character_table": "styletts2"}
    save_checkpoint(tmp_path / "voice.pth", official.state(made), **told)
    read = read_checkpoint(tmp_path / "voice.pth")
    assert same(read.weights, made)
    assert (read.sizes, read.character_table) == ({"hidden": 16}, "styletts2")
    save_checkpoint(tmp_path / "again.pth", read.weights, **told)
    assert (tmp_path / "again.pth").read_bytes() == (tmp_path / "voice.pth").read_bytes()
    assert {path.name for path in tmp_path.iterdir()} == {"voice.pth", "again.pth"}
    content = torch.load(tmp_path / "voice.pth", weights_only=True)
    # As in the published files, the diffusion's one network is stored once, under both names.
    twins = content["net"]["diffusion"]
    assert len(twins) == 2 * len({value.data_ptr() for value in twins.values()})
    wanted = official.net(made)
    assert tuple(content["net"]) == tuple(wanted) == NETWORKS
    for name, table in wanted.items():
        assert content["net"][name].keys() == table.keys()
        assert all(torch.equal(content["net"][name][key], value) for key, value in table.items())


@pytest.mark.slow
@pytest.mark.golden
@pytest.mark.parametrize("configuration", ("ljspeech_istftnet", "libritts_hifigan"))
def test_written_names_are_the_published_ones(goldens: Path, tmp_path: Path, configuration: str) -> None:
    """Whole networks by name, one number in place of each tensor."""
    wanted = golden.shapes(goldens, f"styletts2_{configuration}")
    weights = {
        name: {
            key.removeprefix("unet.") if name == "diffusion" else key: torch.ones(1)
            for key in table
            if name != "diffusion" or key.startswith("unet.")
        }
        for name, table in wanted.items()
    }
    path = tmp_path / "voice.pth"
    save_checkpoint(path, weights, epochs=1, steps=1, sizes={}, character_table="styletts2")
    net = torch.load(path, weights_only=True)["net"]
    assert net.keys() == wanted.keys()
    for name, table in wanted.items():
        prefix = "" if name in official.BARE else "module."
        assert net[name].keys() == {f"{prefix}{key}" for key in table}
    assert read_checkpoint(path).weights.keys() == wanted.keys()


def test_single_networks_are_read_from_their_own_files(one: Networks, file: Path, tmp_path: Path) -> None:
    assert one.text_aligner is not None and one.pitch_extractor is not None
    wanted = official.state(one)
    aligner = official.write(tmp_path / "epoch_00080.pth", official.aligner_content(one.text_aligner))
    pitch = official.write(tmp_path / "bst.t7", official.pitch_content(one.pitch_extractor))
    bert = official.write(tmp_path / "step_1000000.t7", official.bert_content(one.model.bert))
    for path, name in ((aligner, "text_aligner"), (pitch, "pitch_extractor"), (bert, "bert"), (file, "bert")):
        read = read_part(path, name)
        assert read.weights.keys() == {name}
        assert read.weights[name].keys() == wanted[name].keys()
        assert all(torch.equal(read.weights[name][key], value) for key, value in wanted[name].items())
    assert dict(read_part(bert, "bert").dropped).keys() == {
        "step",
        "optimizer",
        "bert.mask_predictor.weight",
        "bert.word_predictor.bias",
        "bert.embeddings.position_ids",
    }
    assert dict(read_part(aligner, "text_aligner").dropped).keys() == {"optimizer", "scheduler", "steps"}
    with pytest.raises(
        UserError, match=r"bst\.t7: has no asr_s2s.* it is not text_aligner; give the aligner"
    ):
        read_part(pitch, "text_aligner")


class _Malicious:
    def __reduce__(self) -> tuple[Any, ...]:
        return (os.system, ("false",))


class _Called:
    """Calls a method of the one class whose methods a file may name."""

    def __reduce__(self) -> tuple[Any, ...]:
        return (OneCycleLR._annealing_cos, (0.0, 1.0, 0.5))


def _mixed(content: dict[str, Any]) -> None:
    content["net"]["decoder"]["F0_conv.bias"] = content["net"]["decoder"].pop("module.F0_conv.bias")


def _twice(content: dict[str, Any]) -> None:
    table = content["net"]["msd"]
    key = next(key for key in table if key.endswith("weight_g"))
    table[key.replace("weight_g", "parametrizations.weight.original0")] = table[key]


def _apart(content: dict[str, Any]) -> None:
    table = content["net"]["diffusion"]
    table["module.unet.to_out.1.bias"] = table["module.unet.to_out.1.bias"] + 1


@pytest.mark.parametrize(
    ("change", "message"),
    (
        (
            _mixed,
            r"decoder: prefixes mismatch: \d+ of \d+ names begin with 'module\.' .* F0_conv\.bias, do not",
        ),
        (_twice, "msd holds weights twice"),
        (_apart, r"one network under two names, and they differ in to_out\.1\.bias"),
        (lambda content: content.pop("net"), "has no networks of StyleTTS 2 under 'net'"),
        (lambda content: content.update(net={"a": {}}), "has no networks of StyleTTS 2 under 'net'"),
        (lambda content: content["net"].update(bert=[1]), "bert is no table of weights"),
        (
            lambda content: content.update(val_loss=_Malicious()),
            r"wants to run \w+\.system.* nothing was run",
        ),
        (lambda content: content.update(val_loss=_Called()), "cut short, damaged or no checkpoint"),
        (
            lambda content: content["net"]["bert_encoder"].update(
                {"module.bias": torch.zeros(1).expand(10**12)}
            ),
            "claims the shape .* but holds fewer numbers",
        ),
    ),
)
def test_what_is_no_voice_is_refused(
    one: Networks, tmp_path: Path, change: Callable[[dict[str, Any]], None], message: str
) -> None:
    content = official.content(one)
    change(content)
    path = official.write(tmp_path / "voice.pth", content)
    with pytest.raises(UserError, match=rf"voice\.pth: .*({message})"):
        read_checkpoint(path)


def test_a_truncated_file_is_refused(file: Path) -> None:
    file.write_bytes(file.read_bytes()[:-4000])
    with pytest.raises(UserError, match="cut short, damaged"):
        read_checkpoint(file)


def test_a_file_of_an_old_pytorch_is_read_alike(one: Networks, tmp_path: Path, file: Path) -> None:
    torch.save(official.content(one), tmp_path / "old.pth", _use_new_zipfile_serialization=False)
    old, new = read_checkpoint(tmp_path / "old.pth").weights, read_checkpoint(file).weights
    assert old.keys() == new.keys()
    for name, table in new.items():
        assert all(torch.equal(old[name][key], value) for key, value in table.items())


def test_weights_go_into_their_own_network_alone(one: Networks) -> None:
    network, weights = one.model.bert_encoder, dict(one.model.bert_encoder.state_dict())
    load_network(network, weights, "voice")
    with pytest.raises(UserError, match=r"voice: every name stands behind 'model'"):
        load_network(network, {f"model.{key}": value for key, value in weights.items()}, "voice")
    with pytest.raises(UserError, match=r"voice: bias is missing"):
        load_network(network, {"weight": weights["weight"]}, "voice")
    before = network.weight.detach().clone()
    broken = torch.full_like(before, torch.nan)
    with pytest.raises(UserError, match=r"voice: weight: values that are no finite numbers"):
        load_network(torch.nn.Linear(*reversed(before.shape)), {**weights, "weight": broken}, "voice")
    assert torch.equal(network.weight, before)


def test_what_has_diverged_is_not_written(one: Networks, tmp_path: Path) -> None:
    weights = official.state(one)
    weights["predictor"]["F0_proj.bias"] = torch.full_like(weights["predictor"]["F0_proj.bias"], torch.inf)
    with pytest.raises(UserError, match=r"predictor\.F0_proj\.bias is not finite"):
        save_checkpoint(
            tmp_path / "voice.pth", weights, epochs=1, steps=1, sizes={}, character_table="styletts2"
        )
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("network", "changed", "size"),
    (
        ("text_encoder", {"n_symbols": 90}, "n_symbols"),
        ("bert", {"bert_intermediate": 24}, "bert_intermediate"),
        ("predictor", {"max_dur": 9}, "max_dur"),
        ("decoder", {"resblock_kernels": (3, 7)}, "resblock_kernels"),
        ("diffusion", {"multispeaker": True}, "multispeaker"),
        ("pitch_extractor", {"pitch_channels": (4, 4, 8, 16)}, "pitch_channels"),
        ("text_aligner", {"aligner_layers": 2}, "aligner_layers"),
        ("mpd", {"discriminator_channels": (2, 4, 4, 4, 8)}, "discriminator_channels"),
    ),
)
def test_a_state_dict_shows_its_sizes(
    one: Networks, network: str, changed: dict[str, Any], size: str
) -> None:
    other = official.state(official.networks(**changed))
    found = differing_sizes(other[network], official.state(one)[network], network)
    assert found[size] == (changed[size], getattr(one.config, size))
    assert not differing_sizes(other["wd"], official.state(one)["wd"], "wd")


def test_sizes_come_back_from_the_official_configuration() -> None:
    for version in VERSIONS:
        config = styletts2_config(version)
        sizes = sizes_of_content(content_of(config), "config.yml")
        plain = {name: list(v) if isinstance(v, tuple) else v for name, v in vars(config).items()}
        assert sizes == {name: plain[name] for name in sizes}
        assert {"upsample_rates", "resblock_dilations", "diffusion_heads"} <= sizes.keys()
        assert official_problem(config, "styletts2") is None
    assert "istft_n_fft" not in sizes
    assert "bert_embedding is 8, not 128" in str(official_problem(small(), "styletts2"))
    assert "not those of kokoro" in str(official_problem(StyleTTS2Config(), "kokoro"))
    with pytest.raises(UserError, match=r"config\.yml: has no model_params"):
        sizes_of_content({"decoder": 1}, "config.yml")


def test_the_spread_of_a_voices_styles_is_read_and_written() -> None:
    content = content_of(styletts2_config("libritts", diffusion_sigma_data=0.5))
    assert content["model_params"]["diffusion"]["dist"]["sigma_data"] == 0.5
    assert sizes_of_content(content, "config.yml")["diffusion_sigma_data"] == 0.5
    for wrong in (0, -0.2, float("nan"), "wide", True):
        content["model_params"]["diffusion"]["dist"]["sigma_data"] = wrong
        with pytest.raises(UserError, match=r"config\.yml: .*dist\.sigma_data = .*number above 0"):
            sizes_of_content(content, "config.yml")


@pytest.mark.slow
def test_full_size_networks_need_no_memory_to_be_compared() -> None:
    with torch.device("meta"):
        published = StyleTTS2(styletts2_config("libritts")).decoder.state_dict()
        other = StyleTTS2(styletts2_config("ljspeech")).decoder.state_dict()
    assert differing_sizes(published, other, "decoder") == {
        "upsample_kernels": ((20, 10, 6, 4), (20, 12)),
        "decoder": ("hifigan", "istftnet"),
    }
