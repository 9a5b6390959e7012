"""The services of `up` against other sites, other users and planted files: real servers, a real browser."""

from __future__ import annotations

import asyncio
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
from types import SimpleNamespace
from typing import Any

import anyio
import httpx
import pytest

from configs.errors import UserError
from flows import services
from flows.guarded_server import Guard, own_hosts
from flows.login import authorization, login, login_path
from flows.running import marked
from flows.supervisor import MARK, SERVICE, Plan, Service, answers, mark, started_at, state_path
from flows.worker import OwnRunsWorker, RefusedRunError, refuse_programs

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
    login: str

    @property
    def secret(self) -> dict[str, str]:
        return {"Authorization": authorization(self.login)}

    def ask(self, method: str, path: str, **arguments: Any) -> httpx.Response:
        """Ask Prefect's API as one who knows the login."""
        headers = self.secret | arguments.pop("headers", {})
        url = f"{self.endpoints['api']}{path}"
        while True:
            answer = httpx.request(method, url, headers=headers, timeout=60, **arguments)
            # SQLite is busy: Prefect's own client asks again as well.
            if answer.status_code != httpx.codes.SERVICE_UNAVAILABLE:
                return answer
            time.sleep(0.5)


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
            yield Up(base / "w", found, login(base / "w"))
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
    supervisors = [one for one in marked(up.workspace) if one.supervises]
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


def mlflow_routes() -> list[tuple[str, str]]:
    """Every route of MLflow that changes something: the older ones of Flask, the newer ones of FastAPI."""
    from mlflow.server import app as older
    from mlflow.server.fastapi_app import app as newer

    found = [(method, str(rule)) for rule in older.url_map.iter_rules() for method in rule.methods or ()]
    found += [(method, path) for path, methods in newer.openapi()["paths"].items() for method in methods]
    plain = str.maketrans("", "", "<>{}")
    return sorted({(m.lower(), path.translate(plain)) for m, path in found if m.lower() in MUTATING})


def test_no_foreign_origin_or_host_reaches_a_route_of_mlflow_that_changes_something(up: Up) -> None:
    routes = mlflow_routes()
    paths = {path for _, path in routes}
    assert {"/graphql", "/v1/traces", "/api/2.0/mlflow/experiments/create"} <= paths
    assert any(path.startswith("/gateway/") for path in paths)
    assert len(routes) > 300
    # MLflow by itself takes the first for a page of its own, and the second for a private address.
    near = [{"Origin": "http://localhost:9"}, {"Host": "10.elsewhere.example"}]
    far = [{"Origin": FOREIGN}, {"Origin": "null"}, {"Host": "elsewhere.example"}]
    with httpx.Client(base_url=up.endpoints["mlflow"], timeout=60) as client:
        for number, (method, path) in enumerate(routes):
            for headers in near if number % 10 else near + far:
                refused = client.request(method, path, headers=headers, json={})
                assert refused.status_code == 403, (method, path, headers)
        own = client.post("/api/2.0/mlflow/experiments/search", json={"max_results": 1})
        assert own.status_code == 200


@pytest.mark.parametrize(
    ("sent", "admitted"),
    [
        ({"sec-fetch-site": "same-origin", "sec-fetch-mode": "cors", "sec-fetch-dest": "empty"}, True),
        ({"sec-fetch-site": "none", "sec-fetch-mode": "navigate", "sec-fetch-dest": "document"}, True),
        ({"sec-fetch-site": "cross-site", "sec-fetch-mode": "navigate", "sec-fetch-dest": "document"}, True),
        ({"sec-fetch-site": "cross-site", "sec-fetch-mode": "navigate", "sec-fetch-dest": "iframe"}, False),
        ({"sec-fetch-site": "same-site", "sec-fetch-mode": "no-cors", "sec-fetch-dest": "image"}, False),
        ({"origin": "http://127.0.0.1:80"}, False),
        ({"origin": "https://127.0.0.1:81"}, False),
        ({"origin": "127.0.0.1:81"}, False),
        ({"origin": "http://localhost:81"}, True),
        ({"host": "localhost:81"}, False),  # two of them
    ],
)
def test_what_a_browser_says_of_a_request_decides(sent: dict[str, str], admitted: bool) -> None:
    async def nothing(*_: Any) -> None: ...

    headers = [(b"host", b"127.0.0.1:81"), *((name.encode(), text.encode()) for name, text in sent.items())]
    guard = Guard(nothing, own_hosts(81))
    assert guard.admits({"type": "http", "method": "GET", "headers": headers}) is admitted


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
def test_the_pages_open_with_the_login_by_either_name(up: Up, browser: Any) -> None:
    for host in ("127.0.0.1", "localhost"):
        url = up.endpoints["prefect"].replace("127.0.0.1", host)
        browser.open(f"{url}/deployments", 1400)
        wait(lambda: "password" in browser.evaluate("document.body.innerHTML").lower())
        password = json.dumps(up.login)
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


@pytest.mark.parametrize(
    ("overrides", "refused"),
    [
        (["features.align.mfa.executable=/tmp/x"], "name a program"),
        (["executable=/tmp/x"], "name a program"),
        (['features.align.mfa={"\\u0065xecutable": "/tmp/x"}'], "name a program"),
        ("executable=/tmp/x", "no list"),
        (["compute.workers=1", "train.sovits.max_steps=2"], ""),
        (["no.such.setting=1"], ""),
        (None, ""),
    ],
)
def test_overrides_of_a_run_name_no_program(overrides: Any, refused: str) -> None:
    parameters = {"overrides": overrides, "preset": "tiny"}
    if refused:
        with pytest.raises(RefusedRunError, match=refused):
            refuse_programs(parameters)
    else:
        refuse_programs(parameters)


def test_a_run_retried_before_its_process_ended_waits() -> None:
    """Prefect's own worker ends of it."""
    worker = OwnRunsWorker(work_pool_name="pool", limit=1)

    async def again() -> list[Any]:
        worker._limiter = anyio.CapacityLimiter(1)
        worker._limiter.acquire_on_behalf_of_nowait("run")
        waiting: Any = SimpleNamespace(flow_run=SimpleNamespace(id="run"))
        return await worker._submit_scheduled_flow_runs([waiting])

    assert asyncio.run(again()) == []


def test_what_was_compared_is_what_runs(up: Up, tmp_path: Path) -> None:
    """A deployment that gets pull steps of its own once its run was let through."""
    made = tmp_path / "made"
    ours = up.ask("GET", "/deployments/name/voice-finetune/default").json()
    kept = {
        name: ours[name] for name in ("name", "flow_id", "work_pool_name", "entrypoint", "pull_steps", "path")
    }
    request = {"parameters": {"recordings": str(tmp_path / "absent"), "voice": "x", "preset": "tiny"}}
    run = up.ask("POST", f"/deployments/{ours['id']}/create_flow_run", json=request).json()["id"]
    read = lambda: up.ask("GET", f"/flow_runs/{run}").json()  # noqa: E731
    wait(lambda: read()["state_name"] not in ("Scheduled", "Late", "Pending"), 120)
    steps = [{"prefect.deployments.steps.run_shell_script": {"script": f"touch {made}"}}]
    up.ask("POST", "/deployments/", json=kept | {"pull_steps": steps})
    try:
        wait(lambda: read()["state_type"] in ("CRASHED", "FAILED", "COMPLETED"), 180)
    finally:
        up.ask("POST", "/deployments/", json=kept)
    assert read()["run_count"] == 1 and read()["state_type"] == "FAILED", read()["state"]
    assert not made.exists()


def test_a_record_that_names_other_ports_is_not_believed(up: Up) -> None:
    """Who believed it would send the login there."""
    path = state_path(up.workspace)
    true = path.read_text()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    planted = json.loads(true)
    planted["services"]["prefect"]["port"] = 4321
    try:
        path.write_text(json.dumps(planted))
        assert services.endpoints(up.workspace) is None
    finally:
        path.write_text(true)
    found = services.endpoints(up.workspace)
    assert found is not None and found.api == up.endpoints["api"]


def test_the_login_is_in_no_argument_log_or_record(up: Up) -> None:
    _, _, password = up.login.partition(":")
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
    # A login that is lost must not keep services running.
    login_path(tmp_path).unlink(missing_ok=True)
    assert services.down(tmp_path) == [f"web (127.0.0.1:{port})"]
    assert not answers(port, "/")
    assert services.down(tmp_path) == []


def test_what_lies_in_the_way_is_named_and_links_are_not_followed(tmp_path: Path) -> None:
    state_path(tmp_path).mkdir()
    with pytest.raises(UserError, match=r"services\.json: is in the way"):
        services.down(tmp_path)
    state_path(tmp_path).rmdir()
    kept = tmp_path / "kept"
    kept.write_text("kept")
    lock = tmp_path / "services.lock"
    lock.unlink()
    lock.symlink_to(kept)
    with pytest.raises(UserError, match=r"services\.lock"):
        services.down(tmp_path)
    assert kept.read_text() == "kept"


def test_the_server_of_a_single_run_is_guarded_too(tmp_path: Path) -> None:
    code = (
        "import os, sys; from pathlib import Path; from flows import services\n"
        "with services.serving(Path(sys.argv[1])) as api:\n"
        "  print(api, os.environ['PREFECT_API_AUTH_STRING'], flush=True); sys.stdin.read()"
    )
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PREFECT_")}
    with subprocess.Popen(
        [sys.executable, "-c", code, str(tmp_path)],
        cwd=ROOT, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
    ) as run:  # fmt: skip
        assert run.stdout is not None and run.stdin is not None
        api, secret = run.stdout.readline().split()
        served = Up(tmp_path, {"api": api}, secret)
        try:
            for method, path in mutating_routes(served):
                place = path.removeprefix("/api")
                for headers in ({"Origin": FOREIGN}, {"Host": "elsewhere.example"}):
                    assert served.ask(method, place, headers=headers, json={}).status_code == 403
            unknown = httpx.post(f"{served.endpoints['api']}/flow_runs/filter", json={}, timeout=60)
            assert unknown.status_code == 401
            assert not login_path(tmp_path).exists(), "its login is its own and not written down"
            assert services.down(tmp_path) == [], "a run that is under way is not ended by `down`"
            assert served.ask("POST", "/flow_runs/filter", json={}).status_code == 200
        finally:
            run.stdin.close()
