"""Arguments in messages become settings with their paths."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from pydantic import BaseModel

from configs.errors import UserError
from configs.naming import in_settings, named_in
from configs.settings import Settings

MODELS = Path(__file__).resolve().parents[2] / "models"
DECLARATION = re.compile(r"\{[a-z0-9_.]+\}[a-z0-9_.-]*\.(json|xz)")
"""Data files that a module's key covers are declared by the setting that chooses among them."""


def test_an_argument_gets_its_path_and_a_command_stays() -> None:
    said = in_settings("features.speaker", "set `download`=true, or run `make setup`")
    assert said == "set features.speaker.download=true, or run `make setup`"


def test_errors_inside_name_the_section() -> None:
    with pytest.raises(UserError, match=r"^corpus\.transcribe\.model = x$"), named_in("corpus.transcribe"):
        raise UserError("`model` = x")


def _paths(model: type[BaseModel], above: str = "") -> Iterator[str]:
    for name, field in model.model_fields.items():
        if above:
            yield f"{above}.{name}"
        if isinstance(field.annotation, type) and issubclass(field.annotation, BaseModel):
            yield from _paths(field.annotation, f"{above}.{name}" if above else name)


def test_models_speak_of_their_arguments_and_not_of_settings() -> None:
    settings = set(_paths(Settings))
    assert "features.align.max_hasty_ratio" in settings
    strings = re.compile(r'"[^"\n]*"')
    found = [
        f"{path.relative_to(MODELS)}: {setting}"
        for path in MODELS.rglob("*.py")
        for text in strings.findall(DECLARATION.sub("", path.read_text(encoding="utf-8")))
        for setting in settings & set(re.findall(r"[a-z_0-9]+(?:\.[a-z_0-9]+)+", text))
    ]
    assert found == []
