"""A lexicon's words are found whole, longest first; a wrong file is told by line, value and remedy."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from configs.errors import UserError
from models.frontend.text.lexicon import Entry, Lexicon
from models.frontend.text.lexicon_file import MAX_BYTES, read_lexicon, read_lexicons, written_out


def found(text: str, *words: str, language: str = "en", said: str = "/a/") -> list[str]:
    lexicon = Lexicon(tuple(Entry(word, said) for word in words))
    return [text[one.start : one.end] for one in lexicon.find(text, language)]


@pytest.mark.parametrize(
    ("text", "words", "expected"),
    [
        ("Voicewright and VOICEWRIGHT, not voicewrights.", ["Voicewright"], ["Voicewright", "VOICEWRIGHT"]),
        ("Tell us of the US.", ["US"], ["US"]),
        ("Tell us of the US.", ["us"], ["us", "US"]),
        ("an iPhone, an Iphone", ["iPhone"], ["iPhone"]),
        ("a voice  wright: Voice Wright", ["Voice Wright"], ["Voice Wright"]),
        ("New York City, New York", ["New York", "New York City"], ["New York City", "New York"]),
        ("the giraffe's neck, giraffe’s", ["giraffe"], ["giraffe's", "giraffe’s"]),
        ("don't, O'Brien, rock'n'roll", ["don", "Brien", "rock"], []),
        ("50 km/h, C++, AT&T, C", ["km/h", "C++", "AT&T", "C"], ["km/h", "C++", "AT&T", "C"]),
        ("a 3M tape, 3MB, X3M", ["3M"], ["3M"]),
        ("the well-known well", ["well-known"], ["well-known"]),
        ("[a-z]+ (.*) a.b", ["a.b", ".*x"], ["a.b"]),
        ("Café Cafe\u0301s", ["Café"], ["Café"]),
    ],
)
def test_words_are_found_whole(text: str, words: list[str], expected: list[str]) -> None:
    assert found(text, *words) == expected


@pytest.mark.parametrize(
    ("text", "word", "language", "expected"),
    [
        ("我心算很快", "心算", "zh", ["心算"]),
        ("唱卡拉OK吧", "卡拉OK", "zh", ["卡拉OK"]),
        ("서울은", "서울", "ko", ["서울"]),
        ("กิน", "ก", "th", []),
        ("กา", "ก", "th", ["ก"]),
        ("l'Orangina", "Orangina", "fr", ["Orangina"]),
    ],
)
def test_scripts_without_spaces_and_elisions(
    text: str, word: str, language: str, expected: list[str]
) -> None:
    assert found(text, word, language=language) == expected


def test_the_most_particular_entry_counts() -> None:
    lexicon = Lexicon(
        (
            Entry("schedule", "/a/"),
            Entry("schedule", "/e/", "en"),
            Entry("schedule", "/i/", "en-gb"),
            Entry("Schedule", "/o/"),
        )
    )

    def said(text: str, language: str) -> str:
        return next(lexicon.find(text, language)).entry.said

    assert [said("schedule", code) for code in ("en-gb", "en-us", "en", "de")] == ["/i/", "/e/", "/e/", "/o/"]
    exact = Lexicon((Entry("GIF", "/a/"), Entry("gif", "/e/")))
    assert [one.entry.said for one in exact.find("GIF gif Gif", "en")] == ["/a/", "/e/", "/e/"]
    assert not list(Lexicon((Entry("chat", "/ʃa/", "fr"),)).find("a chat", "en"))
    more = lexicon.joined(Lexicon((Entry("schedule", "/u/"),)))
    assert [one.entry.said for one in more.find("schedule", "de")] == ["/u/"]


def test_english_entries_hold_for_latin_words_in_chinese() -> None:
    lexicon = Lexicon((Entry("GIF", "JH IH1 F", "en"), Entry("心算", "xin1 suan4", "zh")))
    assert len(list(lexicon.find("这个GIF心算", "zh"))) == 2
    # In an English clip nothing reads pinyin; a voice that speaks both cuts such words out.
    assert len(list(lexicon.find("the GIF 心算", "en"))) == 1
    assert len(list(lexicon.find("the GIF 心算", "en", ("en", "zh")))) == 2


@given(st.text(max_size=60), st.lists(st.text(min_size=1, max_size=4), max_size=6))
def test_what_is_found_lies_in_order_and_apart(text: str, words: list[str]) -> None:
    places = list(Lexicon(tuple(Entry(word, "/a/") for word in words)).find(text, "en"))
    ends = [0, *(one.end for one in places)]
    assert all(before <= one.start < one.end for before, one in zip(ends, places, strict=False))
    assert ends[-1] <= len(text)


def write(folder: Path, content: str | bytes) -> Path:
    path = folder / "lexicon.tsv"
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


def test_a_file_is_read_and_written_out(tmp_path: Path) -> None:
    path = write(
        tmp_path,
        "\ufeff# remarks\n\nVoicewright\t/ˈvɔɪsˌɹaɪt/\r\n  GIF \t JH IH1 F\ten\nkm/h\tkilometers per hour\n"
        "心算\txin1 suan4\nCafé\tkah-fay\t\n",
    )
    lexicon = read_lexicon(path)
    assert [(one.written, one.said, one.language) for one in lexicon.entries] == [
        ("Voicewright", "/ˈvɔɪsˌɹaɪt/", ""),
        ("GIF", "JH IH1 F", "en"),
        ("km/h", "kilometers per hour", ""),
        ("心算", "xin1 suan4", "zh"),
        ("Café", "kah-fay", ""),
    ]
    assert lexicon.entries[0].origin == f"{path}, line 3"
    again = tmp_path / "again.tsv"
    again.write_text(written_out(lexicon), encoding="utf-8")
    assert {one[:3] for one in read_lexicon(again).entries} == {one[:3] for one in lexicon.entries}


def test_a_later_file_goes_first(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    first = write(tmp_path, "GIF\tJH IH1 F\n")
    second = write(tmp_path / "a", "GIF\tG IH1 F\n")
    lexicon = read_lexicons([first, second])
    assert next(lexicon.find("GIF", "en")).entry.said == "G IH1 F"
    assert written_out(lexicon) == "GIF\tG IH1 F\n"


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("GIF JH IH1 F", ["line 2", "'GIF JH IH1 F' has no tab", "word<TAB>pronunciation"]),
        ("a\tb\tc\td", ["line 2", "3 tabs"]),
        ("GIF\t", ["line 2", "GIF = ''", "is empty"]),
        ("...\t/a/", ["line 2", "no letter or digit"]),
        ("GIF\tJH IX1 F", ["GIF = 'JH IX1 F'", "IX1 is no phone of ARPAbet", "OY UH UW"]),
        ("GIF\tJH IH F", ["IH is no phone of ARPAbet", "with a stress digit"]),
        ("GIF\t/dʒɪ§f/", ["§ is no phone of the table ipa", "There are p b t d"]),
        ("GIF\t/dʒɪf", ["ends without one"]),
        ("GIF\t//", ["is empty"]),
        ("GIF\t[jif]", ["brackets hold ARPAbet"]),
        ("GIF\tj1f", ["holds 1", "in letters"]),
        ("Voice Wright\t/vɔɪsɹaɪt/", ["2 words and phones of 1", "by spaces in IPA"]),
        ("心算\txin1 suan4 le5", ["2 characters and 3 syllables"]),
        ("心算\txin1 suax4", ["suax4 is no syllable of pinyin"]),
        ("GIF\t/ɡɪf/\tEnglish!", ["'English!' is no language code"]),
        ("word " * 60 + "\t/a/", ["more than 200 characters"]),
    ],
)
def test_a_wrong_line_is_told(tmp_path: Path, line: str, told: list[str]) -> None:
    path = write(tmp_path, f"fine\t/faɪn/\n{line}\n")
    with pytest.raises(UserError) as error:
        read_lexicon(path)
    assert str(path) in str(error.value)
    assert all(part in str(error.value) for part in told), error.value


def test_two_pronunciations_of_a_word_are_a_question(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="line 3: GIF = G IH1 F: line 1 says JH IH1 F"):
        read_lexicon(write(tmp_path, "GIF\tJH IH1 F\nGIF\tJH IH1 F\nGIF\tG IH1 F\n"))
    assert len(read_lexicon(write(tmp_path, "GIF\tJH IH1 F\nGIF\t/ʒif/\tfr\n")).entries) == 2


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"\x7fELF\0\0\1\2", "is no text file"),
        ("GIF\t/a/".encode("utf-16"), "is UTF-16"),
        ("caf\u00e9\t/a/".encode("latin-1"), "line 1: is not UTF-8"),
        (b"a\t/a/\n" * (MAX_BYTES // 6 + 1), "more than 16 MiB"),
    ],
    ids=["binary", "utf-16", "latin-1", "huge"],
)
def test_what_is_no_lexicon_is_told(tmp_path: Path, content: bytes, told: str) -> None:
    with pytest.raises(UserError, match=told):
        read_lexicon(write(tmp_path, content))


def test_a_folder_and_nothing_are_told(tmp_path: Path) -> None:
    for path in (tmp_path, tmp_path / "absent.tsv"):
        with pytest.raises(UserError, match="is no file"):
            read_lexicon(path)


@given(st.binary(max_size=300) | st.text(max_size=200).map(str.encode))
def test_any_file_is_read_or_told(tmp_path_factory: pytest.TempPathFactory, content: bytes) -> None:
    path = tmp_path_factory.getbasetemp() / "any.tsv"
    path.write_bytes(content)
    try:
        lexicon = read_lexicon(path)
    except UserError as error:
        assert str(path) in str(error)
    else:
        assert all(one.said for one in lexicon.entries)


@pytest.mark.slow
def test_a_pronouncing_dictionary_is_searched_in_a_moment() -> None:
    import time

    lexicon = Lexicon(tuple(Entry(f"word{number}", "/a/") for number in range(100_000)))
    list(lexicon.find("word1", "en"))
    start = time.process_time()
    assert len(list(lexicon.find("word99999 " * 1000, "en"))) == 1000
    assert time.process_time() - start < 2.0
