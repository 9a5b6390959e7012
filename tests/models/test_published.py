"""Published checkpoint files: every layout, round trips, restricted reading, one clear error each."""

import os
import pickle
import struct
import sys
import types
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from configs.errors import UserError
from models.published import PublishedFile, load_strictly, read_content, read_published, write_published
from models.published.limits import UnusableError, require_numbers
from models.sovits.config import VERSIONS, SovitsConfig, sovits_config
from models.sovits.model import SovitsGenerator
from models.sovits.upstream import (
    OWN_SIZES,
    TRAINING_ONLY,
    load_discriminator,
    load_generator,
    upstream_config,
    upstream_problem,
    version_of,
)
from models.sovits.upstream import save_generator as save
from models.t2s import upstream as t2s_upstream
from models.t2s.config import T2SConfig, t2s_config
from models.t2s.model import TextToSemantic
from models.t2s.upstream import load_decoder, save_decoder
from tests.fuzz.crafted import HOSTILE, NAME, NUMBERS, archive, safetensors, voice, zipped
from tests.models.golden_fill import integers, normal
from tests.models.golden_store import read_table
from tests.models.sovits.conftest import tiny_config, tiny_step

TINY_DECODER = T2SConfig(
    n_symbols=9, n_codes=11, linguistic_channels=5, width=8, n_heads=2, n_layers=3, feed_forward=16
)


@pytest.mark.slow
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
@pytest.mark.parametrize("version", VERSIONS)
def test_weights_tell_their_version(version: str) -> None:
    with torch.device("meta"):
        weights = SovitsGenerator(sovits_config(version)).state_dict()
    assert version_of(weights, Path("s2G.pth")) == version


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


def test_misfits_are_named() -> None:
    module = torch.nn.Linear(2, 3)
    with pytest.raises(
        UserError, match=r"bias is missing; extra is unknown; weight is \[2, 2\] where \[3, 2\]"
    ):
        load_strictly(module, {"weight": torch.zeros(2, 2), "extra": torch.zeros(1)}, "file")


# -- layouts


def test_training_checkpoints_and_lightning_files_are_read(tmp_path: Path) -> None:
    """`G_*.pth` of a distributed run, and Lightning's file with the path among its settings."""
    generator = tiny_step(_published_sizes("v2")).generator
    wrapped = {f"module.{name}": tensor for name, tensor in generator.state_dict().items()}
    torch.save(
        {"model": wrapped, "iteration": 7, "optimizer": {"state": {}}, "learning_rate": 1e-4},
        tmp_path / "G_7.pth",
    )
    training = read_published(tmp_path / "G_7.pth")
    assert training.weights.keys() == generator.state_dict().keys()
    assert training.info == "iteration 7"

    decoder = TextToSemantic(TINY_DECODER)
    torch.save(
        {
            "state_dict": {f"model.{name}": tensor for name, tensor in decoder.state_dict().items()},
            "hyper_parameters": {
                "config": t2s_upstream.upstream_config(TINY_DECODER),
                "out": Path("logs/s1"),
            },
            "global_step": 12,
            "pytorch-lightning_version": "2.4.0",
        },
        tmp_path / "epoch=2.ckpt",
    )
    assert read_published(tmp_path / "epoch=2.ckpt").info == "step 12"
    assert load_decoder(tmp_path / "epoch=2.ckpt").config == TINY_DECODER


@pytest.mark.slow
def test_a_training_checkpoint_keeps_the_posterior_and_its_precision(tmp_path: Path) -> None:
    generator = tiny_step(_published_sizes("v2")).generator
    settings = {k: v for k, v in upstream_config(generator.config).items() if k == OWN_SIZES}
    torch.save({"weight": generator.state_dict(), "config": settings, "info": "s2G"}, tmp_path / "s2G.pth")
    loaded = load_generator(tmp_path / "s2G.pth")
    assert loaded.missing == ()
    for name, tensor in generator.state_dict().items():
        assert torch.equal(loaded.generator.state_dict()[name], tensor)


def test_discriminator_files_are_read(tmp_path: Path) -> None:
    step = tiny_step(tiny_config("v2"))
    write_published(tmp_path / "s2D.pth", PublishedFile("PK", step.discriminator.state_dict(), {}, "s2D"))
    loaded = load_discriminator(tmp_path / "s2D.pth", step.generator.config)
    for name, tensor in step.discriminator.state_dict().items():
        assert torch.equal(loaded.state_dict()[name], tensor.half().float())
    with pytest.raises(UserError, match=r"s2D\.pth: discriminators\.\d.* is unknown"):
        load_discriminator(tmp_path / "s2D.pth", tiny_config("v2", discriminator_periods=(2, 3)))


@pytest.mark.slow
def test_sizes_come_from_the_names_of_gpt_sovits_where_ours_are_absent(tmp_path: Path) -> None:
    """A file of GPT-SoVITS with another vocoder than the published one."""
    vocoder = {"upsample_initial": 64, "resblock_kernels": (3, 7), "resblock_dilations": (1, 2, 4)}
    # What follows the content is half as deep as what reads the text (`module/models.py`: TextEncoder).
    config = sovits_config("v2", text_layers=4, content_layers=2, **vocoder)
    with torch.random.fork_rng(devices=[]):
        generator = SovitsGenerator(config)
    theirs = {n: v for n, v in upstream_config(config).items() if n != OWN_SIZES}
    weights = {n: t for n, t in generator.state_dict().items() if not n.startswith(TRAINING_ONLY)}
    write_published(tmp_path / "other.pth", PublishedFile("PK", weights, theirs, ""))
    assert load_generator(tmp_path / "other.pth").generator.config == config


# -- round trips


@pytest.mark.slow
@pytest.mark.parametrize("version", VERSIONS)
def test_a_written_generator_sounds_the_same_bit_for_bit(tmp_path: Path, version: str) -> None:
    _assert_same_audio(tmp_path, _published_sizes(version))


@pytest.mark.slow
@pytest.mark.parametrize("version", ["v1", "v2"])
def test_full_size_files_sound_the_same_and_have_the_size_that_tells_v1_from_v2(
    tmp_path: Path, version: str
) -> None:
    """GPT-SoVITS takes a file that begins with PK for v1 below this size, and for v2 above it."""
    path = _assert_same_audio(tmp_path, sovits_config(version))
    assert (path.stat().st_size < 82978 * 1024) == (version == "v1")


@pytest.mark.slow
def test_written_files_are_the_same_bytes_again(tmp_path: Path) -> None:
    save(tmp_path / "one.pth", tiny_step(_published_sizes("v2Pro")).generator, "8epoch")
    save(tmp_path / "two.pth", tiny_step(_published_sizes("v2Pro")).generator, "8epoch")
    write_published(tmp_path / "again.pth", read_published(tmp_path / "one.pth"))
    one = (tmp_path / "one.pth").read_bytes()
    assert one[:2] == b"05"
    assert one == (tmp_path / "two.pth").read_bytes()
    assert one == (tmp_path / "again.pth").read_bytes()
    assert {p.name for p in tmp_path.iterdir()} == {"one.pth", "two.pth", "again.pth"}


def test_decoder_files_round_trip(tmp_path: Path) -> None:
    decoder = TextToSemantic(TINY_DECODER)
    save_decoder(tmp_path / "t2s.ckpt", decoder, "info")
    assert all(name.startswith("model.") for name in read_published(tmp_path / "t2s.ckpt").weights)
    loaded = load_decoder(tmp_path / "t2s.ckpt")
    assert loaded.config == TINY_DECODER
    for name, tensor in decoder.state_dict().items():
        assert torch.equal(loaded.state_dict()[name], tensor.half().float())
    save_decoder(tmp_path / "again.ckpt", loaded, "info")
    assert (tmp_path / "again.ckpt").read_bytes() == (tmp_path / "t2s.ckpt").read_bytes()


def test_what_fp16_cannot_hold_is_not_written(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"voice\.pth: dec\.x holds values that fp16 cannot"):
        write_published(tmp_path / "voice.pth", PublishedFile("PK", {"dec.x": torch.tensor([1e6])}, {}, ""))
    assert not list(tmp_path.iterdir())


def test_of_a_long_remark_the_first_200_characters_are_kept(tmp_path: Path) -> None:
    remark = "".join(chr(ord("a") + at % 26) for at in range(1000))
    torch.save({"weight": {"a": torch.ones(1)}, "config": {}, "info": remark}, tmp_path / "voice.pth")
    assert read_published(tmp_path / "voice.pth").info == remark[:200]


def test_written_config_has_what_the_inference_of_gpt_sovits_reads() -> None:
    config = upstream_config(sovits_config("v2ProPlus"))
    assert config["train"]["segment_size"] == 20480
    assert {"sampling_rate", "filter_length", "hop_length", "win_length", "n_speakers"} <= config[
        "data"
    ].keys()
    model = config["model"]
    assert model["version"] == "v2ProPlus"
    assert model["semantic_frame_rate"] == "25hz"
    assert model["upsample_rates"] == [10, 8, 2, 2, 2]
    assert model["upsample_kernel_sizes"] == [20, 16, 8, 2, 2]
    assert model["upsample_initial_channel"] == 768
    assert model["resblock_dilation_sizes"] == [[1, 3, 5]] * 3
    t2s = t2s_upstream.upstream_config(t2s_config("v1"))
    assert t2s["data"]["max_sec"] == 54
    assert t2s["model"]["phoneme_vocab_size"] == 512
    assert t2s["model"]["EOS"] == t2s["model"]["vocab_size"] - 1 == 1024


def test_it_is_known_what_the_inference_of_gpt_sovits_could_not_load() -> None:
    for version in VERSIONS:
        assert upstream_problem(sovits_config(version)) is None
        t2s_version = "v1" if version == "v1" else "v2"
        assert t2s_upstream.upstream_problem(t2s_config(t2s_version, n_layers=2), version) is None
    assert "content_channels is 39" in str(upstream_problem(sovits_config("v2", content_channels=39)))
    assert "content_layers" in str(upstream_problem(sovits_config("v2", content_layers=1)))
    assert "n_symbols" in str(t2s_upstream.upstream_problem(t2s_config("v1"), "v2"))
    assert "feed_forward" in str(t2s_upstream.upstream_problem(t2s_config("v2", feed_forward=64), "v2"))


# -- refusals


class _Harmful:
    def __reduce__(self) -> tuple[object, tuple[str]]:
        return (os.system, ("echo must never run",))


def test_a_file_with_code_is_refused_unrun_and_named(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    for name, content in {
        "config.pth": {"weight": {"a": torch.ones(1)}, "config": _Harmful()},
        "weight.pth": {"weight": {"a": _Harmful()}},
        "bare.pth": _Harmful(),
    }.items():
        torch.save(content, tmp_path / name)
        with pytest.raises(UserError, match=rf"{name}: wants to run \w+\.system.*nothing was run.*trust"):
            read_published(tmp_path / name)
    assert "must never run" not in capfd.readouterr().out


@pytest.mark.parametrize("name", ["cut.pth", "flipped.pth"])
def test_damage_is_named(tmp_path: Path, name: str) -> None:
    save(tmp_path / "whole.pth", tiny_step(_published_sizes("v2")).generator, "info")
    data = bytearray((tmp_path / "whole.pth").read_bytes())
    if name == "cut.pth":
        del data[len(data) // 2 :]
    else:
        at = data.index(b"data.pkl") + 400
        data[at : at + 300] = bytes(300)
    (tmp_path / name).write_bytes(data)
    with pytest.raises(
        UserError, match=rf"{name}: is cut short, damaged or no checkpoint \(.+download it again"
    ):
        load_generator(tmp_path / name)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "is empty"),
        (b"\x89PNG\r\n\x1a\n" + bytes(100), "begins with the bytes 89 50"),
        (b"PK", "is cut short"),
        (b"PK not a zip", "is cut short"),
        (pickle.dumps({"weight": 1}), "begins with the bytes 80"),
    ],
    ids=["empty", "image", "mark", "text", "pickle"],
)
def test_other_files_are_refused(tmp_path: Path, content: bytes, message: str) -> None:
    (tmp_path / "other.pth").write_bytes(content)
    with pytest.raises(UserError, match=rf"other\.pth: {message}.*"):
        read_published(tmp_path / "other.pth")


def test_absent_files_and_folders_are_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"absent\.pth: cannot be read \(No such file"):
        read_published(tmp_path / "absent.pth")
    with pytest.raises(UserError, match=r"cannot be read \(Is a directory"):
        read_published(tmp_path)


def test_archives_without_weights_are_refused(tmp_path: Path) -> None:
    torch.save({"weight": {}, "config": {}}, tmp_path / "empty.pth")
    torch.save([1, 2], tmp_path / "list.pth")
    torch.save({"weight": {"a": 1}}, tmp_path / "numbers.pth")
    for name in ("empty", "list", "numbers"):
        with pytest.raises(UserError, match=rf"{name}\.pth: has no table of weights"):
            read_published(tmp_path / f"{name}.pth")


def test_files_that_grow_when_they_are_read_are_refused(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "bomb.pth", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("archive/data.pkl", bytes(1 << 22))
    with pytest.raises(UserError, match=r"bomb\.pth: unpacks to more than its size"):
        read_published(tmp_path / "bomb.pth")
    torch.save({"weight": {"a": torch.zeros(1).expand(1 << 40)}, "config": {}}, tmp_path / "view.pth")
    with pytest.raises(UserError, match=r"view\.pth: weight\.a claims the shape \[1099511627776\]"):
        read_published(tmp_path / "view.pth")


@pytest.mark.slow
@pytest.mark.parametrize("name", HOSTILE)
def test_what_torch_never_writes_is_refused_in_one_message(tmp_path: Path, name: str) -> None:
    data, message = HOSTILE[name]
    (tmp_path / name).write_bytes(data)
    with pytest.raises(UserError, match=rf"{name}: .*({message})") as refused:
        load_generator(tmp_path / name)
    assert len(str(refused.value)) < 600 and "\n" not in str(refused.value)


def test_hand_made_files_are_read_where_they_are_sound(tmp_path: Path) -> None:
    """What is refused above is refused for what is wrong with it."""
    path = tmp_path / "voice.pth"
    for data in (archive(voice(), NUMBERS), zipped({"a/data.pkl": voice(), "a/data/0": NUMBERS["0"]})):
        path.write_bytes(data)
        assert read_published(path).weights[NAME].tolist() == [[1, 2], [3, 4]]
    entry = {"dtype": "F32", "shape": [2, 2], "data_offsets": [0, 16]}
    bare = tmp_path / "voice.safetensors"
    bare.write_bytes(safetensors({NAME: entry}, NUMBERS["0"]))
    assert read_published(bare).weights[NAME].tolist() == [[1, 2], [3, 4]]


def test_a_flipped_bit_is_noticed_by_the_checksum(tmp_path: Path) -> None:
    torch.save({"weight": {NAME: torch.ones(1000)}, "config": {}, "info": ""}, tmp_path / "voice.pth")
    data = bytearray((tmp_path / "voice.pth").read_bytes())
    data[data.index(torch.ones(8).numpy().tobytes())] ^= 1
    (tmp_path / "voice.pth").write_bytes(data)
    with pytest.raises(UserError, match=r"the checksum of \w+/data/0 is wrong"):
        read_published(tmp_path / "voice.pth")


@pytest.mark.parametrize("options", [{}, {"_use_new_zipfile_serialization": False}], ids=["zip", "stream"])
def test_whatever_torch_saves_of_tensors_is_read_as_torch_reads_it(
    tmp_path: Path, options: dict[str, Any]
) -> None:
    whole = torch.arange(24.0).reshape(4, 6)
    content = {
        "parameter": torch.nn.Parameter(torch.ones(3)),
        "part": whole[1:3, 2:],
        "turned": whole.T,
        "whole": whole,
        "scalar": torch.tensor(3),
        "empty": torch.empty(0, 5),
        **{str(kind): torch.tensor([0, 1]).to(kind) for kind in (torch.bfloat16, torch.half, torch.bool)},
        "nested": [1, -2, 1 << 40, 0.5, None, True, ("a", ()), {"b": {3: [torch.Size((2, 3))]}}],
    }
    torch.save(content, tmp_path / "saved.pth", **options)
    found, wanted = read_content(tmp_path / "saved.pth"), torch.load(tmp_path / "saved.pth")
    assert found.pop("nested") == wanted.pop("nested")
    assert found.keys() == wanted.keys()
    for name, value in wanted.items():
        assert found[name].dtype == value.dtype and torch.equal(found[name], value), name


def test_files_saved_without_checksums_are_read(tmp_path: Path) -> None:
    before = torch.serialization.get_crc32_options()
    torch.serialization.set_crc32_options(False)
    try:
        torch.save({"a": torch.ones(3)}, tmp_path / "saved.pth")
    finally:
        torch.serialization.set_crc32_options(before)
    assert read_content(tmp_path / "saved.pth")["a"].tolist() == [1, 1, 1]


@pytest.mark.slow
def test_a_network_is_not_taken_for_another(tmp_path: Path) -> None:
    save(tmp_path / "sovits.pth", tiny_step(_published_sizes("v2")).generator, "")
    save_decoder(tmp_path / "t2s.ckpt", TextToSemantic(TINY_DECODER), "")
    with pytest.raises(UserError, match=r"t2s\.ckpt: is a text-to-semantic decoder; give a SoVITS generator"):
        load_generator(tmp_path / "t2s.ckpt")
    with pytest.raises(UserError, match=r"sovits\.pth: is a SoVITS generator.*; give a text-to-semantic"):
        load_decoder(tmp_path / "sovits.pth")
    with pytest.raises(UserError, match=r"sovits\.pth: is a SoVITS generator.*; give the SoVITS discrim"):
        load_discriminator(tmp_path / "sovits.pth", tiny_config("v2"))


@pytest.mark.golden
@pytest.mark.parametrize(
    ("manifest", "mark", "version", "kind"),
    [
        (
            "synth_v3",
            "PK",
            "v3",
            r"a v3 or v4 SoVITS generator, which is not supported yet \(the file says v3\)",
        ),
        (
            "synth_v4",
            "PK",
            "v4",
            r"a v3 or v4 SoVITS generator, which is not supported yet \(the file says v4\)",
        ),
        ("vocoder_v4", "PK", None, "the v4 vocoder, which is not supported yet"),
    ],
)
def test_v3_and_v4_are_read_and_not_taken(
    tmp_path: Path, goldens: Path, manifest: str, mark: str, version: str | None, kind: str
) -> None:
    listed = read_table(goldens / "gpt_sovits", f"manifest_{manifest}.json")
    weights = {entry["name"]: torch.zeros(1) for entry in listed}
    # The vocoder is published as its bare weights.
    content = {"weight": weights, "config": {"model": {"version": version}}} if version else weights
    torch.save(content, tmp_path / "newer.pth")
    assert read_published(tmp_path / "newer.pth").weights.keys() == weights.keys()
    with pytest.raises(UserError, match=rf"newer\.pth: is {kind}; give a SoVITS generator of v1"):
        load_generator(tmp_path / "newer.pth")


@pytest.mark.parametrize(("mark", "version"), [("03", "v3"), ("04", "v4")])
def test_loras_are_read_and_not_taken(tmp_path: Path, mark: str, version: str) -> None:
    weights = {"cfm.estimator.transformer_blocks.0.attn.to_q.lora_A.weight": torch.zeros(1)}
    write_published(tmp_path / "lora.pth", PublishedFile(mark, weights, {"lora_rank": 32}, "8epoch"))
    assert read_published(tmp_path / "lora.pth").config == {"lora_rank": 32}
    with pytest.raises(UserError, match=rf"is a LoRA of.*not supported yet \(the file says {version} LoRA\)"):
        load_generator(tmp_path / "lora.pth")


def _edited(tmp_path: Path, version: str, **changes: Any) -> Path:
    """A written file with parts of it replaced."""
    save(tmp_path / "made.pth", tiny_step(_published_sizes(version)).generator, "")
    published = read_published(tmp_path / "made.pth")
    path = tmp_path / "edited.pth"
    write_published(path, published._replace(**{n: change(published) for n, change in changes.items()}))
    return path


def _with_config(**sections: dict[str, Any]) -> Callable[[PublishedFile], dict[str, Any]]:
    return lambda published: {
        **published.config,
        **{name: {**published.config.get(name, {}), **values} for name, values in sections.items()},
    }


@pytest.mark.slow
@pytest.mark.parametrize(
    ("version", "changes", "message"),
    [
        ("v2", {"mark": lambda _: "05"}, "its first two bytes say v2Pro but its weights are v2's"),
        ("v1", {"mark": lambda _: "01"}, "its first two bytes say v2 but its weights are v1's"),
        ("v2Pro", {"mark": lambda _: "06"}, "its first two bytes say v2ProPlus but its weights are v2Pro's"),
        (
            "v1",
            {"config": _with_config(model={"version": "v2"})},
            "say version 'v2' but its weights are v1's",
        ),
        (
            "v2",
            {"config": _with_config(voicewright={"version": "v1"})},
            "its sizes are v1's, its weights v2's",
        ),
        (
            "v2",
            {"config": _with_config(voicewright={"flow_layers": 10**9})},
            "its settings say flow_layers = '1000000000', which no network has",
        ),
        (
            "v2",
            {"config": _with_config(voicewright={"filter_channels": 150_000})},
            r"is \[128, 64, 3\] where \[150000, 64, 3\] is expected",
        ),
        ("v2", {"config": _with_config(voicewright={"made_up": 1})}, "its settings say made_up = '1'"),
        ("v2", {"config": _with_config(voicewright={"hop_samples": 641})}, "sovits config:"),
        (
            "v2",
            {"weights": lambda p: {n: t for n, t in p.weights.items() if n != "dec.conv_pre.bias"}},
            "dec.conv_pre.bias is missing",
        ),
        ("v2", {"weights": lambda p: {**p.weights, "extra": torch.ones(1)}}, "extra is unknown"),
    ],
)
def test_what_contradicts_itself_is_refused(
    tmp_path: Path, version: str, changes: dict[str, Any], message: str
) -> None:
    path = _edited(tmp_path, version, **changes)
    with pytest.raises(UserError, match=rf"edited\.pth.*{message}"):
        load_generator(path)


@pytest.mark.slow
def test_a_symbol_table_that_is_neither_is_refused(tmp_path: Path) -> None:
    save(tmp_path / "made.pth", tiny_step(tiny_config("v2", n_symbols=400)).generator, "")
    published = read_published(tmp_path / "made.pth")
    theirs = {name: value for name, value in published.config.items() if name != OWN_SIZES}
    write_published(tmp_path / "table.pth", published._replace(config=theirs))
    with pytest.raises(UserError, match=r"table\.pth: knows 400 phone symbols, where GPT-SoVITS v1 has 322"):
        load_generator(tmp_path / "table.pth")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"phoneme_vocab_size": 512}, "phoneme_vocab_size = 512 but its weights hold 9"),
        ({"phoneme_vocab_size": None}, "knows 9 phone symbols, where GPT-SoVITS v1 has 512"),
        ({"head": "many"}, "head = 'many'"),
        ({"head": 3}, "n_heads = 3"),
        ({"dropout": 2}, "dropout = 2"),
    ],
)
def test_decoders_that_contradict_themselves_are_refused(
    tmp_path: Path, change: dict[str, Any], message: str
) -> None:
    save_decoder(tmp_path / "made.ckpt", TextToSemantic(TINY_DECODER), "")
    published = read_published(tmp_path / "made.ckpt")
    model = {**published.config["model"], **change}
    write_published(tmp_path / "edited.ckpt", published._replace(config={"model": model}))
    with pytest.raises(UserError, match=rf"edited\.ckpt: .*{message}"):
        load_decoder(tmp_path / "edited.ckpt")


def _published_sizes(version: str) -> SovitsConfig:
    """Tiny, but with the version's own symbols, so that nothing but the sizes differs."""
    sizes = {"upsample_initial": 768} if version == "v2ProPlus" else {}
    return tiny_config(version, n_symbols=sovits_config(version).n_symbols, **sizes)


def _assert_same_audio(folder: Path, config: SovitsConfig) -> Path:
    """Write a generator of fp16 weights, read it back, and compare what both decode."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(5)
        generator = SovitsGenerator(config).half().float().eval()
    path = folder / "voice.pth"
    save(path, generator, "info")
    loaded = load_generator(path).generator.eval()
    assert loaded.config == config
    codes = integers("file/codes", 0, config.codebook_size, 1, 12)
    phones = integers("file/phones", 0, config.n_symbols, 1, 7)
    reference = normal("file/reference", 1, config.spec_channels, 20).abs()
    noise = normal("file/noise", 1, config.latent_channels, 24)
    vectors = [normal("file/sv", 1, config.speaker_vector_channels)] if config.uses_speaker_vector else None
    with torch.no_grad():
        waves = [
            network.decode(codes, phones, [reference], speaker_vectors=vectors, prior_noise=noise)
            for network in (generator, loaded)
        ]
    assert waves[0].abs().max() > 0
    assert torch.equal(*waves)
    return path


def test_what_is_no_network_of_theirs_is_said(tmp_path: Path) -> None:
    torch.save({"weight": {"layer.weight": torch.ones(2, 2)}, "config": {}, "info": ""}, tmp_path / "a.pth")
    with pytest.raises(UserError, match="no network of GPT-SoVITS"):
        load_generator(tmp_path / "a.pth")


@pytest.mark.parametrize("wrap", [lambda x: {"a": x}, lambda x: [x], lambda x: {"a": [{"b": (x,)}]}])
def test_numbers_that_the_file_does_not_hold_are_refused_wherever_they_lie(wrap: Callable[..., Any]) -> None:
    require_numbers(wrap(torch.zeros(1 << 20)))
    with pytest.raises(UnusableError, match="holds fewer numbers"):
        require_numbers(wrap(torch.zeros(1).expand(1 << 30)))


def test_members_that_lie_inside_each_other_are_refused(tmp_path: Path) -> None:
    """Each fits into the file, all together do not: how a small file unpacks to a large one."""
    inside = zipped({"a/data/1": bytes(4_000)})
    start = 30 + len("a/data/0")  # of the first one's bytes, behind its own header
    whole = zipped({"a/data/0": inside})
    end = whole.rindex(b"PK\x05\x06")
    directory = whole.index(b"PK\x01\x02", start + len(inside))
    inner = bytearray(inside[inside.index(b"PK\x01\x02") : inside.rindex(b"PK\x05\x06")])
    inner[42:46] = start.to_bytes(4, "little")
    entries = whole[directory:end] + bytes(inner)
    counts = struct.pack("<4H2LH", 0, 0, 2, 2, len(entries), directory, 0)
    (tmp_path / "nested.pth").write_bytes(whole[:directory] + entries + b"PK\x05\x06" + counts)
    with pytest.raises(UserError, match="unpacks to more than its size"):
        read_published(tmp_path / "nested.pth")
