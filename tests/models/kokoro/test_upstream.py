"""Kokoro's files: the released form there and back, and one clear error for what is not of it."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from configs.errors import UserError
from models.frontend.text.character_tokens import character_table
from models.kokoro.config import TINY, KokoroConfig
from models.kokoro.model import Kokoro
from models.kokoro.upstream import (
    CHILDREN,
    config_content,
    load_kokoro,
    official_problem,
    read_config,
    read_voice,
    read_weights,
    save_config,
    save_kokoro,
    save_voice,
    voice_rows_of,
)
from tests.models import styletts2_golden as golden


@pytest.fixture(scope="module")
def model() -> Kokoro:
    torch.manual_seed(0)
    return Kokoro(TINY).eval()


@pytest.fixture(scope="module")
def files(model: Kokoro, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    folder = tmp_path_factory.mktemp("kokoro")
    save_kokoro(folder / "voice.pth", model)
    save_config(folder / "config.json", model.config)
    return folder / "voice.pth", folder / "config.json"


@pytest.mark.golden
def test_the_released_config_is_ours_and_comes_back(goldens: Path, tmp_path: Path) -> None:
    released = golden.folder(goldens) / "kokoro_config.json"
    assert read_config(released) == KokoroConfig()
    assert config_content(KokoroConfig()) == json.loads(released.read_text(encoding="utf-8"))
    assert official_problem(KokoroConfig()) is None


@pytest.mark.slow
def test_weights_and_sizes_come_back(model: Kokoro, files: tuple[Path, Path]) -> None:
    loaded = load_kokoro(*files)
    assert loaded.config == model.config
    assert not loaded.training
    for name, value in model.state_dict().items():
        assert torch.equal(loaded.state_dict()[name], value), name


def test_the_file_is_five_tables_behind_module(files: tuple[Path, Path]) -> None:
    content = torch.load(files[0], weights_only=True)
    assert tuple(content) == CHILDREN
    assert all(name.startswith("module.") for entries in content.values() for name in entries)
    assert {value.dtype for entries in content.values() for value in entries.values()} == {torch.float32}


def test_weights_without_the_prefix_are_read_too(
    model: Kokoro, files: tuple[Path, Path], tmp_path: Path
) -> None:
    bare = {child: getattr(model, child).state_dict() for child in CHILDREN}
    torch.save(bare, tmp_path / "bare.pth")
    weights = read_weights(tmp_path / "bare.pth")
    assert weights.keys() == read_weights(files[0]).keys() == model.state_dict().keys()


def test_equal_weights_give_equal_bytes(model: Kokoro, files: tuple[Path, Path], tmp_path: Path) -> None:
    save_kokoro(tmp_path / "again.pth", load_kokoro(*files))
    assert (tmp_path / "again.pth").read_bytes() == files[0].read_bytes()


def _without(child: str, key: str) -> Callable[[dict[str, Any]], None]:
    return lambda content: content[child].pop(key)


def _reshaped(child: str, key: str) -> Callable[[dict[str, Any]], None]:
    return lambda content: content[child].update({key: torch.zeros(3)})


@pytest.mark.parametrize(
    ("change", "message"),
    (
        (lambda content: content.pop("decoder"), "holds bert, bert_encoder, predictor, text_encoder where"),
        (lambda content: content.update(style_encoder={}), "style_encoder"),
        (_without("bert_encoder", "module.bias"), "bert_encoder.bias is missing"),
        (_reshaped("bert_encoder", "module.bias"), r"bert_encoder.bias is \[3\] where"),
        (_reshaped("predictor", "module.other"), "predictor.other is unknown"),
        (lambda content: content.update(bert=[1]), "bert is no table of weights"),
    ),
)
def test_weights_that_do_not_fit_are_refused(
    files: tuple[Path, Path], tmp_path: Path, change: Callable[[dict[str, Any]], None], message: str
) -> None:
    content = torch.load(files[0], weights_only=True)
    change(content)
    torch.save(content, tmp_path / "other.pth")
    with pytest.raises(UserError, match=message):
        load_kokoro(tmp_path / "other.pth", files[1])


@pytest.mark.parametrize(
    ("change", "message"),
    (
        (lambda content: content.pop("n_token"), "has no entry 'n_token'"),
        (lambda content: content["vocab"].update(A=14), "'A' is 14 there and 24 here; give files of"),
        (lambda content: content.update(vocab=dict(character_table("styletts2").ids)), "another vocabulary"),
        (lambda content: content.update(n_layer=10**9), "n_layer = 1000000000 is no size from 1 to 64"),
        (lambda content: content.update(hidden_dim="512"), "hidden_dim = '512' is no size"),
        (lambda content: content.update(plbert=3), "is not Kokoro's config.json"),
        (
            lambda content: content["istftnet"].update(resblock_dilation_sizes=[[1, 3, 5], [1, 2, 3]]),
            "resblock_dilation_sizes differ",
        ),
    ),
)
def test_other_settings_are_refused(
    files: tuple[Path, Path], tmp_path: Path, change: Callable[[dict[str, Any]], None], message: str
) -> None:
    content = json.loads(files[1].read_text(encoding="utf-8"))
    change(content)
    path = tmp_path / "config.json"
    path.write_text(json.dumps(content), encoding="utf-8")
    with pytest.raises(UserError, match=message):
        read_config(path)


@pytest.mark.parametrize("text", ("{", "[]", "3"))
def test_what_is_no_config_is_refused(tmp_path: Path, text: str) -> None:
    path = tmp_path / "config.json"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(UserError, match=r"config\.json"):
        read_config(path)
    with pytest.raises(UserError, match="cannot be read"):
        read_config(tmp_path / "none.json")


def test_sizes_that_the_official_package_lacks_are_named() -> None:
    problem = official_problem(TINY)
    assert problem is not None and "decoder.style_dim is 32, not 128" in problem


def test_a_voice_comes_back_and_its_rows_are_by_phonemes(tmp_path: Path) -> None:
    table = torch.randn(TINY.voice_rows, 1, TINY.voice_width)
    save_voice(tmp_path / "a.pt", table)
    read = read_voice(tmp_path / "a.pt", TINY)
    assert torch.equal(read, table) and read.dtype == torch.float32
    rows = voice_rows_of(read, torch.tensor([3, 12, TINY.bert.positions, 2]))
    assert torch.equal(rows, table[[0, 9, TINY.voice_rows - 1, 0], 0])


@pytest.mark.parametrize(
    ("content", "message"),
    (
        (torch.zeros(510, 64), r"is \[510, 64\] where a voice is a tensor \[510, 1, 64\]"),
        (torch.full((510, 1, 64), torch.nan), "no finite numbers"),
        (torch.zeros(510, 1, 64, dtype=torch.int64), "no finite numbers"),
        ({"voice": torch.zeros(1)}, "is dict where"),
    ),
)
def test_what_is_no_voice_is_refused(tmp_path: Path, content: Any, message: str) -> None:
    torch.save(content, tmp_path / "voice.pt")
    with pytest.raises(UserError, match=message):
        read_voice(tmp_path / "voice.pt", TINY)


def test_what_has_diverged_is_not_written(tmp_path: Path) -> None:
    torch.manual_seed(0)
    model = Kokoro(TINY)
    with torch.no_grad():
        model.bert_encoder.bias[3] = torch.inf
    with pytest.raises(UserError, match=r"bert_encoder\.bias is not finite"):
        save_kokoro(tmp_path / "voice.pth", model)
    with pytest.raises(UserError, match="not finite"):
        save_voice(tmp_path / "voice.pt", Tensor([[[torch.nan]]]))
    assert not list(tmp_path.iterdir())
