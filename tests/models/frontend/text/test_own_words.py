"""Own pronunciations in a text: the phones are those given, the words those written, the rest as before."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from configs.errors import UserError
from models.frontend.text.character_tokens import character_table, encode
from models.frontend.text.g2p import phonemize
from models.frontend.text.lexicon import Entry, Lexicon
from models.frontend.text.marked import entries_in
from models.frontend.text.phonemized import Phonemized, TextError

LEXICON = Lexicon(
    (
        Entry("Voicewright", "/ˈvɔɪsˌɹaɪt/"),
        Entry("GIF", "JH IH1 F"),
        Entry("km/h", "kilometers per hour", "en"),
        Entry("3M", "three em", "en"),
        Entry("Voice Wright", "/vˈYs ɹˈIt/"),
        Entry("live", "lyve", "en"),
        Entry("心算", "xin1 suan4", "zh"),
        Entry("T恤", "ti1 xu4", "zh"),
        Entry("得", "děi", "zh"),
        Entry("Reuters", "Roiters", "de"),
        Entry("서울", "서욿", "ko"),
        Entry("香港", "hoeng1 gong2", "yue"),
    )
)


def said(text: str, language: str, table: str, lexicon: Lexicon = LEXICON) -> dict[str, str]:
    read = phonemize(text, language, table, lexicon)
    return dict(zip(read.words, by_word(read), strict=True))


def by_word(read: Phonemized) -> list[str]:
    phones = iter(read.phones)
    return [" ".join(next(phones) for _ in range(count)) for count in read.word2ph]


def test_gpt_sovits_english() -> None:
    words = said("Dr. Voicewright's GIF: 50 km/h on 3M's road, Voice Wright, live.", "en", "gpt-sovits-v2")
    assert words["Voicewright's"] == "V OY1 S R AY2 T S"
    assert words["GIF"] == "JH IH1 F"
    assert (words["Voice"], words["Wright"]) == ("V OY1 S", "R AY1 T")
    assert words["live"] == "L AY1 V"
    assert [word for word in words if word.isalpha()][:1] == ["doctor"]
    assert {"fifty", "kilometers", "per", "hour", "three", "em's"} <= words.keys()


def test_table_ipa() -> None:
    words = said("The GIF of Voicewright, voicewright's.", "en", "ipa")
    assert words["GIF"] == "dʒ ˈɪ f"
    assert words["Voicewright"] == "v ˈɔɪ s ɹ ˌaɪ t"
    assert words["voicewright's"] == "v ˈɔɪ s ɹ ˌaɪ t s"


def test_words_around_are_said_as_beside_the_word() -> None:
    text = "It was a lot of Voicewright to be in."
    plain, own = phonemize(text, "en", "ipa"), phonemize(text, "en", "ipa", LEXICON)
    changed = [
        word
        for word, before, after in zip(own.words, by_word(plain), by_word(own), strict=True)
        if before != after
    ]
    assert set(changed) <= {"Voicewright"}
    assert own.words == plain.words
    assert own.own_words == [5]


def test_gpt_sovits_chinese_keeps_a_word_for_each_character() -> None:
    read = phonemize("我想心算20%的T恤GIF, [Python](/ˈpaɪθɑn/)。", "zh", "gpt-sovits-v2", LEXICON)
    assert read.words == [*"我想心算百分之二十的", "T恤", "GIF", ",", "Python", "."]
    words = dict(zip(read.words, by_word(read), strict=True))
    assert (words["心"], words["算"], words["T恤"]) == ("x in1", "s uan4", "t i1 x v4")
    assert (words["GIF"], words["Python"]) == ("JH IH1 F", "P AY1 TH AA0 N")
    # The third tone before another one changes in the words around as it does without the entry.
    assert words["想"] == said("我想心算", "zh", "gpt-sovits-v2", Lexicon())["想"]
    assert read.normalized_text == "我想心算百分之二十的T恤GIF,Python."


def test_pinyin_is_read_by_espeak_too() -> None:
    read = phonemize("我想心算。", "zh", "ipa", LEXICON)
    assert read.words[1] == "心算"
    assert by_word(read)[1].startswith("ɕ ˈi")
    assert not read.unknown


def test_korean_respellings_stay_in_their_word() -> None:
    words = said("저는 서울은 좋다.", "ko", "gpt-sovits-v2")
    assert "空" not in words["서울"]
    assert words["은"].endswith("空")


def test_cantonese_syllables() -> None:
    pytest.importorskip("ToJyutping", reason="Cantonese is not installed: make setup does it")
    words = said("佢喺香港!", "yue", "gpt-sovits-v2")
    assert (words["香"], words["港"]) == ("Yh Yoeng1", "Yg Yong2")


def test_japanese_respellings() -> None:
    pytest.importorskip("pyopenjtalk", reason="Japanese is not installed: pip install -e '.[ja]'")
    lexicon = Lexicon((Entry("東京", "ときよ"), Entry("GIF", "じふ", "ja")))
    words = said("東京のGIFです。", "ja", "gpt-sovits-v2", lexicon)
    spoken = {word: "".join(one for one in phones if one.isalpha()) for word, phones in words.items()}
    assert (spoken["東京"], spoken["GIF"]) == ("tokiyo", "jifu")


def test_respellings_have_no_cycles() -> None:
    circle = Lexicon((Entry("ping", "pong"), Entry("pong", "ping")))
    words = said("ping pong", "en", "gpt-sovits-v2", circle)
    assert words == {"ping": "P AO1 NG", "pong": "P IH1 NG"}


@pytest.mark.parametrize(
    ("table", "expected"), [("kokoro", "vˈYsɹˌIt ʤˈɪf."), ("styletts2", "vˈɔɪsɹˌaɪt dʒˈɪf.")]
)
def test_characters_of_own_words_go_before_the_dictionary(table: str, expected: str) -> None:
    characters = character_table(table, "en")
    letters = {index: letter for letter, index in characters.ids.items()}
    read = phonemize("Voicewright GIF.", "en", "ipa", LEXICON)
    tokens = encode(read.words, read.phones, read.word2ph, characters, read.own_words)
    assert "".join(letters[one] for one in tokens.ids[1:-1]).replace(" .", ".") == expected
    # Kokoro's dictionary knows the word, and says it in another way.
    live = phonemize("They [live](/lˈaɪv/) here.", "en", "ipa")
    tokens = encode(live.words, live.phones, live.word2ph, characters, live.own_words)
    assert "laɪv" in "".join(letters[one] for one in tokens.ids[1:-1]).replace("ˈ", "").replace("I", "aɪ")


def test_inline_goes_before_the_lexicon_and_is_not_shown() -> None:
    read = phonemize("A [GIF](/ɡˈɪf/), a GIF.", "en", "gpt-sovits-v2", LEXICON)
    assert by_word(read)[1] == "G IH1 F"
    assert by_word(read)[4] == "JH IH1 F"
    assert read.normalized_text == "a GIF, a GIF."


@pytest.mark.parametrize(
    ("text", "word", "table", "phones"),
    [
        ("[GIF](/dʒɪf/)'s", "GIF's", "ipa", "dʒ ɪ f s"),
        ("[GIF](/JH IH1 F/)s", "GIFs", "gpt-sovits-v2", "JH IH1 F S"),
        ("[box](/ˈbɑks/)’s", "box’s", "gpt-sovits-v2", "B AA1 K S IH0 Z"),
    ],
)
def test_inline_words_have_endings(text: str, word: str, table: str, phones: str) -> None:
    assert said(f"Two {text} end.", "en", table)[word] == phones


def test_an_article_may_be_joined_to_an_own_word() -> None:
    lexicon = Lexicon((Entry("Orangina", "/oʁɑ̃ʒina/"),))
    read = phonemize("Je bois l'Orangina.", "fr", "ipa", lexicon)
    assert read.words == ["Je", "bois", "l'Orangina", "."]
    assert by_word(read)[2] == "l o ʁ ɑ̃ ʒ i n a"
    assert said("O'[Brien](/B R AY1 N/)", "en", "gpt-sovits-v2")["O'Brien"] == "OW0 B R AY1 N"


@pytest.mark.parametrize("language", ["en", "de", "zh", "fr", "es", "it", "ru", "pl"])
def test_normalisation_passes_own_words_on(language: str) -> None:
    words = {
        "3M": "/ɛm/",
        "km/h": "/ka/",
        "GIF": "/ɡɪf/",
        "Nr. 5": "/na fa/",
        "1984": "/a/",
        "€5": "/e/",
    }
    lexicon = Lexicon(tuple(Entry(word, phones) for word, phones in words.items()))
    text = "20 km/h, 3M GIF; 3.5 3M 1984 Dr. GIF km/h. Nr. 5: 12 €5 GIF, 10:30 GIF 3M%"
    read = phonemize(text, language, "ipa", lexicon)
    shown = [read.words[place] for place in read.own_words]
    assert shown == ["km/h", "3M", "GIF", "3M", "1984", "GIF", "km/h", "Nr.", "5", "€5", "GIF", "GIF", "3M"]
    assert by_word(read)[read.own_words[-1]] == "ɛ m"


def test_what_cannot_be_said_is_told() -> None:
    wrong = Lexicon((Entry("橋", "/haɕi/", "zh", "lexicon.tsv, line 7"),))
    with pytest.raises(
        UserError, match=r"lexicon.tsv, line 7: 橋 = /haɕi/: the table gpt-sovits-v2"
    ) as error:
        phonemize("橋。", "zh", "gpt-sovits-v2", wrong)
    assert not isinstance(error.value, TextError)
    with pytest.raises(TextError, match="is no phone of the table ipa") as refused:
        phonemize("a [GIF](/dʒɪ\u0413f/)".replace("\u0413", "ǃ"), "en", "ipa")
    assert refused.value.code == "bad_pronunciation"


@settings(max_examples=60)
@given(
    st.text(alphabet="GIF 3M'km/h.心算,得T恤[](/ˈaɪ)Voicewright", max_size=40), st.sampled_from(["en", "zh"])
)
def test_words_and_phones_stay_in_step_and_entries_of_a_text_are_enough(text: str, language: str) -> None:
    try:
        read = phonemize(text, language, "gpt-sovits-v2", LEXICON)
    except TextError:
        return
    assert len(read.words) == len(read.word2ph)
    assert sum(read.word2ph) == len(read.phones)
    assert all(0 <= place < len(read.words) for place in read.own_words)
    few = Lexicon(tuple(entries_in(text, language, LEXICON)))
    assert phonemize(text, language, "gpt-sovits-v2", few) == read
