"""The services of `up` against other sites, other users and planted files: real servers, a real browser."""

from __future__ import annotations

import http.server
import json
import os
import signal
import socket
import stat
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest

from configs.errors import UserError
from flows import services
from flows.login import MARK, authorization, login, login_path, mark
from flows.running import marked
from flows.supervisor import SERVICE, Plan, Service, answers, started_at, state_path

ROOT = Path(__file__).resolve().parents[2]
FOREIGN = "http://elsewhere.example"
MUTATING = ("post", "put", "patch", "delete")

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]


def free_port() -> int:
    with closing(socket.socket()) as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def wait(condition: Callable[[], Any], seconds: float = 60.0) -> Any:
    deadline = time.monotonic() + seconds
    while not (found := condition()):
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.1)
    return found


@dataclass(frozen=True)
class Up:
    workspace: Path
    endpoints: dict[str, str]

    @property
    def secret(self) -> dict[str, str]:
        return {"Authorization": authorization(login(self.workspace))}

    def ask(self, method: str, path: str, **arguments: Any) -> httpx.Response:
        """Ask Prefect's API as one who knows the login."""
        headers = self.secret | arguments.pop("headers", {})
        return httpx.request(
            method, f"{self.endpoints['api']}{path}", headers=headers, timeout=60, **arguments
        )


@pytest.fixture(scope="module")
def up(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Up]:
    """Services that two `up`s at once have started."""
    base = tmp_path_factory.mktemp("guarded")
    (base / "home").mkdir()
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("HOME", str(base / "home"))
        for name in [name for name in os.environ if name.startswith("PREFECT_")]:
            patch.delenv(name)
        ports = ["--prefect-port", str(free_port()), "--mlflow-port", str(free_port())]
        command = [sys.executable, str(ROOT / "voicewright.py"), "-w", str(base / "w"), "up", *ports]
        both = [
            subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
            for _ in range(2)
        ]
        said = [process.communicate(timeout=400) for process in both]
        try:
            assert [process.returncode for process in both] == [0, 0], said
            assert said[0][0] == said[1][0]
            found = dict(line.split(maxsplit=1) for line in said[0][0].splitlines() if "http" in line)
            yield Up(base / "w", found)
        finally:
            services.down(base / "w")
            assert not marked(base / "w")


def mutating_routes(up: Up) -> list[tuple[str, str]]:
    paths = up.ask("GET", "/openapi.json").json()["paths"]
    return [
        (method, path.replace("{", "").replace("}", ""))
        for path, methods in paths.items()
        for method in methods
        if method in MUTATING
    ]


def test_two_at_once_leave_one_set_of_services(up: Up) -> None:
    titles = {process.service for process in marked(up.workspace)}
    assert len([title for title in titles if title.startswith("prefect")]) == 1
    supervisors = [one for one in marked(up.workspace) if one.service == services.SUPERVISOR]
    assert len(supervisors) == 1


def test_no_foreign_origin_or_host_reaches_a_route_that_changes_something(up: Up) -> None:
    routes = mutating_routes(up)
    assert len(routes) > 100
    with httpx.Client(base_url=up.endpoints["prefect"], timeout=60) as client:
        for method, path in routes:
            place = path if path.startswith("/api") else f"/api{path}"
            for headers in ({"Origin": FOREIGN}, {"Host": "elsewhere.example:4200"}, {"Origin": "null"}):
                refused = client.request(method, place, headers=up.secret | headers, json={})
                assert refused.status_code == 403, (method, place, headers)
                assert "access-control-allow-origin" not in refused.headers
            assert client.request(method, place, json={}).status_code == 401, (method, place)
    assert up.ask("POST", "/flow_runs/filter", json={}).status_code == 200


def test_mlflow_refuses_foreign_origins_and_hosts(up: Up) -> None:
    changing = [
        *("experiments/create", "experiments/delete", "experiments/update", "experiments/set-experiment-tag"),
        *("runs/create", "runs/delete", "runs/update", "runs/set-tag", "runs/log-metric", "runs/log-batch"),
        *("registered-models/create", "registered-models/alias", "model-versions/create"),
    ]
    with httpx.Client(base_url=up.endpoints["mlflow"], timeout=60) as client:
        for route in changing:
            path = f"/api/2.0/mlflow/{route}"
            assert client.post(path, json={}, headers={"Origin": FOREIGN}).status_code == 403, route
            assert client.post(path, json={}, headers={"Host": "elsewhere.example"}).status_code == 403, route
        own = client.post("/api/2.0/mlflow/experiments/search", json={"max_results": 1})
        assert own.status_code == 200


def test_a_websocket_of_another_site_is_closed(up: Up) -> None:
    from websockets.exceptions import InvalidStatus
    from websockets.sync.client import connect

    url = up.endpoints["api"].replace("http", "ws") + "/events/in"
    with pytest.raises(InvalidStatus), connect(url, additional_headers={"Origin": FOREIGN}, proxy=None):
        pass


class _Nothing(http.server.BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "text/html")
        self.end_headers()
        self.wfile.write(b"<title>another site</title>")

    def log_message(self, *_: object) -> None:
        pass


@pytest.mark.browser
def test_a_page_of_another_site_can_start_nothing(up: Up, browser: Any) -> None:
    [deployment] = up.ask("POST", "/deployments/filter", json={"limit": 1}).json()
    runs = "/flow_runs/count"
    before = up.ask("POST", runs, json={}).json()
    site = http.server.ThreadingHTTPServer(("127.0.0.1", 0), _Nothing)
    threading.Thread(target=site.serve_forever, daemon=True).start()
    target = f"{up.endpoints['api']}/deployments/{deployment['id']}/create_flow_run"
    attempt = """
    (async (url, mode, headers) => {
      try { return (await fetch(url, {method: "POST", mode, headers, body: "{}"})).status }
      catch (error) { return String(error) }
    })(%s, %s, %s)"""
    plain, with_login = {"Content-Type": "text/plain"}, up.secret | {"Content-Type": "application/json"}
    try:
        # Another port of this machine, and a name that a rebound DNS entry could give it.
        for host in ("127.0.0.1", "localhost"):
            browser.open(f"http://{host}:{site.server_port}/", 800)
            for mode, headers in (("no-cors", plain), ("cors", plain), ("cors", with_login)):
                for url in (target, target.replace("127.0.0.1", "localhost")):
                    said = browser.evaluate(attempt % tuple(json.dumps(one) for one in (url, mode, headers)))
                    assert said == 0 or "TypeError" in str(said), said
    finally:
        site.shutdown()
    assert up.ask("POST", runs, json={}).json() == before


@pytest.mark.browser
@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
def test_the_pages_open_with_the_login(up: Up, browser: Any, host: str) -> None:
    url = up.endpoints["prefect"].replace("127.0.0.1", host)
    browser.open(f"{url}/deployments", 1400)
    wait(lambda: "password" in browser.evaluate("document.body.innerHTML").lower())
    password = json.dumps(login(up.workspace))
    browser.evaluate(f"localStorage.setItem('prefect-password', btoa({password}))")
    browser.open("about:blank", 1400)
    browser.open(f"{url}/deployments", 1400)
    wait(lambda: "nightly" in browser.evaluate("document.body.innerText"))


def test_a_run_that_brings_a_command_along_is_refused(up: Up, tmp_path: Path) -> None:
    made = tmp_path / "made"
    deployment = up.ask("GET", "/deployments/name/voice-finetune/default").json()
    brought: list[dict[str, Any]] = [
        {"command": f"touch {made}"},
        {"working_dir": str(tmp_path)},
        {"env": {"PYTHONSTARTUP": "x"}},
        {"env.PATH": str(tmp_path)},
    ]
    wanted = {
        up.ask(
            "POST",
            f"/deployments/{deployment['id']}/create_flow_run",
            json={"job_variables": variables, "parameters": {"recordings": str(tmp_path)}},
        ).json()["id"]
        for variables in brought
    }
    foreign = up.ask(
        "POST",
        "/deployments/",
        json={
            "name": "foreign",
            "flow_id": deployment["flow_id"],
            "work_pool_name": services.POOL,
            "entrypoint": "flows/voice_finetune.py:voice_finetune",
            "pull_steps": [{"prefect.deployments.steps.run_shell_script": {"script": f"touch {made}"}}],
        },
    ).json()
    wanted.add(up.ask("POST", f"/deployments/{foreign['id']}/create_flow_run", json={}).json()["id"])

    def states() -> list[tuple[str, str]] | None:
        chosen = {"flow_runs": {"id": {"any_": sorted(wanted)}}}
        runs = up.ask("POST", "/flow_runs/filter", json=chosen).json()
        found = [(run["state_type"], run["state"]["message"] or "") for run in runs]
        return found if all(kind in ("CRASHED", "FAILED", "COMPLETED") for kind, _ in found) else None

    ended = wait(states, 180)
    up.ask("DELETE", f"/deployments/{foreign['id']}")
    assert len(ended) == len(brought) + 1
    assert all(kind == "CRASHED" and "RefusedRunError" in message for kind, message in ended), ended
    assert any("run_shell_script" in message for _, message in ended)
    assert not made.exists()


def test_the_login_is_in_no_argument_log_or_record(up: Up) -> None:
    _, _, password = login(up.workspace).partition(":")
    assert stat.S_IMODE(login_path(up.workspace).stat().st_mode) == 0o600
    for process in marked(up.workspace):
        assert password.encode() not in Path(f"/proc/{process.pid}/cmdline").read_bytes()
    holders = [
        path
        for path in up.workspace.rglob("*")
        if path.is_file() and path != login_path(up.workspace) and password.encode() in path.read_bytes()
    ]
    assert not holders


def test_prefect_in_the_checkout_logs_in_by_itself(up: Up) -> None:
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PREFECT_")} | {
        "VOICEWRIGHT_WORKSPACE": str(up.workspace),
        "COLUMNS": "200",
    }
    command = [sys.executable, "-m", "prefect", "deployment", "ls"]
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "voice-finetune/nightly" in done.stdout
    # Another address gets no login of ours.
    other = environment | {"PREFECT_API_URL": up.endpoints["mlflow"] + "/api"}
    shown = subprocess.run(
        [sys.executable, "-m", "prefect", "config", "view"],
        cwd=ROOT, env=other, capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert "AUTH_STRING" not in shown.stdout


def test_planted_records_signal_nobody(tmp_path: Path) -> None:
    victim = subprocess.Popen(["sleep", "600"])
    try:
        record = {"pid": victim.pid, "started": started_at(victim.pid)}
        service = record | {"port": 1, "ready": True, "starts": 1}
        whole = {"supervisor": record, "services": {"prefect": service, "mlflow": service}}
        for planted in (whole, {}, [], 3, None, "x", {"supervisor": 1}, {**whole, "services": []}):
            state_path(tmp_path).write_text(json.dumps(planted))
            assert services.endpoints(tmp_path) is None
            assert services.status(tmp_path) == {}
            login(tmp_path)
            assert services.down(tmp_path) == []
        for torn in (json.dumps(whole)[:40], "", "[" * 100_000):
            state_path(tmp_path).write_text(torn)
            assert services.down(tmp_path) == []
        assert victim.poll() is None
    finally:
        victim.kill()
        victim.wait()


def test_a_login_that_others_can_read_is_refused(tmp_path: Path) -> None:
    login(tmp_path)
    login_path(tmp_path).chmod(0o644)
    with pytest.raises(UserError, match=r"login: is not yours alone \(mode 644\)"):
        login(tmp_path)
    login_path(tmp_path).chmod(0o600)
    login_path(tmp_path).write_text("x")
    with pytest.raises(UserError, match="does not hold a login"):
        login(tmp_path)


def test_down_finds_what_a_killed_supervisor_and_a_torn_record_leave(tmp_path: Path) -> None:
    (tmp_path / "logs").mkdir()
    port = free_port()
    web = Service("web", (sys.executable, "-m", "http.server", "--bind", "127.0.0.1", str(port)), port, "/")
    plan = Plan(str(tmp_path), str(ROOT), (web,))
    environment = {**os.environ, MARK: mark(tmp_path), SERVICE: services.SUPERVISOR}
    supervisor = subprocess.Popen(
        [sys.executable, "-m", "flows.supervisor", plan.to_json()], cwd=ROOT, env=environment
    )
    wait(lambda: answers(port, "/"))
    os.kill(supervisor.pid, signal.SIGKILL)
    supervisor.wait()
    state_path(tmp_path).write_text('{"supervisor": {"pi')
    assert [process.service for process in marked(tmp_path)] == [web.title]
    assert services.down(tmp_path) == [f"web (127.0.0.1:{port})"]
    assert not answers(port, "/")
    assert services.down(tmp_path) == []


def test_the_server_of_a_single_run_is_guarded_too(tmp_path: Path) -> None:
    code = (
        "import sys; from pathlib import Path; from flows import services\n"
        "with services.serving(Path(sys.argv[1])) as api: print(api, flush=True); sys.stdin.read()"
    )
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PREFECT_")}
    with subprocess.Popen(
        [sys.executable, "-c", code, str(tmp_path)],
        cwd=ROOT, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
    ) as run:  # fmt: skip
        assert run.stdout is not None and run.stdin is not None
        served = Up(tmp_path, {"api": run.stdout.readline().strip()})
        try:
            for method, path in mutating_routes(served):
                place = path.removeprefix("/api")
                for headers in ({"Origin": FOREIGN}, {"Host": "elsewhere.example"}):
                    assert served.ask(method, place, headers=headers, json={}).status_code == 403
            unknown = httpx.post(f"{served.endpoints['api']}/flow_runs/filter", json={}, timeout=60)
            assert unknown.status_code == 401
            assert services.down(tmp_path) == [], "a run that is under way is not ended by `down`"
            assert served.ask("POST", "/flow_runs/filter", json={}).status_code == 200
        finally:
            run.stdin.close()
