"""Writes what keys hold: `tests/tasks/key_modules.json`, and the table of `docs/decisions/keys.md`.

The first lists the modules and data files of every stage's key, so that a module in a wrong room shows in
review. The second edits a copy of the application's code, one line at a time, and tells which stages' keys
change. `--check` writes nothing and fails when either is not what the code says.
"""

from __future__ import annotations

import json
import shutil
import sys
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

from configs.loading import resolve
from configs.settings import Settings
from tasks.code import FIRST_PARTY, ROOT, Code
from tasks.families import FAMILIES
from tasks.stage import RowStage, Stage
from tasks.stages import every_way

LIST = ROOT / "tests" / "tasks" / "key_modules.json"
PAGE = ROOT / "docs" / "decisions" / "keys.md"
PRESETS = {
    f"{name}, {way}" if way else name: chosen.preset
    for name, family in FAMILIES.items()
    for way, chosen in family.ways.items()
}
"""Way to a voice -> settings that call for it."""
LANGUAGES = {
    "de": "German",
    "en": "English",
    "es": "Spanish",
    "fr": "French",
    "it": "Italian",
    "ja": "Japanese",
    "ko": "Korean",
    "lb": "Luxembourgish",
    "nl": "Dutch",
    "pl": "Polish",
    "pt": "Portuguese",
    "ru": "Russian",
    "yue": "Cantonese",
    "zh": "Chinese",
}
_FENCE = "<!-- by python -m docs.keys -->\n"


class Edit(NamedTuple):
    """A change of one line of a file, and what it is in words."""

    what: str
    file: str
    old: str
    new: str


_MORE = "config: Any, further: int = 0)"
EDITS = (
    Edit("one argument of SoVITS", "models/sovits/model.py", "config: SovitsConfig)", _MORE),
    Edit("one argument of Kokoro", "models/kokoro/model.py", "config: KokoroConfig)", _MORE),
    Edit(
        "one argument of StyleTTS 2's model", "models/styletts2/model.py", "config: StyleTTS2Config)", _MORE
    ),
    Edit("one line of the training loop", "tasks/finetune/loop.py", "\n\n\nclass ", "\nFEW = 3\n\n\nclass "),
    Edit(
        "one word of the plan's explanation",
        "tasks/finetune/gpt_sovits/explanation.py",
        "enough for timbre and prosody",
        "plenty for timbre and prosody",
    ),
    Edit("a comment in the pages' style", "tasks/release/templates/page.css", "", "/* wider margins */\n"),
    Edit(
        "one line of the Korean rules", "models/frontend/text/korean.py", '_SILENT = "ㅇ"', '_SILENT = "ㅎ"'
    ),
    Edit(
        "one line of the German rules",
        "models/frontend/text/normalize_de.py",
        "(text: str)",
        "(text: str, /)",
    ),
    Edit("Kokoro's characters", "models/frontend/text/tables/characters_kokoro.json", "{", "{ "),
    Edit("one docstring", "tasks/features/pitch.py", '"""Stage pitch', '"""The stage pitch'),
    Edit("one stage's description", "tasks/features/stages.py", "Fundamental frequency in Hz", "Pitch in Hz"),
)


def key_modules() -> dict[str, list[str]]:
    """Modules and data files of every key, by `way/stage`; stages of all ways stand once, under `every`."""
    return {name: sorted(held) for name, held in _keys(Code()).items()}


def changes_table() -> str:
    """What each of `EDITS` changes, as Markdown."""
    lines = ["| changed | keys that change |", "| --- | --- |"]
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder)
        for package in FIRST_PARTY:
            shutil.copytree(ROOT / package, copy / package, ignore=shutil.ignore_patterns("__pycache__"))
        code = Code(root=copy)
        before = _keys(code)
        for edit in EDITS:
            path = copy / edit.file
            text = path.read_text(encoding="utf-8")
            if edit.old not in text:
                raise SystemExit(
                    f"docs/keys.py: {edit.file} no longer holds {edit.old!r}; choose another line"
                )
            path.write_text(text.replace(edit.old, edit.new, 1), encoding="utf-8")
            after = _keys(code)
            path.write_text(text, encoding="utf-8")
            changed = [name for name in before if before[name] != after[name]]
            lines.append(f"| {edit.what} (`{edit.file}`) | {_in_words(changed)} |")
    return "\n".join(lines) + "\n"


def _keys(code: Code) -> dict[str, Mapping[str, str]]:
    """Digests of what each key holds; a stage that is the same in every way to a voice stands once."""
    ways = every_way()
    found: dict[str, dict[str, Mapping[str, str]]] = {}
    for way, stages in ways.items():
        settings = resolve(PRESETS[way]).settings
        for stage in stages.all:
            for name, held in _held(stage, code, settings):
                found.setdefault(name, {})[way] = held
    keys: dict[str, Mapping[str, str]] = {}
    for name, by_way in found.items():
        same = len(by_way) == len(ways) and all(
            held == next(iter(by_way.values())) for held in by_way.values()
        )
        for way, held in by_way.items():
            keys[f"{'every' if same else way}/{name}"] = held
    return keys


def _held(stage: Stage, code: Code, settings: Settings) -> Iterator[tuple[str, Mapping[str, str]]]:
    """The stage's own part, and that of the rows of each language."""
    yield stage.name, code.digests((stage.run.partition(":")[0], *stage.code), settings)
    if isinstance(stage, RowStage) and stage.code_by_row is not None:
        for language, name in LANGUAGES.items():
            held = code.digests(stage.code_by_row.modules(language, settings), settings)
            if held:
                yield f"{stage.name} ({name} rows)", held


def _in_words(changed: list[str]) -> str:
    if not changed:
        return "none"
    by_way: dict[str, list[str]] = {}
    for name in changed:
        way, _, stage = name.partition("/")
        by_way.setdefault(way, []).append(stage)
    return "; ".join(f"{way}: {', '.join(stages)}" for way, stages in by_way.items())


def main() -> None:
    """Write or check both."""
    listed = json.dumps(key_modules(), indent=1, ensure_ascii=False) + "\n"
    head, _, rest = PAGE.read_text(encoding="utf-8").partition(_FENCE)
    _, _, tail = rest.partition(_FENCE)
    page = f"{head}{_FENCE}{changes_table()}{_FENCE}{tail}"
    stale = [
        path
        for path, text in ((LIST, listed), (PAGE, page))
        if not path.is_file() or path.read_text(encoding="utf-8") != text
    ]
    if stale and "--check" in sys.argv[1:]:
        sys.exit(f"{', '.join(map(str, stale))}: not what the code says; run `python -m docs.keys`")
    LIST.write_text(listed, encoding="utf-8")
    PAGE.write_text(page, encoding="utf-8")


if __name__ == "__main__":
    main()
