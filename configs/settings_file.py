"""Resolved settings as a file of settings, to be edited and given back."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Mapping
from typing import Any

from configs import plain_yaml
from configs.loading import OPTIONS, Resolved, about, leaves


def as_file(resolved: Resolved, part: str = "") -> str:
    """YAML of the preset and of every value that somebody gave, which resolves to the same settings.

    Args:
        resolved: What to write.
        part: Only settings whose name holds this.
    """
    tree: dict[str, Any] = {}
    for path, value in leaves(resolved.settings):
        is_given = any(path == one or path.startswith(f"{one}.") for one in resolved.origins)
        if path in OPTIONS or not is_given or part not in path:
            continue
        *parents, leaf = path.split(".")
        node = tree
        for name in parents:
            node = node.setdefault(name, {})
        node[leaf] = plain_yaml.written(_plain(value))
    preset = resolved.settings.preset
    said = (
        textwrap.wrap(about(preset), initial_indent="# ", subsequent_indent="# ", width=100) if preset else []
    )
    head = [*said, f"base: {preset}"] if preset else []
    return "".join(f"{line}\n" for line in [*head, *_lines(tree, "")])


def _plain(value: Any) -> Any:
    """Mappings of groups as mappings of their values."""
    if isinstance(value, Mapping):
        return {name: _plain(one) for name, one in value.items()}
    return value.model_dump(mode="json") if hasattr(value, "model_dump") else value


def _lines(tree: Mapping[str, Any], indent: str) -> Iterator[str]:
    for name, value in tree.items():
        if isinstance(value, str):
            yield f"{indent}{name}: {value}"
        else:
            yield f"{indent}{name}:"
            yield from _lines(value, f"{indent}  ")
