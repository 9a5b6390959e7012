"""Prefect server, MLflow and a worker on this machine: `up`, `down`, and what a run needs to know of them.

Everything lies in the workspace: databases, logs, the server's login, the record of what runs
(`services.json`). Nothing listens beyond 127.0.0.1 and nothing reports home.
"""

from __future__ import annotations

import fcntl
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

from configs.errors import UserError
from flows.login import authorization, client_environment, login, login_path, new_login, server_environment
from flows.running import Services, marked, recorded
from flows.supervisor import (
    HOST,
    MARK,
    SERVICE,
    SUPERVISOR,
    Plan,
    Service,
    answers,
    mark,
    state_path,
    supervisor_title,
)
from models.memory import ONE_ARENA

ROOT = Path(__file__).resolve().parent.parent
PREFECT_PORT = 4200
MLFLOW_PORT = 5000
POOL = "local"
GPU_LIMIT = "gpu"
START_WAIT_S = 180.0
STOP_WAIT_S = 60.0
STARTS_TRIED = 3

# The libraries' own switches. Hub access stays possible: whoever sets HF_HUB_OFFLINE keeps it.
NO_TELEMETRY = {
    "DO_NOT_TRACK": "1",
    "HF_HUB_DISABLE_TELEMETRY": "1",
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "ORT_DISABLE_TELEMETRY": "1",
    "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
    "RAY_USAGE_STATS_ENABLED": "0",
}
# One transaction per task run makes SQLite refuse (503) what a client writes meanwhile, and Prefect's client
# then waits two seconds; in batches the refusals all but vanish.
RECORD_IN_BATCHES = {
    "PREFECT_SERVER_SERVICES_TASK_RUN_RECORDER_READ_BATCH_SIZE": "50",
    "PREFECT_SERVER_SERVICES_TASK_RUN_RECORDER_BATCH_SIZE": "200",
    # Whole seconds: the recorder truncates, and a flush every 0 s keeps a core busy.
    "PREFECT_SERVER_SERVICES_TASK_RUN_RECORDER_FLUSH_INTERVAL": "1",
    "PREFECT_SERVER_SERVICES_EVENT_PERSISTER_READ_BATCH_SIZE": "50",
    "PREFECT_SERVER_SERVICES_EVENT_PERSISTER_BATCH_SIZE": "200",
    "PREFECT_SERVER_SERVICES_EVENT_PERSISTER_FLUSH_INTERVAL": "1",
}
# A server for one run shows no pages and starts nothing that was scheduled.
PRIVATE_SERVER = {
    "PREFECT_UI_ENABLED": "false",
    "PREFECT_SERVER_SERVICES_SCHEDULER_ENABLED": "false",
    "PREFECT_SERVER_SERVICES_LATE_RUNS_ENABLED": "false",
    "PREFECT_SERVER_SERVICES_TRIGGERS_ENABLED": "false",
    "PREFECT_SERVER_LOGGING_LEVEL": "ERROR",
}
FLUSH_S = 1.2


@dataclass(frozen=True)
class Endpoints:
    """Where the services answer."""

    prefect: str
    mlflow: str

    @property
    def api(self) -> str:
        """Prefect's API."""
        return f"{self.prefect}/api"

    @property
    def aliases(self) -> tuple[str, ...]:
        """Every way to write the API's address."""
        return (self.api, self.api.replace(HOST, "localhost"))


def environment(workspace: Path, api_url: str | None) -> dict[str, str]:
    """What a Prefect or MLflow process of this workspace must find in its environment.

    Args:
        api_url: the server's API; None lets Prefect start its own for the length of a run.
    """
    paths = [str(ROOT), *os.environ.get("PYTHONPATH", "").split(os.pathsep)]
    server = {"PREFECT_API_URL": api_url} if api_url else {"PREFECT_SERVER_EPHEMERAL_ENABLED": "true"}
    return {
        **NO_TELEMETRY,
        **RECORD_IN_BATCHES,
        **server,
        **ONE_ARENA,
        "PREFECT_HOME": str(workspace / "prefect"),
        "PYTHONPATH": os.pathsep.join(path for path in dict.fromkeys(paths) if path),
        "VOICEWRIGHT_WORKSPACE": str(workspace),
    }


def up(
    workspace: Path,
    prefect_port: int = PREFECT_PORT,
    mlflow_port: int = MLFLOW_PORT,
    wait_s: float = START_WAIT_S,
) -> dict[str, str]:
    """Start the services, wait until they answer, deploy the flows; harmless when they run already.

    Returns:
        What was started and where: `prefect`, `mlflow`, `api`, `login` (the file), `logs`.

    Raises:
        UserError: a port is taken, or a service did not come up.
    """
    (workspace / "logs").mkdir(parents=True, exist_ok=True)
    with _alone(workspace):
        if endpoints(workspace) is None:
            _stop(workspace)
            for port, option in ((prefect_port, "prefect-port"), (mlflow_port, "mlflow-port")):
                _refuse_taken(port, option)
            _start_supervisor(workspace, prefect_port, mlflow_port)
        try:
            found = _wait_ready(workspace, time.monotonic() + wait_s)
            _deploy(workspace, found)
        except (KeyboardInterrupt, UserError):
            _stop(workspace)
            raise
    return {
        "prefect": found.prefect,
        "mlflow": found.mlflow,
        "api": found.api,
        "login": str(login_path(workspace)),
        "logs": str(workspace / "logs"),
    }


def down(workspace: Path) -> list[str]:
    """Stop what `up` started, also where its record or its supervisor is gone.

    Returns:
        What it ended, in words; nothing when nothing ran.

    Raises:
        UserError: something did not stop.
    """
    with _alone(workspace):
        return _stop(workspace)


def endpoints(workspace: Path) -> Endpoints | None:
    """Where this workspace's services answer; None when they do not run."""
    found = recorded(workspace)
    if found is None or not {"prefect", "mlflow"} <= found.services.keys():
        return None
    ports = {name: service.port for name, service in found.services.items()}
    return Endpoints(f"http://{HOST}:{ports['prefect']}", f"http://{HOST}:{ports['mlflow']}")


def status(workspace: Path) -> Services:
    """The services that the supervisor keeps, by name; empty when it does not run."""
    found = recorded(workspace)
    return found.services if found is not None else {}


@contextmanager
def serving(workspace: Path, meanwhile: Callable[[], None] | None = None) -> Iterator[str]:
    """A Prefect API for the length of a run: the one that `up` started, or a private one.

    The private server keeps its history in the workspace's database, where `up` shows it later, and ends with
    this process, however that ends. Prefect's own temporary server does neither. The process's environment is
    set for the API, so Prefect must not have been imported before.

    Args:
        meanwhile: called while a private server starts, for what takes time as well (imports).

    Raises:
        UserError: the server did not start.
    """
    found = endpoints(workspace)
    if found is not None:
        os.environ.update(environment(workspace, found.api) | client_environment(login(workspace)))
        if meanwhile is not None:
            meanwhile()
        # Where `up` has only begun the server does not answer yet.
        _wait_answer(int(found.prefect.rpartition(":")[2]), workspace / "logs" / "prefect.log")
        yield found.api
        return
    (workspace / "logs").mkdir(parents=True, exist_ok=True)
    port = _free_port()
    api = f"http://{HOST}:{port}/api"
    server = Service("private", _server_command(port), port, "/api/health")
    # Of this run alone and never written down: also a workspace on a disk without file modes has one.
    secret = new_login()
    own = environment(workspace, api)
    private = Plan(str(workspace), str(ROOT), (server,), own | PRIVATE_SERVER, public=False)
    process = subprocess.Popen(
        [sys.executable, "-m", "flows.supervisor", private.to_json(), "--while-open"],
        cwd=ROOT,
        env={**os.environ, **server_environment(secret)},
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    assert process.stdin is not None
    os.environ.update(own | client_environment(secret))
    try:
        if meanwhile is not None:
            meanwhile()
        _wait_answer(port, workspace / "logs" / "private.log", process)
        yield api
    finally:
        _drain()
        process.stdin.close()
        process.wait()


def _wait_answer(port: int, log: Path, process: subprocess.Popen[bytes] | None = None) -> None:
    deadline = time.monotonic() + START_WAIT_S
    while not answers(port, "/api/health"):
        if (process is not None and process.poll() is not None) or time.monotonic() > deadline:
            raise UserError(f"the Prefect server did not start; see {log}")
        time.sleep(0.05)


def _drain() -> None:
    """Hand over what waits in this process and give the server the time of one batch to write it.

    A server that ends sooner loses the last batch, and Prefect's threads then try for a minute to reach it.
    """
    if "prefect" not in sys.modules:
        return
    from prefect.events.worker import EventsWorker
    from prefect.logging.handlers import APILogHandler

    APILogHandler().flush()
    EventsWorker.drain_all(timeout=5)
    time.sleep(FLUSH_S)


def _free_port() -> int:
    with closing(socket.socket(socket.AF_INET, socket.SOCK_STREAM)) as probe:
        probe.bind((HOST, 0))
        port: int = probe.getsockname()[1]
    return port


def _server_command(port: int) -> tuple[str, ...]:
    return (sys.executable, "-m", "flows.guarded_server", "prefect", "--host", HOST, "--port", str(port))


def plan(workspace: Path, prefect_port: int, mlflow_port: int) -> Plan:
    """What the supervisor is to keep running."""
    python = sys.executable
    tracking = workspace / "mlflow"
    services = (
        Service(
            "prefect",
            _server_command(prefect_port),
            prefect_port,
            "/api/health",
            login="checks",
        ),
        Service(
            "mlflow",
            (
                *(python, "-m", "flows.guarded_server", "mlflow", "--host", HOST, "--port", str(mlflow_port)),
                *("--backend-store-uri", f"sqlite:///{tracking / 'mlflow.db'}"),
                *("--default-artifact-root", str(tracking / "artifacts")),
                *("--artifacts-destination", str(tracking / "artifacts")),
            ),
            mlflow_port,
            "/health",
        ),
        Service(
            "worker",
            (*(python, "-m", "flows.worker", "--pool", POOL, "--name", "voicewright", "--limit", "1"),),
            needs="prefect",
            login="asks",
        ),
    )
    extra = {
        "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false",
        # The pages ask the server that they came from, by whichever of its names.
        "PREFECT_SERVER_UI_API_URL": "/api",
    }
    api = f"http://{HOST}:{prefect_port}/api"
    return Plan(str(workspace), str(ROOT), services, environment(workspace, api) | extra)


def _start_supervisor(workspace: Path, prefect_port: int, mlflow_port: int) -> None:
    (workspace / "mlflow" / "artifacts").mkdir(parents=True, exist_ok=True)
    planned = plan(workspace, prefect_port, mlflow_port)
    named = supervisor_title({service.name: service.port for service in planned.services})
    with (workspace / "logs" / "supervisor.out").open("ab") as output:
        process = subprocess.Popen(
            [sys.executable, "-m", "flows.supervisor", planned.to_json()],
            cwd=ROOT,
            env={**os.environ, MARK: mark(workspace), SERVICE: named},
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,
        )
    deadline = time.monotonic() + START_WAIT_S
    while endpoints(workspace) is None:
        if process.poll() is not None or time.monotonic() > deadline:
            raise UserError(f"up: the supervisor did not start; see {workspace / 'logs'}")
        time.sleep(0.1)


def _wait_ready(workspace: Path, deadline_s: float) -> Endpoints:
    while True:
        found = endpoints(workspace)
        if found is None:
            raise UserError(f"up: the services ended while starting; see {workspace / 'logs'}")
        services = status(workspace)
        late = [name for name, service in services.items() if not service.ready]
        if not late:
            return found
        if time.monotonic() > deadline_s or any(services[name].starts > STARTS_TRIED for name in late):
            raise UserError(
                f"up: {', '.join(late)} did not answer in time; see {workspace / 'logs'}/{late[0]}.log"
            )
        time.sleep(0.25)


def _deploy(workspace: Path, found: Endpoints) -> None:
    """The GPU's limit and the deployments of `prefect.yaml`; the worker makes the work pool by itself."""
    port, secret = int(found.prefect.rpartition(":")[2]), authorization(login(workspace))
    deadline = time.monotonic() + START_WAIT_S
    while not answers(port, f"/api/work_pools/{POOL}", secret):
        if time.monotonic() > deadline:
            raise UserError(f"up: the worker made no work pool; see {workspace / 'logs' / 'worker.log'}")
        time.sleep(0.25)
    if not answers(port, f"/api/v2/concurrency_limits/{GPU_LIMIT}", secret):
        _prefect(workspace, found, "global-concurrency-limit", "create", GPU_LIMIT, "--limit", "1")
    _prefect(workspace, found, "--no-prompt", "deploy", "--all")


def _prefect(workspace: Path, found: Endpoints, *arguments: str) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "prefect", *arguments],
        cwd=ROOT,
        env={**os.environ, **environment(workspace, found.api), **client_environment(login(workspace))},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode != 0:
        last = "\n".join((done.stdout + done.stderr).strip().splitlines()[-8:])
        raise UserError(f"up: `prefect {' '.join(arguments)}` failed:\n{last}")


def _refuse_taken(port: int, option: str) -> None:
    with closing(socket.socket(socket.AF_INET, socket.SOCK_STREAM)) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError as error:
            raise UserError(
                f"up: port {port} is taken ({error.strerror}); stop what listens there or choose another "
                f"with --{option}"
            ) from error


@contextmanager
def _alone(workspace: Path) -> Iterator[None]:
    """Hold the workspace's services against another `up` or `down`; waits for one that is at work."""
    workspace.mkdir(parents=True, exist_ok=True)
    # A link planted in its place would have another file opened.
    path = workspace / "services.lock"
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o600)
    except OSError as error:
        raise UserError(f"{path}: cannot be opened as a lock ({error.strerror}); remove it") from error
    with os.fdopen(descriptor, "rb") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        yield


def _stop(workspace: Path) -> list[str]:
    """As `down`, by whoever holds the workspace's services."""
    running = marked(workspace)
    ended = sorted({process.service for process in running if not process.supervises})
    # The supervisor ends its services one after the other, and would start again what something else ends.
    for process in running:
        if process.supervises:
            process.signal(signal.SIGTERM)
    _wait_while(lambda: any(process.supervises for process in marked(workspace)), STOP_WAIT_S)
    for sign in (signal.SIGTERM, signal.SIGKILL):
        for process in marked(workspace):
            process.signal(sign)
        _wait_while(lambda: bool(marked(workspace)), STOP_WAIT_S / 4)
    if left := marked(workspace):
        numbers = ", ".join(str(process.pid) for process in left)
        raise UserError(
            f"down: could not end process {numbers}; see {workspace / 'logs'} and `ps -p {numbers}`"
        )
    record = state_path(workspace)
    try:
        record.unlink(missing_ok=True)
    except OSError as error:
        raise UserError(f"{record}: is in the way ({error.strerror}); remove it and try again") from error
    return ended or ([SUPERVISOR] if running else [])


def _wait_while(condition: Callable[[], bool], seconds: float) -> None:
    deadline = time.monotonic() + seconds
    while condition() and time.monotonic() < deadline:
        time.sleep(0.1)
