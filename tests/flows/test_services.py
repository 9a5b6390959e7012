"""From an empty HOME: up, run by deployment, fail, retry, schedule, down. All real, as a person types it."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any

import pytest

from flows import services
from flows.login import authorization, login
from flows.running import marked
from tasks.corpus.sample import write_sample

ROOT = Path(__file__).resolve().parents[2]
CLIPS = 5
UNTIL = "semantic"
RUN_WAIT_S = 240
SHORT = ["train.sovits.max_steps=2", "compute.workers=1"]


def free_port() -> int:
    with closing(socket.socket()) as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@dataclass(frozen=True)
class Machine:
    """A person's shell beside running services."""

    workspace: Path
    recordings: Path
    environment: dict[str, str]
    endpoints: dict[str, str]

    def prefect(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "prefect", *arguments],
            cwd=ROOT,
            env=self.environment,
            capture_output=True,
            text=True,
            check=False,
            timeout=RUN_WAIT_S + 60,
        )

    def finetune(self, name: str, flow: str = "voice-finetune/default") -> subprocess.CompletedProcess[str]:
        given = {
            "recordings": str(self.recordings),
            "voice": "e2e",
            "preset": "tiny",
            "overrides": SHORT,
            "until": UNTIL,
        }
        return self.prefect(
            *("deployment", "run", flow, "--flow-run-name", name, "--params", json.dumps(given)),
            *("--watch", "--watch-timeout", str(RUN_WAIT_S)),
        )

    def log(self) -> str:
        """The end of what the worker said."""
        return (self.workspace / "logs" / "worker.log").read_text()[-4000:]

    def post(self, path: str, body: dict[str, Any]) -> Any:
        import httpx

        headers = {"Authorization": authorization(login(self.workspace))}
        return httpx.post(f"{self.endpoints['api']}/{path}", json=body, headers=headers, timeout=30).json()

    def flow_run(self, name: str) -> dict[str, Any]:
        [found] = self.post("flow_runs/filter", {"flow_runs": {"name": {"any_": [name]}}})
        return dict(found)

    def stage_runs(self, name: str) -> list[tuple[str, str]]:
        """Stage and state of every time that one ran in this run's subflows, in their order."""
        top = self.flow_run(name)["id"]
        subflows = self.post("flow_runs/filter", {"flow_runs": {"parent_flow_run_id": {"any_": [top]}}})
        runs = self.post(
            "task_runs/filter",
            {
                "task_runs": {"flow_run_id": {"any_": [one["id"] for one in subflows]}},
                "sort": "EXPECTED_START_TIME_ASC",
            },
        )
        return [(run["name"], run["state_name"]) for run in runs]


@pytest.fixture(scope="module")
def machine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Machine]:
    base = tmp_path_factory.mktemp("machine")
    workspace, home, recordings = base / "workspace", base / "home", base / "recordings"
    home.mkdir()
    for _written in write_sample(recordings):
        pass
    listing = recordings / "metadata.csv"
    kept = listing.read_text().splitlines()[:CLIPS]
    listing.write_text("\n".join(kept) + "\n")
    for clip in sorted((recordings / "wavs").iterdir())[CLIPS:]:
        clip.unlink()
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("HOME", str(home))
        for name in [name for name in os.environ if name.startswith("PREFECT_")]:
            patch.delenv(name)
        endpoints = services.up(workspace, free_port(), free_port())
        environment = {
            **os.environ,
            "VOICEWRIGHT_WORKSPACE": str(workspace),
            "DO_NOT_TRACK": "1",
            "COLUMNS": "200",
        }
        try:
            yield Machine(workspace, recordings, environment, endpoints)
        finally:
            assert len(services.down(workspace)) == len(("prefect", "mlflow", "worker"))
            assert not marked(workspace)


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_a_failed_training_is_retried_and_only_it_and_later_stages_run(machine: Machine) -> None:
    """Training cannot make its scratch folder, because a file of that name is in the way."""
    obstacle = machine.workspace / "work" / "train_sovits"
    obstacle.parent.mkdir(parents=True, exist_ok=True)
    obstacle.write_text("in the way")
    failed = machine.finetune("first")
    assert failed.returncode != 0, failed.stdout
    assert machine.flow_run("first")["state_type"] == "FAILED"
    before = machine.stage_runs("first")
    assert before[-1] == ("train_sovits", "Failed"), (before, machine.log())
    obstacle.unlink()
    retried = machine.prefect("flow-run", "retry", "first")
    assert retried.returncode == 0, retried.stdout + retried.stderr
    deadline = time.monotonic() + RUN_WAIT_S
    while machine.flow_run("first")["state_type"] != "COMPLETED":
        assert machine.flow_run("first")["run_count"] < 3
        assert time.monotonic() < deadline, machine.flow_run("first")["state_name"]
        time.sleep(1)
    # The server writes down what happened to stages a little later than what happened to the flow.
    while (UNTIL, "Completed") not in (runs := machine.stage_runs("first")):
        assert time.monotonic() < deadline, (runs, machine.flow_run("first"), machine.log())
        time.sleep(1)
    retried_runs = runs[len(before) :]
    computed = [name for name, state in retried_runs if state != "Cached"]
    assert computed == ["train_sovits", "semantic"], (runs, machine.flow_run("first"), machine.log())
    assert len(retried_runs) > len(computed)


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_the_same_request_again_is_found_done(machine: Machine) -> None:
    done = machine.finetune("second")
    assert done.returncode == 0, machine.log()
    assert {state for _, state in machine.stage_runs("second")} == {"Cached"}


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_the_flows_name_alone_runs_its_default_deployment(machine: Machine) -> None:
    if not any(point.name == "voice-finetune-alias" for point in entry_points(group="prefect.plugins")):
        pytest.skip("the application is not installed in this environment (make setup)")
    done = machine.finetune("literal", flow="voice-finetune")
    assert done.returncode == 0, done.stdout + done.stderr
    assert machine.flow_run("literal")["state_type"] == "COMPLETED"


@pytest.mark.slow
def test_the_nightly_schedule_is_listed_and_runs_are_planned(machine: Machine) -> None:
    listed = machine.prefect("deployment", "schedule", "ls", "voice-finetune/nightly")
    assert listed.returncode == 0, listed.stdout + listed.stderr
    assert "0 3 * * *" in listed.stdout
    deadline = time.monotonic() + 90
    planned: list[Any] = []
    while not planned:
        assert time.monotonic() < deadline, "the server planned no nightly run"
        planned = planned_runs(machine)
        time.sleep(1)


def planned_runs(machine: Machine) -> list[Any]:
    """Runs that the server planned for the nightly deployment."""
    wanted = {
        "deployments": {"name": {"any_": ["nightly"]}},
        "flow_runs": {"state": {"type": {"any_": ["SCHEDULED"]}}},
    }
    return list(machine.post("flow_runs/filter", wanted))


@pytest.mark.slow
def test_up_again_changes_nothing_that_runs(machine: Machine) -> None:
    before = {name: one.pid for name, one in services.status(machine.workspace).items()}
    assert services.up(machine.workspace) == machine.endpoints
    assert {name: one.pid for name, one in services.status(machine.workspace).items()} == before
