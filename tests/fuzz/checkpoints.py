"""Hostile and damaged checkpoints for every reader of published weights.

Each case takes a sound file of one kind and spoils it: its values before they are saved, the instructions of
its pickle, the structure of its zip file or header, its bytes; or it is put together by hand.
"""

from __future__ import annotations

import contextlib
import copy
import io
import json
import math
import os
import random
import shutil
import struct
import sys
import tempfile
import time
import zipfile
from collections.abc import Callable, Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import torch
from safetensors.torch import save
from torch import Tensor

from configs.errors import UserError
from tests.fuzz import crafted
from tests.fuzz.harness import arguments, judge, report

LIMIT_S = 5.0
"""Of the processor, for one file: a machine that does other things beside makes none of them slow."""
HANG_S = 300.0
"""On the clock: as long as libraries may take to be imported on a machine that has no time for it."""
_VOCABULARY = "[PAD]\n[UNK]\n[CLS]\n[SEP]\n[MASK]\n"
_LARGEST_CLONED = 10**8
_HUGE = (0, -1, 3, 63, 1 << 16, (1 << 31) - 1, 1 << 40, (1 << 62) + 1, 10**30)
_GLOBALS = (
    "torch._utils._rebuild_tensor_v2",
    "torch._utils._rebuild_parameter",
    "torch._utils._rebuild_sparse_tensor",
    "torch.FloatStorage",
    "torch.Size",
    "collections.OrderedDict",
    "collections.defaultdict",
    "utils.HParams",
    "pathlib.PosixPath",
    "builtins.getattr",
    "builtins.dict",
    "builtins.bytearray",
    "os.system",
    "torch.optim.lr_scheduler.OneCycleLR",
)


class Case(NamedTuple):
    kind: str
    seed: int
    folder: str
    """Scratch space of the run."""


class Kind(NamedTuple):
    """A sort of file.

    content: what a sound one holds; read: what a user's command would call; settings: the JSON beside it;
    save: content to bytes.
    """

    name: str
    content: Callable[[], Any]
    read: Callable[[Path], object]
    settings: Callable[[], Any] | None = None
    save: Callable[[Any], bytes] | None = None


class _Harmful:
    """Leaves a file behind when it is run."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[Any, ...]:
        return os.system, (f"touch '{self.path}'",)


def read_spoilt(case: Case) -> str:
    """Spoil a file of a kind and read it.

    Raises:
        UserError: it is refused.
        AssertionError: it took too long, or ran something.
    """
    _read_sound(case.kind, case.folder)
    rng = random.Random(f"{case.kind} {case.seed}")
    kind = KINDS[case.kind]
    folder = Path(case.folder) / f"{case.kind}-{case.seed}"
    folder.mkdir()
    ran = folder / "ran"
    begun_s = time.process_time()
    try:
        path = folder / kind.name
        settings = copy.deepcopy(_settings_of(case.kind))
        if settings is not None and rng.random() < 0.4:
            path.write_bytes(_sound(case.kind))
            (folder / "config.json").write_bytes(_spoilt_json(settings, rng))
        else:
            path.write_bytes(_spoilt(case.kind, ran, rng))
            if settings is not None:
                (folder / "config.json").write_text(json.dumps(settings))
        if case.kind == "bert":
            (folder / "vocab.txt").write_text(_VOCABULARY)
        begun_s = time.process_time()
        kind.read(path)
        return case.kind
    finally:
        seconds, has_run = time.process_time() - begun_s, ran.exists()
        shutil.rmtree(folder)
        assert not has_run, "the file's code was run"
        assert seconds < LIMIT_S, f"took {seconds:.1f} s of the processor"


@cache
def _read_sound(name: str, scratch: str) -> None:
    """What is not spoilt must be taken; libraries are imported meanwhile, which is no file's fault."""
    kind, folder = KINDS[name], Path(tempfile.mkdtemp(dir=scratch))
    (folder / kind.name).write_bytes(_sound(name))
    if kind.settings is not None:
        (folder / "config.json").write_text(json.dumps(_settings_of(name)))
    if name == "bert":
        (folder / "vocab.txt").write_text(_VOCABULARY)
    try:
        kind.read(folder / kind.name)
    except UserError as error:
        raise AssertionError(f"a sound file was refused: {error}") from error
    finally:
        shutil.rmtree(folder)


def cases(count: int, seed: int, folder: str) -> Iterator[Case]:
    """Kinds in turn, the slow ones seldom."""
    slow = {"eres2netv2", "ge2e"}
    quick = [name for name in KINDS if name not in slow]
    for at in range(seed, seed + count):
        name = sorted(slow)[at // 20 % 2] if at % 20 == 19 else quick[at % len(quick)]
        yield Case(name, at, folder)


def _spoilt(kind: str, ran: Path, rng: random.Random) -> bytes:
    """The bytes of a file that is wrong in one way or a few."""
    if KINDS[kind].name.endswith(".safetensors"):
        ways = [_with_other_values, _with_other_header, _with_other_bytes, _by_hand]
    else:
        ways = [_with_other_values] * 3 + [_with_other_pickle] * 2
        ways += [_with_random_pickle, _with_other_members, _with_other_bytes, _by_hand]
    return rng.choice(ways)(kind, ran, rng)


def _with_other_values(kind: str, ran: Path, rng: random.Random) -> bytes:
    content = _copied(_content_of(kind))
    for _ in range(rng.choice((1, 1, 1, 2, 5))):
        content = _changed(content, _odd_value(ran, rng), rng)
    try:
        return _saved(kind, content, rng.random() < 0.2)
    # What cannot be saved is no file; safetensors and torch refuse in their own ways.
    except (RuntimeError, ValueError, TypeError, AttributeError, RecursionError):
        return _by_hand(kind, ran, rng)


def _with_other_pickle(kind: str, ran: Path, rng: random.Random) -> bytes:
    members = _members(_sound(kind))
    name = next(name for name in members if name.endswith("data.pkl"))
    members[name] = _changed_bytes(members[name], rng)
    return crafted.zipped(members)


def _with_random_pickle(kind: str, ran: Path, rng: random.Random) -> bytes:
    members = _members(_sound(kind))
    name = next(name for name in members if name.endswith("data.pkl"))
    members[name] = _random_pickle(rng)
    return crafted.zipped(members)


def _with_other_members(kind: str, ran: Path, rng: random.Random) -> bytes:
    members = _members(_sound(kind))
    names = list(members)
    for _ in range(rng.randint(1, 3)):
        name, other = rng.choice(names), rng.choice(names)
        way = rng.randrange(5)
        if way == 0:
            members.pop(name, None)
        elif way == 1:
            members[name] = members.get(other, b"")
        elif way == 2:
            members[f"../{name}"] = members.pop(name, b"")
        elif way == 3:
            members[name] = members.get(name, b"")[: rng.randrange(64)]
        else:
            members[f"{name}/{rng.choice(['', 'x' * 5000, chr(0)])}"] = b"x"
    made = crafted.zipped(
        members,
        flags=rng.choice((0, 0, 1, 8, 0x808)),
        method=rng.choice((zipfile.ZIP_STORED, zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)),
        twice=rng.random() < 0.1,
    )
    if rng.random() < 0.5:
        tail = bytearray(made)
        for _ in range(rng.randint(1, 4)):
            tail[-rng.randint(1, min(400, len(tail)))] = rng.choice((0, 1, 0x7F, 0xFF))
        made = bytes(tail)
    return made


def _with_other_header(kind: str, ran: Path, rng: random.Random) -> bytes:
    data = _sound(kind)
    (length,) = struct.unpack("<Q", data[:8])
    header = _changed_json(json.loads(data[8 : 8 + length]), rng.randint(1, 3), rng)
    said = rng.choice((None, None, None, 0, 1, length - 1, 1 << 62))
    return crafted.safetensors(header, data[8 + length :], said)


def _with_other_bytes(kind: str, ran: Path, rng: random.Random) -> bytes:
    return _changed_bytes(_sound(kind), rng)


def _by_hand(kind: str, ran: Path, rng: random.Random) -> bytes:
    suffix = Path(KINDS[kind].name).suffix == ".safetensors"
    return rng.choice([data for name, (data, _) in crafted.HOSTILE.items() if name.endswith("s") == suffix])


def _changed_json(tree: Any, times: int, rng: random.Random) -> Any:
    for _ in range(times):
        other = _changed(copy.deepcopy(tree), _odd_json(rng), rng)
        # A tree that came to hold itself is no JSON, so it is in no file.
        with contextlib.suppress(ValueError):
            json.dumps(other)
            tree = other
    return tree


def _spoilt_json(content: Any, rng: random.Random) -> bytes:
    content = _changed_json(content, rng.choice((1, 1, 2, 4)), rng)
    data = json.dumps(content).encode()
    return _changed_bytes(data, rng) if rng.random() < 0.15 else data


def _changed_bytes(data: bytes, rng: random.Random) -> bytes:
    made = bytearray(data)
    for _ in range(rng.choice((1, 1, 2, 8))):
        at, length = rng.randrange(len(made) + 1), rng.choice((1, 2, 4, 64))
        way = rng.randrange(5)
        if way == 0 and at < len(made):
            made[at] ^= 1 << rng.randrange(8)
        elif way == 1:
            del made[at:]
        elif way == 2:
            made[at : at + length] = rng.randbytes(length)
        elif way == 3:
            del made[at : at + length]
        else:
            made[at:at] = made[max(0, at - length) : at]
    return bytes(made)


def _random_pickle(rng: random.Random) -> bytes:
    """Instructions that mostly find what they need on the stack."""
    simple: tuple[Callable[[], bytes], ...] = (
        lambda: crafted.text(rng.choice(("weight", "net", "storage", "0", "cpu", "", "é\x00"))),
        lambda: crafted.integer(rng.choice(_HUGE)),
        lambda: rng.choice((b"N", b"\x88", b"\x89", b"}", b"]", b")", b"(")),
        lambda: crafted.named(rng.choice(_GLOBALS)),
        lambda: crafted.storage(rng.choice("01x"), rng.choice(_HUGE)),
        lambda: crafted.tensor(
            crafted.storage("0", rng.randrange(9)),
            tuple(rng.choice(_HUGE) for _ in range(rng.randrange(4))),
            tuple(rng.choice(_HUGE) for _ in range(rng.randrange(4))),
            rng.choice(_HUGE),
        ),
        lambda: rng.choice((b"q", b"h")) + bytes([rng.randrange(8)]),
    )
    acting = (b"R", b"\x81", b"b", b"Q", b"a", b"e", b"s", b"u", b"t", b"\x85", b"\x86", b"\x87", b"0", b"2")
    parts = []
    for _ in range(rng.randint(1, 400)):
        parts.append(rng.choice(simple)() if rng.random() < 0.7 else rng.choice(acting))
    return crafted.pickled(*parts)


def _changed(tree: Any, odd: Any, rng: random.Random) -> Any:
    """The tree with one place of it replaced, left out, renamed or taken from elsewhere."""
    holders = [holder for holder in _holders(tree) if holder]
    if not holders or rng.random() < 0.03:
        return odd
    holder = rng.choice(holders)
    key = rng.choice(list(holder) if isinstance(holder, dict) else range(len(holder)))
    way = rng.randrange(6)
    if way == 0:
        del holder[key]
    elif way == 1 and isinstance(holder, dict):
        holder[rng.choice(("", "x" * 3000, "\x1b[2J", "module.x", "layers.99999999", f"{key}x"))] = (
            holder.pop(key)
        )
    elif way == 2:
        other = rng.choice(holders)
        holder[key] = rng.choice(list(other.values()) if isinstance(other, dict) else other)
    elif isinstance(holder[key], Tensor) and way == 3:
        holder[key] = _odd_tensor(holder[key], rng)
    else:
        holder[key] = odd
    return tree


def _holders(tree: Any, seen: set[int] | None = None) -> Iterator[Any]:
    seen = set() if seen is None else seen
    if isinstance(tree, dict | list) and id(tree) not in seen:
        seen.add(id(tree))
        yield tree
        for each in list(tree.values() if isinstance(tree, dict) else tree)[:400]:
            yield from _holders(each, seen)


def _odd_json(rng: random.Random) -> Any:
    deep: Any = 1
    for _ in range(rng.choice((2, 200))):
        deep = [deep]
    values = [*_HUGE, None, True, "", "x" * 5000, "\x1b[2J", "\ud800", [], {}, [1] * 3000, 0.5, 1e308]
    return rng.choice([*values, float("nan"), float("inf"), deep, [[]], {"a": {}}, [0], [-1, 1 << 40]])


def _odd_value(ran: Path, rng: random.Random) -> Any:
    shared: list[Any] = []
    for _ in range(40):
        shared = [shared, shared]
    cyclic: list[Any] = []
    cyclic.append(cyclic)
    return rng.choice(
        [
            _odd_json(rng),
            _odd_json(rng),
            _odd_tensor(torch.ones(2, 3), rng),
            shared,
            cyclic,
            _Harmful(ran),
            b"bytes",
            (1, (2,)),
            {3: 4},
            Path("out"),
            {1, 2},
            complex(1, 2),
            torch.float16,
        ]
    )


def _odd_tensor(tensor: Tensor, rng: random.Random) -> Tensor:
    if tensor.numel() > _LARGEST_CLONED:
        return tensor  # one that says so of itself; it cannot be laid out to be spoilt further
    spoilt = tensor.clone()
    if tensor.is_floating_point() and tensor.numel():
        spoilt.view(-1)[rng.randrange(tensor.numel())] = rng.choice((math.nan, math.inf, -math.inf))
    ways: tuple[Callable[[], Tensor], ...] = (
        lambda: spoilt,
        lambda: tensor[:1],
        lambda: tensor.reshape(-1),
        lambda: tensor[None],
        lambda: torch.zeros(()),
        lambda: torch.zeros(0),
        lambda: torch.zeros(10**6, 0),
        lambda: torch.zeros(1).expand(10**11),
        lambda: torch.zeros(1).expand(tensor.shape),
        lambda: torch.zeros(3, 3).to_sparse(),
        lambda: torch.zeros(2, dtype=torch.complex64),
        lambda: tensor.long(),
        lambda: tensor.bool(),
        lambda: torch.zeros(tensor.shape, device="meta"),
        lambda: torch.quantize_per_tensor(torch.zeros(2), 0.1, 0, torch.qint8),
        lambda: tensor.double() * 1e300,
    )
    return rng.choice(ways)()


def _copied(value: Any) -> Any:
    """Containers anew, all else as it is."""
    if isinstance(value, Mapping):
        return {key: _copied(item) for key, item in value.items()}
    return [_copied(item) for item in value] if isinstance(value, list) else value


def _saved(kind: str, content: Any, as_before: bool = False) -> bytes:
    own = KINDS[kind].save
    if own is not None:
        return own(content)
    buffer = io.BytesIO()
    torch.save(content, buffer, _use_new_zipfile_serialization=not as_before)
    return buffer.getvalue()


def _members(data: bytes) -> dict[str, bytes]:
    with zipfile.ZipFile(io.BytesIO(data)) as made:
        return {name: made.read(name) for name in made.namelist()}


@cache
def _content_of(kind: str) -> Any:
    torch.manual_seed(0)
    return KINDS[kind].content()


@cache
def _settings_of(kind: str) -> Any:
    settings = KINDS[kind].settings
    return None if settings is None else settings()


@cache
def _sound(kind: str) -> bytes:
    return _saved(kind, _content_of(kind))


# -- kinds. Libraries are imported where they are needed: a run of one kind needs few of them.


def _sovits() -> Any:
    from models.sovits.upstream import upstream_config
    from tests.models.sovits.conftest import tiny_config, tiny_step

    generator = tiny_step(tiny_config("v2")).generator
    return {
        "weight": dict(generator.state_dict()),
        "config": upstream_config(generator.config),
        "info": "8epoch",
    }


def _read_sovits(path: Path) -> object:
    from models.sovits.upstream import load_generator

    return load_generator(path)


def _discriminator() -> Any:
    from tests.models.sovits.conftest import tiny_config, tiny_step

    state = tiny_step(tiny_config("v2")).discriminator.state_dict()
    return {"weight": dict(state), "config": {}, "info": "s2D"}


def _read_discriminator(path: Path) -> object:
    from models.sovits.upstream import load_discriminator
    from tests.models.sovits.conftest import tiny_config

    return load_discriminator(path, tiny_config("v2"))


def _t2s() -> Any:
    from models.t2s.config import T2SConfig
    from models.t2s.model import TextToSemantic
    from models.t2s.upstream import upstream_config

    config = T2SConfig(
        n_symbols=9, n_codes=11, linguistic_channels=5, width=8, n_heads=2, n_layers=3, feed_forward=16
    )
    state = TextToSemantic(config).state_dict()
    weights = {f"model.{name}": value for name, value in state.items()}
    return {"state_dict": weights, "hyper_parameters": {"config": upstream_config(config)}, "global_step": 3}


def _read_t2s(path: Path) -> object:
    from models.t2s.upstream import load_decoder

    return load_decoder(path)


@cache
def _styletts2_networks() -> Any:
    from tests.models.styletts2 import official

    return official.networks()


def _styletts2() -> Any:
    from tests.models.styletts2 import official

    return official.content(_styletts2_networks())


def _read_styletts2(path: Path) -> object:
    from models.styletts2.training import SYNTHESIS
    from tasks.finetune.styletts2.earlier import earlier_voice, load_earlier

    earlier = earlier_voice(str(path), "train.styletts2.start")
    return load_earlier(_styletts2_networks().named(), earlier, SYNTHESIS)


def _part(name: str) -> Callable[[], Any]:
    def content() -> Any:
        from tests.models.styletts2 import official

        make = {
            "text_aligner": official.aligner_content,
            "pitch_extractor": official.pitch_content,
            "bert": official.bert_content,
        }[name]
        return make(_styletts2_networks().named()[name])

    return content


def _read_part(name: Any) -> Callable[[Path], object]:
    def read(path: Path) -> object:
        from models.styletts2.upstream import load_network
        from tasks.finetune.styletts2.earlier import earlier_part

        earlier = earlier_part(str(path), f"train.styletts2.{name}", name)
        return load_network(_styletts2_networks().named()[name], earlier.weights[name], earlier.source)

    return read


def _kokoro() -> Any:
    from models.kokoro.config import TINY
    from models.kokoro.model import Kokoro
    from models.kokoro.upstream import CHILDREN

    model = Kokoro(TINY)
    return {
        child: {f"module.{name}": value for name, value in getattr(model, child).state_dict().items()}
        for child in CHILDREN
    }


def _kokoro_settings() -> Any:
    from models.kokoro.config import TINY
    from models.kokoro.upstream import config_content

    return config_content(TINY)


def _read_kokoro(path: Path) -> object:
    from models.kokoro.upstream import load_kokoro

    return load_kokoro(path, path.with_name("config.json"))


def _kokoro_voice() -> Any:
    from models.kokoro.config import TINY

    return torch.randn(TINY.voice_rows, 1, TINY.voice_width)


def _read_kokoro_voice(path: Path) -> object:
    from models.kokoro.config import TINY
    from models.kokoro.upstream import read_voice

    return read_voice(path, TINY)


def _read_features(path: Path) -> object:
    from models.published import read_tensor

    return read_tensor(path)


def _ecapa() -> Any:
    from speechbrain.lobes.models.ECAPA_TDNN import ECAPA_TDNN

    small = ECAPA_TDNN(
        80,
        channels=[16, 16, 16, 16, 48],
        kernel_sizes=[5, 3, 3, 3, 1],
        dilations=[1, 2, 3, 4, 1],
        attention_channels=8,
        lin_neurons=24,
    )
    return dict(small.state_dict())


def _read_ecapa(path: Path) -> object:
    from models.speaker.ecapa import load_ecapa

    return load_ecapa.__wrapped__(str(path.parent), download=False)


def _eres2netv2() -> Any:
    from models.speaker.eres2netv2 import ERes2NetV2

    return dict(ERes2NetV2().half().state_dict())


def _read_eres2netv2(path: Path) -> object:
    from models.speaker.eres2netv2 import load_eres2netv2

    return load_eres2netv2.__wrapped__(path)


def _ge2e() -> Any:
    from models.speaker.ge2e import Ge2eEncoder

    return {"step": 1, "model_state": {**Ge2eEncoder().state_dict(), "similarity_weight": torch.ones(1)}}


def _read_ge2e(path: Path) -> object:
    from models.speaker.ge2e import read_ge2e

    return read_ge2e(path)


_SPEECH = {
    "hidden_size": 24,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "intermediate_size": 32,
    "conv_dim": (16,) * 7,
    "num_conv_pos_embeddings": 16,
    "num_conv_pos_embedding_groups": 4,
}
_TEXT = {
    "vocab_size": 5,
    "hidden_size": 16,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "intermediate_size": 32,
}


@cache
def _encoder(name: str) -> Any:
    import transformers

    made = {"HubertModel": "HubertConfig", "WavLMModel": "WavLMConfig", "BertModel": "BertConfig"}
    config = getattr(transformers, made[name])(**(_TEXT if name == "BertModel" else _SPEECH))
    return getattr(transformers, name)(config)


def _encoder_weights(name: str) -> Callable[[], Any]:
    return lambda: dict(_encoder(name).state_dict())


def _encoder_settings(name: str) -> Callable[[], Any]:
    return lambda: {**_encoder(name).config.to_dict(), "architectures": [name]}


def _read_hubert(path: Path) -> object:
    from models.content.hubert import load_hubert

    return load_hubert.__wrapped__(str(path.parent), "main", None, "model")


def _read_wavlm(path: Path) -> object:
    from models.content.wavlm import load_wavlm

    return load_wavlm(str(path.parent), "main", 24_000, "train.styletts2.slm.model")


def _read_bert(path: Path) -> object:
    from models.linguistic.bert import load_bert

    return load_bert.__wrapped__(str(path.parent), "main", None, "model")


def _exported() -> Any:
    return _kokoro_voice_table()


def _kokoro_voice_table() -> Any:
    return {"a": torch.randn(8, 1, 4), "b": torch.randn(8, 1, 4)}


def _read_exported(path: Path) -> object:
    from models.published import read_table

    return read_table(path, "export the voice again")


KINDS: Mapping[str, Kind] = {
    "sovits": Kind("s2G.pth", _sovits, _read_sovits),
    "discriminator": Kind("s2D.pth", _discriminator, _read_discriminator),
    "t2s": Kind("s1.ckpt", _t2s, _read_t2s),
    "styletts2": Kind("epoch_2nd_00100.pth", _styletts2, _read_styletts2),
    "aligner": Kind("epoch_00080.pth", _part("text_aligner"), _read_part("text_aligner")),
    "pitch": Kind("bst.t7", _part("pitch_extractor"), _read_part("pitch_extractor")),
    "plbert": Kind("step_1000000.t7", _part("bert"), _read_part("bert")),
    "kokoro": Kind("kokoro-v1_0.pth", _kokoro, _read_kokoro, _kokoro_settings),
    "kokoro_voice": Kind("voice.pt", _kokoro_voice, _read_kokoro_voice),
    "features": Kind("clip.pt", lambda: torch.randn(1, 8, 9), _read_features),
    "ecapa": Kind("embedding_model.ckpt", _ecapa, _read_ecapa),
    "eres2netv2": Kind("pretrained_eres2netv2w24s4ep4.ckpt", _eres2netv2, _read_eres2netv2),
    "ge2e": Kind("pretrained.pt", _ge2e, _read_ge2e),
    "hubert": Kind(
        "pytorch_model.bin", _encoder_weights("HubertModel"), _read_hubert, _encoder_settings("HubertModel")
    ),
    "wavlm": Kind(
        "model.safetensors",
        _encoder_weights("WavLMModel"),
        _read_wavlm,
        _encoder_settings("WavLMModel"),
        save,
    ),
    "bert": Kind(
        "model.safetensors", _encoder_weights("BertModel"), _read_bert, _encoder_settings("BertModel"), save
    ),
    "exported": Kind("voices.safetensors", _exported, _read_exported, None, save),
}


def main() -> int:
    """How many cases were neither taken nor refused."""
    given = arguments(600, __doc__)
    with tempfile.TemporaryDirectory(prefix="voicewright-fuzz-") as folder:
        return report(judge(read_spoilt, cases(given.count, given.seed, folder), HANG_S))


if __name__ == "__main__":
    sys.exit(1 if main() else 0)
