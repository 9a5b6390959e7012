"""What it costs to check records and blobs, against the same work that trusts them, in alternating turns.

Usage: `PYTHONPATH=. python bench/checking.py`. Prints JSON; exits with 1 when a cached run takes more than
1.15 times the processor time of one that trusts every record and blob and passes no gate.

- the sample: the embedded recordings as a voice with a few training steps, every stage found done and the
  voice published again: the command `finetune` (imports included), and its stages alone;
- 1,300 clips: 24 stages of 1,300 rows each in the real shards of 16, every stage found done;
- reading 100 MB of audio shards whole, one small column of them, and decoded as every audio stage does.

Processor time is compared, since other work on the machine does not add to it.
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pyarrow as pa

from artifacts import shards
from artifacts.manifest import RowRef
from artifacts.store import Store
from bench.measuring import results
from bench.measuring.row_chain import ROWS_PER_SHARD, chain
from bench.measuring.sample import FEW_STEPS
from bench.measuring.trusting import WAYS
from models.frontend.audio import decode_flac, encode_flac
from tasks.corpus.sample import write_sample
from tasks.pipeline import Pipeline
from tasks.results import Scan
from tasks.versions.settle import settle
from tasks.voice import Request, open_pipeline

BAR = 1.15
STAGES, ROWS = 24, 1300
SHARDS_MB, CLIP_S, SAMPLE_RATE = 100, 5.0, 32_000
TURNS = 8
CLIPS = pa.schema([("name", pa.string()), ("audio", pa.binary()), ("duration_s", pa.float64())])


def pipeline(folder: Path) -> Pipeline:
    """A voice of many clips whose stages take no time."""
    rows = [
        {"recording_id": f"clip-{at:05d}", "name": f"clip-{at:05d}", "value": float(at), "location": "/"}
        for at in range(ROWS)
    ]
    store = Store(str(folder / "store"), folder / "cache")
    return Pipeline(folder, "bench", SimpleNamespace(), lambda: Scan(rows), chain(STAGES), store)


def cached_run(folder: Path) -> None:
    """Every stage, found done."""
    opened = pipeline(folder)
    statuses = {opened.run_stage(name).status for name in opened.stages}
    opened.close()
    if statuses != {"cached"}:
        sys.exit(f"not every stage was cached: {statuses}")


def sample_voice(folder: Path) -> Request:
    """A finished voice of the embedded recordings; what was asked for."""
    for _ in write_sample(folder / "recordings"):
        pass
    request = Request(folder / "recordings", "bench", "tiny", None, FEW_STEPS)
    published_again(folder, request)
    return request


def published_again(folder: Path, request: Request) -> None:
    """Every stage, run or found done, and the voice's folder written."""
    with closing(open_pipeline(folder, request)) as opened:
        for name in opened.stages:
            opened.run_stage(name)
        settle(opened)


def finetune_again(folder: Path, request: Request, way: str) -> float:
    """Seconds of processor time of the command that finds every stage done, beside those of its server.

    Args:
        way: of `bench.measuring.trusting`.
    """
    seconds = folder / "seconds"
    settings = [part for one in request.overrides for part in ("--set", one)]
    done = subprocess.run(
        [
            *(sys.executable, "-m", "bench.measuring.trusting", way, str(seconds)),
            *("--workspace", str(folder), "finetune", str(request.recordings)),
            *("--voice", request.voice, "--preset", str(request.preset), *settings),
        ],
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode != 0 or "every stage is cached" not in done.stderr:
        sys.exit(f"not every stage was cached: {done.stdout}{done.stderr}")
    return float(seconds.read_text())


def in_process(work: Callable[[], None]) -> Callable[[str], float]:
    """The processor time of some work in this process."""

    def timed(way: str) -> float:
        with WAYS[way]():
            begun_s = time.process_time()
            work()
            return time.process_time() - begun_s

    return timed


def compared(seconds_of: Callable[[str], float]) -> dict[str, float]:
    """Median seconds of processor time of both ways, and their ratio."""
    seconds: dict[str, list[float]] = {way: [] for way in WAYS}
    for turn in range(TURNS):
        # Each way goes first in every second turn: what runs second finds caches warm.
        for way in sorted(WAYS, reverse=bool(turn % 2)):
            seconds[way].append(seconds_of(way))
    medians = {way: statistics.median(runs) for way, runs in seconds.items()}
    return {
        **{f"{way}_s": round(value, 4) for way, value in medians.items()},
        "ratio": round(medians["checking"] / medians["trusting"], 3),
    }


def audio_shards(store: Store) -> list[RowRef]:
    """Clips like recorded ones: noise that follows a syllable's rise and fall."""
    draw = np.random.default_rng(0)
    times = np.arange(int(CLIP_S * SAMPLE_RATE)) / SAMPLE_RATE
    refs: list[RowRef] = []
    while sum({row.shard: row.shard_bytes for row in refs}.values()) < SHARDS_MB * 1e6:
        rows = []
        for _ in range(ROWS_PER_SHARD):
            loudness = 0.1 * np.abs(np.sin(2 * np.pi * 2 * times + draw.uniform(0, 6))) ** 3
            wave = (loudness * draw.standard_normal(times.size)).astype(np.float32)
            name = f"clip-{len(refs) + len(rows):05d}"
            rows.append({"name": name, "audio": encode_flac(wave, SAMPLE_RATE), "duration_s": CLIP_S})
        refs.extend(shards.write_rows(store, CLIPS, rows))
    return refs


def main() -> int:
    """Measure and print."""
    argparse.ArgumentParser(description=__doc__).parse_args()
    with tempfile.TemporaryDirectory(prefix="voicewright-bench-") as place:
        folder = Path(place)
        opened = pipeline(folder / "w")
        for name in opened.stages:
            opened.run_stage(name)
        opened.close()
        many = compared(in_process(lambda: cached_run(folder / "w")))
        request = sample_voice(folder / "sample")
        voice = folder / "sample"
        sample = compared(in_process(lambda: published_again(voice, request)))
        command = compared(lambda way: finetune_again(voice, request, way))

        store = Store(str(folder / "audio"), folder / "cache")
        clips = audio_shards(store)
        by_shard: dict[str, list[RowRef]] = {}
        for row in clips:
            by_shard.setdefault(row.shard, []).append(row)

        def read(columns: list[str], use: Callable[[pa.Table], object] = len) -> Callable[[], None]:
            def work() -> None:
                for rows in by_shard.values():
                    use(shards.read_table(store, CLIPS, rows, columns))

            return work

        def decoded(table: pa.Table) -> None:
            for data in table["audio"].to_pylist():
                decode_flac(data)

        reading = {
            "all columns": compared(in_process(read(CLIPS.names))),
            "one small column": compared(in_process(read(["duration_s"]))),
            "audio, decoded": compared(in_process(read(["audio"], decoded))),
        }
    result = {
        "what": "checking records and blobs against trusting them: processor time, medians of "
        f"{TURNS} alternating turns",
        "bar": BAR,
        "cached_run": {
            "sample, the command": command,
            "sample, its stages alone": sample,
            f"{ROWS} clips, {STAGES} stages alone": many,
        },
        "reading": {"MB": SHARDS_MB, "clips": len(clips), **reading},
        "load_average": os.getloadavg()[0],
    }
    results.write("checking", result)
    return int(max(command["ratio"], many["ratio"]) > BAR)


if __name__ == "__main__":
    sys.exit(main())
