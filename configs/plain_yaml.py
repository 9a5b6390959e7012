"""YAML that holds plain values, and one message with its line for whatever else it holds."""

from __future__ import annotations

import re
from typing import Any, NamedTuple

import yaml

from configs.errors import UserError

MAX_CHARACTERS = 200_000
MAX_DEPTH = 20
MAX_NODES = 20_000
_LARGEST = 2**63
_SHOWN_CHARACTERS = 80
_BRACKET = re.compile(r"[\[\]{}]")
_SURROGATE = re.compile(r"[\ud800-\udfff]")


class _Within(NamedTuple):
    """A node and where it stands."""

    node: yaml.Node
    name: str
    depth: int


def compose(text: str, source: str) -> yaml.Node | None:
    """The nodes of a text, checked as a whole; None when it is empty.

    Args:
        text: YAML.
        source: What an error names it as, a file for example.

    Raises:
        UserError: it is not YAML, gives a key twice, or is larger or deeper than settings are. What an alias
            stands for counts each time, so that none repeats itself for ever.
    """
    if len(text) > MAX_CHARACTERS:
        raise UserError(f"{source}: has {len(text)} characters, which no settings have; name another file")
    if _bracket_depth(text) > MAX_DEPTH:
        raise UserError(f"{source}: is nested deeper than settings are; write it flat")
    try:
        root = yaml.compose(text, Loader=yaml.SafeLoader)
    except yaml.reader.ReaderError as error:
        line = text[: error.position].count("\n") + 1
        raise UserError(
            f"{source}:{line}: is not valid YAML: it holds the character {error.character!r}; remove it"
        ) from error
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line = 1 if mark is None else mark.line + 1
        said = ", ".join(part for part in (error.context, error.problem) if part)
        raise UserError(f"{source}:{line}: is not valid YAML: {shown(said)}; correct the line") from error
    except RecursionError as error:
        raise UserError(f"{source}: is nested deeper than settings are; write it flat") from error
    except (yaml.YAMLError, ValueError, OverflowError) as error:
        # The last two: an escape such as "\\UFFFFFFFF", which names no character.
        raise UserError(f"{source}: is not valid YAML: {shown(str(error))}; correct it") from error
    if root is not None:
        _check(root, source)
    return root


def written(value: Any) -> str:
    """A value as YAML of one line, which reads back as the same value."""
    plain = list(value) if isinstance(value, tuple) else value
    text = yaml.safe_dump(plain, default_flow_style=True, allow_unicode=True, width=float("inf"))
    return text.removesuffix("...\n").strip()


def value_of(node: yaml.Node, source: str, name: str) -> Any:
    """The number, text, truth value, date, list or mapping that a node writes.

    Args:
        node: From `compose`.
        source: As there, with the line.
        name: What an error calls the value.

    Raises:
        UserError: it writes none: an object of Python, a date that no calendar has, a number of thousands of
            digits.
    """
    loader = yaml.SafeLoader("")
    try:
        value = loader.construct_object(node, deep=True)
    except yaml.MarkedYAMLError as error:
        raise _no_value(node, source, name, error.problem or "unknown") from error
    except (ValueError, TypeError, KeyError, AttributeError, OverflowError, RecursionError) as error:
        raise _no_value(node, source, name, str(error)) from error
    finally:
        loader.dispose()
    if isinstance(value, int) and abs(value) >= _LARGEST:
        raise _no_value(node, source, name, "the number is too large")
    return value


def load(text: str, source: str, name: str) -> Any:
    """The value of a whole text, None when it is empty; as `compose` and `value_of`."""
    node = compose(text, source)
    return None if node is None else value_of(node, source, name)


def shown(text: str) -> str:
    """The beginning of a text without what a terminal would obey."""
    start = text[:_SHOWN_CHARACTERS]
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in start)


def _no_value(node: yaml.Node, source: str, name: str, why: str) -> UserError:
    written = f" = {shown(node.value)!r}" if isinstance(node, yaml.ScalarNode) else ""
    return UserError(
        f"{source}: {shown(name)}{written} is no plain value: {shown(why)}; put it in quotes if it is text"
    )


def _bracket_depth(text: str) -> int:
    """How deep brackets lie in brackets, quoted ones too: PyYAML takes seconds for a thousand."""
    depth = deepest = 0
    for bracket in _BRACKET.finditer(text):
        depth += 1 if bracket.group() in "[{" else -1
        deepest = max(deepest, depth)
    return deepest


def _check(root: yaml.Node, source: str) -> None:
    waiting = [_Within(root, "", 0)]
    n_nodes = 0
    while waiting:
        node, name, depth = waiting.pop()
        n_nodes += 1
        line = node.start_mark.line + 1
        if depth > MAX_DEPTH:
            raise UserError(
                f"{source}:{line}: {shown(name)} is nested deeper than settings are; write it flat"
            )
        if n_nodes > MAX_NODES:
            raise UserError(
                f"{source}:{line}: holds more than {MAX_NODES} values, which no settings do (what an alias "
                "stands for counts each time); leave out what repeats"
            )
        if isinstance(node, yaml.ScalarNode) and not node.value.isascii() and _SURROGATE.search(node.value):
            raise UserError(
                f"{source}:{line}: {shown(name)} holds half of a surrogate pair; correct the line"
            )
        if isinstance(node, yaml.MappingNode):
            _check_keys(node, source, name)
            waiting += [_Within(value, f"{name}{key.value}.", depth + 1) for key, value in node.value]
        elif isinstance(node, yaml.SequenceNode):
            waiting += [_Within(value, name, depth + 1) for value in node.value]


def _check_keys(node: yaml.MappingNode, source: str, name: str) -> None:
    seen: dict[str, int] = {}
    for key, _ in node.value:
        line = key.start_mark.line + 1
        if not isinstance(key, yaml.ScalarNode):
            raise UserError(f"{source}:{line}: a list or mapping stands where a name is wanted")
        if key.value in seen:
            raise UserError(
                f"{source}:{line}: {shown(name + key.value)} is given twice (first on line {seen[key.value]})"
            )
        seen[key.value] = line
