"""The embedded recordings: whole, small, licensed, and written once."""

from __future__ import annotations

from pathlib import Path

import pytest

from configs.errors import UserError
from tasks.corpus import embedded as module
from tasks.corpus.embedded import embedded, write_embedded

FOLDER = Path(module.__file__).with_name("read_aloud")


def test_a_minute_and_a_half_to_fit_and_three_clips_to_judge_by() -> None:
    fit, held_out = embedded("fit"), embedded("held-out")
    waves = [one.wave() for one in fit]
    assert 60 <= sum(len(wave.samples) / wave.sample_rate for wave in waves) <= 120
    assert len(held_out) == 3
    assert not {one.name for one in fit} & {one.name for one in held_out}
    listed = {f"{one.name}.flac" for one in (*fit, *held_out)}
    assert {path.name for path in FOLDER.glob("*.flac")} == listed
    assert sum(path.stat().st_size for path in FOLDER.iterdir()) < 3_000_000
    assert "public domain" in " ".join((FOLDER / "SOURCE.md").read_text().split())


def test_only_what_is_to_be_fitted_is_written(tmp_path: Path) -> None:
    folder = tmp_path / "recordings"
    assert write_embedded(folder) == len(embedded("fit"))
    held_out = {one.path.name for one in embedded("held-out")}
    assert not held_out & {path.name for path in folder.iterdir()}
    assert '"lower-case"' in (folder / "metadata.csv").read_text()


def test_a_half_written_folder_is_completed_and_a_foreign_one_left_alone(tmp_path: Path) -> None:
    folder = tmp_path / "recordings"
    write_embedded(folder)
    lost, damaged = sorted(folder.glob("*.flac"))[:2]
    lost.unlink()
    damaged.write_bytes(b"")
    write_embedded(folder)
    for one in embedded("fit"):
        assert (folder / one.path.name).read_bytes() == one.path.read_bytes()
    other = tmp_path / "other"
    other.mkdir()
    (other / "mine.flac").write_bytes(b"mine")
    with pytest.raises(UserError, match="holds other files"):
        write_embedded(other)
    assert [path.name for path in other.iterdir()] == ["mine.flac"]
