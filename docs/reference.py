"""Writes from the code the pages of `docs/reference`, and `flows/command_tree.json` for shell completion.

`--check` writes nothing and fails when a page is not what the code says.
"""

from __future__ import annotations

import json
import sys
import typing
from collections.abc import Iterable
from pathlib import Path
from typing import Any, Literal

import typer

from configs.loading import documented
from configs.weights import PUBLISHED
from flows.__main__ import app
from flows.completion import TREE
from tasks.stage import RowStage, Stage, upstream
from tasks.stages import every_way

PAGES = Path(__file__).resolve().parent / "reference"


def settings_page() -> str:
    """Every setting with type, default and meaning."""
    lines = [
        "# Settings",
        "",
        "Give them in a preset, in a YAML file (`--config`) or one by one (`--set a.b=c`); later wins.",
        "A relative path begins where the command is typed, in a file too.",
        "`voicewright config show` prints the resolved values and where each comes from.",
    ]
    section = None
    for path, kind, default, about in documented():
        head = path.rpartition(".")[0] or "top level"
        if head != section:
            section = head
            lines += [
                "",
                f"## `{head}`",
                "",
                "| setting | type | default | meaning |",
                "| --- | --- | --- | --- |",
            ]
        shown = "" if default is None else f"`{default}`"
        lines.append(f"| `{path}` | `{_cell(kind)}` | {_cell(shown)} | {_cell(about)} |")
    return "\n".join(lines) + "\n"


def stages_page() -> str:
    """Every stage: what it reads, the settings it sees, the columns it writes."""
    lines = ["# Stages", "", "In the order in which they run.", ""]
    ways = every_way()
    of_each = [{stage.name for stage in way.prepare} - {"shard"} for way in ways.values()]
    shared = set.intersection(*of_each)
    prepare = next(iter(ways.values())).prepare
    sections = [("Of every voice", [stage for stage in prepare if stage.name in shared])]
    for name, way in ways.items():
        own = [stage for stage in way.all if stage.name not in shared]
        sections.append((f"Of {name} voices", own))
    for title, stages in sections:
        lines += [f"# {title}", ""]
        for stage in stages:
            lines += _stage_lines(stage)
    return "\n".join(lines)


def _stage_lines(stage: Stage) -> list[str]:
    lines: list[str] = []
    kind = "one row at a time" if isinstance(stage, RowStage) else "the corpus as a whole"
    lines += [
        f"## {stage.name}",
        "",
        stage.about,
        "",
        f"- works on {kind}",
        f"- reads {', '.join(f'`{name}`' for name in upstream(stage))}",
        f"- settings: {_named(path for path in stage.config if path not in stage.machine) or 'none'}",
    ]
    if stage.machine:
        lines.append(f"- settings that decide nothing of its result: {_named(stage.machine)}")
    lines += [
        "",
        "| column | type | meaning |",
        "| --- | --- | --- |",
    ]
    for field in stage.schema:
        about = (field.metadata or {}).get(b"about", b"").decode()
        lines.append(f"| `{field.name}` | `{_cell(str(field.type))}` | {_cell(about)} |")
    lines.append("")
    return lines


def _named(paths: Iterable[str]) -> str:
    return ", ".join(f"`{path}`" for path in paths)


def commands_page() -> str:
    """Every command with its arguments and options."""
    root = typer.main.get_command(app)
    lines = ["# Command line", "", "`voicewright --install-completion` adds shell completion.", ""]
    _command(root, ["voicewright"], lines)
    return "\n".join(lines) + "\n"


def _command(command: Any, path: list[str], lines: list[str]) -> None:
    lines += [f"{'#' * min(len(path) + 1, 4)} {' '.join(path)}", "", (command.help or "").strip(), ""]
    rows = []
    for parameter in command.params:
        names = ", ".join(f"`{name}`" for name in (*parameter.opts, *parameter.secondary_opts))
        if parameter.param_type_name == "argument":
            names = f"`{parameter.name.upper()}`"
        if "completion" not in names and "--help" not in names:
            rows.append(f"| {names} | {_cell(getattr(parameter, 'help', '') or '')} |")
    if rows:
        lines += ["| argument | meaning |", "| --- | --- |", *rows, ""]
    for name, child in sorted(getattr(command, "commands", {}).items()):
        _command(child, [*path, name], lines)


def command_tree() -> str:
    """The commands with their parameters, and names that are values of these, for `flows.completion`."""
    stages = sorted({stage.name for way in every_way().values() for stage in way.all})
    tree = {
        "root": _node(typer.main.get_command(app)),
        "settings": [path for path, *_ in documented()],
        "stages": stages,
        "models": [weights.name for weights in PUBLISHED],
    }
    return json.dumps(tree, indent=1) + "\n"


def _node(command: Any) -> dict[str, Any]:
    shown = [one for one in command.params if not one.name.endswith("completion") and one.name != "help"]
    params = [
        {
            "name": one.name,
            "names": ["/".join((name, *one.secondary_opts[:1])) for name in one.opts],
            "is_option": one.param_type_name == "option",
            "is_flag": bool(getattr(one, "is_flag", False)),
            "multiple": bool(getattr(one, "multiple", False)) or one.nargs != 1,
            "choices": _choices(one.type_descriptor.annotation),
        }
        for one in shown
    ]
    help_line = (command.help or "").strip().partition("\n")[0]
    children = {name: _node(child) for name, child in sorted(getattr(command, "commands", {}).items())}
    return {"help": help_line, "params": params, "commands": children}


def _choices(kind: Any) -> list[str]:
    """What an option of a few values takes; nothing for all others."""
    parts = [kind, *typing.get_args(kind)]
    return [value for part in parts if typing.get_origin(part) is Literal for value in typing.get_args(part)]


def _cell(text: str) -> str:
    return " ".join(text.replace("|", "\\|").split())


def main() -> None:
    """Write or check the pages."""
    pages = {
        PAGES / "settings.md": settings_page(),
        PAGES / "stages.md": stages_page(),
        PAGES / "commands.md": commands_page(),
        TREE: command_tree(),
    }
    stale = []
    for path, text in pages.items():
        if not path.is_file() or path.read_text(encoding="utf-8") != text:
            stale.append(path.name)
            if "--check" not in sys.argv[1:]:
                PAGES.mkdir(exist_ok=True)
                path.write_text(text, encoding="utf-8")
    if stale and "--check" in sys.argv[1:]:
        sys.exit(f"{', '.join(stale)}: not what the code says; run `make docs`")


if __name__ == "__main__":
    main()
