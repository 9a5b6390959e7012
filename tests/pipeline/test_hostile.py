"""A folder of broken and malicious input through the whole screening: each item's verdict, in one run."""

from __future__ import annotations

import itertools
import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tasks.voice import Request, open_pipeline
from tests.speech.hostile import ITEMS, Item

pytestmark = [pytest.mark.hostile, pytest.mark.slow]

# The set's codes by ours, where they differ.
OURS = {"truncated": {"truncated", "damaged"}, "bad_metadata": {"bad_metadata", "bad_row"}}
MEMORY_BYTES = 2 << 30
# Runs a command and prints its peak memory, KiB. It is a process of its own: what pytest has held would
# count for its direct children.
MEASURED = """
import resource, subprocess, sys
status = subprocess.run(sys.argv[1:]).returncode
print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)
sys.exit(status)
"""


@pytest.mark.timeout(400)
def test_every_item_gets_its_verdict(
    hostile: Path,
    command: Callable[..., list[str]],
    environment: dict[str, str],
    read: Callable[..., Any],
    tmp_path: Path,
):
    arguments = ("finetune", hostile, "--voice", "h", "--preset", "tiny", "--until", "screen")
    run = command(*arguments, "--set", "tracking.enabled=false")
    done = subprocess.run(
        [sys.executable, "-c", MEASURED, *run],
        env=environment,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    assert "Traceback" not in done.stderr + done.stdout
    assert int(done.stdout.split()[-1]) * 1024 < MEMORY_BYTES

    rejects = read("rejects", "h")
    verdicts = Verdicts(hostile, tmp_path / "workspace", rejects)
    wrong = [f"{item.path!r}: {said}" for item in ITEMS if (said := verdicts.deviation(item))]
    assert not wrong, "\n".join(wrong)
    for refused in rejects:
        assert all(refused[part] for part in ("code", "field", "reason", "remedy")), refused


@pytest.mark.timeout(200)
def test_what_is_too_little_to_validate_on_is_said_before_training(hostile: Path, tmp_path: Path):
    (item,) = (item for item in ITEMS if item.code == "too_little_data")
    workspace = tmp_path / "workspace"
    pipeline = open_pipeline(
        workspace, Request(hostile / item.path, "v", "tiny", None, ("compute.workers=1",))
    )
    for name in itertools.takewhile(lambda name: not name.startswith("train"), pipeline.stages):
        pipeline.run_stage(name)
    pipeline.close()
    told = json.loads((workspace / "runs" / "v" / "run.json").read_text())["stages"]["shard"]["warnings"]
    assert any("no clip is left for validation" in warning for warning in told)


class Verdicts:
    """What became of every file."""

    def __init__(self, root: Path, workspace: Path, rejects: list[dict[str, Any]]) -> None:
        pipeline = open_pipeline(workspace, Request(root, "h", "tiny", None, ("tracking.enabled=false",)))
        path_of = {row["recording_id"]: row["source_path"] for row in pipeline.scanned().rows}
        recording_of = dict(
            zip(
                *pipeline.table("segment", ["utterance_id", "recording_id"]).to_pydict().values(), strict=True
            )
        )
        accepted = pipeline.table("screen", ["utterance_id"])["utterance_id"].to_pylist()
        self.used = {path_of[recording_of[name]] for name in accepted}
        self.codes: dict[str, set[str]] = {}
        for one in rejects:
            recording = recording_of.get(one["id"], one["id"])
            self.codes.setdefault(path_of.get(recording, recording), set()).add(one["code"])
        stages = json.loads((workspace / "runs" / "h" / "run.json").read_text())["stages"]
        told = [warning for stage in stages.values() for warning in stage["warnings"]]
        self.warned = {
            path
            for name, path in path_of.items()
            if any(warning.startswith((f"{name}:", f"{path}:")) for warning in told)
        } | {warning.split(":")[0] for warning in told}
        pipeline.close()

    def deviation(self, item: Item) -> str | None:
        """Why an item's verdict is not the expected one, or None."""
        path, expected, code = item

        def belongs(other: str) -> bool:
            return other == path or other.startswith(f"{path}/")

        used = {other for other in self.used if belongs(other)}
        codes = {c for other, found in self.codes.items() if belongs(other) for c in found}
        as_expected = bool(codes & OURS.get(code, {code}))
        reported = as_expected or any(belongs(other) for other in self.warned)
        if code == "too_little_data":
            return None  # one clip among many is enough here; alone it is the other test's subject
        allowed = {
            "ok": used and not codes,
            "ok_convert": used and not codes,
            "ok_or_reject": used or as_expected,
            "warn": used and reported,
            "warn_or_reject": reported,
            "reject": as_expected and not used,
            "reject_items": as_expected and used,
            "reject_dataset": as_expected and not used,
            "bait": not used,
        }
        if allowed[expected]:
            return None
        return f"expected {expected} ({code}); used {sorted(used)}, refused as {sorted(codes)}"
