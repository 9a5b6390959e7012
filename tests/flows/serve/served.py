"""A server in a thread of the test, with voices of random networks that speak in moments."""

from __future__ import annotations

import json
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import httpx
import torch

from configs.serving import ServingSettings
from flows.guarded_server import own_hosts
from flows.serve.app import create_app, guarded
from flows.serve.keys import Keys
from flows.serve.run import server_of
from flows.serve.service import Service
from flows.serve.studio.errands import Errands
from flows.serve.trainings import Trainings
from models.kokoro.config import TINY
from models.kokoro.model import Kokoro
from models.kokoro.upstream import save_config, save_kokoro
from tasks.release.published import load_published
from tasks.release.voice import Voice
from tasks.run_record import write_run
from tasks.versions.record import VersionEntry, write_versions
from tasks.weights import LocalWeights

SIZES = replace(TINY, decoder=replace(TINY.decoder, style_dim=128))
SETTINGS = ServingSettings(lanes=2, threads=1, device="cpu")


def write_weights(workspace: Path) -> Path:
    """Small weights where the published ones would be, so that `kokoro/af_heart` and its like speak."""
    place = workspace / "models" / "kokoro-82m"
    place.mkdir(parents=True)
    torch.manual_seed(3)
    save_kokoro(place / "kokoro-v1_0.pth", Kokoro(SIZES))
    save_config(place / "config.json", SIZES)
    return workspace


def write_voice(workspace: Path, name: str, official: str, number: int = 1) -> None:
    """A voice of the workspace whose champion is version `number`; it speaks as an official voice does."""
    folder = workspace / "voices" / name
    fresh, old = folder.with_name(f".{name}.fresh"), folder.with_name(f".{name}.old")
    fresh.mkdir(parents=True)
    described = {"family": "kokoro", "languages": ["en-us"], "official": official}
    (fresh / "voice.json").write_text(json.dumps(described))
    if folder.exists():
        folder.rename(old)
    fresh.rename(folder)
    for path in old.glob("*"):
        path.unlink()
    if old.exists():
        old.rmdir()
    entries: list[VersionEntry] = [
        {
            "number": at,
            "made_at": "2026-01-01T00:00:00+00:00",
            "preset": "kokoro-fit",
            "output": f"{at:064x}",
            "stages": {},
            "hours": 0.1,
            "clips": 9,
            "metrics": {},
            "verdict": f"strangers understand it, says {at}",
            "decision": "",
        }
        for at in range(1, number + 1)
    ]
    record = {"last": number, "champion": number, "registered": None, "versions": entries, "changes": []}
    write_versions(workspace, name, record)  # type: ignore[arg-type]
    request = {
        "recordings": "/r",
        "voice": name,
        "preset": "kokoro-fit",
        "config_file": None,
        "overrides": [],
    }
    write_run(workspace, name, {"request": request, "stages": {}})  # type: ignore[typeddict-item]


def opener(workspace: Path) -> Callable[[str], Voice[Any]]:
    """Opens what `write_voice` wrote, and published voices."""

    def open_voice(name: str) -> Voice[Any]:
        if "/" not in name:
            path = workspace / "voices" / name.partition("@")[0] / "voice.json"
            name = json.loads(path.read_text())["official"]
        return load_published(name, LocalWeights(workspace / "models"))

    return open_voice


@dataclass(frozen=True)
class Served:
    """A server that runs."""

    port: int
    service: Service

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def say(self, text: str = "One, two.", voice: Any = "af_heart", **fields: Any) -> httpx.Response:
        body = {"model": "tts-1", "input": text, "voice": voice, "response_format": "pcm", **fields}
        return httpx.post(f"{self.url}/v1/audio/speech", json=body, timeout=60)

    def wait(self, condition: Callable[[], bool], seconds: float = 20.0) -> None:
        ends_s = time.monotonic() + seconds
        while not condition():
            assert time.monotonic() < ends_s, "it did not come to that"
            time.sleep(0.02)


@contextmanager
def served(
    workspace: Path,
    settings: ServingSettings = SETTINGS,
    keys: tuple[str, ...] = (),
    open_voice: Callable[[str], Voice[Any]] | None = None,
    recordings: tuple[Path, ...] = (),
    command: tuple[str, ...] = (),
) -> Iterator[Served]:
    """Serve a workspace while the block runs."""
    threads = torch.get_num_threads()
    service = Service(workspace, settings, open_voice or opener(workspace), recordings)
    service.errands.end()
    service.trainings, service.errands = Trainings(workspace, command), Errands(workspace, command)
    service.start([])
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port = listener.getsockname()[1]
        server = server_of(guarded(create_app(service), Keys(keys), own_hosts(port)), service)
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
        thread.start()
        try:
            found = Served(port, service)
            found.wait(lambda: server.started)
            yield found
        finally:
            server.should_exit = True
            thread.join(30)
            service.end()
            torch.set_num_threads(threads)
