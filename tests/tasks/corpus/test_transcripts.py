"""Transcript lists of every kind, with everything people do to them."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest

from tasks.corpus.lists.entries import Entry, ListError, Listing, language_code
from tasks.corpus.lists.names import Recordings
from tasks.corpus.lists.probing import is_list
from tasks.corpus.lists.reading import read_list
from tasks.corpus.matching import Names, match
from tasks.corpus.sets import _under
from tasks.corpus.speakers import Located, safe_name, speakers_of


def listing(tmp_path: Path, content: str | bytes, name: str = "metadata.csv", encoding="utf-8"):
    path = tmp_path / name
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return read_list(path, encoding)


def texts(found) -> dict[str, str]:
    return {entry.reference: entry.text for entry in found.entries}


def test_ljspeech_takes_the_normalised_text(tmp_path):
    found = listing(tmp_path, "a|In 1455.|In fourteen fifty-five.\nb|Two.|\n")
    assert found.kind == "ljspeech"
    assert texts(found) == {"a": "In fourteen fifty-five.", "b": "Two."}


def test_bars_inside_texts_lose_no_line(tmp_path):
    two = listing(tmp_path, "a|one|half\nb|two\nc|three\n")
    assert texts(two)["a"] == "one|half"
    three = listing(tmp_path, "a|x|x y|x|x y\nb|two|two\nc|three|three\n")
    assert texts(three)["a"] == "x|x y"
    voice = listing(tmp_path, "a.wav|me|EN|one | half\nb.wav|me|EN|two\n", "train.list")
    assert texts(voice)["a.wav"] == "one | half"
    style = listing(tmp_path, "a.wav|one | half|3\nb.wav|two|3\n", "train_list.txt")
    assert texts(style)["a.wav"] == "one | half"


@pytest.mark.parametrize(
    "content",
    [b"\xef\xbb\xbfa|one\r\nb|two\r\n", b"a|one\rb|two", b"\n\na|one\n\nb|two", b"a\tone\nb\ttwo\n",
     b"id|text\na|one\nb|two\n", b"a | one \nb|  two"],
)  # fmt: skip
def test_line_ends_marks_and_separators(tmp_path, content):
    assert texts(listing(tmp_path, content)) == {"a": "one", "b": "two"}


def test_quotes_swallow_nothing(tmp_path):
    assert texts(listing(tmp_path, 'a|"one\nb|two"\nc|th"ree\n')) == {"a": '"one', "b": 'two"', "c": 'th"ree'}
    table = listing(tmp_path, 'file_name,text\na.wav,"one, and\nb.wav,two\nc.wav,"three, ""3"""\n')
    assert texts(table) == {"a.wav": "one, and", "b.wav": "two", "c.wav": 'three, "3"'}


def test_gpt_sovits_names_speaker_and_language(tmp_path):
    found = listing(tmp_path, "wavs/a.wav|Ann|ZH|你好\nwavs/b.wav|Bo|JP|はい\n", "voice.list")
    assert found.kind == "gpt-sovits"
    assert [(e.speaker, e.language) for e in found.entries] == [("Ann", "zh"), ("Bo", "ja")]


def test_styletts2_under_both_names(tmp_path):
    content = "a.wav|one two|0\nb.wav|three four|1\n"
    for name in ("train_list.txt", "metadata.csv"):
        found = listing(tmp_path, content, name)
        assert found.kind == "styletts2"
        assert [e.speaker for e in found.entries] == ["0", "1"]
    assert is_list(tmp_path / "train_list.txt", "utf-8", Recordings())


def test_phonemes_are_no_text(tmp_path):
    with pytest.raises(ListError, match="phonemes") as caught:
        listing(tmp_path, "a.wav|ðə mˈɪdəl ˈeɪdʒᵻz|0\n", "train_list.txt")
    assert "--set corpus.transcripts=none" in caught.value.remedy


def test_hugging_face_tables(tmp_path):
    table = listing(tmp_path, "file_name,transcription,speaker_id\na.wav,one,7\n")
    assert (table.entries[0].text, table.entries[0].speaker) == ("one", "7")
    lines = listing(
        tmp_path, '{"file_name": "a.wav", "text": "one", "language": "de"}\n{bad\n', "metadata.jsonl"
    )
    assert (lines.entries[0].text, lines.entries[0].language) == ("one", "de")
    assert lines.bad_lines[0].line == 2


@pytest.mark.parametrize(
    ("content", "line"),
    [
        (b"a|one\nb|caf\xe9\n", 2),
        ("a|one\n".encode("utf-16")[:-1], 1),
        (b"\xff", 1),
    ],
)
def test_another_encoding_names_the_line_and_the_remedy(tmp_path, content, line):
    with pytest.raises(ListError) as caught:
        listing(tmp_path, content)
    assert caught.value.code == "encoding"
    assert f"line {line}" in caught.value.reason and "corpus.encoding" in caught.value.remedy


def test_the_encoding_can_be_named(tmp_path):
    assert texts(listing(tmp_path, b"a|caf\xe9\n", encoding="latin-1")) == {"a": "café"}
    assert texts(listing(tmp_path, "a|é\n".encode("utf-16-le"), encoding="utf-16")) == {"a": "é"}


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "utf-32"])
@pytest.mark.parametrize("setting", ["utf-8", "latin-1"])
def test_a_byte_order_mark_says_the_encoding(tmp_path, encoding, setting):
    assert texts(listing(tmp_path, "a|é\n".encode(encoding), encoding=setting)) == {"a": "é"}


@pytest.mark.parametrize("content", [b"", b"\n \n", b"a\nb\n", "a|x\n".encode("utf-16-le"), b"\0" * 99])
def test_a_list_that_says_nothing_is_refused(tmp_path, content):
    with pytest.raises(ListError) as caught:
        listing(tmp_path, content)
    assert caught.value.code == "bad_metadata"


def test_single_bad_lines_are_named(tmp_path):
    found = listing(tmp_path, "a|one\nbroken\nb|t\0wo\nc|three\n")
    assert texts(found) == {"a": "one", "c": "three"}
    assert [bad.line for bad in found.bad_lines] == [2, 3]


def test_one_undecodable_line_is_one_refused_row(tmp_path):
    found = listing(tmp_path, b"a|one\nb|caf\xe9\nc|three\n")
    assert texts(found) == {"a": "one", "c": "three"}
    (bad,) = found.bad_lines
    assert (bad.line, bad.code, bad.value) == (2, "encoding", "e9")
    assert "corpus.encoding" in bad.remedy


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        ('{"file_name": "b.wav", "text": "half \\ud800"}', "surrogate"),
        ('{"file_name": "b\\udfff.wav", "text": "x"}', "surrogate"),
        ('{"file_name": "b.wav", "text": "x", "speaker": "\\ud83d"}', "surrogate"),
        ('{"file_name": "b.wav", "text": "nul \\u0000"}', "control"),
        ('{"file_name": "b.wav", "text": "\x9b31m"}', "control"),
        ("[" * 200_000, "brackets"),
        ('{"file_name": "b.wav", "text": ' + "9" * 5000 + "}", "digits"),
        ('{"file_name": "b.wav", "text": ["x"]}', "`text` holds no text but a list"),
        ('{"file_name": "b.wav", "text": NaN}', "none of the columns"),
        ('{"file_name": 7, "text": "x"}', "no file_name"),
        ('{"file_name": "b.wav", "text": "x', "Unterminated"),
    ],
)  # fmt: skip
def test_one_hostile_json_row_is_one_refused_row(tmp_path, row, reason):
    good = '{"file_name": "%s.wav", "text": "fine \\ud83d\\ude00", "speaker_id": 3}'
    found = listing(tmp_path, f"{good % 'a'}\n{row}\n{good % 'c'}\n", "metadata.jsonl")
    assert [entry.reference for entry in found.entries] == ["a.wav", "c.wav"]
    assert {(entry.text, entry.speaker) for entry in found.entries} == {("fine 😀", "3")}
    (bad,) = found.bad_lines
    assert bad.line == 2 and reason in bad.reason
    assert bad.value.isprintable() and len(bad.value) <= 800


def test_marks_that_turn_the_writing_round_are_left_out(tmp_path):
    assert texts(listing(tmp_path, "a|one \u202etwo\u202c\u2066\nb|\u05d0\u200f!\n")) == {
        "a": "one two",
        "b": "\u05d0\u200f!",
    }


def test_a_list_of_too_many_lines_is_refused(tmp_path):
    with pytest.raises(ListError, match="more than 1000000 lines"):
        listing(tmp_path, b"\n" * 1_000_001)


@pytest.mark.slow
def test_a_line_of_megabytes_is_read(tmp_path):
    assert len(texts(listing(tmp_path, "a|" + "word " * 1_000_000))["a"]) == 4_999_999


class TestMatching:
    def matched(self, tmp_path, content, recordings, name="metadata.csv"):
        return match("set/", [listing(tmp_path, content, name)], recordings)

    def codes(self, found):
        return {one.row_id: one.code for one in found.rejects}

    @pytest.mark.parametrize(
        "reference",
        [
            "../../x",
            "/etc/passwd",
            "~/x",
            "C:\\x",
            "..\\x",
            "a/../../x",
            "\\\\host\\x",
            "file:///x",
            "",
            ".",
            "x\ty",
        ],
    )
    def test_ids_that_leave_the_folder(self, tmp_path, reference):
        found = self.matched(tmp_path, f"{reference}|one\na|two\n", ["wavs/a.wav", "wavs/x.wav"])
        assert list(self.codes(found).values()) == ["bad_id"]
        assert list(found.transcripts) == ["wavs/a.wav"]

    @pytest.mark.parametrize(
        ("reference", "path"),
        [("a", "wavs/a.flac"), ("a.wav", "wavs/a.flac"), ("wavs/a.wav", "wavs/a.flac"),
         ("./a", "wavs/a.flac"),
         ("sub/clip", "wavs/sub/clip.wav"), ("sub\\clip", "wavs/sub/clip.wav"), ("a.b", "wavs/a.b.wav"),
         ("cafe\u0301", "wavs/caf\u00e9.wav"), ("A", "wavs/A.wav")],
    )  # fmt: skip
    def test_ids_that_are_found(self, tmp_path, reference, path):
        recordings = ["wavs/a.flac", "wavs/A.wav", "wavs/sub/clip.wav", "wavs/a.b.wav", "wavs/caf\u00e9.wav"]
        found = self.matched(tmp_path, f"{reference}|one\n", recordings)
        assert list(found.transcripts) == [path]

    def test_paths_of_another_machine(self, tmp_path):
        content = (
            "/home/me/out/a.wav|s|EN|one\nD:\\out\\b.wav|s|EN|two\n/etc/passwd.wav|s|EN|x\n../c.wav|s|EN|x\n"
        )
        found = self.matched(tmp_path, content, ["a.wav", "b.wav", "c.wav"], "x.list")
        assert list(found.transcripts) == ["a.wav", "b.wav"]
        assert list(self.codes(found).values()) == ["bad_id", "bad_id"]

    def test_an_ambiguous_path_is_not_guessed(self, tmp_path):
        found = self.matched(tmp_path, "x/1.wav|s|EN|one\n", ["a/1.wav", "b/1.wav"], "x.list")
        assert list(self.codes(found).values()) == ["no_audio"]

    def test_duplicates(self, tmp_path):
        found = self.matched(tmp_path, "a|one\na|one\nb|two\nb.wav|other\n", ["a.wav", "b.wav"])
        assert list(found.transcripts) == ["a.wav"]
        assert self.codes(found) == {"set/b.wav": "duplicate_id"}
        assert found.left_out == {"b.wav"} and len(found.warnings) == 1

    def test_a_text_that_no_recording_holds(self, tmp_path):
        found = self.matched(tmp_path, "a|" + "word " * 100_000 + "\nb|two\n", ["a.wav", "b.wav"])
        assert self.codes(found) == {"set/a.wav": "long_text"}
        assert found.left_out == {"a.wav"} and list(found.transcripts) == ["b.wav"]
        assert len(found.rejects[0].value) <= 80

    @pytest.mark.timeout(20)
    def test_ids_of_any_length_are_refused_at_once(self, tmp_path):
        content = "x/" * 200_000 + "a.wav|s|EN|one\na.wav|s|EN|two\n"
        found = self.matched(tmp_path, content, ["a.wav"], "x.list")
        assert list(self.codes(found).values()) == ["bad_id"] and list(found.transcripts) == ["a.wav"]
        assert all(len(one.row_id) < 200 for one in found.rejects)

    def test_rows_without_audio_or_text(self, tmp_path):
        found = self.matched(tmp_path, "a|\nz|one\nz|one\n", ["a.wav"])
        assert self.codes(found) == {"set/a.wav": "empty_text", "set/z": "no_audio"}
        assert found.left_out == {"a.wav"}

    def test_the_wavs_folder_wins_over_other_forms(self, tmp_path):
        found = self.matched(tmp_path, "a|one\n", ["raw/a.webm", "wavs/a.flac"])
        assert list(found.transcripts) == ["wavs/a.flac"] and found.left_out == {"raw/a.webm"}


class TestSpeakers:
    def of(self, *paths, choice="auto"):
        located = [Located(tuple(p.split("/")[:-1]), p.split("/")[-1]) for p in paths]
        return speakers_of(located, choice)

    def test_conventions(self):
        assert self.of("wavs/1-2-0001", "wavs/3-4-0001") == ["1", "3"]
        assert self.of("p225_001", "p226_001") == ["p225", "p226"]
        assert self.of("ann/1", "bob/1") == ["ann", "bob"]
        assert self.of("p225/wavs/1", "p226/wavs/1") == ["p225", "p226"]

    @pytest.mark.parametrize(
        "paths",
        [("1-2-0001", "1-2-0002"), ("1-2-0001", "intro"), ("wavs/a", "raw/b"), ("session1/a", "session2/a"),
         ("2024-01/a", "2024-02/a"), ("ann/a", "b"), ("LJ001-0001", "LJ002-0001"), ("Part 1/a", "Part 2/a")],
    )  # fmt: skip
    def test_what_names_no_speaker(self, paths):
        assert self.of(*paths) == ["speaker", "speaker"]

    def test_choices(self):
        assert self.of("session1/a", "session2/a", choice="folder") == ["session1", "session2"]
        assert self.of("a/1-2-3", "b/1-2-4", choice="prefix") == ["1", "1"]
        assert self.of("a/1", "b/2", choice="Ann") == ["Ann", "Ann"]
        for choice in ("folder", "prefix"):
            with pytest.raises(ValueError, match="'x'"):
                self.of("x", choice=choice)


def stretch(line: int, start_s: float, text: str) -> Entry:
    return Entry(line, "a.wav", text, start_s=start_s, end_s=start_s + 1.0)


def test_a_stretch_with_several_texts_has_none_and_the_others_stay():
    rows = [
        stretch(1, 2.0, "Yes."),
        stretch(2, 2.0, "No."),
        stretch(3, 0.0, "Well."),
        stretch(4, 0.0, "Well."),
    ]
    found = match("", [Listing("m.json", "json", rows, [])], ["a.wav"])
    assert [cut.text for cut in found.transcripts["a.wav"].cuts or ()] == ["Well."]
    (refused,) = found.rejects
    assert (refused.code, refused.value) == ("duplicate_id", "2-3 s")
    assert "Yes.; No." in refused.reason


@pytest.mark.slow
def test_recordings_of_one_name_in_many_folders_are_found_at_once():
    paths = [f"session{number:05d}/audio.wav" for number in range(20_000)]
    names = Names(paths)
    started = time.process_time()
    assert [names.find(path, True)[0] for path in paths] == paths
    assert [names.find(f"D:\\corpus\\{path}", True)[0] for path in paths[:100]] == paths[:100]
    assert time.process_time() - started < 5.0


def test_a_folders_recordings_are_those_under_it():
    paths = sorted(
        ["a/1.wav", "a/b/2.wav", "a b/3.wav", "a-/4.wav", "a0/5.wav", "ä/6.wav", "7.wav"], key=os.fsencode
    )
    assert _under("a", paths) == ["a/1.wav", "a/b/2.wav"]
    assert _under("ä", paths) == ["ä/6.wav"]
    assert _under("", paths) == paths and _under("c", paths) == []


@pytest.mark.parametrize(
    ("written", "code"),
    [
        ("ZH", "zh"), ("JP", "ja"), ("de-DE", "de"), ("zh-HK", "yue"), ("zh-TW", "zh"), ("deu", "de"),
        ("German", "de"), ("Deutsch", "de"), ("cmn", "zh"), ("", None), ("und", None),
        ("spk", None), ("42", None), ("pt_BR", "pt-br"), ("pt-PT", "pt"), ("en-GB", "en-gb"), ("en-US", "en"),
        ("es-419", "es-419"), ("es-MX", "es-419"), ("es-ES", "es"), ("en-AU", "en-gb"), ("de-419", "de"),
    ],
)  # fmt: skip
def test_languages_are_known_by_code_and_name(written: str, code: str | None):
    assert language_code(written) == code


def test_a_speaker_is_one_however_the_name_is_stored():
    assert safe_name("Jose\u0301") == safe_name("José") == "José"
