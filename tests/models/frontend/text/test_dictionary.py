"""Kokoro's English as its own dictionaries write it, and whose phone each character is."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.frontend.text.character_tokens import NO_PHONE, Tokens, character_table, encode
from models.frontend.text.dictionary import aligned
from models.frontend.text.g2p import phonemize


def spell(text: str, language: str) -> tuple[str, Tokens]:
    table = character_table("kokoro", language)
    characters = {index: character for character, index in table.ids.items()}
    said = phonemize(text, language, "ipa")
    tokens = encode(said.words, said.phones, said.word2ph, table)
    return "".join(characters[index] for index in tokens.ids[1:-1]), tokens


@pytest.mark.parametrize(
    ("language", "text", "expected"),
    [
        ("en-us", "It was a nice day in the old house.", "ˌɪt wʌz ɐ nˈIs dˈA ɪn ði ˈOld hˈWs."),
        ("en-us", "We went to eat, to go, to.", "wˌi wˈɛnt tʊ ˈit, tə ɡˌO, tu."),
        ("en-us", "a little bit of the better ones", "ɐ lˈɪTᵊl bˈɪt ʌv ðə bˈɛTəɹ wˈʌnz"),
        ("en-us", "She lives here; they have live music.", "ʃˌi lˈɪvz hˈɪɹ; ðA hæv lˈIv mjˈuzɪk."),
        ("en-us", "I can. He has.", "ˌI kˈæn. hˌi hˈæz."),
        ("en-gb", "They go to the old car park.", "ðˌA ɡˌQ tə ði ˈQld kˈɑː pˈɑːk."),
    ],
)
def test_words_are_written_as_the_dictionary_has_them(language: str, text: str, expected: str) -> None:
    assert spell(text, language)[0] == expected


def test_words_that_it_lacks_follow_the_phones() -> None:
    assert spell("Voicewright", "en-us")[0] == "vˈYsɹIt"
    assert spell("the giraffe's moment", "en-us")[0] == "ðə ʤəɹˈæfs mˈOmᵊnt"


def test_characters_belong_to_phones_in_order() -> None:
    written, tokens = spell("little bottles of oil", "en-us")
    phones = [phone for phone in tokens.phone_of if phone != NO_PHONE]
    assert phones == sorted(phones)
    said = phonemize("little", "en-us", "ipa").phones
    first = [said[phone] for phone in tokens.phone_of[1 : 1 + written.index(" ")]]
    assert first == ["l", "ˈɪ", "ˈɪ", "ɾ", "ə", "l"]


def test_languages_without_a_dictionary_are_spelled_from_phones() -> None:
    assert character_table("kokoro", "de").dictionary is None
    assert character_table("styletts2", "en-us").dictionary is None


@pytest.mark.parametrize(
    ("language", "text", "expected"),
    [
        ("en-us", "inquiries concocted released", "ˈɪnkwˌIɹiz kənkˈɑktᵻd ɹəlˈist"),
        ("en-gb", "centuries concocted devised", "sˈɛnʧʊɹiz kənkˈɒktɪd dɪvˈIzd"),
    ],
)
def test_endings_are_added_as_they_sound(language: str, text: str, expected: str) -> None:
    assert spell(text, language)[0] == expected


@given(
    st.lists(st.tuples(st.sampled_from("ˈabc"), st.integers(3, 8)), min_size=1, max_size=9),
    st.text("ˈabcd", min_size=1, max_size=9),
)
def test_every_character_has_a_phone_of_the_word(said: list[tuple[str, int]], written: str) -> None:
    said.sort(key=lambda pair: pair[1])
    found = aligned(said, written)
    assert "".join(character for character, _ in found) == written
    phones = [phone for _, phone in found]
    assert phones == sorted(phones)
    assert set(phones) <= {phone for _, phone in said}
