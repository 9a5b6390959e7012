"""Three stages in miniature: rows of texts, rows of those, and a file that is made of all."""

from __future__ import annotations

import time
from collections.abc import Mapping
from pathlib import Path

import pyarrow as pa

from artifacts.store import Store
from configs.settings import Settings
from tasks.outcome import ConfigView, Inputs, Outcome, Produced, Work
from tasks.pipeline import Pipeline
from tasks.results import Scan
from tasks.stage import CorpusStage, RowStage
from tasks.voice import Request

LENGTHS = pa.schema([("name", pa.string()), ("length", pa.int32())])
SQUARES = pa.schema([("name", pa.string()), ("square", pa.int32())])
TOTALS = pa.schema([("name", pa.string()), ("total", pa.int32())])
TRAIN_S = 0.02
# Which tables of phones enter a key is asked of the settings, since `Request` knows lexicons.
SETTINGS = Settings()


def measure(rows: list[dict], cfg: ConfigView, files: object) -> list[Outcome]:
    return [Outcome(rows=[{"name": row["recording_id"], "length": len(row["text"])}]) for row in rows]


def square(rows: list[dict], cfg: ConfigView, files: object) -> list[Outcome]:
    return [Outcome(rows=[{"name": row["name"], "square": row["length"] ** 2}]) for row in rows]


def train(inputs: Inputs, cfg: ConfigView, work: Work) -> Produced:
    total = sum(inputs.table("square")["square"].to_pylist())
    time.sleep(TRAIN_S)
    (work.dir / "total.txt").write_text(str(total))
    return Produced(rows=[{"name": "all", "total": total}], files={"total.txt": work.dir / "total.txt"})


def show(inputs: Inputs, cfg: ConfigView, work: Work) -> Produced:
    total = inputs.files("train")["total.txt"].read_text()
    (work.dir / "page.html").write_text(f"<p>{total}</p>")
    return Produced(rows=[], files={"page.html": work.dir / "page.html"})


STAGES = (
    RowStage(
        name="measure",
        version=1,
        run=f"{__name__}:measure",
        reads={"scan": None},
        schema=LENGTHS,
        rows_per_shard=2,
    ),
    RowStage(
        name="square",
        version=1,
        run=f"{__name__}:square",
        reads={"measure": None},
        schema=SQUARES,
        rows_per_shard=2,
    ),
    CorpusStage(name="train", version=1, run=f"{__name__}:train", reads={"square": None}, schema=TOTALS),
    CorpusStage(
        name="show", version=1, run=f"{__name__}:show", reads={"train": ("total.txt",)}, schema=TOTALS
    ),
)


def small_pipeline(
    workspace: Path, texts: Mapping[str, str], voice: str = "v", url: str = "", thorough: bool = False
) -> Pipeline:
    """A voice's pipeline over texts by name."""
    rows = [{"recording_id": n, "text": text, "location": f"/{n}"} for n, text in texts.items()]
    return Pipeline(
        workspace,
        voice,
        SETTINGS,
        scan=lambda: Scan(rows),
        stages=STAGES,
        store=Store(url or str(workspace / "store"), workspace / "cache"),
        request=Request(Path("/recordings"), voice, "tiny").as_record(),
        thorough=thorough,
    )


def run_all(pipeline: Pipeline, force: str = "") -> dict[str, tuple[str, str]]:
    """Run every stage; its status and output's digest by name."""
    results = [pipeline.run_stage(name, force=name == force) for name in pipeline.stages]
    pipeline.close()
    return {result.name: (result.status, result.output_digest) for result in results}
