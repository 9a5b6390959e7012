"""A voice of small stages that are named like the real ones, so that versions are made in moments."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from contextlib import closing
from pathlib import Path

import pyarrow as pa

from artifacts.store import Store
from configs.settings import Settings
from tasks.outcome import ConfigView, Inputs, Outcome, Produced, Work
from tasks.pipeline import Pipeline
from tasks.results import Scan
from tasks.stage import CorpusStage, RowStage
from tasks.versions.settle import Settled, settle
from tasks.voice import Request

ROWS = pa.schema([("name", pa.string()), ("text", pa.string())])
NONE = pa.schema([("name", pa.string())])


def read(rows: list[dict], cfg: ConfigView, files: object) -> list[Outcome]:
    return [Outcome(rows=[{"name": row["recording_id"], "text": row["text"]}]) for row in rows]


def evaluate(inputs: Inputs, cfg: ConfigView, work: Work) -> Produced:
    """Each recording's text is what was measured of it: the similarity of a sentence."""
    rows = inputs.table("read").to_pylist()
    clips = [
        {"utterance_id": row["name"], "text/speaker_similarity": float(row["text"].split()[0])}
        for row in rows
    ]
    path = work.dir / "evaluation.json"
    path.write_text(json.dumps({"verdict": "unlike", "metrics": {}, "clips": clips}))
    mean = sum(clip["text/speaker_similarity"] for clip in clips) / len(clips)
    return Produced(files={path.name: path}, metrics={"text/speaker_similarity": mean})


def export(inputs: Inputs, cfg: ConfigView, work: Work) -> Produced:
    evaluation = inputs.files("evaluate")["evaluation.json"].read_text()
    hours = len(json.loads(evaluation)["clips"]) / 60
    described = {"training_data": {"hours": hours, "clips": 1}}
    files = {"voice.json": json.dumps(described), "metrics.json": evaluation, "nets/a.bin": evaluation * 9}
    for name, text in files.items():
        (work.dir / name).parent.mkdir(exist_ok=True)
        (work.dir / name).write_text(text)
    return Produced(files={name: work.dir / name for name in files})


def report(inputs: Inputs, cfg: ConfigView, work: Work) -> Produced:
    path = work.dir / "report.html"
    path.write_text(f"<p>{len(inputs.files('export')['metrics.json'].read_text())}</p>")
    return Produced(files={path.name: path})


STAGES = (
    RowStage(name="read", version=1, run=f"{__name__}:read", reads={"scan": None}, schema=ROWS),
    CorpusStage(name="evaluate", version=1, run=f"{__name__}:evaluate", reads={"read": None}, schema=NONE),
    CorpusStage(
        name="export",
        version=1,
        run=f"{__name__}:export",
        reads={"evaluate": ("evaluation.json",)},
        schema=NONE,
    ),
    CorpusStage(
        name="report", version=1, run=f"{__name__}:report", reads={"export": ("metrics.json",)}, schema=NONE
    ),
)


def opened(workspace: Path, texts: Mapping[str, str], voice: str = "anna", **gates: object) -> Pipeline:
    """The pipeline of a voice whose recordings say how good they are."""
    rows = [{"recording_id": n, "text": text, "location": f"/{n}"} for n, text in texts.items()]
    return Pipeline(
        workspace,
        voice,
        Settings.model_validate({"gates": gates, "preset": "tiny"}),
        scan=lambda: Scan(rows),
        stages=STAGES,
        store=Store(str(workspace / "store"), workspace / "cache"),
        request=Request(Path("/recordings"), voice, "tiny").as_record(),
    )


def made(
    workspace: Path, similarities: Sequence[float], voice: str = "anna", take: str = "", **gates: object
) -> Settled:
    """Run the pipeline on sentences of these similarities to the end, and settle it.

    Args:
        take: Sets a version apart from one with the same measures.
    """
    texts = {f"s{number}": f"{value} {take}" for number, value in enumerate(similarities)}
    with closing(opened(workspace, texts, voice, **gates)) as pipeline:
        for name in pipeline.stages:
            pipeline.run_stage(name)
        return settle(pipeline)


def spoken_by(folder: Path) -> dict[str, bytes]:
    """Every file of a voice's folder."""
    return {
        path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()
    }
