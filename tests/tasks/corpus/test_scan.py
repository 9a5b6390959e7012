"""The recordings folder as rows."""

from __future__ import annotations

import os
import shutil
import socket
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from configs.errors import UserError
from tasks.corpus import digests, parquet
from tasks.corpus.scan import ScanResult
from tests.tasks.corpus.folders import record, scan


def identity(found: ScanResult) -> list[dict]:
    return [{n: v for n, v in row.items() if n != "location"} for row in found.rows]


@pytest.fixture
def root(tmp_path) -> Path:
    folder = tmp_path / "recordings"
    folder.mkdir()
    return folder


def test_a_flat_pile_has_no_texts_and_no_complaints(root):
    record(root / "b.wav"), record(root / "a.WAV")
    found = scan(root)
    assert [row["recording_id"] for row in found.rows] == ["a", "b"]
    assert {row["text"] for row in found.rows} == {None}
    assert not found.rejects and not found.warnings


def test_sidecars(root):
    for name in ("a", "b", "c", "d"):
        record(root / f"{name}.wav")
    (root / "a.txt").write_text("one\ntwo\n")
    (root / "b.LAB").write_text("three")
    (root / "c.txt").write_text(" ")
    (root / "README.txt").write_text("not a transcript | at all")
    found = scan(root)
    assert {row["recording_id"]: row["text"] for row in found.rows} == {
        "a": "one two",
        "b": "three",
        "d": None,
    }
    assert [one.code for one in found.rejects] == ["empty_text"]


def test_a_text_file_of_a_book_is_no_transcript(root):
    record(root / "a.wav"), record(root / "b.wav")
    (root / "a.txt").write_text("word " * 100_000)
    (root / "b.txt").write_text("two\x1a")
    record(root / "c.wav")
    (root / "c.lab").write_bytes(b"th\x00ree")
    found = scan(root)
    assert [(one.row_id, one.code) for one in found.rejects] == [("a.wav", "long_text"), ("c.wav", "bad_row")]
    assert [row["text"] for row in found.rows] == ["two"]


def test_a_list_whose_name_is_no_text(root):
    record(root / "a.wav")
    path = os.fsencode(root) + b"/metadata\xff.csv"
    Path(os.fsdecode(path)).write_text("a|one\nz|two\n")
    found = scan(root)
    assert found.rows[0]["text"] == "one"
    assert found.rejects[0].reason.startswith("metadata\\xff.csv, line 2")


def test_several_sets_and_one_that_is_refused(root):
    for name in ("good", "bad", "list"):
        record(root / name / "wavs" / "1.wav")
    (root / "good" / "metadata.csv").write_text("1|one\n")
    (root / "bad" / "metadata.csv").write_text("1\n")
    (root / "list" / "lists").mkdir()
    (root / "list" / "lists" / "train.list").write_text("wavs/1.wav|Ann|EN|three\n")
    record(root / "stray.wav")
    found = scan(root)
    assert [(row["recording_id"], row["text"]) for row in found.rows] == [
        ("good__1", "one"), ("list__1", "three"), ("stray", None),
    ]  # fmt: skip
    assert [(one.row_id, one.code) for one in found.rejects] == [("bad/metadata.csv", "bad_metadata")]
    assert [row["speaker"] for row in found.rows] == ["speaker", "Ann", "speaker"]


def test_a_row_less_recording_is_reported(root):
    record(root / "wavs" / "a.wav"), record(root / "wavs" / "b.wav")
    (root / "metadata.csv").write_text("a|one\n")
    found = scan(root)
    assert [row["text"] for row in found.rows] == ["one", None]
    assert "no_transcript" in found.warnings[0]


def test_transcripts_can_be_ignored_or_brought_along(root):
    record(root / "a.wav")
    (root / "metadata.csv").write_text("")
    with pytest.raises(UserError, match="bad_metadata"):
        scan(root)
    assert scan(root, transcripts="none").rows[0]["text"] is None
    (root.parent / "other.csv").write_text("a|brought\n")
    assert scan(root, metadata=str(root.parent / "other.csv")).rows[0]["text"] == "brought"
    with pytest.raises(UserError, match="is no file"):
        scan(root, metadata=str(root / "absent"))


def test_language_comes_from_the_list_then_from_the_settings(root):
    record(root / "a.wav"), record(root / "b.wav")
    (root / "x.list").write_text("a.wav|s|ZH|one\n")
    assert [row["language"] for row in scan(root).rows] == ["zh", None]
    assert [row["language"] for row in scan(root, language="de").rows] == ["zh", "de"]
    assert [row["language"] for row in scan(root, language="zh-hakka").rows] == ["zh-hakka", "zh-hakka"]
    assert [row["language"] for row in scan(root, language="zhx").rows] == ["zh", "zhx"]


@pytest.mark.parametrize(
    ("setting", "read"), [("auto", "pt-br"), ("pt", "pt-br"), ("pt-pt", "pt-pt"), ("de", "pt-br")]
)
def test_the_lists_region_counts_unless_the_setting_names_another(root, setting, read):
    record(root / "a.wav")
    (root / "x.list").write_text("a.wav|s|pt-BR|um\n")
    assert [row["language"] for row in scan(root, language=setting).rows] == [read]


@pytest.mark.parametrize(("language", "said"), [("en-gb", "Hello."), ("yue", "你好。"), ("de", "Hallo.")])
def test_subtitles_are_those_of_the_language_whatever_its_region(root, language, said):
    record(root / "a.wav")
    for code, text in (("en", "Hello."), ("yue", "你好。"), ("deu", "Hallo.")):
        (root / f"a.{code}.srt").write_text(f"1\n00:00:00,000 --> 00:00:01,000\n{text}\n", encoding="utf-8")
    (row,) = scan(root, language=language).rows
    assert [cut["text"] for cut in row["cuts"]] == [said]


@pytest.mark.parametrize(
    ("language", "said"),
    [("pt", "Pois."), ("pt-br", "Então."), ("pt-ao", "Pois."), ("es", "Vale."), ("es-cl", "Ya.")],
)
def test_subtitles_of_a_region_go_before_those_of_its_language(root, language, said):
    record(root / "a.wav")
    for code, text in (("pt-PT", "Pois."), ("pt-BR", "Então."), ("es-ES", "Vale."), ("es-419", "Ya.")):
        (root / f"a.{code}.srt").write_text(f"1\n00:00:00,000 --> 00:00:01,000\n{text}\n", encoding="utf-8")
    (row,) = scan(root, language=language).rows
    assert [cut["text"] for cut in row["cuts"]] == [said]


def test_subtitles_of_the_only_region_are_those_of_the_language(root):
    record(root / "a.wav")
    for code, text in (("pt-BR", "Então."), ("de", "Ja.")):
        (root / f"a.{code}.srt").write_text(f"1\n00:00:00,000 --> 00:00:01,000\n{text}\n", encoding="utf-8")
    (row,) = scan(root, language="pt").rows
    assert [cut["text"] for cut in row["cuts"]] == ["Então."]


@pytest.mark.parametrize("name", ["nothing", "text"])
def test_nothing_to_use_is_one_clear_error(root, name):
    if name == "text":
        (root / "notes.txt").write_text("hello")
    with pytest.raises(UserError, match="holds no recordings"):
        scan(root)
    with pytest.raises(UserError, match="no folder"):
        scan(root / "absent")


def test_links_folders_and_devices_are_refused_without_hanging(root, tmp_path):
    record(root / "good.wav")
    outside = record(tmp_path / "outside" / "x.wav")
    (root / "out.wav").symlink_to(outside)
    (root / "dangling.wav").symlink_to("nowhere")
    (root / "loop_a.wav").symlink_to("loop_b.wav")
    (root / "loop_b.wav").symlink_to("loop_a.wav")
    (root / "zero.wav").symlink_to("/dev/zero")
    (root / "away").symlink_to(outside.parent)
    (root / "here").symlink_to(".")
    (root / "same.wav").symlink_to("good.wav")
    (root / "metadata.csv").symlink_to("/etc/passwd")
    (root / "folder.wav").mkdir()
    os.mkfifo(root / "pipe.wav")
    os.mkfifo(root / "metadata.jsonl")
    os.mkfifo(root / "notes.txt")
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(root / "s.wav"))
    found = scan(root)
    assert [row["recording_id"] for row in found.rows] == ["good"]
    codes = {one.row_id: one.code for one in found.rejects}
    links = ("out.wav", "dangling.wav", "loop_a.wav", "loop_b.wav", "zero.wav", "away", "metadata.csv")
    others = ("folder.wav", "pipe.wav", "metadata.jsonl", "s.wav")
    assert codes == dict.fromkeys(links, "bad_link") | dict.fromkeys(others, "not_a_file")
    assert any("same.wav" in warning for warning in found.warnings)


def test_a_climbing_id_touches_nothing(root):
    bait = [record(root / "x.wav"), record(root / "sets" / "x.wav")]
    record(root / "sets" / "a" / "wavs" / "1.wav")
    (root / "sets" / "a" / "metadata.csv").write_text("1|one\n../../x|two\n")
    found = scan(root)
    assert [row["recording_id"] for row in found.rows] == ["sets__a__1"]
    assert {one.code for one in found.rejects} == {"bad_id"}
    assert all(path.exists() for path in bait)


def test_hidden_and_system_files_are_no_recordings(root):
    record(root / "a.wav")
    for name in ("._a.wav", ".hidden.wav", "__MACOSX/a.wav", ".git/a.wav"):
        record(root / name)
    assert [row["source_path"] for row in scan(root).rows] == ["a.wav"]


ODD = ["-rf.wav", "new\nline.wav", "with space.wav", "ünï 音声 🎤.wav", "tab\t.wav", "\x1b[31m.wav",
       "con.wav", "n" * 251 + ".wav", "$(touch pwned).wav", "*?.wav", "back\\slash.wav", "a.b.wav",
       "caf\u00e9.wav", "cafe\u0301.wav", "A.wav", "a.wav", "a.flac", "\u202egpj.wav", "'.wav",
       "lpt1.x.wav"]  # fmt: skip


def test_identifiers_are_safe_unique_and_stable(root):
    for name in ODD:
        record(root / name)
    (root / os.fsdecode(b"bad\xff\xfe.wav")).write_bytes(record(root / "seed.wav").read_bytes())
    ids = [row["recording_id"] for row in scan(root).rows]
    assert len({name.casefold() for name in ids}) == len(ids) == len(ODD) + 2
    for name in ids:
        assert name.isascii() and name[0].isalnum() | (name[0] == "_") and len(name) <= 80
        assert all(c.isalnum() or c in "._-" for c in name)
        assert name.split(".")[0].lower() not in ("con", "lpt1")
    for row in scan(root).rows:
        row["source_path"].encode()
    record(root / "later" / "one.wav"), record(root / "0.wav")
    assert set(ids) < {row["recording_id"] for row in scan(root).rows}


def test_moving_touching_and_copying_change_nothing(root, tmp_path):
    record(root / "wavs" / "a.wav"), record(root / "wavs" / "b.wav")
    (root / "metadata.csv").write_text("a|one\nb|two\n")
    before = identity(scan(root))
    os.utime(root / "wavs" / "a.wav", (1, 1))
    assert identity(scan(root)) == before
    moved = shutil.move(root, tmp_path / "elsewhere" / "named otherwise")
    assert identity(scan(Path(moved))) == before


def test_digests_are_remembered_but_never_believed_too_soon(root, monkeypatch):
    path = record(root / "a.wav")
    read = []
    monkeypatch.setattr(digests.digest, "of_file", lambda p: read.append(p) or "ab" * 32)
    scan(root), scan(root)
    assert len(read) == 2  # written a moment ago: might change within the same time stamp
    os.utime(path, (1_000_000, 1_000_000))
    scan(root), scan(root)
    assert len(read) == 3
    os.utime(path, (2_000_000, 2_000_000))
    scan(root)
    assert len(read) == 4


@pytest.mark.parametrize("content", ["", "{", "[]", '{"x": 1}', "\x00"])
def test_a_broken_digest_cache_is_ignored(root, content):
    record(root / "a.wav")
    cache = root.parent / "cache" / "digests.json"
    cache.parent.mkdir()
    cache.write_text(content)
    assert len(scan(root).rows) == 1


def test_recordings_inside_parquet(root):
    first, second = (record(root.parent / f"{n}.wav").read_bytes() for n in "ab")
    rows = {
        "audio": [{"bytes": first, "path": "a.wav"}, {"bytes": second, "path": "../b.wav"},
                  {"bytes": second, "path": None}],
        "text": ["one", "two", ""],
        "speaker_id": ["7", "8", "8"],
    }  # fmt: skip
    (root / "data").mkdir()
    pq.write_table(pa.table(rows), root / "data" / "train.parquet", row_group_size=1)
    (root / "data" / "broken.parquet").write_bytes(b"PAR1")
    found = scan(root)
    assert [(r["text"], r["speaker"], r["member"]) for r in found.rows] == [("one", "7", 0), ("two", "8", 1)]
    assert {one.code for one in found.rejects} == {"empty_text", "bad_metadata"}
    row = found.rows[1]
    assert parquet.read_member(Path(row["location"]), row["member"]) == second


def write_parquet(path: Path, **columns: pa.Array) -> None:
    pq.write_table(pa.table(columns), path)


def neighbour(root: Path) -> None:
    """A set of its own, which goes on whatever happens to the others."""
    record(root / "other" / "1.wav")
    (root / "other" / "metadata.csv").write_text("1|good\n")


def sounds(root: Path, names: str = "ab") -> list[dict]:
    return [{"bytes": record(root.parent / f"{n}.wav").read_bytes(), "path": f"{n}.wav"} for n in names]


def test_columns_that_nobody_reads_are_not_decoded(root):
    absurd = pa.array([2**62, -(2**62)], pa.timestamp("us"))
    never = pa.array([2**62] * 2, pa.duration("s"))
    audio, text = pa.array(sounds(root)), pa.array(["one", "two"])
    write_parquet(root / "x.parquet", audio=audio, text=text, when=absurd, speaker=never)
    assert [(row["text"], row["speaker"]) for row in scan(root).rows] == [
        ("one", "speaker"),
        ("two", "speaker"),
    ]


@pytest.mark.parametrize(
    "audio",
    [
        pa.array([{"bytes": "text", "path": "a.wav"}]),
        pa.array([{"bytes": 7, "path": "a.wav"}]),
        pa.array([{"bytes": [b"x"], "path": "a.wav"}]),
        pa.array([{"bytes": b"x", "path": 7}]),
        pa.array([{"other": 7}]),
        pa.array([[b"x"]]),
        pa.array([7]),
    ],
)
def test_audio_of_another_type_is_refused_by_name(root, audio):
    neighbour(root)
    write_parquet(root / "x.parquet", audio=audio, text=pa.array(["one"]))
    found = scan(root)
    assert [(one.row_id, one.code) for one in found.rejects] == [("x.parquet", "bad_metadata")]
    assert "`audio` is" in found.rejects[0].reason
    assert [row["text"] for row in found.rows] == ["good"]


def test_one_bad_parquet_row_is_one_refused_row(root):
    broken = pa.array([b"one", b"\xff\xfe", b"", b"four"]).view(pa.string())
    write_parquet(root / "x.parquet", audio=pa.array([*sounds(root, "abc"), None]), text=broken)
    found = scan(root)
    assert [row["text"] for row in found.rows] == ["one"]
    assert {one.row_id: one.code for one in found.rejects} == {
        "x.parquet:2": "bad_row", "x.parquet/c.wav": "empty_text", "x.parquet:4": "bad_row",
    }  # fmt: skip


def test_members_of_one_name_are_two_recordings(root):
    first, second = sounds(root)
    rows = [first, second | {"path": first["path"]}, first | {"path": "x\x1b.wav"}]
    write_parquet(root / "x.parquet", audio=pa.array(rows), text=pa.array(["one", "two", "three"]))
    found = scan(root)
    # The third row's path holds a control character: it is refused, not renamed.
    assert [row["text"] for row in found.rows] == ["one", "two"]
    assert len({row["recording_id"] for row in found.rows}) == 2
    assert [one.row_id for one in found.rejects] == ["x.parquet:3"]


@pytest.mark.parametrize("n_rows", [0, 1])
def test_parquet_without_rows_or_texts(root, n_rows):
    neighbour(root)
    audio = pa.array(sounds(root, "a")[:n_rows], pa.struct({"bytes": pa.binary(), "path": pa.string()}))
    write_parquet(
        root / "x.parquet", audio=audio, **({"other": pa.array([7])} if n_rows else {"text": pa.array([])})
    )
    assert [one.code for one in scan(root).rejects] == ["bad_metadata"]


def test_a_parquet_file_from_elsewhere_is_no_list(root):
    record(root / "good.wav")
    write_parquet(root.parent / "x.parquet", audio=pa.array(sounds(root)), text=pa.array(["one", "two"]))
    with pytest.raises(UserError, match="lies outside"):
        scan(root, metadata=str(root.parent / "x.parquet"))


@pytest.mark.slow
def test_a_page_that_stands_for_gigabytes_is_read_row_by_row(root):
    big = sounds(root, "a")[0]["bytes"] + b"\0" * (1 << 20)
    rows = pa.array([{"bytes": big, "path": f"{at}.wav"} for at in range(40)])
    write_parquet(root / "x.parquet", audio=rows, text=pa.array(["one"] * 40))
    assert (root / "x.parquet").stat().st_size < 2 << 20
    found = scan(root)
    assert len(found.rows) == 40
    row = found.rows[7]
    for member in (39, 7, 8):
        assert parquet.read_member(Path(row["location"]), member) == big


def test_the_speaker_setting_must_fit(root):
    record(root / "a.wav")
    assert scan(root, speaker="Ann").rows[0]["speaker"] == "Ann"
    with pytest.raises(UserError, match="speaker: 'prefix'"):
        scan(root, speaker="prefix")


LISTS = {
    "styletts2": {"train_list.txt": "a b", "val_list.txt": "c", "OOD_test.list": "d"},
    "by whole name": {"train.csv": "a b", "dev.csv": "c", "test.csv": "d"},
    "beside one of all": {"metadata.csv": "a b c d", "val.txt": "c", "test.txt": "d"},
    "one clip in two": {"train.txt": "a b c d", "valid.txt": "c", "test.txt": "d"},
}


@pytest.mark.parametrize("kind", LISTS)
def test_lists_of_a_division_divide(root, kind):
    for name in "abcd":
        record(root / f"{name}.wav")
    for file, names in LISTS[kind].items():
        (root / file).write_text("".join(f"{n}.wav|the text of {n}\n" for n in names.split()))
    found = scan(root)
    by_name = {row["recording_id"]: row["split"] for row in found.rows}
    assert (by_name["c"], by_name["d"]) == ("validation", "test")
    assert {by_name["a"], by_name["b"]} <= {"train", None}
    assert {row["text"] for row in found.rows} == {f"the text of {n}" for n in "abcd"}
    told = [one for one in found.warnings if "features.shard.given_splits=false" in one]
    assert len(told) == 1 and "1 for validation and 1 for test by their names, of 4 recordings" in told[0]


def test_folders_of_a_division_divide(root):
    for name in ("train/a", "validation/b", "other/c", "test/d"):
        record(root / f"{name}.wav")
        folder, clip = name.split("/")
        (root / folder / "metadata.csv").write_text(f"file_name,text\n{clip}.wav,what {clip} says\n")
    assert [row["split"] for row in scan(root).rows] == [None, "test", "train", "validation"]


def test_names_that_only_resemble_a_division_divide_nothing(root):
    record(root / "a.wav"), record(root / "b.wav")
    (root / "validated.tsv").write_text("path\tsentence\na.wav\tone two\nb.wav\tthree four\n")
    (root / "latest.txt").write_text("a.wav|one two\n")
    found = scan(root)
    assert {row["split"] for row in found.rows} == {None}
    assert not [one for one in found.warnings if "division" in one]
