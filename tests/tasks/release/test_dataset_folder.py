"""The training table as a dataset folder: read by `datasets` as the docs say, whole or not there."""

from __future__ import annotations

import re
from pathlib import Path
from types import SimpleNamespace

import pyarrow.parquet as pq
import pytest

from configs.corpus import CorpusSettings
from configs.errors import UserError
from tasks.corpus.scan import scan_recordings
from tasks.release import dataset_folder
from tasks.release.dataset_folder import table_files, write_dataset
from tests.conftest import ROOT
from tests.tasks.features.test_shard import corpus, settings, shard

CLIPS = 12


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """A training table as the stage makes it."""
    tree = settings()
    made: dict[str, Path] = shard(corpus(CLIPS, tree), tree, tmp_path_factory.mktemp("table")).files
    return made


def example(page: Path) -> str:
    """The example of a page that reads a dataset."""
    blocks = re.findall(r"```python\n(.*?)```", page.read_text(encoding="utf-8"), re.DOTALL)
    (found,) = (block for block in blocks if "load_dataset" in block)
    return str(found)


@pytest.mark.parametrize("page", ["docs", "card"])
def test_datasets_reads_it_as_the_pages_say(
    files: dict[str, Path],
    tmp_path: Path,
    page: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    from datasets import Audio, config

    monkeypatch.setattr(config, "HF_DATASETS_CACHE", tmp_path / "cache")
    folder = tmp_path / "exported"
    names = list(write_dataset(files, folder))
    assert sorted(names) == sorted(files)
    source = example(ROOT / "docs" / "howto" / "recordings.md" if page == "docs" else folder / "README.md")
    known: dict = {}
    exec(source.replace("FOLDER", str(folder)), known)
    table = known["table"]
    counts = {split: len(list(table[split].decode(False))) for split in table}
    assert set(counts) == {"train", "validation", "test"} and sum(counts.values()) == CLIPS
    assert len(capsys.readouterr().out.splitlines()) == counts["train"]
    assert known["sample_rate"] == 32_000 and len(known["samples"]) / 32_000 == pytest.approx(0.8, abs=0.01)
    features = table["train"].features
    assert isinstance(features["audio"], Audio) and features["audio"].sampling_rate == 32_000
    stored = pq.read_schema(next(folder.glob("data/train-*.parquet")))
    assert list(features) == stored.names


def test_it_can_be_trained_on_again(files: dict[str, Path], tmp_path: Path) -> None:
    folder = tmp_path / "exported"
    list(write_dataset(files, folder))
    found = scan_recordings(folder, CorpusSettings(), tmp_path / "digests.json")
    assert len(found.rows) == CLIPS and not found.rejects
    assert {row["speaker"] for row in found.rows} == {"ann", "bob"}
    assert {row["language"] for row in found.rows} == {"en"}
    assert "Hello there." in {row["text"] for row in found.rows}


def test_nothing_is_overwritten(files: dict[str, Path], tmp_path: Path) -> None:
    folder = tmp_path / "full"
    folder.mkdir()
    (folder / "notes.txt").write_text("mine")
    for place in (folder, folder / "notes.txt"):
        with pytest.raises(UserError, match=f"{place} is not an empty folder"):
            list(write_dataset(files, place))
    assert [path.name for path in folder.iterdir()] == ["notes.txt"]
    assert (folder / "notes.txt").read_text() == "mine"


@pytest.mark.parametrize("is_there", [False, True])
def test_what_breaks_off_leaves_nothing(
    files: dict[str, Path], tmp_path: Path, is_there: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "out"
    if is_there:
        folder.mkdir()
    copied = dataset_folder._copy

    def full(source: Path, target: Path) -> None:
        if "validation" in target.name:
            raise OSError(28, "No space left on device", str(target))
        copied(source, target)

    monkeypatch.setattr(dataset_folder, "_copy", full)
    with pytest.raises(OSError, match="No space"):
        list(write_dataset(files, folder))
    assert folder.exists() is is_there
    assert not is_there or not list(folder.iterdir())


def test_until_all_is_copied_nothing_is_seen_and_a_killed_export_is_cleared(
    files: dict[str, Path], tmp_path: Path
) -> None:
    folder = tmp_path / "out"
    left = folder / ".unfinished-killed" / "data"
    left.mkdir(parents=True)
    (left / "train-00000-of-00001.parquet").write_bytes(b"half")
    for _ in write_dataset(files, folder):
        assert [path.name[:12] for path in folder.iterdir()] == [".unfinished-"]
        assert not left.exists()
    assert sorted(path.name for path in folder.iterdir()) == ["README.md", "data"]


def test_a_voice_without_a_table_is_told_what_to_run() -> None:
    pipeline = SimpleNamespace(voice="anna", known=lambda stage: None)
    with pytest.raises(UserError, match=r"anna has no training table.*--until shard"):
        table_files(pipeline)  # type: ignore[arg-type]
