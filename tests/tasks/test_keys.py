"""What keys hold: each stage's own modules and files, and nobody else's."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from configs.frames import family_names
from configs.loading import resolve
from configs.settings import Settings
from configs.train import HOUSEKEEPING
from docs.keys import LIST, PRESETS, key_modules
from tasks.code import FIRST_PARTY, ROOT, Code, read_module
from tasks.families import FAMILIES, rooms_of
from tasks.key_changes import differences
from tasks.stage import config_slice, upstream, view
from tasks.stages import every_way

DATA = (".css", ".j2", ".js", ".json", ".txt", ".xz", ".safetensors")


@pytest.fixture(scope="module")
def held() -> Mapping[str, list[str]]:
    return key_modules()


def test_no_key_holds_another_familys_module(held: Mapping[str, list[str]]) -> None:
    words = {family: {room.rpartition(".")[2] for room in rooms_of(family)} for family in FAMILIES}
    foreign = [
        (key, name)
        for key, names in held.items()
        for family, own in words.items()
        if not key.startswith(family)
        for name in names
        if any(word in name.replace("-", "_") for word in own)
    ]
    assert not foreign


def test_keys_hold_what_the_list_says(held: Mapping[str, list[str]]) -> None:
    assert held == json.loads(LIST.read_text(encoding="utf-8")), "look, and run `python -m docs.keys`"


def test_no_key_holds_a_declaration_or_words_for_people(held: Mapping[str, list[str]]) -> None:
    names = {name for listed in held.values() for name in listed}
    assert not {name for name in names if name.endswith((".stages", "explanation", "tasks.families"))}
    pages = {key for key, listed in held.items() if any("templates" in name for name in listed)}
    assert {key.split("/")[1] for key in pages} == {"report"}


def test_every_data_file_is_declared_by_the_module_that_reads_it() -> None:
    declared: set[Path] = set()
    for package in FIRST_PARTY:
        for module in (ROOT / package).rglob("*.py"):
            for name in read_module(module).files:
                pattern = "".join("*" if part.startswith("{") else part for part in _parted(name))
                found = set(module.parent.glob(pattern))
                # `auto` and null name no file; a name without a choice must.
                assert found, f"{module} declares {name}, which is not there"
                declared |= found
    there = {path for package in FIRST_PARTY for path in (ROOT / package).rglob("*") if path.suffix in DATA}
    assert there == declared


def _parted(name: str) -> list[str]:
    return name.replace("{", "\0{").replace("}", "}\0").split("\0")


def test_a_stages_key_holds_the_libraries_it_computes_with(held: Mapping[str, list[str]]) -> None:
    of_trainings = {"numpy", "pyworld", "safetensors", "torch", "transformers"}
    stages = {f"{name}/{stage.name}": stage for name, way in every_way().items() for stage in way.all}
    checked = 0
    for key in stages.keys() & held.keys():
        trains = stages[key].name.startswith(("train_", "fit_"))
        imported = set().union(*map(_imports, held[key])) & (of_trainings if trains else {"torch"})
        assert imported <= set(stages[key].libraries), key
        checked += bool(imported)
    assert checked >= 20


def _imports(module: str) -> set[str]:
    path = ROOT / module.replace(".", "/")
    source = path / "__init__.py" if path.is_dir() else path.with_suffix(".py")
    if not source.is_file():  # a data file
        return set()
    return set(re.findall(r"^\s*(?:from|import) (\w+)", source.read_text(encoding="utf-8"), re.MULTILINE))


def test_how_a_training_gets_through_is_in_no_key_and_what_it_learns_is() -> None:
    checked = set()
    for way, stages in every_way().items():
        before = resolve(PRESETS[way]).settings
        for stage in stages.finetune:
            for path in (one for one in stage.machine if one.endswith(".cache_mb")):
                section = path.rpartition(".")[0]
                values = {name: getattr(_of(before, section), name) + 1 for name in HOUSEKEEPING}
                other = _with(way, **{f"{section}.{name}": value for name, value in values.items()})
                assert config_slice(stage, other) == config_slice(stage, before), stage.name
                if stage.name.startswith(("train_", "fit_")):
                    seen = _of(view(stage, other), section)
                    assert {name: getattr(seen, name) for name in HOUSEKEEPING} == values
                    larger = _with(way, **{f"{section}.batch_size": 77})
                    assert config_slice(stage, larger) != config_slice(stage, before), stage.name
                    checked.add(stage.name)
    assert len(checked) == 7


def _with(way: str, **changes: int) -> Settings:
    return resolve(PRESETS[way], None, [f"{path}={value}" for path, value in changes.items()]).settings


def _of(settings: Any, section: str) -> Any:
    for name in section.split("."):
        settings = getattr(settings, name)
    return settings


def test_all_functions_exist() -> None:
    from tasks.named import imported

    for way in every_way().values():
        for stage in way.all:
            assert callable(imported(stage.run)), stage.run


def test_each_family_prepares_only_what_it_reads() -> None:
    only_gpt_sovits = {"content", "linguistic", "speaker_vector"}
    for name, way in every_way().items():
        prepared = {stage.name for stage in way.prepare}
        assert prepared & only_gpt_sovits == (only_gpt_sovits if name == "gpt-sovits" else set()), name
        read = {one for stage in way.all for one in upstream(stage) if stage.name != "report"}
        assert prepared <= read, name
        told = next(stage for stage in way.release if stage.name == "report")
        assert {one.name for one in way.all} == {*upstream(told), "report"} - {"scan"}, name


def test_a_family_is_what_the_settings_can_name() -> None:
    assert set(family_names()) == set(FAMILIES)


class _Copy:
    """A small application of its own."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def write(self, name: str, text: str) -> None:
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")

    def digests(self, settings: Any = None, remembered: Path | None = None) -> dict[str, str]:
        return Code(remembered, self.root).digests(("tasks.work",), settings)


@pytest.fixture
def copy(tmp_path: Path) -> _Copy:
    made = _Copy(tmp_path / "application")
    made.write(
        "tasks/work.py",
        "from typing import TYPE_CHECKING\n"
        "from models.tables import read\n"
        "if TYPE_CHECKING:\n    from models.heavy import Heavy\n",
    )
    made.write("models/tables.py", 'READS_FILES = ("all.json", "{family.table}.json")\n\ndef read(): ...\n')
    made.write("models/heavy.py", "class Heavy: ...\n")
    for name in ("all", "one", "other", "stray"):
        made.write(f"models/{name}.json", "{}")
    return made


def _chosen(table: str | None) -> SimpleNamespace:
    return SimpleNamespace(family=SimpleNamespace(table=table))


def test_files_are_those_that_modules_declare_and_settings_choose(copy: _Copy) -> None:
    modules = {"tasks.work", "models.tables"}
    assert set(copy.digests(_chosen("one"))) == modules | {"models/all.json", "models/one.json"}
    assert set(copy.digests(_chosen(None))) == modules | {"models/all.json"}


def test_comments_change_nothing_and_code_does(copy: _Copy) -> None:
    before = copy.digests(_chosen("one"))
    copy.write("tasks/work.py", '"""About."""\n# why\n' + (copy.root / "tasks/work.py").read_text())
    assert copy.digests(_chosen("one")) == before
    copy.write("models/tables.py", (copy.root / "models/tables.py").read_text() + "LIMIT = 3\n")
    after = copy.digests(_chosen("one"))
    assert {name for name in before if before[name] != after[name]} == {"models.tables"}


def test_what_was_read_is_remembered_until_it_changes(
    copy: _Copy, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import os

    for path in copy.root.rglob("*.py"):
        os.utime(path, (1e9, 1e9))
    remembered = tmp_path / "code.json"
    before = copy.digests(_chosen("one"), remembered)
    read: list[Path] = []
    monkeypatch.setattr("tasks.code.read_module", lambda path: read.append(path) or read_module(path))
    assert copy.digests(_chosen("one"), remembered) == before
    assert not read
    copy.write("models/tables.py", (copy.root / "models/tables.py").read_text() + "LIMIT = 3\n")
    assert copy.digests(_chosen("one"), remembered) == copy.digests(_chosen("one")) != before
    assert read[0].name == "tables.py"
    remembered.write_text("[]")
    assert copy.digests(_chosen("one"), remembered) == copy.digests(_chosen("one"))


def test_why_says_once_that_code_moved_and_names_what_else_changed() -> None:
    old = {"format": 1, "version": 1, "code": {"a": "1"}, "config": {"x": 1}, "libraries": {}, "inputs": {}}
    new = {**old, "format": 2, "code": {"b": "2", "c": "3"}, "reads": {"n": None}, "function": "m:f"}
    (said,) = differences(old, new)
    assert said.startswith("code moved")
    assert differences(old, new | {"config": {"x": 2}})[1:] == ["x 1 -> 2"]
    assert differences(new, new | {"code": {"b": "2", "c": "4"}}) == ["code of c changed"]
