"""Each notation is told apart, and becomes the phones of each table."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.frontend.text.arpabet import ipa_to_arpabet
from models.frontend.text.ipa_arpabet import CONSONANTS, VOWELS, arpabet_phone, arpabet_to_ipa
from models.frontend.text.pronunciation import (
    PronunciationError,
    ipa_phones,
    read_pronunciation,
    table_phones,
    with_ending,
)
from models.frontend.text.symbols import load_symbol_table

PHONES = [*CONSONANTS, *(f"{vowel}{digit}" for vowel in VOWELS for digit in "012")]


@pytest.mark.parametrize(
    ("said", "base", "notation", "parts"),
    [
        ("/ˈvɔɪs ˈɹaɪt/", "en", "ipa", ("ˈvɔɪs", "ˈɹaɪt")),
        ("V OY1 S | R AY2 T", "en", "arpabet", ("V OY1 S", "R AY2 T")),
        ("[V OY1 S]", "", "arpabet", ("V OY1 S",)),
        ("/V OY1 S/", "", "arpabet", ("V OY1 S",)),
        ("xin1 suan4", "zh", "syllables", ("xin1", "suan4")),
        ("/lü4 nu:3/", "zh", "syllables", ("lv4", "nv3")),
        ("hoeng1 gong2", "yue", "syllables", ("hoeng1", "gong2")),
        ("voys-rite", "en", "respelling", ("voys-rite",)),
        ("U S", "en", "respelling", ("U", "S")),
        ("kilometers per hour", "", "respelling", ("kilometers", "per", "hour")),
        ("はし", "ja", "respelling", ("はし",)),
    ],
)
def test_notations(said: str, base: str, notation: str, parts: tuple[str, ...]) -> None:
    assert read_pronunciation(said, base) == (notation, parts)


@pytest.mark.parametrize(
    ("part", "phones"),
    [
        ("ˈvɔɪsˌɹaɪt", "v ˈɔɪ s ɹ ˌaɪ t"),
        ("kˈOkəɹO", "k ˈoʊ k ə ɹ oʊ"),  # misaki's letters
        ("t͡ʃæt", "tʃ æ t"),
        ("ˈrɛd", "ɹ ˈɛ d"),
        ("'bed", "b ˈɛ d"),
        ("fˈɜɹst", "f ˈɜː s t"),
        ("fˈɜɹi", "f ˈɜː ɹ i"),
        ("ˈfɑː.ðə", "f ˈɑː ð ə"),
    ],
)
def test_english_ipa_is_what_espeak_writes(part: str, phones: str) -> None:
    assert ipa_phones(part, "en") == phones.split()


def test_other_languages_keep_their_letters() -> None:
    assert ipa_phones("ˈrest", "es") == ["r", "ˈe", "s", "t"]
    assert ipa_phones("m\u00e3", "fr") == ["m", "a\u0303"]


def test_all_of_arpabet_is_in_both_tables() -> None:
    assert set(arpabet_to_ipa(PHONES)) <= load_symbol_table("ipa").ids.keys()
    assert set(PHONES) <= load_symbol_table("gpt-sovits-v2").ids.keys()
    assert set(PHONES) <= load_symbol_table("gpt-sovits-v1").ids.keys()
    assert not any(map(arpabet_phone, ("AA", "AA3", "B1", "b", "", "1", "OX1")))


@given(st.lists(st.sampled_from(PHONES), min_size=1, max_size=8))
def test_arpabet_survives_the_way_through_ipa(phones: list[str]) -> None:
    # T and D before fricatives are affricates in IPA; vowels in a row may be one.
    pairs = list(itertools.pairwise(phones))
    if any(a in ("T", "D") and b in ("SH", "ZH", "S", "Z") for a, b in pairs):
        return
    if any(a[:-1] in VOWELS and b[:-1] in VOWELS for a, b in pairs):
        return
    if any(a[:2] in ("ER", "AH") and b in ("R", "L") for a, b in pairs):
        return
    assert ipa_to_arpabet("_".join(arpabet_to_ipa(phones))) == phones


@pytest.mark.parametrize(
    ("said", "base", "table", "written", "phones"),
    [
        ("/ˈvɔɪs/", "en", "gpt-sovits-v2", "voice", "V OY1 S"),
        ("V OY1 S", "en", "gpt-sovits-v2", "voice", "V OY1 S"),
        ("V OY1 S", "en", "ipa", "voice", "v ˈɔɪ s"),
        ("/ˈvɔɪs/", "zh", "gpt-sovits-v2", "Voice", "V OY1 S"),
        ("xin1", "zh", "gpt-sovits-v2", "心", "x in1"),
        ("hoeng1", "yue", "gpt-sovits-v2", "香", "Yh Yoeng1"),
    ],
)
def test_phones_of_each_table(said: str, base: str, table: str, written: str, phones: str) -> None:
    assert table_phones(read_pronunciation(said, base), base, table, written) == [phones.split()]


@pytest.mark.parametrize(
    ("said", "base", "table", "written", "told"),
    [
        ("/kaɪ/", "zh", "gpt-sovits-v2", "开", "Give pinyin"),
        ("/haɕi/", "ja", "gpt-sovits-v2", "橋", "respelling in its own letters"),
        ("hoeng1", "yue", "ipa", "香", "Give IPA"),
    ],
)
def test_what_a_table_lacks_is_told(said: str, base: str, table: str, written: str, told: str) -> None:
    with pytest.raises(PronunciationError, match=told):
        table_phones(read_pronunciation(said, base), base, table, written)


@pytest.mark.parametrize(
    ("phones", "base", "table", "expected"),
    [
        (["K", "AE1", "T"], "en", "gpt-sovits-v2", ["S"]),
        (["D", "AO1", "G"], "en", "gpt-sovits-v2", ["Z"]),
        (["B", "AA1", "S"], "en", "gpt-sovits-v2", ["IH0", "Z"]),
        (["k", "ˈæ", "t"], "en", "ipa", ["s"]),
        (["b", "ˈɔ", "s"], "en", "ipa", ["ᵻ", "z"]),
        (["h", "ˈa", "n"], "de", "ipa", ["s"]),
    ],
)
def test_endings(phones: list[str], base: str, table: str, expected: list[str]) -> None:
    assert with_ending(phones, base, table) == [*phones, *expected]
