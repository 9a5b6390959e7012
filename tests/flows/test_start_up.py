"""What asking imports: commands that look need no network's library, nor does a run that finds all done."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
HEAVY = ("torch", "librosa", "scipy", "transformers", "speechbrain", "mlflow", "matplotlib", "datasets")
LOOKING = """
import sys
from pathlib import Path
from configs.errors import UserError
from flows.__main__ import app
from tasks.corpus.sample import write_sample
from tasks.voice import Request, open_pipeline, read_run
workspace, recordings = Path(sys.argv[1]), Path(sys.argv[1]) / "recordings"
for _ in write_sample(recordings):
    pass
request = Request(recordings, "ann", "tiny")
open_pipeline(workspace, request).known("ingest")
(workspace / "runs" / "ann").mkdir(parents=True)
import json
record = {"request": request.as_record(), "stages": {}}
(workspace / "runs" / "ann" / "run.json").write_text(json.dumps(record))
for command in (["status", "ann"], ["why", "ann", "train_sovits"], ["voices"]):
    app(["--workspace", str(workspace), *command], standalone_mode=False)
"""
AGAIN = """
import sys
from pathlib import Path
from flows.run import run_voice
from tasks.voice import Request
from tests.pipeline.storm import write_recordings
workspace, recordings = Path(sys.argv[1]), Path(sys.argv[1]) / "recordings"
if not recordings.exists():
    write_recordings(recordings, 3)
request = Request(recordings, "ann", "tiny", overrides=("tracking.enabled=false", "compute.workers=1"))
run_voice(workspace, request, "segment", (), verify=False)
"""
FLOW = """
import flows.voice_finetune, flows.run
from tasks.stages import every_way
assert all(way.all for way in every_way().values())
"""


def _imported(code: str, *arguments: str) -> set[str]:
    """Top-level modules of a process of its own that ran the code."""
    shown = "\nprint('\\n' + ' '.join(sorted({name.split('.')[0] for name in sys.modules})))"
    done = subprocess.run(
        [sys.executable, "-c", f"import sys{code}{shown}", *arguments],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return set(done.stdout.splitlines()[-1].split())


@pytest.mark.slow
def test_looking_at_a_voice_imports_no_network_and_no_prefect(tmp_path: Path) -> None:
    found = _imported(LOOKING, str(tmp_path))
    assert "pyarrow" in found
    assert not found & {*HEAVY, "prefect", "pandas"}


@pytest.mark.slow
def test_a_run_that_finds_all_done_starts_no_server_and_imports_no_network(tmp_path: Path) -> None:
    assert "prefect" in _imported(AGAIN, str(tmp_path))
    found = _imported(AGAIN, str(tmp_path))
    assert "pyarrow" in found
    assert not found & {*HEAVY, "prefect", "pandas"}


@pytest.mark.slow
def test_a_run_that_only_asks_imports_no_network() -> None:
    found = _imported(FLOW)
    assert "prefect" in found
    assert not found & set(HEAVY)


def test_knowing_the_families_imports_nothing_of_them() -> None:
    found = _imported("\nimport tasks.families")
    assert not found & {*HEAVY, "numpy", "pyarrow", "pydantic", "prefect", "fsspec"}
