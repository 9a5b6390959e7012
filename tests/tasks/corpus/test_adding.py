"""New recordings beside those of a voice: nothing is lost, mixed up, made anew or written to."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from configs.corpus import CorpusSettings
from configs.errors import UserError
from tasks.corpus.adding import put_together
from tests.tasks.corpus.folders import folder, record, scan


def add(before: Path, new: Path, name: str = "all", **settings: str) -> tuple[Path, str]:
    """The folder of both, and who speaks in the earlier ones."""
    own = new.parent / "own"
    corpus = CorpusSettings(**settings)
    return put_together(before, new, own / name, corpus, new.parent / "cache" / "digests.json", own)


def texts(root: Path, **settings: str) -> dict[str, str | None]:
    return {row["source_path"]: row["text"] for row in scan(root, **settings).rows}


def contents(root: Path) -> dict[str, tuple[bytes, int]]:
    return {
        str(path.relative_to(root)): (path.read_bytes(), path.stat().st_nlink)
        for path in root.rglob("*")
        if path.is_file()
    }


def test_both_have_their_texts_and_rows_of_before_stay_the_same(tmp_path: Path) -> None:
    before = folder(tmp_path / "before", "a b", {"metadata.csv": "a|Old a.\nb|Old b.\n"})
    new = folder(tmp_path / "new", "a.wav c.wav", {"metadata.csv": "a|New a.\nc|New c.\n"})
    record(new / "a.wav", seed=1)
    earlier, untouched = scan(before).rows, contents(before)
    both, speaker = add(before, new)
    assert contents(before) == untouched
    assert texts(both) == {
        "wavs/a.wav": "Old a.",
        "wavs/b.wav": "Old b.",
        "set-2/a.wav": "New a.",
        "set-2/c.wav": "New c.",
    }
    result = scan(both)
    assert (result.rejects, result.warnings) == ([], [])
    kept = [{**row, "location": ""} for row in result.rows if row["source_path"].startswith("wavs/")]
    assert kept == [{**row, "location": ""} for row in earlier]
    assert {row["speaker"] for row in result.rows} == {speaker}


def test_recordings_of_the_same_name_keep_apart_with_the_texts_beside_them(tmp_path: Path) -> None:
    before = folder(tmp_path / "before", "a.wav", {"metadata.csv": "a|Old a.\n"})
    new = folder(tmp_path / "new", "a-2.wav", {"a.txt": "New a.", "a-2.txt": "Another."})
    record(new / "a.wav", seed=1)
    both, _ = add(before, new)
    assert texts(both) == {"a.wav": "Old a.", "set-2/a-3.wav": "New a.", "set-2/a-2.wav": "Another."}
    assert scan(both).rejects == []


def test_what_is_there_already_is_left_out_and_a_third_set_links_what_is_ours(tmp_path: Path) -> None:
    before = folder(tmp_path / "before", "a.wav", {"a.txt": "Old a."})
    new = folder(tmp_path / "new", "b.wav", {"b.txt": "New b.", "again.txt": "Not used."})
    shutil.copy(before / "a.wav", new / "again.wav")
    both, speaker = add(before, new)
    assert texts(both) == {"a.wav": "Old a.", "set-2/b.wav": "New b."}
    assert add(both, new, "more", speaker=speaker) == (both, speaker)
    assert not (tmp_path / "own" / "more").exists()
    third = folder(tmp_path / "third", "c.wav", {"c.txt": "New c."})
    more, _ = add(both, third, "more", speaker=speaker)
    assert texts(more) == {"a.wav": "Old a.", "set-2/b.wav": "New b.", "set-3/c.wav": "New c."}
    assert (more / "a.wav").samefile(both / "a.wav")
    assert not (both / "a.wav").samefile(before / "a.wav")


def test_one_recording_grows_by_more_and_its_speaker_stays_one(tmp_path: Path) -> None:
    before = folder(tmp_path / "before", "talk.wav", {"talk.txt": "Talk.", "other.txt": "Of something else."})
    record(before / "other.wav")
    new = folder(tmp_path / "new", "b.wav", {"metadata.csv": "id|text|speaker\nb|New b.|Anna B.\n"})
    both, speaker = add(before / "talk.wav", new)
    assert texts(both) == {"talk.wav": "Talk.", "set-2/b.wav": "New b."}
    assert {row["speaker"] for row in scan(both, speaker=speaker).rows} == {speaker}


def test_what_has_no_clear_place_is_refused(tmp_path: Path) -> None:
    several = folder(tmp_path / "several", "anna/a.wav bert/b.wav", {})
    new = folder(tmp_path / "new", "c.wav", {})
    with pytest.raises(UserError, match=f"2 speakers.*{several}.*voicewright finetune"):
        add(several, new)
    one = folder(tmp_path / "one", "a.wav", {"mine.csv": "a|Old a.\n"})
    with pytest.raises(UserError, match=r"corpus\.metadata.*no rows"):
        add(one, new, metadata=str(one / "mine.csv"))
    with pytest.raises(UserError, match="none came along"):
        add(one, folder(tmp_path / "texts", "", {"a.txt": "New."}))
    with pytest.raises(UserError, match="gone is no folder"):
        add(tmp_path / "gone", new)
    assert not (tmp_path / "own").exists()
