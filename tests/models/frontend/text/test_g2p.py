"""Text becomes phones of the right table, words and phones in step, whatever the text."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from models.frontend.text.arpabet import arpabet_words, ipa_to_arpabet
from models.frontend.text.espeak_ipa import (
    UnsupportedLanguageError,
    espeak_voice,
    segment_phones,
    supported_languages,
)
from models.frontend.text.g2p import phonemize
from models.frontend.text.phonemized import Phonemized, TextError, choose_table
from models.frontend.text.pinyin import syllable_symbols
from models.frontend.text.symbols import load_symbol_table


def phones_of(text: str, language: str, table: str) -> str:
    return " ".join(phonemize(text, language, table).phones)


def assert_in_step(spoken: Phonemized) -> None:
    table = load_symbol_table(spoken.symbol_table)
    assert len(spoken.words) == len(spoken.word2ph)
    assert sum(spoken.word2ph) == len(spoken.phones) == len(spoken.phone_ids)
    assert min(spoken.word2ph) >= 1
    assert [table.symbols[index] for index in spoken.phone_ids] == spoken.phones


def test_english_uses_the_dictionary() -> None:
    assert phones_of("Hello, world!", "en", "gpt-sovits-v2") == "HH AH0 L OW1 , W ER1 L D !"


def test_english_words_outside_the_dictionary_are_pronounced() -> None:
    (phones,) = arpabet_words(["Voicewright"])
    assert phones[:3] == ["V", "OY1", "S"]
    assert phones[-1] == "T"
    assert arpabet_words(["kubernetes's"])[0][-2:] == ["IH0", "Z"] or arpabet_words(["xylotomies"])[0]


def test_english_possessives_follow_their_stem() -> None:
    assert arpabet_words(["badger's"])[0][-1] == "Z"
    assert arpabet_words(["giraffe's"])[0][-1] == "S"


@pytest.mark.parametrize(
    ("ipa", "arpabet"),
    [
        ("h_ə_l_ˈoʊ", "HH AH0 L OW1"),
        ("tʃ_ˈɜː_tʃ", "CH ER1 CH"),
        ("s_ˈɪ_ɾ_i", "S IH1 T IY0"),
        ("b_ˈʌ_ʔ_n̩", "B AH1 T AH0 N"),
        ("w_ˈɔːɹ", "W AO1 R"),
        ("f_ˈaɪɚ", "F AY1 ER0"),
        ("ˌʌ_n_d_ˈuː", "AH2 N D UW1"),
        ("", ""),
    ],
)
def test_espeak_ipa_maps_to_arpabet(ipa: str, arpabet: str) -> None:
    assert " ".join(ipa_to_arpabet(ipa)) == arpabet


@given(st.text(alphabet="abcdefghijklmnopqrstuvwxyz'", min_size=1, max_size=12))
@settings(deadline=None, max_examples=150)
def test_arpabet_is_always_in_the_table(word: str) -> None:
    table = load_symbol_table("gpt-sovits-v2")
    for phones in arpabet_words([word]):
        assert all(phone in table.ids for phone in phones)


def test_german_uses_ipa_with_whole_segments() -> None:
    phones = phonemize("Schöne Zeit, neu.", "de", "ipa").phones
    assert phones == ["ʃ", "ˈøː", "n", "ə", "ts", "ˈaɪ", "t", ",", "n", "ˈɔø", "."]


def test_context_gives_weak_forms_and_liaison() -> None:
    assert phones_of("les enfants", "fr", "ipa").startswith("l e z")


def test_words_that_espeak_joins_stay_apart() -> None:
    spoken = phonemize("one of the best of a lot", "en", "ipa")
    assert spoken.words == ["one", "of", "the", "best", "of", "a", "lot"]
    assert_in_step(spoken)


def test_chinese_characters_are_two_symbols_each() -> None:
    spoken = phonemize("你好，中国。", "zh", "gpt-sovits-v2")
    assert spoken.words == ["你", "好", ",", "中", "国", "."]
    assert spoken.word2ph == [2, 2, 1, 2, 2, 1]
    assert spoken.phones == ["n", "i2", "h", "ao3", ",", "zh", "ong1", "g", "uo2", "."]
    assert spoken.normalized_text == "".join(spoken.words)


@pytest.mark.parametrize(
    ("language", "table"),
    [("zh", "gpt-sovits-v2"), ("en", "gpt-sovits-v2"), ("zh", "ipa"), ("en", "ipa"), ("de", "ipa")],
)
def test_han_characters_without_a_reading_are_unknown_and_not_spelled(language: str, table: str) -> None:
    spoken = phonemize("a 𠮷 b", language, table)
    assert spoken.unknown == ["𠮷"]
    assert spoken.words == ["a", "𠮷", "b"]
    assert spoken.word2ph[1] == 1


def test_rare_han_characters_inside_chinese_stay_in_step() -> None:
    spoken = phonemize("他姓𠮷很好", "zh", "gpt-sovits-v2")
    assert spoken.words == list("他姓𠮷很好")
    assert spoken.word2ph == [2, 2, 1, 2, 2]
    assert spoken.phones[4] == "UNK"
    assert phonemize("他姓𠮷很好", "zh", "ipa").unknown == ["𠮷"]


@pytest.mark.parametrize(
    ("pinyin", "symbols"),
    [
        ("zhi1", ("zh", "ir1")), ("zi4", ("z", "i04")), ("ju2", ("j", "v2")), ("nv3", ("n", "v3")),
        ("yuan2", ("y", "van2")), ("wo3", ("w", "o3")), ("er2", ("EE", "er2")), ("an4", ("AA", "an4")),
        ("ou1", ("OO", "ou1")), ("xue2", ("x", "ve2")), ("lve4", ("l", "ve4")), ("you3", ("y", "ou3")),
        ("wen2", ("w", "en2")), ("yong4", ("y", "ong4")), ("n2", ("EE", "en2")), ("yan1", ("y", "En1")),
        ("ye3", ("y", "E3")), ("ya1", ("y", "a1")), ("yao4", ("y", "ao4")), ("yi1", ("y", "i1")),
        ("yun2", ("y", "vn2")), ("wei4", ("w", "ei4")), ("wang2", ("w", "ang2")), ("wu3", ("w", "u3")),
    ],
)  # fmt: skip
def test_syllables_split_as_the_table_spells_them(pinyin: str, symbols: tuple[str, str]) -> None:
    assert syllable_symbols(pinyin) == symbols


def test_every_syllable_that_pypinyin_knows_is_in_the_table() -> None:
    from pypinyin.constants import PINYIN_DICT
    from pypinyin.contrib.tone_convert import to_tone3

    table = load_symbol_table("gpt-sovits-v2")
    readings = {reading for each in PINYIN_DICT.values() for reading in each.split(",")}
    lost = set()
    for reading in readings:
        symbols = syllable_symbols(to_tone3(reading, v_to_u=False, neutral_tone_with_five=True))
        if symbols is None or not all(symbol in table.ids for symbol in symbols):
            lost.add(reading)
    # Rare interjections that Mandarin writes with sounds outside its syllables.
    assert len(lost) < 0.02 * len(readings), sorted(lost)


def test_english_words_inside_chinese_are_read_as_english() -> None:
    spoken = phonemize("我用Python写", "zh", "gpt-sovits-v2")
    assert spoken.words == ["我", "用", "Python", "写"]
    assert spoken.phones[4:10] == ["P", "AY1", "TH", "AA0", "N", "x"]


@pytest.mark.parametrize(
    ("language", "table", "code"),
    [
        ("ja", "ipa", "unsupported_language"),
        ("ko", "gpt-sovits-v1", "table_language"),
        ("de", "gpt-sovits-v2", "table_language"),
        ("tlh", "ipa", "unsupported_language"),
        ("", "ipa", "unsupported_language"),
        ("kl", "ipa", "unsupported_language"),
    ],
)
def test_languages_without_a_front_end_are_refused(language: str, table: str, code: str) -> None:
    with pytest.raises(TextError) as refusal:
        phonemize("text", language, table)
    assert refusal.value.code == code
    assert repr(language) in str(refusal.value)


@pytest.mark.parametrize("text", ["", "  ", "...", "🙂🙂", "\ud800", "\u0301"])
def test_text_without_words_is_refused(text: str) -> None:
    with pytest.raises(TextError) as refusal:
        phonemize(text, "en", "ipa")
    assert refusal.value.code == "no_words"


def test_tables_by_language() -> None:
    assert choose_table("en-GB", "gpt-sovits-v2") == "gpt-sovits-v2"
    assert choose_table("cmn", "gpt-sovits-v1") == "gpt-sovits-v1"
    assert choose_table("de", "gpt-sovits-v2") == "ipa"
    assert choose_table("en", "ipa") == "ipa"


@pytest.mark.parametrize(
    ("language", "table", "text", "with_commas"),
    [
        ("en", "gpt-sovits-v2", "He came; she went: yes.", "He came, she went, yes."),
        ("en", "gpt-sovits-v1", "[He](HH IY1); she: yes.", "[He](HH IY1), she, yes."),
        ("zh", "gpt-sovits-v2", "你好；我说：好。", "你好，我说，好。"),
    ],
)
def test_semicolon_and_colon_are_commas_for_gpt_sovits(
    language: str, table: str, text: str, with_commas: str
) -> None:
    assert phonemize(text, language, table) == phonemize(with_commas, language, table)


def test_the_table_ipa_says_semicolon_and_colon_as_commas_and_keeps_them_as_words() -> None:
    spoken = phonemize("Er kam; sie ging: ja.", "de", "ipa")
    commas = phonemize("Er kam, sie ging, ja.", "de", "ipa")
    assert_in_step(spoken)
    assert spoken.unknown == []
    assert (spoken.phones, spoken.phone_ids, spoken.word2ph) == (
        commas.phones, commas.phone_ids, commas.word2ph,
    )  # fmt: skip
    assert spoken.words == ["Er", "kam", ";", "sie", "ging", ":", "ja", "."]
    assert spoken.normalized_text == "Er kam; sie ging: ja."


def test_voices_without_a_dictionary_are_not_offered() -> None:
    assert len(supported_languages()) > 100
    for language in ("fo", "kaa", "kl"):
        with pytest.raises(UnsupportedLanguageError, match=f"language '{language}': .+"):
            espeak_voice(language)
    assert espeak_voice("de-AT") == "de"
    assert espeak_voice("no") == "nb"
    assert espeak_voice("es_MX") == "es-419" and espeak_voice("es") == espeak_voice("es-ES") == "es"
    assert espeak_voice("en-AU") == espeak_voice("en-uk") == "en-gb" and espeak_voice("en-CA") == "en-us"
    assert espeak_voice("pt-BR") == "pt-br" and espeak_voice("pt-AO") == "pt"


def test_unknown_sounds_are_counted_not_dropped() -> None:
    phones, unknown = segment_phones("t_ʘ_a", "de")
    assert phones == ["t", "UNK", "a"]
    assert unknown == ["ʘ"]


@pytest.mark.slow
@settings(deadline=None, max_examples=300, suppress_health_check=[HealthCheck.too_slow])
@given(
    st.text(max_size=40),
    st.sampled_from(
        [("en", "gpt-sovits-v2"), ("zh", "gpt-sovits-v2"), ("en", "gpt-sovits-v1"), ("de", "ipa")]
        + [(language, "ipa") for language in ("sv", "fr", "hi", "ar", "th", "vi", "ko", "ru", "zh")]
    ),
)
def test_any_unicode_is_phones_or_a_clear_refusal(text: str, target: tuple[str, str]) -> None:
    try:
        spoken = phonemize(text, *target)
    except TextError as refusal:
        assert refusal.code == "no_words"
        return
    assert_in_step(spoken)


def test_one_utterance_takes_milliseconds() -> None:
    import time

    text = "Für 25 Euro fuhr sie am 3. Oktober nach Köln und zurück."
    phonemize(text, "de", "ipa")
    start = time.process_time()
    for _ in range(20):
        phonemize(text, "de", "ipa")
    assert (time.process_time() - start) / 20 < 0.02


def test_a_region_is_read_with_its_own_sounds_and_numbers() -> None:
    assert (
        "θ" in phonemize("cielo", "es", "ipa").phones and "θ" not in phonemize("cielo", "es-AR", "ipa").phones
    )
    assert phonemize("16", "pt", "ipa").words == ["dezasseis"]
    assert phonemize("16", "pt_BR", "ipa").words == ["dezesseis"]
    assert phonemize("bottle", "en-NZ", "ipa").phones == phonemize("bottle", "en-gb", "ipa").phones
