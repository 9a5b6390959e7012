"""StyleTTS 2's published files to the weights of our networks and back.

A voice is `{'net': {network: state dict}, 'epoch', 'iters', 'optimizer', ...}`; the aligner's file keeps its
one state dict under `model`, the pitch extractor's and PL-BERT's under `net`. Names in a state dict may stand
behind `module.`, network by network: the published code trains all but the discriminators behind it.

That code loads what fits and says nothing of the rest. Here every name is read, or told as dropped, or
refused.

Source: StyleTTS 2 (`models.py`, `train_second.py`, `Utils/PLBERT/util.py`).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Literal, NamedTuple

import torch
from torch import Tensor, nn

from configs.errors import UserError
from models.published import is_table, load_strictly, read_content, require_finite, serialized, write_whole
from models.styletts2.training import DISCRIMINATORS, SYNTHESIS

NETWORKS = (*SYNTHESIS, "diffusion", "text_aligner", "pitch_extractor", *DISCRIMINATORS, "wd")
"""State dicts of a voice's file, in its order."""
OWN = "voicewright"
"""Entry of files that we write: every size, and the table of characters; the official code passes over it."""

Part = Literal["bert", "text_aligner", "pitch_extractor"]
"""Networks that have a file of their own."""

_TELLING: Mapping[Part, tuple[str, str]] = {
    "bert": ("embeddings.word_embeddings.weight", "PL-BERT's file (Utils/PLBERT/step_*.t7)"),
    "text_aligner": ("asr_s2s.embedding.weight", "the aligner's file (Utils/ASR/epoch_*.pth)"),
    "pitch_extractor": ("bilstm_classifier.weight_ih_l0", "the pitch extractor's file (Utils/JDC/bst.t7)"),
}
"""A name that the network has and no other, and where it is published."""

_OF_TRAINING = "state of the training that made the file; no weights"
_PREFIX = "module."
_PREFIXES = (_PREFIX, "_orig_mod.")
"""What distributed training and compilation put in front of every name of a network."""
_BARE = (*DISCRIMINATORS, "wd")
"""Networks whose names the published code leaves without the prefix."""
_ENCODER = "encoder."
_UNET, _TWIN = "unet.", "diffusion.net."
_RENAMED = {
    ".parametrizations.weight.original0": ".weight_g",
    ".parametrizations.weight.original1": ".weight_v",
    ".parametrizations.weight.original": ".weight_orig",
    ".parametrizations.weight.0._u": ".weight_u",
    ".parametrizations.weight.0._v": ".weight_v",
}
"""Newer names of PyTorch for weight and spectral normalisation to those of the published files."""


class Dropped(NamedTuple):
    """An entry of a file that was not read."""

    name: str
    why: str


class Checkpoint(NamedTuple):
    """What a file holds for us."""

    weights: dict[str, dict[str, Tensor]]
    """State dicts by network, named as `Networks.named` has them."""
    dropped: tuple[Dropped, ...]
    sizes: dict[str, Any]
    """Every size as JSON values, where we wrote the file; else empty."""
    character_table: str | None
    """Its name, where we wrote the file."""


def read_checkpoint(path: Path) -> Checkpoint:
    """A voice's file, on the CPU.

    Raises:
        UserError: the file is missing, damaged, wants to run something, is no voice's, or its names
            contradict each other.
    """
    content = _read_table(path)
    net = content.get("net")
    if not isinstance(net, dict) or not any(name in net for name in NETWORKS):
        raise UserError(
            f"{path}: has no networks of StyleTTS 2 under 'net'; give a voice's file such as "
            "epoch_2nd_00100.pth"
        )
    dropped = [Dropped(str(key), _OF_TRAINING) for key in content if key not in ("net", OWN)]
    weights = {}
    for name, table in net.items():
        if name in NETWORKS:
            weights[name] = _normalised(name, table, path, dropped)
        else:
            dropped.append(Dropped(f"net.{name}", "no network of StyleTTS 2"))
    own = content.get(OWN)
    own = own if isinstance(own, dict) else {}
    sizes, table = own.get("sizes"), own.get("character_table")
    return Checkpoint(
        weights,
        tuple(dropped),
        sizes if isinstance(sizes, dict) else {},
        table if isinstance(table, str) else None,
    )


def read_part(path: Path, name: Part) -> Checkpoint:
    """One network's weights, out of its own file or of a voice's.

    Raises:
        UserError: as `read_checkpoint`, or the file is another network's.
    """
    content = _read_table(path)
    if isinstance(content.get("net"), dict) and name in content["net"]:
        voice = read_checkpoint(path)
        others = [Dropped(f"net.{other}", "another network") for other in voice.weights if other != name]
        return voice._replace(weights={name: voice.weights[name]}, dropped=(*voice.dropped, *others))
    holder = next((key for key in ("model", "net") if isinstance(content.get(key), dict)), None)
    dropped = [Dropped(str(key), _OF_TRAINING) for key in content if holder and key != holder]
    weights = _normalised(name, content[holder] if holder else content, path, dropped)
    telling, published = _TELLING[name]
    if telling not in weights:
        raise UserError(f"{path}: has no {telling}, so it is not {name}; give {published}")
    return Checkpoint({name: weights}, tuple(dropped), {}, None)


def load_network(network: nn.Module, weights: Mapping[str, Tensor], source: str) -> None:
    """Copy a network's weights, all of them finite, into it.

    Raises:
        UserError: names or shapes that do not fit, or numbers that are none; the first few are named.
    """
    own = network.state_dict()
    if not own.keys() & weights.keys():
        first, _, _ = next(iter(weights), "").partition(".")
        if first and {name.removeprefix(f"{first}.") for name in weights} & own.keys():
            raise UserError(
                f"{source}: every name stands behind {first!r}, a prefix that no published file has; save "
                "the state dict of the network itself"
            )
    load_strictly(network, weights, source)
    require_finite(network.state_dict(), source)


def save_checkpoint(
    path: Path,
    weights: Mapping[str, Mapping[str, Tensor]],
    *,
    epochs: int,
    steps: int,
    sizes: Mapping[str, Any],
    character_table: str,
) -> None:
    """Write a voice's file as the official code reads it, whole or not at all; equal weights, equal bytes.

    Args:
        weights: State dicts by network, as `Networks.named` has them; fp32.
        sizes: Every size, as JSON values.

    Raises:
        UserError: a weight is not finite.
    """
    net = {}
    for name in (each for each in NETWORKS if each in weights):
        lost = [key for key, value in weights[name].items() if not torch.isfinite(value).all()]
        if lost:
            raise UserError(f"{path}: {name}.{lost[0]} is not finite: training has diverged; train again")
        prefix = "" if name in _BARE else _PREFIX
        table = {key: value.cpu() for key, value in weights[name].items()}
        net[name] = {f"{prefix}{key}": value for key, value in _published_names(name, table)}
    own = {"sizes": dict(sizes), "character_table": character_table}
    write_whole(path, serialized({"net": net, "iters": steps, "epoch": epochs, OWN: own}))


def _published_names(name: str, weights: Mapping[str, Tensor]) -> Iterable[tuple[str, Tensor]]:
    """The diffusion's one network under the two names that the official code looks for; others as is."""
    prefixes = (_TWIN, _UNET) if name == "diffusion" else ("",)
    return ((f"{prefix}{key}", value) for prefix in prefixes for key, value in weights.items())


def _read_table(path: Path) -> dict[Any, Any]:
    content = read_content(path)
    if not isinstance(content, dict):
        raise UserError(
            f"{path}: holds {type(content).__name__} where StyleTTS 2's files hold tables; give a published "
            "file"
        )
    return content


def _normalised(name: str, table: Any, path: Path, dropped: list[Dropped]) -> dict[str, Tensor]:
    """A state dict under the names of our network; what it has beside is added to `dropped`."""
    if not is_table(table):
        raise UserError(f"{path}: {name} is no table of weights; download the file again")
    weights = _without_prefixes(name, table, path)
    renamed = {_old_name(key): value for key, value in weights.items()}
    if len(renamed) < len(weights):
        raise UserError(f"{path}: {name} holds weights twice, under old and under new names; save it again")
    if name == "bert":
        renamed = _bert(renamed, dropped)
    return _one_diffusion(renamed, path, dropped) if name == "diffusion" else renamed


def _without_prefixes(name: str, weights: Mapping[str, Tensor], path: Path) -> Mapping[str, Tensor]:
    for prefix in _PREFIXES:
        bare = [key for key in weights if not key.startswith(prefix)]
        if not bare:
            stripped = {key.removeprefix(prefix): value for key, value in weights.items()}
            return _without_prefixes(name, stripped, path)
        if len(bare) < len(weights):
            raise UserError(
                f"{path}: {name}: prefixes mismatch: {len(weights) - len(bare)} of {len(weights)} names "
                f"begin with {prefix!r} and the others, such as {bare[0]}, do not; the file was put together "
                "from two, give one that a training wrote"
            )
    return weights


def _old_name(key: str) -> str:
    for new, old in _RENAMED.items():
        if key.endswith(new):
            return key.removesuffix(new) + old
    return key


def _bert(weights: dict[str, Tensor], dropped: list[Dropped]) -> dict[str, Tensor]:
    """The encoder of a pre-training's file, or of a voice's; positions that are counted and not learnt go."""
    if f"{_ENCODER}embeddings.word_embeddings.weight" in weights:
        heads = [key for key in weights if not key.startswith(_ENCODER)]
        dropped += [Dropped(f"bert.{key}", "a head of its pre-training") for key in heads]
        weights = {k.removeprefix(_ENCODER): v for k, v in weights.items() if k.startswith(_ENCODER)}
    counted = [key for key in weights if key in ("embeddings.position_ids", "embeddings.token_type_ids")]
    dropped += [Dropped(f"bert.{key}", "counted by the network itself, not learnt") for key in counted]
    return {key: value for key, value in weights.items() if key not in counted}


def _one_diffusion(weights: dict[str, Tensor], path: Path, dropped: list[Dropped]) -> dict[str, Tensor]:
    kept = {key.removeprefix(_UNET): value for key, value in weights.items() if key.startswith(_UNET)}
    twin = {key.removeprefix(_TWIN): value for key, value in weights.items() if key.startswith(_TWIN)}
    differing = [key for key, value in kept.items() if key in twin and not torch.equal(value, twin[key])]
    if differing:
        raise UserError(
            f"{path}: diffusion holds one network under two names, and they differ in {differing[0]}; save "
            "it again"
        )
    if kept:
        dropped += [
            Dropped(f"diffusion.{_TWIN}{key}", "the same network under a second name") for key in twin
        ]
    others = {key: value for key, value in weights.items() if not key.startswith((_UNET, _TWIN))}
    return {**twin, **kept, **others}
