"""Phones as the characters of StyleTTS 2 and Kokoro, and how long each lasts."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.frontend.text.c_readers import configure_espeak
from models.frontend.text.character_tokens import (
    CHARACTER_TABLES,
    MAX_CHARACTERS,
    NO_PHONE,
    CharacterTable,
    Tokens,
    character_table,
    encode,
    require_encodable,
    token_durations,
)
from models.frontend.text.characters import MARKS
from models.frontend.text.espeak_ipa import espeak_voice, segment_phones, supported_languages
from models.frontend.text.g2p import phonemize
from models.frontend.text.phonemized import TextError
from models.frontend.text.symbols import load_symbol_table

SENTENCES = {
    "en": "Yes, the quick brown fox jumps over a lazy dog, and the judge enjoys the oil.",
    "de": "Die Übung fällt schwer, zwölf Hütten stehen dort. Möchte Jürgen heute Pfeffer?",
    "da": "Rødgrød med fløde, siger hun. Det er dejligt, ikke?",
    "lb": "Moien, ech schwätzen Lëtzebuergesch a wunnen zu Esch. Wéi geet et?",
}


def spell(text: str, language: str, table: CharacterTable) -> Tokens:
    spoken = phonemize(text, language, "ipa")
    return encode(spoken.words, spoken.phones, spoken.word2ph, table)


def joined(tokens: Tokens, table: CharacterTable) -> str:
    characters = {index: character for character, index in table.ids.items()}
    return "".join(characters[index] for index in tokens.ids[1:-1])


@pytest.mark.golden
def test_the_tables_are_the_published_ones(goldens: Path) -> None:
    folder = goldens / "styletts2"
    styletts2 = json.loads((folder / "styletts2_symbols.json").read_text(encoding="utf-8"))
    kokoro = json.loads((folder / "kokoro_config.json").read_text(encoding="utf-8"))
    assert character_table("styletts2").ids == styletts2["char_to_id"]
    assert character_table("styletts2").n_symbols == styletts2["n_token"]
    assert styletts2["symbols"].index(styletts2["pad"]) == character_table("styletts2").pad_id == 0
    assert character_table("kokoro").ids == kokoro["vocab"]
    assert character_table("kokoro").n_symbols == kokoro["n_token"]


@pytest.mark.parametrize("name", CHARACTER_TABLES)
@pytest.mark.parametrize("language", ["", "en", "en-GB"])
def test_rules_lead_into_the_table(name: str, language: str) -> None:
    table = character_table(name, language)
    assert set("".join(table.rules.values())) <= set(table.ids)
    assert " " in table.ids
    assert max(table.ids.values()) < table.n_symbols


def test_a_region_has_the_dictionary_that_it_is_read_by() -> None:
    american, british = character_table("kokoro", "en"), character_table("kokoro", "en-gb")
    assert character_table("kokoro", "en-AU").dictionary == british.dictionary != american.dictionary
    assert character_table("kokoro", "en-CA").dictionary == american.dictionary


@pytest.mark.parametrize("name", CHARACTER_TABLES)
def test_every_ipa_phone_but_tones_has_characters(name: str) -> None:
    table = character_table(name)
    phones = [symbol for symbol in load_symbol_table("ipa").symbols if symbol not in ("_", "UNK", "SP")]
    silent = {phone for phone in phones if encode(["w"], [phone], [1], table).unknown}
    assert silent == set("1234567")


@pytest.mark.slow
@pytest.mark.parametrize("language", ["en", "de", "da", "lb"])
def test_joined_characters_are_espeaks_string(language: str) -> None:
    from phonemizer.backend import EspeakBackend

    configure_espeak()
    table, voice = character_table("styletts2", language), espeak_voice(language)
    backend = EspeakBackend(voice, with_stress=True, preserve_punctuation=True)
    written = backend.phonemize([SENTENCES[language]], strip=True)[0]
    parts = re.sub(r"([,.?])(?=\s|$)", r" \1", written).split()
    spelled = joined(spell(SENTENCES[language], language, table), table)
    if language in ("en", "de"):
        assert spelled == " ".join(parts)
    # Phones of the table `ipa` bear their stress on the vowel and fold names of espeak's own.
    folded = [part if part in ",.?" else "".join(segment_phones(part, voice)[0]) for part in parts]
    assert spelled == " ".join(folded)


@pytest.mark.parametrize(
    ("name", "language", "text", "expected"),
    [
        ("styletts2", "en", "The judge, chairs.", "ðə dʒˈʌdʒ , tʃˈɛɹz ."),
        ("styletts2", "en", "One of the best. It was, a lot", "wˈʌn ʌvðə bˈɛst . ɪt wˈʌz , ɐ lˈɑːt"),
        ("kokoro", "en", "One of the best.", "wˈʌn ʌv ðə bˈɛst."),
        ("styletts2", "fr", "Un bon vin.", "œ bˈɔ vˈɛ ."),
        ("styletts2", "de", "Ja - nein", "jˈɑː — nˈaɪn"),
        ("styletts2", "en", "One; two: three.", "wˌʌn ; tˈuː : θɹˈiː ."),
        ("styletts2", "de", "Ja; nein: ja", "jˈɑː ; nˈaɪn : jˈɑː"),
        ("kokoro", "en", "The judge, chairs.", "ðə ʤˈʌʤ, ʧˈɛɹz."),
        ("kokoro", "en", "One; two: three, at 10:30.", "wˈʌn; tˈu: θɹˈi, æt tˈɛn θˈɜɹTi."),
        ("kokoro", "fr", "Un ; bon : vin.", "ˈœ̃; bˈɔ̃: vˈɛ̃."),
        ("kokoro", "en", "My boy, go away now.", "mˌI bˈY, ɡˌO əwˈA nˈW."),
        ("kokoro", "de", "Zwölf Hütten - schön!", "ʦvˈœlf hˈytən — ʃˈøːn!"),
        ("kokoro", "fr", "Un bon vin.", "œ̃ bˈɔ̃ vˈɛ̃."),
    ],
)
def test_spelling(name: str, language: str, text: str, expected: str) -> None:
    table = character_table(name, language)
    tokens = spell(text, language, table)
    assert joined(tokens, table) == expected
    assert tokens.unknown == ()


@pytest.mark.parametrize("name", CHARACTER_TABLES)
@pytest.mark.parametrize("mark", sorted(MARKS))
def test_every_mark_has_a_character_that_belongs_to_its_phone(name: str, mark: str) -> None:
    table = character_table(name, "de")
    spoken = phonemize(f"Ja {mark} nein", "de", "ipa")
    tokens = encode(spoken.words, spoken.phones, spoken.word2ph, table)
    [place] = [at for at, phone in enumerate(tokens.phone_of) if phone == spoken.word2ph[0]]
    assert tokens.ids[place] == table.ids["—" if mark == "-" else mark]
    assert tokens.unknown == ()


def test_a_word_of_ones_own_is_said_by_its_phones_though_it_is_written_as_a_mark() -> None:
    table = character_table("kokoro", "de")
    tokens = encode([":", ":"], ["d", "oː", ","], [2, 1], table, own_words=[0])
    assert joined(tokens, table) == "doː:"


@pytest.mark.parametrize("name", CHARACTER_TABLES)
@pytest.mark.parametrize("language", ["de", "da", "lb"])
def test_nothing_of_these_languages_is_lost(name: str, language: str) -> None:
    table = character_table(name, language)
    tokens = spell(SENTENCES[language], language, table)
    require_encodable(tokens, SENTENCES[language], table, unknown_ratio_max=0.0)
    assert tokens.ids[0] == tokens.ids[-1] == table.pad_id


@pytest.mark.slow
def test_kokoro_spells_every_language_of_espeak_but_for_tones() -> None:
    """Numbers are words in every language; `UNK` is a number for which espeak has none."""
    tonal = {"cmn", "hak", "my", "shn", "th", "vi", "yue"}
    unspoken = {"ja"}
    numbers = " ".join(map(str, (*range(21), 30, 90, 100, 1000)))
    for language in set(supported_languages()) - unspoken:
        tokens = spell(numbers, language, character_table("kokoro", language))
        lost = set(tokens.unknown) - {"UNK"}
        assert lost <= (set("1234567") if language.split("-")[0] in tonal else set()), language


def test_tokens_point_at_their_phones() -> None:
    table = character_table("styletts2")
    tokens = encode(["a", ",", "b"], ["ˈaɪ", ",", "b"], [1, 1, 1], table)
    assert tokens.phone_of == (NO_PHONE, 0, 0, 0, NO_PHONE, 1, NO_PHONE, 2, NO_PHONE)
    assert joined(tokens, table) == "ˈaɪ , b"


def test_what_has_no_character_is_counted_and_refused_above_the_limit() -> None:
    table = character_table("styletts2")
    tokens = encode(["ma", "x"], ["m", "a", "5", "UNK"], [3, 1], table)
    assert tokens.unknown == ("5", "UNK")
    assert joined(tokens, table) == "ma"
    require_encodable(tokens, "ma x", table, unknown_ratio_max=0.5)
    with pytest.raises(TextError, match="5 UNK in 'ma x'") as caught:
        require_encodable(tokens, "ma x", table, unknown_ratio_max=0.4)
    assert caught.value.code == "unknown_symbols"


def test_a_sentence_of_nothing_known_is_refused_at_any_limit() -> None:
    table = character_table("kokoro")
    with pytest.raises(TextError):
        require_encodable(encode(["x"], ["UNK"], [1], table), "x", table, unknown_ratio_max=1.0)


def test_a_sentence_too_long_for_the_network_is_named() -> None:
    table = character_table("kokoro")
    longest = encode(["w"], ["a"] * MAX_CHARACTERS, [MAX_CHARACTERS], table)
    require_encodable(longest, "fits", table, 0.0)
    longer = encode(["w"], ["a"] * (MAX_CHARACTERS + 1), [MAX_CHARACTERS + 1], table)
    with pytest.raises(TextError, match=r"the longest one.*511 characters.*Split"):
        require_encodable(longer, "the longest one", table, 0.0)


def test_an_unknown_table_is_named() -> None:
    with pytest.raises(ValueError, match="styletts2, kokoro"):
        character_table("../symbols")


def test_durations_follow_phones_and_silence() -> None:
    table = character_table("styletts2")
    tokens = encode(["ab", "c"], ["aː", "b", "k"], [2, 1], table)
    assert joined(tokens, table) == "aːb k"
    durations = token_durations(tokens, [28, 20, 32], 12, 20, [0, 12, 0])
    assert durations == [6, 4, 4, 4, 6, 6, 10]


@st.composite
def utterances(draw: st.DrawFn) -> tuple[Tokens, list[int], int, int, list[int]]:
    table = character_table(draw(st.sampled_from(CHARACTER_TABLES)))
    phone = st.sampled_from(["ˈaɪ", "b", "tʃ", "n̩", "UNK", "5", "œ̃ː"])
    words = draw(st.lists(st.lists(phone, min_size=1, max_size=5), min_size=1, max_size=8))
    phones = [symbol for word in words for symbol in word]
    tokens = encode(["w"] * len(words), phones, [len(word) for word in words], table)
    size = draw(st.sampled_from([3, 12, 60]))
    frames = draw(st.lists(st.integers(0, size), min_size=len(phones), max_size=len(phones)))
    frames[-1] += sum(frames) % 2
    pauses = [draw(st.integers(0, part)) for part in frames]
    lead = draw(st.integers(0, frames[0]))
    pauses[0] = min(pauses[0], frames[0] - lead)
    trail = draw(st.integers(0, frames[-1] - (lead if len(frames) == 1 else 0)))
    pauses[-1] = 0
    return tokens, frames, lead, trail, pauses


@pytest.mark.slow
@given(utterances())
def test_durations_add_up_to_half_the_frames(
    utterance: tuple[Tokens, list[int], int, int, list[int]],
) -> None:
    tokens, frames, lead, trail, pauses = utterance
    durations = token_durations(tokens, frames, lead, trail, pauses)
    assert len(durations) == len(tokens.ids)
    assert sum(durations) == sum(frames) // 2
    assert min(durations) >= (1 if sum(durations) >= len(durations) else 0)


@pytest.mark.slow
@given(utterances())
def test_tokens_begin_near_their_phones_where_there_is_room(
    utterance: tuple[Tokens, list[int], int, int, list[int]],
) -> None:
    tokens, frames, lead, trail, pauses = utterance
    roomy = [part + 40 for part in frames]
    durations = token_durations(tokens, roomy, lead, trail, pauses)
    for index, phone in enumerate(tokens.phone_of):
        if phone != NO_PHONE and tokens.phone_of[index - 1] != phone:
            expected = sum(roomy[:phone]) + (lead if phone == 0 else 0)
            assert abs(2 * sum(durations[:index]) - expected) <= 4


def test_an_odd_number_of_frames_cannot_be_halved() -> None:
    tokens = encode(["w"], ["a"], [1], character_table("kokoro"))
    with pytest.raises(ValueError, match="7 frames"):
        token_durations(tokens, [7], 0, 0)
