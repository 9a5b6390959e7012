"""Published checkpoint files: round trips, restricted reading, strict names."""

import pickle
import sys
import types
from pathlib import Path

import pytest
import torch

from configs.errors import UserError
from models.published import load_strictly, read_published
from models.sovits.config import VERSIONS, sovits_config
from models.sovits.model import SovitsGenerator
from models.sovits.upstream import TRAINING_ONLY, load_generator, upstream_config, version_of
from models.sovits.upstream import save_generator as save
from models.t2s.config import T2SConfig
from models.t2s.model import TextToSemantic
from models.t2s.upstream import load_decoder, save_decoder
from tests.models.sovits.conftest import tiny_config, tiny_step


@pytest.mark.parametrize(("version", "mark"), [("v2", "PK"), ("v2Pro", "05"), ("v2ProPlus", "06")])
def test_generator_files_carry_mark_half_precision_and_no_posterior(
    tmp_path: Path, version: str, mark: str
) -> None:
    config = tiny_config(version)
    generator = tiny_step(config).generator
    save(tmp_path / "voice.pth", generator, "8epoch_800iteration")
    published = read_published(tmp_path / "voice.pth")
    assert published.mark == mark
    assert published.info == "8epoch_800iteration"
    assert published.config["model"]["gin_channels"] == config.style_channels
    assert not any(name.startswith(TRAINING_ONLY) for name in published.weights)
    assert {tensor.dtype for tensor in published.weights.values()} == {torch.float16}

    other = SovitsGenerator(config)
    missing = load_strictly(other, published.weights, "voice.pth", may_lack=(TRAINING_ONLY,))
    assert all(name.startswith(TRAINING_ONLY) for name in missing)
    for name in published.weights:
        assert torch.equal(other.state_dict()[name], generator.state_dict()[name].half().float())


@pytest.mark.slow
def test_a_full_size_file_loads_by_its_weights_alone(tmp_path: Path) -> None:
    generator = SovitsGenerator(sovits_config("v1"))
    save(tmp_path / "s2G.pth", generator, "info")
    loaded = load_generator(tmp_path / "s2G.pth")
    assert loaded.generator.config.version == "v1"
    assert loaded.info == "info"
    assert all(name.startswith(TRAINING_ONLY) for name in loaded.missing)


@pytest.mark.parametrize("version", VERSIONS)
def test_weights_tell_their_version(version: str) -> None:
    with torch.device("meta"):
        weights = SovitsGenerator(sovits_config(version)).state_dict()
    assert version_of(weights, Path("s2G.pth")) == version


def test_other_networks_are_refused_with_a_remedy(tmp_path: Path) -> None:
    torch.save({"weight": {"cfm.x": torch.zeros(1)}, "config": {}, "info": ""}, tmp_path / "v3.pth")
    with pytest.raises(UserError, match=r"v3\.pth.*v1 to v2ProPlus"):
        load_generator(tmp_path / "v3.pth")
    with pytest.raises(UserError, match=r"v3\.pth.*s1 checkpoint"):
        load_decoder(tmp_path / "v3.pth")


def test_pickled_hparams_are_read_as_plain_values(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As GPT-SoVITS writes them: nested objects of the class `utils.HParams`."""
    module = types.ModuleType("utils")
    module.HParams = type("HParams", (), {"__module__": "utils"})
    inner, outer = module.HParams(), module.HParams()
    inner.gin_channels = 512
    outer.model = inner
    with monkeypatch.context() as patch:
        patch.setitem(sys.modules, "utils", module)
        torch.save({"weight": {"a": torch.ones(2)}, "config": outer, "info": "x"}, tmp_path / "h.pth")
    assert read_published(tmp_path / "h.pth").config == {"model": {"gin_channels": 512}}


class _Harmful:
    def __reduce__(self) -> tuple[object, tuple[str]]:
        return (print, ("must never run",))


def test_a_file_with_code_is_refused_unrun(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    torch.save({"weight": {}, "config": _Harmful()}, tmp_path / "bad.pth")
    with pytest.raises(UserError, match=r"bad\.pth.*source you trust"):
        read_published(tmp_path / "bad.pth")
    assert "must never run" not in capsys.readouterr().out


@pytest.mark.parametrize(
    "content",
    [b"", b"PK", b"PK not a zip", pickle.dumps({"weight": 1})],
    ids=["empty", "mark", "text", "pickle"],
)
def test_damaged_files_are_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "damaged.pth").write_bytes(content)
    with pytest.raises(UserError, match=r"damaged\.pth"):
        read_published(tmp_path / "damaged.pth")
    with pytest.raises(UserError, match=r"absent\.pth"):
        read_published(tmp_path / "absent.pth")


def test_misfits_are_named() -> None:
    module = torch.nn.Linear(2, 3)
    with pytest.raises(
        UserError, match=r"bias is missing; extra is unknown; weight is \[2, 2\] where \[3, 2\]"
    ):
        load_strictly(module, {"weight": torch.zeros(2, 2), "extra": torch.zeros(1)}, "file")


def test_decoder_files_round_trip(tmp_path: Path) -> None:
    config = T2SConfig(
        n_symbols=9, n_codes=11, linguistic_channels=5, width=8, n_heads=2, n_layers=3, feed_forward=16
    )
    decoder = TextToSemantic(config)
    save_decoder(tmp_path / "t2s.ckpt", decoder, "info")
    assert all(name.startswith("model.") for name in read_published(tmp_path / "t2s.ckpt").weights)
    loaded = load_decoder(tmp_path / "t2s.ckpt")
    assert loaded.config == config
    for name, tensor in decoder.state_dict().items():
        assert torch.equal(loaded.state_dict()[name], tensor.half().float())


def test_written_config_has_the_names_of_the_published_one() -> None:
    model = upstream_config(sovits_config("v2"))["model"]
    assert model["upsample_rates"] == [10, 8, 2, 2, 2]
    assert model["resblock_dilation_sizes"] == [[1, 3, 5]] * 3
