"""What the shell offers after TAB: commands, options, names of voices, versions, stages, presets, settings.

A shell asks with every TAB, and importing what the commands need takes seconds on a slow machine. So the
commands are read from `command_tree.json`, which `python -m docs.reference` writes from them (`make check`
compares), and voices by what lies on the disk.
"""

from __future__ import annotations

import contextlib
import inspect
import io
import json
import os
import sys
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import typer

ROOT = Path(__file__).resolve().parent.parent
TREE = ROOT / "flows" / "command_tree.json"
ASKED = "_VOICEWRIGHT_COMPLETE"
"""The variable by which a shell asks."""

Tree = dict[str, Any]
Completer = Callable[[typer.Context, str], list[str]]


def complete() -> None:
    """Answer the shell, and exit."""
    from typer.completion import completion_init, shell_complete

    shared = _join_versions() if os.environ[ASKED] == "complete_bash" else ""
    tree = json.loads(TREE.read_text(encoding="utf-8"))
    app = typer.Typer(add_completion=False)
    _add_commands(app, tree["root"], tree, ())
    completion_init()
    said = io.StringIO()
    with contextlib.redirect_stdout(said):
        status = shell_complete(typer.main.get_command(app), {}, "voicewright", ASKED, os.environ[ASKED])
    lines = (line.removeprefix(shared) for line in said.getvalue().splitlines())
    sys.stdout.write("".join(f"{line}\n" for line in lines))
    sys.exit(status)


def _join_versions() -> str:
    """Put `anna`, `@`, `2` together again: to bash an @ separates words, and it replaces what follows it.

    Returns:
        What bash has already, which no answer may repeat.
    """
    words, at = os.environ.get("COMP_WORDS", "").split(" "), int(os.environ.get("COMP_CWORD", "0"))
    behind = at if words[at : at + 1] == ["@"] else at - 1
    if behind < 1 or words[behind : behind + 1] != ["@"]:
        return ""
    name = "".join(words[behind - 1 : at + 1])
    os.environ["COMP_WORDS"] = " ".join([*words[: behind - 1], name])
    os.environ["COMP_CWORD"] = str(behind - 1)
    return f"{words[behind - 1]}@"


def _add_commands(
    app: typer.Typer, node: dict[str, Any], tree: dict[str, Any], path: tuple[str, ...]
) -> None:
    app.callback()(_function(node["params"], tree, path))
    for name, child in node["commands"].items():
        if child["commands"]:
            group = typer.Typer(help=child["help"])
            _add_commands(group, child, tree, (*path, name))
            app.add_typer(group, name=name)
        else:
            app.command(name=name, help=child["help"])(_function(child["params"], tree, (*path, name)))


def _function(
    params: list[dict[str, Any]], tree: dict[str, Any], path: tuple[str, ...]
) -> Callable[..., None]:
    """A function with a command's parameters, which is never called."""

    def command(**given: Any) -> None:
        del given

    kinds: dict[str, Any] = {}
    parameters = []
    for param in params:
        kind: Any = bool if param["is_flag"] else list[str] if param["multiple"] else str
        # Every command is complete without its arguments while it is typed.
        default = False if param["is_flag"] else [] if param["multiple"] else ""
        found = None if param["is_flag"] else _completer(param, tree, path)
        given = (
            typer.Option(default, *param["names"], autocompletion=found)
            if param["is_option"]
            else typer.Argument(default, autocompletion=found)
        )
        kinds[param["name"]] = kind
        parameters.append(
            inspect.Parameter(param["name"], inspect.Parameter.KEYWORD_ONLY, default=given, annotation=kind)
        )
    command.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
    command.__annotations__ = kinds
    return command


def _completer(param: Tree, tree: Tree, path: tuple[str, ...]) -> Completer | None:
    """Who knows the values of a parameter; None: nobody, and the shell offers files."""
    if param["choices"]:
        return _of(param["choices"])
    name = param["name"]
    if name in {"until", "force", "stage"}:
        return lambda ctx, incomplete: _beginning(incomplete, _stages(ctx) or tree["stages"])
    known: dict[str, Completer] = {
        "preset": _of(path.stem for path in (ROOT / "configs" / "presets").glob("*.yaml")),
        "overrides": _of(f"{one}=" for one in tree["settings"]),
        "voice": _a_voice_or_version if path[-1:] in VERSIONED else _a_voice,
        "version": _a_voice_or_version,
        "names": _of(tree["models"]) if path[:1] == ("models",) else _a_voice_or_version,
    }
    return known.get(name)


VERSIONED = (("speak",), ("interactive",), ("report",), ("delete",))
"""Commands whose voice may be one of its versions."""


def _of(names: Iterable[str]) -> Completer:
    kept = tuple(names)

    def among(ctx: typer.Context, incomplete: str) -> list[str]:
        del ctx
        return _beginning(incomplete, kept)

    return among


def _a_voice(ctx: typer.Context, incomplete: str) -> list[str]:
    return _beginning(incomplete, _voices(_workspace(ctx)))


def _a_voice_or_version(ctx: typer.Context, incomplete: str) -> list[str]:
    workspace = _workspace(ctx)
    voice, at, _ = incomplete.partition("@")
    if not at:
        return _a_voice(ctx, incomplete)
    versions = _record(workspace / "runs" / voice / "versions.json").get("versions", [])
    return _beginning(incomplete, (f"{voice}@{entry['number']}" for entry in versions))


def _stages(context: typer.Context) -> set[str]:
    """Stages that the voice, which the command names before them, has run."""
    voice = context.params.get("voice")
    run = _record(_workspace(context) / "runs" / voice / "run.json") if voice else {}
    return set(run.get("stages", {}))


def _workspace(context: typer.Context) -> Path:
    given = context.find_root().params.get("workspace") or os.environ.get("VOICEWRIGHT_WORKSPACE")
    return Path(given or "~/.voicewright").expanduser()


def _voices(workspace: Path) -> list[str]:
    return [path.parent.name for path in (workspace / "runs").glob("*/run.json")]


def _record(path: Path) -> dict[str, Any]:
    """A record of the workspace, read as a hint; empty where it cannot be."""
    try:
        found = json.loads(path.read_bytes())
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def _beginning(incomplete: str, names: Iterable[str]) -> list[str]:
    return sorted(name for name in names if name.startswith(incomplete))
