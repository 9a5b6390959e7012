"""Training from published files: what fits starts exactly there, what does not is one clear error."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import torch
from safetensors.torch import load_file

from artifacts.digest import of_file
from configs.errors import UserError
from configs.train_sovits import SovitsTrainSettings
from models.discriminators.multi_period import MultiPeriodDiscriminator
from models.frontend.text.symbols import load_symbol_table
from models.published import PublishedFile, write_published
from models.sovits.config import SovitsConfig
from models.sovits.model import SovitsGenerator
from models.sovits.upstream import MARKS, save_generator, upstream_config
from tasks.features.frames import spectrogram_parameters
from tasks.finetune.gpt_sovits.sovits.start import model_config
from tasks.finetune.gpt_sovits.sovits.train import train_sovits
from tasks.finetune.gpt_sovits.stages import TRAIN_SOVITS
from tasks.outcome import Produced
from tests.tasks.finetune import synthetic

CODEBOOK = "quantizer.vq.layers.0._codebook.embed"


@pytest.fixture(scope="module")
def shards(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    return synthetic.write_shards(tmp_path_factory.mktemp("shards"), train=4, held_out=1)


def published(folder: Path, config: SovitsConfig) -> dict[str, str]:
    """Stand-ins for s2G and s2D of some sizes."""
    torch.manual_seed(5)
    generator = SovitsGenerator(config)
    generator.quantizer.codebooks[0].embed.normal_()
    discriminator = MultiPeriodDiscriminator(config.discriminator_periods, config.discriminator_divisor)
    paths = {"pretrained": folder / "s2G.pth", "pretrained_discriminator": folder / "s2D.pth"}
    mark = MARKS[config.version]
    write_published(
        paths["pretrained"], PublishedFile(mark, generator.state_dict(), upstream_config(config), "")
    )
    write_published(
        paths["pretrained_discriminator"], PublishedFile("PK", discriminator.state_dict(), {}, "")
    )
    return {name: str(path) for name, path in paths.items()}


def sizes(version: str = "v2", **changes: Any) -> SovitsConfig:
    settings = SovitsTrainSettings(**{**synthetic.TINY_SOVITS, "version": version})
    frame = spectrogram_parameters(synthetic.FAMILY)
    return replace(model_config(settings, frame, len(load_symbol_table("ipa").symbols), 12), **changes)


def train(shards: dict[str, Path], folder: Path, **changes: Any) -> Produced:
    changes = {"max_steps": 2, "validate_every_steps": 2, "sample_clips": 0, **changes}
    cfg = synthetic.view(TRAIN_SOVITS, synthetic.settings(sovits=changes))
    return train_sovits(synthetic.FakeInputs({"shard": shards}), cfg, synthetic.work(folder))


@pytest.mark.slow
@pytest.mark.parametrize("frozen", [True, False])
def test_training_goes_on_from_published_weights(
    frozen: bool, shards: dict[str, Path], tmp_path: Path
) -> None:
    files = published(tmp_path, sizes())
    # A rate this small moves nothing that could be told from the file.
    produced = train(
        shards, tmp_path / "work", **files, freeze_quantizer=frozen, learning_rate=1e-12, weight_decay=0.0
    )
    torch.manual_seed(5)
    began = SovitsGenerator(sizes())
    began.quantizer.codebooks[0].embed.normal_()
    weights = load_file(produced.files["generator.safetensors"])
    quantizer = ("ssl_proj.", "quantizer.")
    for name, tensor in began.state_dict().items():
        stored = tensor.half().float()
        if frozen and name.startswith(quantizer):
            assert torch.equal(weights[name], stored), name
        elif not name.startswith(quantizer):
            assert torch.allclose(weights[name], stored, atol=1e-9), name
    assert torch.equal(weights[CODEBOOK], began.state_dict()[CODEBOOK].half().float()) == frozen
    assert (produced.metrics["train/kl_ssl"] == 0) == frozen
    config = json.loads(produced.files["config.json"].read_text())
    assert config["from_scratch"] is False
    assert config["pretrained"] == {
        "generator": of_file(Path(files["pretrained"])),
        "discriminator": of_file(Path(files["pretrained_discriminator"])),
    }
    assert str(tmp_path) not in json.dumps(config)
    assert not produced.warnings


@pytest.mark.slow
def test_training_goes_on_from_an_exported_voice(shards: dict[str, Path], tmp_path: Path) -> None:
    """Posterior encoder and all: the champion of a night, or a voice that eight passes were too few for."""
    earlier = train(shards, tmp_path / "earlier")
    voice = tmp_path / "voice" / "sovits.safetensors"
    voice.parent.mkdir()
    voice.write_bytes(earlier.files["generator.safetensors"].read_bytes())
    with pytest.raises(
        UserError, match=r"there is no voice\.json beside it; give the file inside the folder"
    ):
        train(shards, tmp_path / "alone", pretrained=str(voice))
    described = {"file": voice.name, "sizes": json.loads(earlier.files["config.json"].read_text())["sizes"]}
    (voice.parent / "voice.json").write_text(json.dumps({"networks": {"sovits": described}}))
    still = {"learning_rate": 1e-12, "weight_decay": 0.0}
    produced = train(shards, tmp_path / "work", pretrained=str(voice), **still)
    config = json.loads(produced.files["config.json"].read_text())
    assert config["pretrained"] == {"generator": of_file(voice)} and config["from_scratch"] is False
    began, weights = load_file(voice), load_file(produced.files["generator.safetensors"])
    assert weights.keys() == began.keys()
    assert all(torch.allclose(weights[name], tensor, atol=1e-9) for name, tensor in began.items())
    other = voice.rename(voice.with_name("t2s.safetensors"))
    with pytest.raises(UserError, match=r"knows it as no sovits network"):
        train(shards, tmp_path / "other", pretrained=str(other))


@pytest.mark.slow
def test_fresh_discriminators_are_said(shards: dict[str, Path], tmp_path: Path) -> None:
    files = published(tmp_path, sizes())
    produced = train(shards, tmp_path / "work", pretrained=files["pretrained"])
    assert [w for w in produced.warnings if "pretrained_discriminator is null" in w]


@pytest.mark.slow
def test_a_moved_file_is_the_same_start(shards: dict[str, Path], tmp_path: Path) -> None:
    files = published(tmp_path, sizes())
    moved = tmp_path / "elsewhere.pth"
    one = train(shards, tmp_path / "one", **files)
    moved.write_bytes(Path(files["pretrained"]).read_bytes())
    other = train(shards, tmp_path / "one", **{**files, "pretrained": str(moved)})
    assert synthetic.file_bytes(one) == synthetic.file_bytes(other)


@pytest.mark.slow
def test_file_for_synthesis_needs_leave(shards: dict[str, Path], tmp_path: Path) -> None:
    config = sizes()
    path = tmp_path / "voice.pth"
    save_generator(path, SovitsGenerator(config), "e8_s96")
    with pytest.raises(UserError, match=r"lacks the posterior encoder .*allow_fresh_posterior: true"):
        train(shards, tmp_path / "refused", pretrained=str(path))
    produced = train(shards, tmp_path / "work", pretrained=str(path), allow_fresh_posterior=True)
    assert any("no posterior encoder" in warning for warning in produced.warnings)
    weights = load_file(produced.files["generator.safetensors"])
    assert all(np.isfinite(value) for value in produced.metrics.values())
    assert any(name.startswith("enc_q.") for name in weights)


def test_each_misfit_names_setting_found_needed_and_remedy(shards: dict[str, Path], tmp_path: Path) -> None:
    files = published(tmp_path, sizes(n_symbols=700, content_channels=768, filter_channels=32))
    with pytest.raises(UserError) as caught:
        train(shards, tmp_path / "work", **files)
    message = str(caught.value)
    n_symbols = len(load_symbol_table("ipa").symbols)
    assert f"family.symbol_table calls for n_symbols = {n_symbols}, the file has 700" in message
    assert "features.content calls for content_channels = 12, the file has 768" in message
    assert "backend: hubert" in message
    assert "train.sovits.sizes.filter_channels calls for filter_channels = 16, the file has 32" in message


def test_another_version_is_refused(shards: dict[str, Path], tmp_path: Path) -> None:
    files = published(tmp_path, sizes("v2Pro", style_channels=8))
    with pytest.raises(UserError, match=r"train\.sovits\.version calls for version = v2, the file has v2Pro"):
        train(shards, tmp_path / "work", **files)


@pytest.mark.slow
def test_discriminators_of_other_periods_are_refused(shards: dict[str, Path], tmp_path: Path) -> None:
    files = published(tmp_path, sizes(discriminator_periods=(2, 3)))
    with pytest.raises(UserError, match=r"s2D\.pth"):
        train(shards, tmp_path / "work", **files)
    with pytest.raises(ValueError, match="needs pretrained"):
        SovitsTrainSettings(pretrained_discriminator="s2D.pth")


@pytest.mark.slow
def test_speaker_vectors_condition_a_pro_voice(tmp_path: Path) -> None:
    vector = np.random.default_rng(0).standard_normal(20480).astype(np.float32)
    rows = [{**synthetic.row(n, 0.8), "speaker_vector": vector.tobytes()} for n in range(3)]
    path = tmp_path / "train-0.parquet"
    pq.write_table(pa.Table.from_pylist(rows), path)
    files = published(tmp_path, sizes("v2Pro"))
    produced = train({path.name: path}, tmp_path / "work", version="v2Pro", **files)
    weights = load_file(produced.files["generator.safetensors"])
    assert weights["sv_emb.weight"].shape == (8, 20480)
    assert all(np.isfinite(value) for value in produced.metrics.values())
