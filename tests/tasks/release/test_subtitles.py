"""Subtitles that can be read, at the times that were spoken."""

from __future__ import annotations

import json
import re
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from configs.errors import UserError
from tasks.release.speech_times import TimedPhone, TimedWord
from tasks.release.subtitles import Transcript, as_json, as_srt, as_vtt, subtitle_writer
from tasks.release.voice import Piece
from tasks.release.written_words import written_words

RATE = 1000


def said(words: str, lead: int = 0) -> tuple[TimedWord, ...]:
    """Words of 100 samples each, in two phones."""
    return tuple(
        TimedWord(
            word, at, at + 100, (TimedPhone(word[0], at, at + 40), TimedPhone(word[-1], at + 40, at + 100))
        )
        for at, word in zip(range(lead, 10**9, 100), words.split(), strict=False)
    )


def piece(text: str, read: str | None, lead: int = 0, closing: int = 0, sentence: int = 0) -> Piece:
    words = None if read is None else said(read, lead)
    n_samples = 1000 if words is None else 100 * len(words)
    end = lead + n_samples
    return Piece(text, np.zeros(end + closing, np.float32), False, sentence, (lead, end), words)


def transcript(*pieces: Piece) -> Transcript:
    made = Transcript(RATE)
    assert list(made.following(pieces)) == list(pieces)
    return made


@pytest.mark.parametrize(
    ("text", "read", "pairs"),
    [
        ("On May 3 it cost $3.5.", "On May third it cost three dollars fifty",
         ["On=On", "May=May", "3=third", "it=it", "cost=cost", "$3.5.=three dollars fifty"]),
        ("— “Well-known”, he said", "well known he said", ["“Well-known”,=well known", "he=he", "said=said"]),
        ("1 2", "one two", ["1 2=one two"]),
        ("The the THE", "the the the", ["The=the", "the=the", "THE=the"]),
        ("我有3个 iPhone。", "我 有 三 个 iPhone", ["我=我", "有=有", "3=三", "个=个", "iPhone。=iPhone"]),
        ("今天很好", "今天 很好", ["今天=今天", "很好=很好"]),
        ("Straße", "straße", ["Straße=straße"]),
    ],
)  # fmt: skip
def test_words_that_were_read_belong_to_written_ones(text: str, read: str, pairs: list[str]) -> None:
    found = written_words(text, said(read))
    assert [f"{text[word.first : word.last]}={' '.join(word.said)}" for word in found] == pairs


@given(
    st.text("ab1 ,字", max_size=30),
    st.lists(st.sampled_from(["a", "b", "ab", "one", "字", "字a"]), max_size=9),
)
def test_every_word_that_was_read_has_a_written_one(text: str, read: list[str]) -> None:
    found = written_words(text, said(" ".join(read)))
    if found:
        assert [one for word in found for one in word.said] == read
        assert [(word.start, word.end) for word in found] == sorted((word.start, word.end) for word in found)
        edges = [at for word in found for at in (word.first, word.last)]
        assert edges == sorted(edges)


def test_srt() -> None:
    made = transcript(piece("One two.", "One two"), piece("Three --> 4 & five.", "three four five", 250, 90))
    assert as_srt(made) == (
        "1\n00:00:00,000 --> 00:00:00,200\nOne two.\n\n"
        "2\n00:00:00,450 --> 00:00:00,750\nThree → 4 & five.\n\n"
    )


def test_vtt_has_the_time_of_each_word() -> None:
    made = transcript(piece("One two.", "One two"), piece("Three <4> & five.", "three four five", 250))
    assert as_vtt(made) == (
        "WEBVTT\n\n00:00:00.000 --> 00:00:00.200\nOne <00:00:00.100>two.\n\n"
        "00:00:00.450 --> 00:00:00.750\nThree <00:00:00.550>&lt;4&gt; &amp; <00:00:00.650>five.\n"
    )


def test_json_has_sentences_words_and_phones() -> None:
    made = transcript(
        piece("One", "One"), piece("2.", "two", 500, sentence=0), piece("Three.", None, 250, 50, sentence=1)
    )
    described = json.loads(as_json(made))
    assert described["sample_rate"] == RATE and described["duration_s"] == 2.0
    first, second = described["sentences"]
    assert (first["number"], first["text"], first["start_s"], first["end_s"]) == (1, "One 2.", 0.0, 0.7)
    assert first["parts"] == [{"start_s": 0.0, "end_s": 0.1}, {"start_s": 0.6, "end_s": 0.7}]
    assert first["words"][1] == {
        "text": "2.", "read": "two", "start_s": 0.6, "end_s": 0.7,
        "phones": [
            {"label": "t", "start_s": 0.6, "end_s": 0.64}, {"label": "o", "start_s": 0.64, "end_s": 0.7},
        ],
    }  # fmt: skip
    assert (second["words"], second["start_s"], second["end_s"]) == (None, 0.95, 1.95)


CUE = re.compile(r"(\d\d:\d\d:\d\d[,.]\d{3}) --> (\d\d:\d\d:\d\d[,.]\d{3})\n((?:.+\n)+)")


@given(st.lists(st.text("abcdefghij字", min_size=1, max_size=60), min_size=1, max_size=40), st.booleans())
def test_cues_can_be_read_and_lose_nothing(words: list[str], timed: bool) -> None:
    text = " ".join(words)
    made = transcript(piece(text, text if timed else None, 30), piece("End.", "End", 500))
    cues = CUE.findall(as_srt(made))
    shown = "".join(lines for *_, lines in cues)
    assert shown.split("End")[0].replace("\n", "").replace(" ", "") == text.replace(" ", "")
    for starts, ends, lines in cues:
        assert starts < ends
        assert len(lines.splitlines()) <= 2
        assert all(sum(2 if one == "字" else 1 for one in line) <= 42 for line in lines.splitlines())
    times = [at for starts, ends, _ in cues for at in (starts, ends)]
    assert times == sorted(times)
    stamps = re.findall(r"<(\d\d:\d\d:\d\d\.\d{3})>", as_vtt(made))
    assert stamps == sorted(stamps) and (timed or not stamps)


def test_files_by_their_names(tmp_path: Path) -> None:
    made = transcript(piece("One two.", "One two"))
    for name, begins in (("a.srt", "1\n"), ("b/c.VTT", "WEBVTT"), ("d.json", "{")):
        subtitle_writer(tmp_path / name)(made)
        assert (tmp_path / name).read_text(encoding="utf-8").startswith(begins)
    with pytest.raises(UserError, match=r"x\.txt must end in \.srt, \.vtt, \.json"):
        subtitle_writer(Path("x.txt"))
    (tmp_path / "file").write_text("")
    with pytest.raises(UserError, match=r"--subtitles: .* cannot be written"):
        subtitle_writer(tmp_path / "file" / "a.srt")(made)
