"""One flipped bit in each kind of stored result: found when it is used, named, made again to the byte."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import closing
from fnmatch import fnmatch
from pathlib import Path

import pytest

from artifacts.store import BlobRef
from tasks.pipeline import Pipeline
from tasks.release.speak import load_voice
from tasks.versions.folders import champion_folder
from tasks.versions.settle import settle
from tasks.voice import Request, open_pipeline
from tests.pipeline.finished import Finished

pytestmark = pytest.mark.slow

# What is damaged (a stage and its file; no file: a shard of its rows), and the stage that reads it.
CASES = {
    "audio": ("enhance", "", "speaker"),
    "spoken audio": ("synthesize", "*.flac", "evaluate"),
    "Parquet": ("shard", "data/*.parquet", "plan"),
    "safetensors": ("train_sovits", "*.safetensors", "export"),
    "JSON": ("evaluate", "evaluation.json", "export"),
    "page": ("report", "report.html", ""),
}


@pytest.fixture(scope="module")
def asked(finished: Finished, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Request]:
    """A finished voice: its workspace, and what was asked for."""
    folder = tmp_path_factory.mktemp("damage")
    request = finished.copied(folder)
    with closing(open_pipeline(folder / "workspace", request)) as pipeline:
        settle(pipeline)
    return folder / "workspace", request


@pytest.fixture
def opened(asked: tuple[Path, Request]) -> Iterator[Callable[..., Pipeline]]:
    """Open the finished voice's pipeline."""
    made: list[Pipeline] = []

    def make(thorough: bool = False) -> Pipeline:
        made.append(open_pipeline(*asked, thorough=thorough))
        return made[-1]

    yield make
    for pipeline in made:
        pipeline.close()


def flip(path: Path) -> None:
    """Change one bit in the middle."""
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)


def blob(pipeline: Pipeline, stage: str, pattern: str) -> BlobRef:
    known = pipeline.known(stage)
    assert known is not None
    if not pattern:
        return known.rows[0].blob
    return next(ref for name, ref in known.files.items() if fnmatch(name, pattern))


@pytest.mark.timeout(600)
@pytest.mark.parametrize(("stage", "pattern", "reader"), CASES.values(), ids=CASES)
def test_a_flipped_bit_is_found_named_and_made_again(
    opened: Callable[..., Pipeline], stage: str, pattern: str, reader: str
):
    pipeline = opened()
    before = {name: pipeline.known(name).output for name in pipeline.stages}
    ref = blob(pipeline, stage, pattern)
    flip(pipeline.store.local_path(ref, check=False))
    results = {name: pipeline.run_stage(name, force=name == reader) for name in pipeline.stages}
    settle(pipeline)
    folder = champion_folder(pipeline.workspace, pipeline.voice)
    assert {name: result.output_digest for name, result in results.items()} == before
    if reader:
        (note,) = (note for note in results[reader].notes if "damaged" in note)
        assert stage in note
        assert ref.digest[:12] in note
    assert pipeline.store.intact(ref)
    load_voice(folder)
    again = opened(thorough=True)
    assert {again.run_stage(name).status for name in again.stages} == {"cached"}
