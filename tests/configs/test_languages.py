"""Languages by codes and names."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from configs.errors import UserError
from configs.languages import language_code, language_name
from configs.loading import resolve
from configs.nearest import did_you_mean, nearest


@pytest.mark.parametrize(
    ("given_as", "code"),
    [
        ("de", "de"),
        ("deu", "de"),
        ("ger", "de"),
        ("German", "de"),
        ("german", "de"),
        ("Deutsch", "de"),
        ("français", "fr"),
        ("Luxembourgish", "lb"),
        ("日本語", "ja"),
        ("Chinese", "zh"),
        ("yue", "yue"),
        ("en-us", "en-us"),
        ("zh-cn", "zh-cn"),
        ("es-419", "es-419"),
        ("grc", "grc"),
    ],
)
def test_codes_and_names_are_one(given_as: str, code: str) -> None:
    assert language_code(given_as) == code
    settings = resolve("tiny", overrides=(f"language={given_as}",)).settings
    assert settings.corpus.language == code


def test_a_name_that_is_none_is_told_with_the_nearest() -> None:
    with pytest.raises(UserError, match=r"'Germn' is no language.*did you mean German\?"):
        resolve("tiny", overrides=("language=Germn",))


def test_names_of_codes() -> None:
    assert [language_name(code) for code in ("de", "de-LU", "qqq")] == ["German", "German", "qqq"]
    assert language_name("pt-br") == "Brazilian Portuguese" and language_name("en-us") == "American English"


@given(st.lists(st.text(min_size=1, max_size=12), min_size=1, max_size=6, unique_by=str.lower))
def test_a_known_name_is_nearest_to_itself(names: list[str]) -> None:
    assert nearest(names[0], names) == names[0]


def test_what_resembles_nothing_gets_no_guess() -> None:
    assert did_you_mean("xyz", ["anna", "bert"]) == ""
    assert did_you_mean("ANA", ["anna", "bert"]) == "; did you mean 'anna'?"
