"""The supervisor with small services of its own: restarts, order, logs, a clean end."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from configs.errors import UserError
from flows import services
from flows.supervisor import MARK, SERVICE, Plan, Service, answers, mark, started_at, state_path

ROOT = Path(__file__).resolve().parents[2]


def free_port() -> int:
    with closing(socket.socket()) as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def wait(condition: Callable[[], Any], seconds: float = 40.0) -> Any:
    deadline = time.monotonic() + seconds
    while not (found := condition()):
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.05)
    return found


def state(folder: Path) -> dict[str, Any]:
    path = state_path(folder)
    return json.loads(path.read_text())["services"] if path.exists() else {}


@pytest.fixture
def running(tmp_path: Path) -> Iterator[tuple[Path, subprocess.Popen[bytes]]]:
    """A web server, and a service that needs it and ends soon."""
    (tmp_path / "logs").mkdir()
    port = free_port()
    web = (sys.executable, "-m", "http.server", "--bind", "127.0.0.1", str(port))
    brief = (sys.executable, "-c", "import time; print('hello from brief', flush=True); time.sleep(0.5)")
    plan = Plan(
        str(tmp_path),
        str(ROOT),
        (Service("brief", brief, needs="web"), Service("web", web, port, "/")),
    )
    process = subprocess.Popen(
        [sys.executable, "-m", "flows.supervisor", plan.to_json(), "--while-open"],
        cwd=ROOT,
        env={**os.environ, MARK: mark(tmp_path), SERVICE: services.SUPERVISOR},
        stdin=subprocess.PIPE,
    )
    yield tmp_path, process
    assert process.stdin is not None
    process.stdin.close()
    process.wait(30)


@pytest.mark.slow
def test_what_ends_is_started_again_and_everything_ends_together(
    running: tuple[Path, subprocess.Popen[bytes]],
) -> None:
    folder, process = running
    wait(lambda: state(folder).get("web", {}).get("ready"))
    first = state(folder)["web"]
    os.kill(first["pid"], signal.SIGKILL)
    wait(lambda: state(folder)["web"]["pid"] not in (0, first["pid"]) and state(folder)["web"]["ready"])
    wait(lambda: state(folder)["brief"]["starts"] >= 2)
    assert "hello from brief" in (folder / "logs" / "brief.log").read_text()
    assert "web ended with status -9" in (folder / "logs" / "supervisor.log").read_text()
    last = state(folder)["web"]
    assert process.stdin is not None
    process.stdin.close()
    assert process.wait(30) == 0
    assert not started_at(last["pid"])
    assert not answers(last["port"], "/")
    assert not state_path(folder).exists()


@pytest.mark.slow
def test_services_whose_supervisor_was_killed_are_found_and_ended(
    running: tuple[Path, subprocess.Popen[bytes]],
) -> None:
    folder, process = running
    wait(lambda: state(folder).get("web", {}).get("ready"))
    left = state(folder)["web"]
    process.kill()
    process.wait()
    assert services.endpoints(folder) is None
    assert started_at(left["pid"])
    assert f"web (127.0.0.1:{left['port']})" in services.down(folder)
    wait(lambda: not started_at(left["pid"]))
    assert services.down(folder) == []


def test_a_taken_port_is_refused_with_a_remedy(tmp_path: Path) -> None:
    with closing(socket.socket()) as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(UserError, match=f"port {port} is taken.*--prefect-port"):
            services.up(tmp_path, port, free_port())


def test_a_process_that_took_over_a_number_is_not_ours(tmp_path: Path) -> None:
    record = {"pid": os.getpid(), "started": "another time"}
    state_path(tmp_path).write_text(json.dumps({"supervisor": record, "services": {"web": record}}))
    assert services.endpoints(tmp_path) is None
    assert services.down(tmp_path) == []


def test_nothing_reports_home_and_all_state_lies_in_the_workspace(tmp_path: Path) -> None:
    found = services.environment(tmp_path, "http://127.0.0.1:1/api")
    assert found["PREFECT_HOME"].startswith(str(tmp_path))
    assert found["PYTHONPATH"].split(os.pathsep)[0] == str(services.ROOT)
    assert found["DO_NOT_TRACK"] == "1"
    assert found["MLFLOW_DISABLE_TELEMETRY"] == "true"
    assert found["PREFECT_SERVER_ANALYTICS_ENABLED"] == "false"
    plan = services.plan(tmp_path, 1, 2)
    assert plan.environment["MLFLOW_SERVER_ENABLE_JOB_EXECUTION"] == "false"
    assert all("127.0.0.1" in one.command for one in plan.services if one.port)
    assert Plan.from_json(plan.to_json()) == plan
