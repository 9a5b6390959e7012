"""Nights of a voice whose stages are small and named like the real ones; the flow and all around it are real.

A recording is a text that says how good a voice becomes by it: `0.8 good`, or why it is refused: `noise`.
`python -m tests.flows.small_nights WORKSPACE` is one night in a process of its own, which can be killed;
`... WORKSPACE VOICE OVERRIDE...` a run by hand of the recordings in its folder `clips`.
"""

from __future__ import annotations

import errno
import json
import os
import signal
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from unittest import mock

import numpy as np
import pyarrow as pa

from artifacts import digest
from artifacts.store import Store
from models.frontend.audio import encode_flac
from tasks.outcome import ConfigView, Inputs, Outcome, Produced, Work
from tasks.pipeline import Scan
from tasks.run_record import write_run
from tasks.stage import CorpusStage, RowStage, reject
from tasks.stages import Stages
from tasks.voice import Request

HERE = "tests.flows.small_nights"
RATE = 16_000
SENTENCES = 8
ROWS = pa.schema(
    [
        ("recording_id", pa.string()),
        ("source_digest", pa.string()),
        ("duration_s", pa.float64()),
        ("text", pa.string()),
    ]
)
NONE = pa.schema([("recording_id", pa.string())])
KILLS, FULL, WAITS = "kills", "full", "waits"
"""Files beside the recordings: training is killed halfway; its disk is full; it waits until the file goes."""
WORSE = "seed=5"
"""A recipe by which voices become worse."""
QUIET = "tracking.enabled=false"


def ingest(rows: list[dict], cfg: ConfigView, files: object) -> list[Outcome]:
    return [_taken(row) for row in rows]


def _taken(row: dict) -> Outcome:
    if row["text"] in ("noise", "stranger"):
        refusal = reject(
            row["recording_id"], row["text"], "audio", "x", f"is {row['text']}", "record it again"
        )
        return Outcome(rejects=[refusal])
    return Outcome(rows=[{name: row[name] for name in ROWS.names}])


def train(inputs: Inputs, cfg: ConfigView, work: Work) -> Produced:
    """The mean quality of the recordings; halfway through its place on the disk is remembered."""
    rows = inputs.table("ingest").to_pylist()
    half = work.dir / "half"
    resumed = half.exists()
    half.write_text("trained halfway")
    folder = Path(os.environ["SMALL_NIGHTS"])
    if (folder / KILLS).exists():
        os.kill(os.getpid(), signal.SIGKILL)
    if (folder / FULL).exists():
        raise OSError(errno.ENOSPC, "No space left on device", str(half))
    while (folder / WAITS).exists():
        time.sleep(0.05)
    quality = sum(float(row["text"].split()[0]) for row in rows) / len(rows)
    path = work.dir / "network.json"
    path.write_text(json.dumps({"quality": quality * (0.5 if cfg.seed == 5 else 1.0), "clips": len(rows)}))
    return Produced(files={path.name: path}, metrics={"resumed": float(resumed)})


def evaluate(inputs: Inputs, cfg: ConfigView, work: Work) -> Produced:
    quality = json.loads(inputs.files("train_sovits")["network.json"].read_text())["quality"]
    name = "sentences/speaker_similarity"
    clips = [{"utterance_id": f"s{n}", name: quality + 0.002 * (n % 3)} for n in range(SENTENCES)]
    about = {name: {"about": "similarity", "mean": quality}}
    path = work.dir / "evaluation.json"
    path.write_text(json.dumps({"verdict": f"as good as {quality:.2f}", "metrics": about, "clips": clips}))
    return Produced(files={path.name: path}, metrics={name: quality})


def export(inputs: Inputs, cfg: ConfigView, work: Work) -> Produced:
    network = inputs.files("train_sovits")["network.json"].read_bytes()
    made = json.loads(network)
    hum = 0.2 * np.sin(np.arange(RATE // 4) * made["quality"] / 5).astype(np.float32)
    files = {
        "voice.json": json.dumps(
            {"training_data": {"hours": made["clips"] / 60, "clips": made["clips"]}}
        ).encode(),
        "metrics.json": inputs.files("evaluate")["evaluation.json"].read_bytes(),
        "network.json": network,
        "samples/clip-1.text.flac": encode_flac(hum, RATE),
    }
    for name, data in files.items():
        (work.dir / name).parent.mkdir(exist_ok=True)
        (work.dir / name).write_bytes(data)
    return Produced(files={name: work.dir / name for name in files})


def report(inputs: Inputs, cfg: ConfigView, work: Work) -> Produced:
    path = work.dir / "report.html"
    path.write_bytes(b"<p>" + inputs.files("export")["metrics.json"].read_bytes())
    return Produced(files={path.name: path})


def _stage(name: str, reads: dict, run: str, config: tuple[str, ...] = ()) -> CorpusStage:
    return CorpusStage(name=name, version=1, run=f"{HERE}:{run}", reads=reads, schema=NONE, config=config)


STAGES = Stages(
    prepare=(
        RowStage(
            name="ingest",
            version=1,
            run=f"{HERE}:ingest",
            reads={"scan": None},
            schema=ROWS,
            parallel=False,
        ),
    ),
    finetune=(_stage("train_sovits", {"ingest": None}, "train", ("seed",)),),
    release=(
        _stage("evaluate", {"train_sovits": None}, "evaluate"),
        _stage("export", {"train_sovits": None, "evaluate": None}, "export"),
        _stage("report", {"export": ("metrics.json",)}, "report"),
    ),
)


def _scan(recordings: Path, settings: object, workspace: Path) -> Scan:
    rows = []
    for path in sorted(recordings.glob("*.txt")):
        data = path.read_bytes()
        rows.append(
            {
                "recording_id": path.stem,
                "source_digest": digest.of_bytes(data),
                "duration_s": 60.0,
                "text": data.decode(),
                "location": str(path),
                "speaker": "anna",
            }
        )
    return Scan(rows)


@contextmanager
def small_stages(folder: Path) -> Iterator[None]:
    """Let every pipeline be made of these stages.

    Args:
        folder: Where the files `KILLS` and `FULL` are looked for.
    """
    with (
        mock.patch.dict(os.environ, {"SMALL_NIGHTS": str(folder)}),
        mock.patch("tasks.stages.stages_of", lambda _: STAGES),
        mock.patch("flows.prefect_glue.stages_of", lambda _: STAGES),
        mock.patch("tasks.voice._scan", _scan),
    ):
        yield


def record(recordings: Path, **texts: str) -> None:
    """Put recordings into the folder."""
    recordings.mkdir(parents=True, exist_ok=True)
    for name, text in texts.items():
        (recordings / f"{name}.txt").write_text(text)


def voice_that_was_asked_for(workspace: Path, voice: str, recordings: Path, *overrides: str) -> Request:
    """Remember a request, as the first run of a voice does."""
    request = Request(recordings, voice, "tiny", None, (QUIET, *overrides))
    write_run(workspace, voice, {"request": request.as_record(), "stages": {}})
    return request


def store_of(workspace: Path) -> Store:
    return Store(str(workspace / "store"), workspace / "cache")


if __name__ == "__main__":
    from flows.nightly import nightly
    from flows.voice_finetune import voice_finetune

    folder, *by_hand = sys.argv[1:]
    with small_stages(Path(folder)):
        if by_hand:
            voice, *given = by_hand
            clips = str(Path(folder) / "clips")
            voice_finetune(recordings=clips, voice=voice, overrides=given, workspace=folder, wait=False)
        else:
            nightly(workspace=folder)
