"""Weights that StyleTTS 2's training goes on from: of an earlier stage, of a voice, of a published file.

A folder holds `NETWORK.safetensors` and a `config.json`; a published file holds all networks of a voice, or
one of them. Either way each network that is asked for is loaded whole or refused, before training starts.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from torch import Tensor, nn

from artifacts.digest import of_file
from configs import plain_yaml
from configs.errors import UserError
from configs.train_styletts2 import StyleTTS2Sizes
from models.published import read_table
from models.styletts2.config import StyleTTS2Config
from models.styletts2.sizes_seen import differing_sizes
from models.styletts2.upstream import (
    NETWORKS,
    Checkpoint,
    Dropped,
    Part,
    load_network,
    read_checkpoint,
    read_part,
)
from models.styletts2.upstream_config import sizes_of_content
from tasks.finetune.trained import read_json, sizes_as_json

OFFICIAL_CONFIG = "config.yml"
"""The configuration that lies beside a published voice."""

_FREE = (
    *("version", "slm_hidden", "slm_layers", "slm_channels", "frame_delay", "trailing_frames", "dropout"),
    "diffusion_sigma_data",
)
"""Sizes that a run may change."""


class Earlier(NamedTuple):
    """Weights as they were found.

    Attributes:
        weights: State dicts by network.
        digests: Of the files that they came from, by network.
        dropped: Entries of the files that were not read.
        sizes: Every size as JSON values, where the files tell it.
        character_table: Its name, where the files tell it.
        source: Where they come from, for messages.
    """

    weights: dict[str, dict[str, Tensor]]
    digests: dict[str, str]
    dropped: tuple[Dropped, ...]
    sizes: Mapping[str, Any]
    character_table: str | None
    source: str


def earlier_voice(value: str, setting: str) -> Earlier:
    """All networks of a voice, out of a folder or a published file.

    Raises:
        UserError: there is no such place, it is damaged, or it is no voice.
    """
    path, source = Path(value), f"{setting} = {value}"
    if path.is_dir():
        return _of_folder(path, source)
    read = read_checkpoint(_existing(path, source))
    beside = path.with_name(OFFICIAL_CONFIG)
    sizes = read.sizes or (_official_sizes(beside) if beside.is_file() else {})
    return _of_file(path, read, source)._replace(sizes=sizes)


def earlier_part(value: str, setting: str, name: Part) -> Earlier:
    """One network, out of a folder, its own published file or a voice's.

    Raises:
        UserError: as `earlier_voice`, or the network is not in it.
    """
    path, source = Path(value), f"{setting} = {value}"
    if path.is_dir():
        return _of_folder(path, source, (name,))
    return _of_file(path, read_part(_existing(path, source), name), source)


def earlier_files(files: Mapping[str, Path], source: str, names: Sequence[str] = NETWORKS) -> Earlier:
    """The networks among `files`, by file name, that a stage or an export wrote.

    Raises:
        UserError: a file is damaged, or there is no `config.json`.
    """
    if "config.json" not in files:
        raise UserError(f"{source}: holds no config.json; give the whole result of a stage")
    described = read_json(files["config.json"])
    found = {name: files[f"{name}.safetensors"] for name in names if f"{name}.safetensors" in files}
    return Earlier(
        {name: read_table(path, "run the stage again") for name, path in found.items()},
        {name: of_file(path) for name, path in found.items()},
        (),
        described.get("sizes", {}),
        described.get("character_table"),
        source,
    )


def load_earlier(networks: Mapping[str, nn.Module], earlier: Earlier, needed: Sequence[str]) -> Earlier:
    """Load what a run needs of earlier weights.

    Args:
        networks: The run's, by their names in a checkpoint.
        needed: Networks that must be there if the run has them.

    Returns:
        What was read, and dropped.

    Raises:
        UserError: a network is missing, of another size or table of characters, or does not fit.
    """
    wanted = [name for name in needed if name in networks]
    missing = [name for name in wanted if name not in earlier.weights]
    if missing:
        raise UserError(
            f"{earlier.source}: lacks {', '.join(missing)}; it holds "
            f"{', '.join(earlier.weights) or 'no network of StyleTTS 2'}. Give the whole result of a stage, "
            f"or a published voice{_instead(missing)}"
        )
    _require_alike(networks, earlier, wanted)
    for name in wanted:
        load_network(networks[name], earlier.weights[name], f"{earlier.source}: {name}")
    left = tuple(
        Dropped(name, "this run has no use for it") for name in earlier.weights if name not in wanted
    )
    return earlier._replace(
        weights={name: earlier.weights[name] for name in wanted},
        digests={name: earlier.digests[name] for name in wanted},
        dropped=(*earlier.dropped, *left),
    )


def fits(network: nn.Module, weights: Mapping[str, Tensor], name: str) -> bool:
    """Whether weights are of a network's size, as far as sizes show."""
    return not differing_sizes(weights, network.state_dict(), name)


def require_same_sizes(config: StyleTTS2Config, earlier: Earlier) -> None:
    """Check that earlier weights were made with the sizes of this run, also with those that no tensor shows.

    Raises:
        UserError: a size differs; each is named with both values.
    """
    ours = sizes_as_json(config)
    differing = {
        name: (earlier.sizes[name], value)
        for name, value in ours.items()
        if name not in _FREE and name in earlier.sizes and earlier.sizes[name] != value
    }
    _refuse_sizes(differing, earlier.source)


def require_same_characters(earlier: Earlier, table: str) -> None:
    """Check that earlier weights read the characters that this run has.

    Raises:
        UserError: the weights tell another table.
    """
    if earlier.character_table not in (None, table):
        raise UserError(
            f"{earlier.source}: reads the characters of the table {earlier.character_table}, and this run "
            f"those of family.character_table = {table}; set them alike, or give another file"
        )


def described(read: Earlier) -> str:
    """One line of what was read and what was not."""
    reasons: dict[str, list[str]] = {}
    for name, why in read.dropped:
        reasons.setdefault(why, []).append(name)
    dropped = "; ".join(
        f"{', '.join(names[:3])}{f' and {len(names) - 3} more' if len(names) > 3 else ''} ({why})"
        for why, names in reasons.items()
    )
    left = f"; left out: {dropped}" if dropped else ""
    return f"{read.source}: read {', '.join(read.weights)}{left}"


def _require_alike(networks: Mapping[str, nn.Module], earlier: Earlier, wanted: Sequence[str]) -> None:
    differing: dict[str, tuple[Any, Any]] = {}
    for name in wanted:
        differing |= differing_sizes(earlier.weights[name], networks[name].state_dict(), name)
    if "n_symbols" in differing:
        theirs, ours = differing["n_symbols"]
        raise UserError(
            f"{earlier.source}: reads {theirs} characters, and this run's table has {ours} "
            "(family.character_table); weights of another symbol table are of no use, give a file of this one"
        )
    _refuse_sizes(differing, earlier.source)


def _refuse_sizes(differing: Mapping[str, tuple[Any, Any]], source: str) -> None:
    if differing:
        said = [f"{name} = {theirs} there and {ours} here" for name, (theirs, ours) in differing.items()]
        settings = dict.fromkeys(_setting(name) for name in differing)
        raise UserError(
            f"{source}: made with other sizes: {'; '.join(said[:5])}. Set {', '.join([*settings][:5])} to "
            "theirs, or give weights of these sizes"
        )


def _setting(size: str) -> str:
    if size in StyleTTS2Sizes.model_fields:
        return f"train.styletts2.sizes.{size}"
    if size in ("decoder", "multispeaker"):
        return f"train.styletts2.{size}"
    return "train.styletts2.version"


def _instead(missing: Sequence[str]) -> str:
    ways = {
        "text_aligner": "train.styletts2.alignment: given",
        "pitch_extractor": "train.styletts2.pitch: given",
    }
    known = [ways[name] for name in missing if name in ways]
    return f", or set {' and '.join(known)}" if len(known) == len(missing) else ""


def _existing(path: Path, source: str) -> Path:
    if not path.is_file():
        raise UserError(
            f"{source}: there is no such file or folder; give a path, or a name of `voicewright models list`"
        )
    return path


def _of_folder(folder: Path, source: str, names: Sequence[str] = NETWORKS) -> Earlier:
    return earlier_files({path.name: path for path in folder.iterdir() if path.is_file()}, source, names)


def _of_file(path: Path, read: Checkpoint, source: str) -> Earlier:
    digest = of_file(path)
    return Earlier(
        read.weights,
        dict.fromkeys(read.weights, digest),
        read.dropped,
        read.sizes,
        read.character_table,
        source,
    )


def _official_sizes(path: Path) -> dict[str, Any]:
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        said = " ".join(str(error).split())
        raise UserError(
            f"{path}: cannot be read ({said}); it lies beside a published voice and tells its sizes: "
            "download it again, or move it away"
        ) from error
    return sizes_of_content(plain_yaml.load(text, str(path), "the configuration"), str(path))
