"""Japanese, Korean and Cantonese in the symbols of GPT-SoVITS's v2 table."""

from __future__ import annotations

import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.frontend.text import japanese
from models.frontend.text.cantonese import jyutping_symbols
from models.frontend.text.extras import MissingFrontEndError
from models.frontend.text.g2p import phonemize
from models.frontend.text.korean import korean_phones
from models.frontend.text.phonemized import table_languages
from models.frontend.text.symbols import load_symbol_table

TABLE = load_symbol_table("gpt-sovits-v2")


@pytest.mark.parametrize(
    ("word", "sounds"),
    [
        ("같이", "ㄱㅏㅊㅣ"),
        ("좋다", "ㅈㅗㅌㅏ"),
        ("좋아", "ㅈㅗㅇㅏ"),
        ("먹는", "ㅁㅓㅇㄴㅡㄴ"),
        ("신라", "ㅅㅣㄹㄹㅏ"),
        ("학교", "ㅎㅏㄱㄲㅣㅗ"),
        ("값이", "ㄱㅏㅂㅆㅣ"),
        ("많아", "ㅁㅏㄴㅏ"),
        ("않고", "ㅇㅏㄴㅋㅗ"),
        ("독립", "ㄷㅗㅇㄴㅣㅂ"),
        ("앉아", "ㅇㅏㄴㅈㅏ"),
        ("닫히다", "ㄷㅏㅊㅣㄷㅏ"),
        ("닭", "ㄷㅏㄱ"),
        ("의자", "ㅇㅡㅣㅈㅏ"),
    ],
)
def test_korean_is_written_as_it_sounds(word: str, sounds: str) -> None:
    assert "".join(korean_phones(word)) == sounds


@given(st.text(alphabet=st.characters(min_codepoint=0xAC00, max_codepoint=0xD7A3), min_size=1, max_size=6))
def test_any_hangul_is_in_the_table(word: str) -> None:
    phones = korean_phones(word)
    assert len(phones) >= 2 * len(word)
    assert all(phone in TABLE.ids for phone in phones)


@pytest.mark.slow
def test_korean_sentences_have_breaks_between_words() -> None:
    spoken = phonemize("안녕, 나는 25 OK.", "ko", "gpt-sovits-v2")
    assert not spoken.unknown
    assert spoken.words == ["안녕", ",", "나는", "이십오", "OK", "."]
    assert [spoken.phones.count(mark) for mark in ("空", ",", ".")] == [2, 1, 1]


@pytest.mark.parametrize(
    ("jyutping", "symbols"),
    [
        ("gwong2", "Ygw Yong2"),
        ("hoeng1", "Yh Yoeng1"),
        ("jyu4", "Yj Yyu4"),
        ("ngo5", "Yng Yo5"),
        ("m4", "Ym Ym4"),
        ("ng5", "Yng Yg5"),
        ("aa3", "Yaa Ya3"),
        ("uk1", "Yuk Yk1"),
        ("ou3", "You Yu3"),
        ("saa1 aa6", "Ys Yaa1 Yaa Ya6"),
        ("", ""),
        ("abc", ""),
    ],
)
def test_jyutping_is_two_symbols_a_syllable(jyutping: str, symbols: str) -> None:
    assert jyutping_symbols(jyutping) == symbols.split()
    assert all(symbol in TABLE.ids for symbol in symbols.split())


@pytest.mark.parametrize(
    ("text", "language", "package", "extra"),
    [("今日は", "ja", "pyopenjtalk", "ja"), ("你好", "yue", "ToJyutping", "yue")],
)
def test_a_missing_front_end_names_what_to_install(
    monkeypatch: pytest.MonkeyPatch, text: str, language: str, package: str, extra: str
) -> None:
    monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(MissingFrontEndError, match=rf"{package}.*\[{extra}\]"):
        phonemize(text, language, "gpt-sovits-v2")


def test_japanese_has_phones_and_pitch() -> None:
    pytest.importorskip("pyopenjtalk", reason="Japanese is not installed: pip install -e '.[ja]'")
    spoken = phonemize("橋と箸、ティー。", "ja", "gpt-sovits-v2")
    assert not spoken.unknown
    assert " ".join(spoken.phones) == "h a [ sh i ] t o h a ] sh i , t i ] i ."
    assert "[" not in phonemize("橋と", "ja", "gpt-sovits-v1").phones


def test_what_open_jtalk_is_silent_about_has_no_phones(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(japanese, "require_package", lambda *_: None)
    monkeypatch.setattr(japanese, "ask", lambda *_: ["xx^xx-sil+xx=xx/A:xx+xx+xx"])
    assert japanese.japanese_phones("图") == []


@pytest.mark.slow
def test_cantonese_is_read_by_character() -> None:
    pytest.importorskip("ToJyutping", reason="Cantonese is not installed: make setup does it")
    spoken = phonemize("佢喺香港, OK!", "yue", "gpt-sovits-v2")
    assert spoken.words[:4] == ["佢", "喺", "香", "港"]
    assert spoken.phones[:8] == ["Yk", "Yeoi5", "Yh", "Yai2", "Yh", "Yoeng1", "Yg", "Yong2"]
    assert not spoken.unknown


def test_tables_know_their_languages() -> None:
    assert table_languages("gpt-sovits-v1") == ("en", "zh", "ja")
    assert set(table_languages("gpt-sovits-v2")) == {"en", "zh", "ja", "ko", "yue"}
    assert table_languages("ipa") == ()
