"""A single recording as a corpus: with the texts of its own name, and without its neighbours."""

from __future__ import annotations

import os
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from artifacts import digest
from configs.corpus import CorpusSettings
from configs.errors import UserError
from tasks.corpus import scan as scanning
from tasks.corpus.lists import probing
from tasks.voice import recordings_at
from tests.tasks.corpus.folders import record, scan

CAPTIONS = "1\n00:00:00,000 --> 00:00:00,400\nGood day.\n"


@pytest.fixture
def talk(tmp_path: Path) -> Path:
    """A recording among others, and lists that would be read of the whole folder."""
    folder = tmp_path / "downloads"
    for name in ("talk.wav", "other.wav", "talk.part2.wav", "talks.wav", "below/talk.wav"):
        record(folder / name)
    (folder / "metadata.csv").write_text("talk|from the list\nother|of the other\n")
    (folder / "transcripts.txt").write_text("talk from the second list\nother of the other\n")
    for name in ("other.txt", "talk.part2.txt", "talks.txt", "other.srt", "below/talk.txt"):
        (folder / name).write_text("a neighbour's text")
    return folder / "talk.wav"


def test_it_is_the_only_row_and_no_neighbour_is_opened(talk: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    opened: list[str] = []
    plain = Path.open

    def watched(path: Path, *arguments, **named):
        opened.append(path.name)
        return plain(path, *arguments, **named)

    monkeypatch.setattr(Path, "open", watched)
    monkeypatch.setattr(probing, "is_list", lambda *_: pytest.fail("a neighbour was probed"))
    monkeypatch.setattr(scanning, "read_list", lambda *_: pytest.fail("a neighbour was read"))
    found = scan(talk)
    (row,) = found.rows
    assert (row["recording_id"], row["source_path"], row["location"]) == ("talk", "talk.wav", str(talk))
    assert row["text"] is None and row["speaker"] == "speaker"
    assert row["source_digest"] == digest.of_file(talk)
    assert not found.rejects and not found.warnings
    assert not {name for name in opened if name.startswith(("other", "talks", "metadata", "transcripts"))}


@pytest.mark.parametrize("name", ["talk.txt", "talk.LAB", "talk.normalized.txt"])
def test_the_text_of_its_name_is_its_text(talk: Path, name: str) -> None:
    talk.with_name(name).write_text("what is said")
    found = scan(talk)
    assert [(row["text"], row["transcript_source"]) for row in found.rows] == [("what is said", "sidecar")]
    assert not found.rejects and not found.warnings


@pytest.mark.parametrize("name", ["talk.srt", "talk.en.srt", "talk.wav.srt"])
def test_the_subtitles_of_its_name_give_its_cuts(talk: Path, name: str) -> None:
    talk.with_name(name).write_text(CAPTIONS)
    (row,) = scan(talk).rows
    assert [cut["text"] for cut in row["cuts"]] == ["Good day."]


def test_a_list_that_is_named_may_be_of_the_whole_folder(talk: Path) -> None:
    found = scan(talk, metadata=str(talk.with_name("metadata.csv")))
    assert [row["text"] for row in found.rows] == ["from the list"]
    assert not found.rejects and not found.warnings
    other = talk.with_name("other.csv")
    other.write_text("other|of the other\nthird|of a third\n")
    found = scan(talk, metadata=str(other))
    assert [row["text"] for row in found.rows] == [None]
    assert "no_transcript" in found.warnings[0]


def test_alone_it_is_the_row_that_it_is_in_a_folder_of_its_own(talk: Path, tmp_path: Path) -> None:
    talk.with_name("talk.txt").write_text("what is said")
    own = tmp_path / "own"
    own.mkdir()
    for name in ("talk.wav", "talk.txt"):
        (own / name).write_bytes(talk.with_name(name).read_bytes())
    assert [{**row, "location": None} for row in scan(own).rows] == [
        {**row, "location": None} for row in scan(talk).rows
    ]


def test_remembered_digests_of_its_neighbours_stay(talk: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for path in talk.parent.rglob("*"):
        os.utime(path, (1_000_000, 1_000_000))
    cache = talk.parents[1] / "cache" / "digests.json"
    for place in (talk.parent, talk):
        scanning.scan_recordings(place, CorpusSettings(), cache)
    monkeypatch.setattr(digest, "of_file", lambda path: pytest.fail(f"{path} was hashed again"))
    scanning.scan_recordings(talk.parent, CorpusSettings(), cache)


def test_parquet_with_recordings_is_one_file_too(talk: Path) -> None:
    path = talk.with_name("voice.parquet")
    audio = [{"bytes": talk.read_bytes(), "path": "a.wav"}]
    pq.write_table(pa.table({"audio": audio, "text": ["one"]}), path)
    assert [(row["text"], row["member"]) for row in scan(path).rows] == [("one", 0)]


@pytest.mark.parametrize("name", ["notes.txt", "talk", "talk.wv", "metadata.csv"])
def test_a_file_that_is_no_recording_is_told_so_by_name(talk: Path, name: str) -> None:
    path = talk.with_name(name)
    path.write_text("talk|text\n")
    with pytest.raises(UserError, match=f"{name}"):
        scan(path)


def test_a_link_keeps_the_name_that_its_target_has_not(talk: Path, tmp_path: Path) -> None:
    blob = talk.rename(tmp_path / "3f2a")
    link = tmp_path / "snapshot" / "talk.wav"
    link.parent.mkdir()
    link.symlink_to(blob)
    place = recordings_at(link)
    assert place.name == "talk.wav"
    assert [row["recording_id"] for row in scan(place).rows] == ["talk"]


def test_what_is_neither_a_folder_nor_a_file_is_refused(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.wav")
    for name in ("absent.wav", "pipe.wav"):
        with pytest.raises(UserError, match=rf"{name} is not a folder and not a file"):
            recordings_at(tmp_path / name)
    assert recordings_at(tmp_path) == tmp_path
