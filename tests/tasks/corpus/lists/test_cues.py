"""Subtitles and TextGrids beside recordings, from the file to the utterances."""

from __future__ import annotations

import itertools
from pathlib import Path

import numpy as np
import pytest
import soundfile

from configs.errors import UserError
from models.frontend.audio import decode_flac
from tasks.corpus.embedded import embedded
from tasks.corpus.lists.cues import read_cues
from tasks.corpus.lists.entries import ListError
from tasks.corpus.stages import INGEST, SEGMENT
from tests.tasks.corpus.folders import folder, scan
from tests.tasks.corpus.stage_inputs import run_one

PAUSE_S = 1.6


def cues(tmp_path: Path, content: str | bytes, name: str = "a.srt"):
    path = tmp_path / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return read_cues(path, "utf-8")


def said(tmp_path: Path, content: str | bytes, name: str = "a.srt") -> list[tuple[float, float, str]]:
    return [(cut.start_s, cut.end_s, cut.text) for cut in cues(tmp_path, content, name).cuts]


def test_srt(tmp_path):
    content = (
        "\ufeff1\r\n00:00:01,500 --> 00:00:03,000\r\n<i>Hello</i> there,\r\n- my friend.\r\n\r\n"
        "2\r\n01:00:03,000 --> 01:00:04,250 X1:0\r\n[Music] Good &amp; bye.\r\n\r\n"
        "3\r\n01:00:05,000 --> 01:00:06,000\r\n(laughs)\r\n"
    )
    assert said(tmp_path, content) == [
        (1.5, 3.0, "Hello there, my friend."),
        (3603.0, 3604.25, "Good & bye."),
    ]


def test_vtt(tmp_path):
    content = (
        "WEBVTT\n\nNOTE made by hand\n\nfirst\n00:01.500 --> 00:03.000 align:start\n<v Anna Low>Hello "
        "<00:02.000><c>there</c>\n\n00:03.000 --> 00:04.000\n♪ la la ♪\n"
    )
    (cut,) = cues(tmp_path, content, "a.vtt").cuts
    assert (cut.start_s, cut.end_s, cut.text, cut.speaker) == (1.5, 3.0, "Hello there", "Anna Low")


def test_captions_that_roll_say_everything_once(tmp_path):
    content = (
        "WEBVTT\n\n00:00.000 --> 00:02.000\nhello there\n\n00:02.000 --> 00:02.010\nhello there\n\n"
        "00:02.010 --> 00:04.000\nhello there\nmy friend\n\n00:04.000 --> 00:06.000\nmy friend\ngood bye\n"
    )
    assert [text for *_, text in said(tmp_path, content, "a.vtt")] == ["hello there", "my friend", "good bye"]


def test_utf16_subtitles(tmp_path):
    content = "1\n00:00:00,000 --> 00:00:01,000\nhé\n".encode("utf-16")
    assert said(tmp_path, content) == [(0.0, 1.0, "hé")]


@pytest.mark.parametrize(
    ("content", "name", "what"),
    [
        ("hello", "a.srt", "no times with texts"),
        ("1\n00:00:05,000 --> 00:00:04,000\nhello", "a.srt", "line 2: the times run backwards"),
        ("1\n00:00:05,0", "a.srt", "no times"),
        ("WEBVTT\n\n00:01.000 --> 00:02.000\n[Music]\n", "a.vtt", "no times with texts"),
        ("x", "a.TextGrid", "not a TextGrid|not a whole TextGrid"),
        ("a\0b", "a.srt", "control characters"),
    ],
)
def test_what_cannot_be_used_is_said(tmp_path, content, name, what):
    with pytest.raises(ListError, match=what):
        cues(tmp_path, content, name)


def grid(**tiers: list[tuple[float, float, str]]) -> str:
    lines = [
        'File type = "ooTextFile"',
        'Object class = "TextGrid"',
        "",
        "0",
        "9",
        "<exists>",
        str(len(tiers)),
    ]
    for name, intervals in tiers.items():
        lines += ['"IntervalTier"', f'"{name}"', "0", "9", str(len(intervals))]
        for start_s, end_s, text in intervals:
            lines += [str(start_s), str(end_s), f'"{text}"']
    return "\n".join(lines) + "\n"


def test_the_tier_with_sentences_is_the_text(tmp_path):
    content = grid(
        phones=[(0, 0.1, "h"), (0.1, 0.2, "e")],
        words=[(0, 0.5, "hello"), (0.5, 1, "there")],
        anna=[(0, 1, "Hello there."), (1, 2, ""), (2, 3, "Good bye now.")],
    )
    found = cues(tmp_path, content, "a.TextGrid")
    assert [(cut.start_s, cut.text, cut.joins) for cut in found.cuts] == [
        (0.0, "Hello there.", False),
        (2.0, "Good bye now.", False),
    ]


def test_words_alone_are_joined(tmp_path):
    words = [(0, 0.1, "sil"), (0.1, 0.5, "hello"), (0.5, 0.9, "there"), (0.9, 2, "")]
    found = cues(tmp_path, grid(words=words, phones=[(0.1, 0.2, "h")]), "a.TextGrid")
    assert found.are_words and [(cut.text, cut.joins) for cut in found.cuts] == [
        ("hello", True),
        ("there", True),
    ]


def test_two_tiers_of_sentences_are_a_question(tmp_path):
    tiers = {"anna": [(0.0, 2.0, "Hello there.")], "bert": [(2.0, 4.0, "Good bye now.")]}
    with pytest.raises(ListError, match="several tiers may be the text") as caught:
        cues(tmp_path, grid(**tiers), "a.TextGrid")
    assert caught.value.code == "columns"
    assert len(cues(tmp_path, grid(**tiers, text=[(0.0, 2.0, "Hello there.")]), "a.TextGrid").cuts) == 1


class TestPrecedence:
    SRT = "1\n00:00:00,000 --> 00:00:00,400\nHello there.\n"

    def test_a_row_of_a_list_wins_and_the_other_is_named(self, tmp_path):
        files = {"metadata.csv": "a|From the list.\n", "wavs/a.srt": self.SRT}
        found = scan(folder(tmp_path / "r", "a", files))
        assert (found.rows[0]["text"], found.rows[0]["cuts"]) == ("From the list.", None)
        assert any("a.srt" in warning for warning in found.warnings)

    def test_times_win_over_a_text_without(self, tmp_path):
        found = scan(folder(tmp_path / "r", "a", {"wavs/a.txt": "Hello there.", "wavs/a.srt": self.SRT}))
        assert found.rows[0]["transcript_source"] == "srt"

    def test_a_text_with_signs_wins_over_words(self, tmp_path):
        files = {"wavs/a.lab": "Hello there.", "wavs/a.TextGrid": grid(words=[(0, 0.2, "hello")])}
        assert scan(folder(tmp_path / "r", "a", files)).rows[0]["text"] == "Hello there."

    def test_of_several_languages_the_settings_choose(self, tmp_path):
        files = {"wavs/a.en.srt": self.SRT, "wavs/a.de.srt": self.SRT.replace("Hello there", "Guten Tag")}
        root = folder(tmp_path / "r", "a", files)
        with pytest.raises(UserError, match="set corpus"):
            scan(root)
        assert scan(root, language="de").rows[0]["cuts"][0]["text"] == "Guten Tag."

    def test_a_file_that_cannot_be_used_refuses_its_recording_alone(self, tmp_path):
        found = scan(folder(tmp_path / "r", "a b", {"wavs/a.srt": "hello", "wavs/b.srt": self.SRT}))
        assert [(one.row_id, one.code) for one in found.rejects] == [("wavs/a.wav", "empty_text")]
        assert [row["recording_id"] for row in found.rows] == ["b"]

    def test_texts_can_be_ignored(self, tmp_path):
        root = folder(tmp_path / "r", "a", {"wavs/a.srt": self.SRT})
        assert scan(root, transcripts="none").rows[0]["cuts"] is None


@pytest.fixture(scope="module")
def talk(tmp_path_factory) -> tuple[Path, list[tuple[float, float, str]]]:
    """A long recording of three clips with pauses, and when each of them is."""
    clips = embedded("fit")[:3]
    waves = [clip.wave() for clip in clips]
    rate = waves[0].sample_rate
    pause = np.zeros(round(PAUSE_S * rate), np.float32)
    parts, times, now_s = [pause], [], PAUSE_S
    for clip, wave in zip(clips, waves, strict=True):
        length_s = wave.samples.size / rate
        times.append((now_s, now_s + length_s, clip.text))
        parts += [wave.samples, pause]
        now_s += length_s + PAUSE_S
    root = tmp_path_factory.mktemp("talk")
    soundfile.write(root / "talk.wav", np.concatenate(parts), rate, subtype="PCM_16")
    return root, times


def as_srt(times: list[tuple[float, float, str]], pieces: int) -> str:
    """Each text in subtitles of equal length."""

    def stamp(seconds: float) -> str:
        ms = round(seconds * 1000)
        return f"{ms // 3_600_000:02}:{ms // 60_000 % 60:02}:{ms // 1000 % 60:02},{ms % 1000:03}"

    blocks = []
    for start_s, end_s, text in times:
        words = text.split()
        edges = [round(len(words) * at / pieces) for at in range(pieces + 1)]
        for first, last in itertools.pairwise(edges):
            of_s = (end_s - start_s) / len(words)
            span = f"{stamp(start_s + first * of_s)} --> {stamp(start_s + last * of_s)}"
            blocks.append(f"{len(blocks) + 1}\n{span}\n{' '.join(words[first:last])}\n")
    return "\n".join(blocks)


def utterances(root: Path):
    found = scan(root)
    (row,) = found.rows
    (recording,) = run_one(INGEST, row).rows
    assert set(recording) == set(INGEST.schema.names)
    return run_one(SEGMENT, recording)


@pytest.mark.slow
@pytest.mark.parametrize("pieces", [1, 3])
def test_subtitles_cut_a_long_recording(talk, tmp_path, pieces):
    source, times = talk
    root = tmp_path / "r"
    root.mkdir()
    (root / "talk.wav").write_bytes((source / "talk.wav").read_bytes())
    (root / "talk.srt").write_text(as_srt(times, pieces))
    outcome = utterances(root)
    assert [row["text"] for row in outcome.rows] == [" ".join(text.split()) for *_, text in times]
    for row, (start_s, end_s, _) in zip(outcome.rows, times, strict=True):
        assert row["start_s"] <= start_s + 0.3 and row["end_s"] >= end_s - 0.3
        assert row["duration_s"] < end_s - start_s + 1.0
        assert decode_flac(row["audio"]).samples.size == round(row["duration_s"] * row["sample_rate"])
    assert not outcome.rejects and not outcome.warnings


@pytest.mark.slow
def test_a_manifest_with_offsets_cuts_exactly(talk, tmp_path):
    source, times = talk
    root = tmp_path / "r"
    root.mkdir()
    (root / "talk.wav").write_bytes((source / "talk.wav").read_bytes())
    rows = [
        f'{{"audio_filepath": "/x/talk.wav", "offset": {start_s}, "duration": {end_s - start_s}, '
        f'"text": "t{at}", "speaker": "s{at}"}}'
        for at, (start_s, end_s, _) in enumerate(times)
    ]
    (root / "manifest.json").write_text("\n".join([*reversed(rows), rows[0]]))
    outcome = utterances(root)
    assert [(row["text"], row["speaker"]) for row in outcome.rows] == [
        ("t0", "s0"),
        ("t1", "s1"),
        ("t2", "s2"),
    ]
    for row, (start_s, end_s, _) in zip(outcome.rows, times, strict=True):
        assert (row["start_s"], row["end_s"]) == pytest.approx((start_s, end_s), abs=1e-3)


@pytest.mark.slow
def test_times_beside_the_recording_are_refused_one_by_one(talk, tmp_path):
    source, times = talk
    root = tmp_path / "r"
    root.mkdir()
    (root / "talk.wav").write_bytes((source / "talk.wav").read_bytes())
    wrong = [(0.0, 1.2, "Nobody speaks."), times[0], (5000.0, 5002.0, "Far behind.")]
    (root / "talk.srt").write_text(as_srt(wrong, 1))
    outcome = utterances(root)
    assert [row["text"] for row in outcome.rows] == [times[0][2]]
    assert {one.code for one in outcome.rejects} == {"no_speech", "bad_cut"}
    assert "lie outside the times" in outcome.warnings[0]
