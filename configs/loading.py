"""From preset, file and command line to one resolved, frozen settings object.

Later wins: defaults, preset, file, `--set`. Every value remembers where it came from, so that an error can
name the file and line, and `voicewright config show` can say why a value is what it is.
"""

from __future__ import annotations

import types
import typing
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import takewhile
from pathlib import Path
from typing import Any

import yaml
from pydantic import BaseModel, ValidationError

from configs import plain_yaml
from configs.errors import UserError
from configs.nearest import did_you_mean, meant, nearest
from configs.settings import Settings

PRESETS = Path(__file__).resolve().parent / "presets"
OPTIONS = {"preset": "--preset", "base": "--preset", "voice": "--voice"}
"""What decides before or beside all settings, and the option that gives it."""


@dataclass(frozen=True)
class Given:
    """A value and where it was given (`configs/presets/tiny.yaml:7`, `--set`)."""

    value: Any
    origin: str
    of_preset: bool = False


@dataclass(frozen=True)
class Resolved:
    """Settings, and for each dotted path that is not a default its origin.

    Attributes:
        own: The paths that the file and `--set` gave, not the preset.
    """

    settings: Settings
    origins: dict[str, str]
    own: frozenset[str] = frozenset()


Reads = Callable[[Settings], Callable[[str], bool]]
"""From settings to whether what is made with them reads a setting of a dotted path."""


def resolve(
    preset: str | None = None,
    file: Path | None = None,
    overrides: Sequence[str] = (),
    voice: str | None = None,
    reads: Reads | None = None,
) -> Resolved:
    """Settle all settings.

    A file may name the preset that it starts from, `base: kokoro`, as the presets themselves do.
    In an override the last part of a name is enough where no other setting ends in it.

    Args:
        reads: What a hint at a setting that there is not is drawn from first.

    Raises:
        UserError: an unknown preset, key or type, values that contradict each other, or a preset or voice in
            the file or an override; the message names the key, the file and line, and the nearest valid name.
    """
    given: dict[str, Given] = {}
    start = preset_of(preset, file)
    if start is not None:
        given = _read_preset(start, ())
    if file is not None:
        own = {path: one for path, one in read_file(file).items() if path != "base"}
        given = _over(given, _no_options(own))
    for text in overrides:
        given = _over(given, _no_options({setting_of(text): Given(_override(text)[1], "--set")}))
    if voice is not None:
        given = _over(given, {"voice": Given(voice, "--voice")})
    _check_names(given, reads)
    origins = {path: one.origin for path, one in given.items()}
    ours = frozenset(path for path, one in given.items() if not one.of_preset)
    return Resolved(_settings_of(given), origins, ours)


def _settings_of(given: Mapping[str, Given]) -> Settings:
    tree: dict[str, Any] = {}
    for path, one in given.items():
        *parents, leaf = path.split(".")
        node = tree
        for name in parents:
            node = node.setdefault(name, {})
        node[leaf] = one.value
    try:
        return Settings.model_validate(tree, strict=False)
    except ValidationError as error:
        raise UserError(_explain(error, given)) from error


def preset_of(preset: str | None, file: Path | None) -> str | None:
    """The preset that settings start from: the one given, or the `base` of the file; None: there is none.

    Raises:
        UserError: the file cannot be read, its base is no preset, or another preset is given.
    """
    base = read_file(file).get("base") if file is not None else None
    if base is None or base.value is None:
        return preset
    named = plain_yaml.shown(str(base.value))
    if named not in presets():
        hint = did_you_mean(named, presets())
        raise UserError(f"{base.origin}: base = {named}: is not one of {', '.join(presets())}{hint}")
    if preset not in (None, named):
        raise UserError(f"{base.origin}: base = {named}, beside the preset {preset}: leave one of them out")
    return named


def setting_of(override: str) -> str:
    """The whole name of the setting that an override sets.

    Raises:
        UserError: it is none.
    """
    return _full_name(_override(override)[0])


def about(preset: str) -> str:
    """What a preset's file says of it: the comment at its top, up to an empty line of it."""
    lines = (PRESETS / f"{preset}.yaml").read_text(encoding="utf-8").splitlines()
    top = takewhile(lambda line: line.startswith("# "), lines)
    return " ".join(line.removeprefix("# ") for line in top)


def presets() -> list[str]:
    """Names of the presets that come with the application."""
    return sorted(path.stem for path in PRESETS.glob("*.yaml"))


def read_file(path: Path) -> dict[str, Given]:
    """A YAML file as dotted paths.

    Raises:
        UserError: it cannot be read, is not plain YAML, gives a key twice or is no mapping.
    """
    try:
        with path.open(encoding="utf-8-sig") as file:
            text = file.read(plain_yaml.MAX_CHARACTERS + 1)
    except OSError as error:
        raise UserError(f"{path}: cannot be read ({error.strerror}); name a file of settings") from error
    except UnicodeDecodeError as error:
        raise UserError(f"{path}: is not UTF-8 text; save it as UTF-8") from error
    root = plain_yaml.compose(text, str(path))
    if root is None:
        return {}
    if not isinstance(root, yaml.MappingNode):
        raise UserError(f"{path}:1: expected settings as `name: value` lines")
    mappings = {name for name, kind, *_ in documented() if kind.startswith("dict[")}
    return dict(_walk(root, "", str(path), mappings))


def leaves(settings: BaseModel, prefix: str = "") -> Iterator[tuple[str, Any]]:
    """Every `(dotted path, value)` of resolved settings."""
    for name in type(settings).model_fields:
        value = getattr(settings, name)
        if isinstance(value, BaseModel):
            yield from leaves(value, f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}", value


def documented(model: type[BaseModel] = Settings, prefix: str = "") -> Iterator[tuple[str, str, Any, str]]:
    """Every `(dotted path, type, default, description)`, for the reference page."""
    for name, field in model.model_fields.items():
        section = _section(field.annotation)
        if section is not field.annotation:
            kind = getattr(field.annotation, "__name__", None) or str(field.annotation)
            if typing.get_origin(field.annotation) is not None:
                kind = str(field.annotation).replace("typing.", "")
            yield (
                f"{prefix}{name}",
                kind,
                field.get_default(call_default_factory=True),
                field.description or "",
            )
        if section is not None:
            yield from documented(section, f"{prefix}{name}.")


def _read_preset(name: str, within: tuple[str, ...]) -> dict[str, Given]:
    if name not in presets():
        hint = did_you_mean(name, presets())
        raise UserError(f"preset: {name!r} is not one of {', '.join(presets())}{hint}")
    if name in within:
        raise UserError(f"preset: {' -> '.join((*within, name))} is a circle")
    own = read_file(PRESETS / f"{name}.yaml")
    root = str(PRESETS.parent.parent) + "/"
    own = {p: Given(g.value, g.origin.replace(root, ""), of_preset=True) for p, g in own.items()}
    base = own.pop("base", None)
    below = _read_preset(str(base.value), (*within, name)) if base else {}
    return _over(below, own) | {"preset": Given(name, f"preset {name}", of_preset=True)}


def _no_options(given: dict[str, Given]) -> dict[str, Given]:
    """The same, without what an option of the command gives: there it would be read and change nothing."""
    for path, one in given.items():
        if path in OPTIONS:
            value = plain_yaml.shown(str(one.value))
            or_base = f", or write `base: {value}` into the file" if path == "preset" else ""
            raise UserError(
                f"{one.origin}: {path} = {value}: is no setting of a file or --set; leave it out, and give "
                f"`{OPTIONS[path]} {value}` beside it{or_base}"
            )
    return given


def _over(below: dict[str, Given], own: dict[str, Given]) -> dict[str, Given]:
    """What holds where `own` is said later: a whole group hides what was said of its parts, a part a null."""
    groups = {path.rsplit(".", n)[0] for path in own for n in range(1, path.count(".") + 1)}
    return {
        path: one
        for path, one in below.items()
        if not any(path.startswith(f"{other}.") for other in own)
        and not (path in groups and one.value is None)
    } | own


def _walk(
    node: yaml.MappingNode, prefix: str, file: str, mappings: Collection[str]
) -> Iterator[tuple[str, Given]]:
    for key_node, value_node in node.value:
        path, where = f"{prefix}{key_node.value}", f"{file}:{key_node.start_mark.line + 1}"
        if isinstance(value_node, yaml.MappingNode) and value_node.value and path not in mappings:
            yield from _walk(value_node, f"{path}.", file, mappings)
        else:
            yield path, Given(plain_yaml.value_of(value_node, where, path), where)


def _override(text: str) -> tuple[str, Any]:
    path, separator, value = text.partition("=")
    if not separator or not path.strip():
        raise UserError(
            f"--set {plain_yaml.shown(text)!r}: expected name=value, for example "
            "features.pitch.method=harvest"
        )
    name = path.strip()
    return name, plain_yaml.load(value, f"--set {plain_yaml.shown(name)}", name)


def _full_name(name: str) -> str:
    """The setting that a name without groups stands for, where there is exactly one (`language`)."""
    known = [path for path, *_ in documented()]
    ends = [path for path in known if path.endswith(f".{name}")]
    return ends[0] if "." not in name and name not in known and len(ends) == 1 else name


def _check_names(given: Mapping[str, Given], reads: Reads | None) -> None:
    known = [path for path, *_ in documented()]
    sections = {path.rsplit(".", n)[0] for path in known for n in range(1, path.count(".") + 1)}
    for path, one in given.items():
        if path in known or (path in sections and isinstance(one.value, dict)):
            continue
        if path in sections:
            example = next(name for name in known if name.startswith(f"{path}."))
            raise UserError(f"{one.origin}: {path} is a group of settings; name one of them, e.g. {example}")
        first = _read_of(known, given, reads)
        best = meant(path, first) or meant(path, known) or nearest(path, known, cutoff=0.5)
        hint = f"; did you mean {best}?" if best else ""
        raise UserError(f"{one.origin}: there is no setting {plain_yaml.shown(path)}{hint}")


def _read_of(known: Sequence[str], given: Mapping[str, Given], reads: Reads | None) -> list[str]:
    """Those of the known names that are read with what was given rightly; none where that is no whole."""
    if reads is None:
        return []
    try:
        is_read = reads(_settings_of({path: one for path, one in given.items() if path in known}))
    except UserError:
        return []
    return [name for name in known if is_read(name)]


def _explain(error: ValidationError, given: Mapping[str, Given]) -> str:
    lines = []
    for problem in error.errors():
        path = ".".join(str(part) for part in problem["loc"])
        known = [p for p in given if path == p or path.startswith(f"{p}.")]
        origin = given[known[0]].origin if known else "settings"
        message = problem["msg"].removeprefix("Value error, ")
        where = (
            f"{plain_yaml.shown(path)} = {plain_yaml.shown(repr(problem['input']))}: "
            if path and not isinstance(problem["input"], dict)
            else (f"{path}: " if path else "")
        )
        lines.append(f"{origin}: {where}{message}")
    return "\n".join(lines)


def _section(annotation: Any) -> type[BaseModel] | None:
    """The group that a field holds, also one that may be null."""
    is_union = typing.get_origin(annotation) in (typing.Union, types.UnionType)
    for part in typing.get_args(annotation) if is_union else (annotation,):
        if isinstance(part, type) and issubclass(part, BaseModel):
            return part
    return None
