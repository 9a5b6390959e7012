"""Files for GPT-SoVITS beside an exported voice, and voices made of such files."""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import soundfile
import torch
from safetensors.torch import load_file
from transformers import HubertConfig, HubertModel

from configs.errors import UserError
from configs.loading import resolve
from models.layers.conv import fold_weight_norm
from models.published import read_published
from models.sovits.config import sovits_config
from models.sovits.model import SovitsGenerator
from models.sovits.upstream import TRAINING_ONLY, save_generator
from models.t2s.config import t2s_config
from models.t2s.model import TextToSemantic
from models.t2s.packed import prepare_for_decoding
from models.t2s.upstream import save_decoder
from tasks.release.gpt_sovits.network_files import reason_against, write_gpt_sovits_files
from tasks.release.gpt_sovits.published_voice import import_voice
from tasks.release.speak import load_voice
from tasks.release.voice import SpeakOptions
from tests.models.golden_fill import test_wave
from tests.models.tiny import TINY_SOVITS, TINY_T2S, speech_encoder_sizes

WIDTH = 32
"""Of the stand-in's content features."""


def _generator(version: str = "v2", **sizes: object) -> SovitsGenerator:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(3)
        return SovitsGenerator(sovits_config(version, **{**TINY_SOVITS, "content_channels": WIDTH, **sizes}))


def _decoder(version: str = "v2", **sizes: object) -> TextToSemantic:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(4)
        return TextToSemantic(t2s_config(version, **{**TINY_T2S, "linguistic_channels": 16, **sizes}))


@pytest.mark.slow
def test_an_exported_voice_says_why_it_has_no_files_for_gpt_sovits(
    voice_folder: Path, release: SimpleNamespace
) -> None:
    left_out = json.loads((voice_folder / "voice.json").read_text())["gpt_sovits"]["left_out"]
    assert "table ipa" in left_out
    assert left_out in (voice_folder / "README.md").read_text()
    assert not (voice_folder / "gpt-sovits").exists()


def test_every_kind_of_misfit_is_a_reason() -> None:
    assert "table ipa" in str(reason_against(_generator(), _decoder(), "ipa"))
    assert "content_channels" in str(reason_against(_generator(), _decoder(), "gpt-sovits-v2"))


@pytest.mark.slow
def test_networks_of_published_size_are_written_for_gpt_sovits(tmp_path: Path) -> None:
    with torch.device("meta"):
        shell = SovitsGenerator(sovits_config("v2Pro"))
    generator = shell.to_empty(device="cpu")
    with torch.no_grad():
        for tensor in generator.state_dict().values():
            tensor.fill_(0.5)
    decoder = TextToSemantic(t2s_config("v2", n_layers=1))
    assert write_gpt_sovits_files(tmp_path, "anna", generator, decoder, "gpt-sovits-v2") is None
    sovits = read_published(tmp_path / "gpt-sovits" / "anna.pth")
    assert (sovits.mark, sovits.config["model"]["version"]) == ("05", "v2Pro")
    assert all(
        name.startswith("model.") for name in read_published(tmp_path / "gpt-sovits/anna.ckpt").weights
    )
    with torch.no_grad():
        decoder.bert_proj.bias.fill_(1e6)
    other = tmp_path / "other"
    other.mkdir()
    reason = write_gpt_sovits_files(other, "anna", generator, decoder, "gpt-sovits-v2")
    assert "anna.ckpt: model.bert_proj.bias holds values that fp16 cannot" in str(reason)
    assert not list(other.iterdir())


@pytest.mark.slow
def test_files_for_gpt_sovits_hold_what_was_trained(
    release: SimpleNamespace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As if GPT-SoVITS knew the sizes and the phones of the small voice."""
    monkeypatch.setattr("tasks.release.gpt_sovits.network_files.reason_against", lambda *_: None)
    files = release.export_to(tmp_path).files
    for written, prefix, trained in (
        ("pth", "", release.inputs.files("train_sovits")["generator.safetensors"]),
        ("ckpt", "model.", release.train_t2s.files["decoder.safetensors"]),
    ):
        (path,) = (path for name, path in files.items() if name.endswith(written))
        found, expected = read_published(path).weights, load_file(trained)
        spoken = {name: tensor for name, tensor in expected.items() if not name.startswith(TRAINING_ONLY)}
        assert found.keys() == {f"{prefix}{name}" for name in spoken}
        for name, tensor in spoken.items():
            torch.testing.assert_close(found[f"{prefix}{name}"].float(), tensor.float(), atol=1e-3, rtol=1e-3)


def test_networks_that_are_laid_out_for_speaking_are_not_written(tmp_path: Path) -> None:
    """GPT-SoVITS would fill what it misses in them with noise, without a word."""
    generator = _generator()
    fold_weight_norm(generator)
    with pytest.raises(ValueError, match="laid out for speaking"):
        save_generator(tmp_path / "a.pth", generator, "anna")
    with pytest.raises(ValueError, match="laid out for speaking"):
        save_decoder(tmp_path / "a.ckpt", prepare_for_decoding(_decoder()), "anna")
    assert not list(tmp_path.iterdir())


@pytest.fixture
def hubert(tmp_path: Path) -> Path:
    """A HuBERT of random weights with the published frame rate."""
    sizes = speech_encoder_sizes(hidden_size=WIDTH, conv_dim=(8,) * 7, num_conv_pos_embedding_groups=2)
    config = HubertConfig(**sizes, num_feat_extract_layers=7)
    torch.manual_seed(0)
    HubertModel(config).save_pretrained(tmp_path / "hubert")
    return tmp_path / "hubert"


@pytest.fixture
def clip(tmp_path: Path) -> Path:
    soundfile.write(tmp_path / "clip.wav", test_wave("import/clip", 32_000 * 4).numpy(), 32_000)
    return tmp_path / "clip.wav"


def _files(folder: Path, generator: SovitsGenerator, decoder: TextToSemantic) -> tuple[Path, Path]:
    save_generator(folder / "a.pth", generator, "8epoch")
    save_decoder(folder / "a.ckpt", decoder, "15epoch")
    return folder / "a.pth", folder / "a.ckpt"


def _settings(hubert: Path):
    return resolve(overrides=("features.content.backend=hubert", f"features.content.model={hubert}")).settings


@pytest.mark.slow
def test_two_files_and_a_clip_make_a_voice_that_speaks(tmp_path: Path, hubert: Path, clip: Path) -> None:
    files = _files(tmp_path, _generator(), _decoder())
    import_voice(tmp_path / "anna", *files, clip, "One two three.", "en", _settings(hubert))
    voice = load_voice(tmp_path / "anna")
    assert voice.default_speaker == "anna"
    # Of 4 s, and of the .6 s of silence after them: 229 frames of HuBERT, two for each code.
    assert len(voice.references["anna"].codes) == 114
    assert torch.equal(
        voice.generator.state_dict()["dec.conv_pre.weight"],
        _generator().state_dict()["dec.conv_pre.weight"].half().float(),
    )
    one, other = (
        load_voice(tmp_path / "anna").speak("Two words.", SpeakOptions(seed=2)).samples for _ in range(2)
    )
    assert len(one) > 0
    assert np.array_equal(one, other)
    (tmp_path / "x").mkdir()
    again = import_voice(tmp_path / "x" / "anna", *files, clip, "One two three.", "en", _settings(hubert))
    assert again.default_speaker == "anna"
    for name in ("voice.json", "sovits.safetensors", "t2s.safetensors"):
        assert (tmp_path / "anna" / name).read_bytes() == (tmp_path / "x" / "anna" / name).read_bytes()


@pytest.mark.slow
@pytest.mark.parametrize(
    ("generator", "decoder", "message"),
    [
        ({}, {"n_codes": 100}, r"a\.ckpt: makes 100 codes, where a\.pth knows 256"),
        ({}, {"n_symbols": 512}, r"a\.ckpt: knows 512 phone symbols, where a\.pth of v2 needs .* 732"),
        ({"n_symbols": 400}, {}, r"a\.pth: knows 400 phone symbols"),
    ],
)
def test_files_that_do_not_belong_together_are_refused(
    tmp_path: Path, clip: Path, generator: dict[str, int], decoder: dict[str, int], message: str
) -> None:
    files = _files(tmp_path, _generator(**generator), _decoder(**decoder))
    with pytest.raises(UserError, match=message):
        import_voice(tmp_path / "anna", *files, clip, "One.", "en", _settings(tmp_path))
    assert not (tmp_path / "anna").exists()
    (tmp_path / "anna").mkdir()
    with pytest.raises(UserError, match="exists already"):
        import_voice(tmp_path / "anna", *files, clip, "One.", "en", _settings(tmp_path))
