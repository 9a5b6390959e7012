"""The speech server under load on this machine: latencies, throughput, memory, and batching beside turns.

    PYTHONPATH=. python bench/serving.py WORKSPACE [--voice anna] [--clients 32] [--seconds 120] [--smoke]
    PYTHONPATH=. python bench/serving.py WORKSPACE --url http://127.0.0.1:8881 --voice af_heart

It starts `voicewright serve` in a process of its own, or takes the server at `--url`, another program's for
example. First each text alone, one after the other; then so many clients at once, each asking again as soon
as it was answered; memory is read every second. Who is told to come again (429) waits as long as he is told.
`batching` speaks the same sentences one by one, in batches of about equal length, and one by one on two
threads at a time; core-seconds compare them also where others use the machine.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import httpx
import numpy as np

from bench.measuring import results
from bench.measuring.sentences import SENTENCES
from flows.services import ROOT

SENTENCES_OF_A_TEXT = 3
PATIENCE_S = 300.0
NEVER = 0
BYTES_PER_S = 48_000
"""Of `pcm`: 24 kHz, 16 bit."""


class Answer(NamedTuple):
    """One request; times in seconds since it was sent."""

    status: int
    first_s: float
    end_s: float
    spoken_s: float


def main() -> None:
    """Measure, print, write `bench/results/serving.json`."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("workspace", type=Path)
    parser.add_argument("--voice", default="kokoro/af_heart")
    parser.add_argument("--url", help="of a server that runs already; by default our own is started")
    parser.add_argument("--name", default="voicewright", help="under which the result is kept")
    parser.add_argument("--clients", type=int, default=32)
    parser.add_argument("--seconds", type=float, default=120.0)
    parser.add_argument("--alone", type=int, default=6, help="texts that are asked for one by one")
    parser.add_argument("--batching", action="store_true", help="measure batches in this process, no server")
    parser.add_argument("--smoke", action="store_true", help="a few seconds, written nowhere")
    given = parser.parse_args()
    if given.smoke:
        given.clients, given.seconds, given.alone = 4, 10.0, 1
    if given.batching:
        found = {"batching": batching(given.workspace, given.voice, 4 if given.smoke else 16)}
    elif given.url:
        found = {given.name: load(given.url, given.voice, given, None)}
    else:
        with our_server(given.workspace, given.voice) as (url, process):
            found = {given.name: load(url, given.voice, given, process.pid)}
    if given.smoke:
        print(found)
        return
    path = results.FOLDER / "serving.json"
    results.write("serving", (results.read("serving") if path.is_file() else {}) | found)


@contextmanager
def our_server(workspace: Path, voice: str) -> Iterator[tuple[str, subprocess.Popen[bytes]]]:
    """`voicewright serve`, until the block ends; its address and process."""
    port = 8899
    command = [sys.executable, str(ROOT / "voicewright.py"), "-w", str(workspace), "serve", voice]
    process = subprocess.Popen([*command, "--port", str(port)])
    url = f"http://127.0.0.1:{port}"
    try:
        ends_s = time.monotonic() + PATIENCE_S
        while True:
            try:
                httpx.get(f"{url}/ready").raise_for_status()
                break
            except httpx.HTTPError:
                assert process.poll() is None and time.monotonic() < ends_s, "the server did not start"
                time.sleep(0.5)
        yield url, process
    finally:
        process.terminate()
        process.wait(60)


def texts() -> list[str]:
    """Three sentences each."""
    every = SENTENCES["en"]
    return [" ".join(every[at : at + SENTENCES_OF_A_TEXT]) for at in range(0, len(every) - 2, 2)]


def ask(client: httpx.Client, url: str, voice: str, text: str) -> Answer:
    """One request, taken as it comes; one that stays silent for longer than anybody waits has no status."""
    body = {"model": "tts-1", "voice": voice, "input": text, "response_format": "pcm"}
    began_s, first_s, size, status = time.monotonic(), 0.0, 0, NEVER
    try:
        with client.stream("POST", f"{url}/v1/audio/speech", json=body) as answer:
            for part in answer.iter_raw():
                first_s = first_s or time.monotonic() - began_s
                size += len(part)
        status = answer.status_code
    except httpx.ReadTimeout:
        size = 0
    if status == 429:
        time.sleep(float(answer.headers.get("retry-after", "1")))
    return Answer(status, first_s, time.monotonic() - began_s, size / BYTES_PER_S)


def load(url: str, voice: str, given: argparse.Namespace, pid: int | None) -> dict[str, Any]:
    """Alone, then together."""
    every = texts()
    with httpx.Client(timeout=PATIENCE_S) as client:
        ask(client, url, voice, every[0])
        began_s = time.monotonic()
        alone = [ask(client, url, voice, text) for text in every[: given.alone]]
        alone_s = time.monotonic() - began_s
    memory: list[int] = []
    over = threading.Event()
    reader = threading.Thread(target=_watch_memory, args=(pid, memory, over))
    reader.start()
    began_s = time.monotonic()
    with ThreadPoolExecutor(given.clients) as clients:
        asking = [
            clients.submit(_keep_asking, url, voice, number, began_s + given.seconds)
            for number in range(given.clients)
        ]
        together = [answer for one in asking for answer in one.result()]
    together_s = time.monotonic() - began_s
    over.set()
    reader.join()
    return {
        "voice": voice,
        "clients": given.clients,
        "cores": os.cpu_count(),
        "alone": summary(alone, alone_s),
        "together": summary(together, together_s),
        "throughput_beside_one_by_one": _rate(together, together_s) / _rate(alone, alone_s),
        "memory_mb": _memory_summary(memory),
    }


def _keep_asking(url: str, voice: str, number: int, until_s: float) -> list[Answer]:
    every, found = texts(), []
    with httpx.Client(timeout=PATIENCE_S) as client:
        while time.monotonic() < until_s:
            found.append(ask(client, url, voice, every[(number + len(found)) % len(every)]))
    return found


def summary(answers: Sequence[Answer], seconds: float) -> dict[str, Any]:
    """Latencies in percentiles, what was answered, and speech per second."""
    whole = [one for one in answers if one.status == 200]
    counts: dict[str, int] = {}
    for one in answers:
        said = f"silent for {PATIENCE_S:.0f} s" if one.status == NEVER else str(one.status)
        counts[said] = counts.get(said, 0) + 1

    def percentiles(values: Sequence[float]) -> Mapping[str, float]:
        return {f"p{q}": round(float(np.percentile(values, q)), 3) for q in (50, 90, 99)} if values else {}

    return {
        "seconds": round(seconds, 1),
        "answers": counts,
        "first_audio_s": percentiles([one.first_s for one in whole]),
        "end_s": percentiles([one.end_s for one in whole]),
        "spoken_per_s": round(_rate(answers, seconds), 3),
    }


def _rate(answers: Sequence[Answer], seconds: float) -> float:
    return sum(one.spoken_s for one in answers if one.status == 200) / seconds


def _watch_memory(pid: int | None, found: list[int], over: threading.Event) -> None:
    while pid is not None and not over.wait(1.0):
        status = Path(f"/proc/{pid}/status").read_text()
        found += [int(line.split()[1]) for line in status.splitlines() if line.startswith("VmRSS")]


def _memory_summary(kilobytes: Sequence[int]) -> dict[str, int]:
    """At the beginning, in the middle and at the end, medians of a tenth each, and the most."""
    if not kilobytes:
        return {}
    tenth = max(1, len(kilobytes) // 10)
    places = {"begin": 0, "middle": len(kilobytes) // 2, "end": len(kilobytes) - tenth}
    found = {name: round(float(np.median(kilobytes[at : at + tenth])) / 1000) for name, at in places.items()}
    return found | {"most": round(max(kilobytes) / 1000)}


def batching(workspace: Path, name: str, sentences: int) -> dict[str, Any]:
    """The same sentences one by one, in batches, and one by one on several threads at a time."""
    import torch

    from bench.measuring.clock import core_seconds
    from tasks.opening import open_named
    from tasks.release.voice import SpeakOptions

    voice, text = open_named(workspace, name), SENTENCES["en"][:sentences]
    cores = os.cpu_count() or 1

    def batch(size: int) -> float:
        options = SpeakOptions(batch_sentences=size)
        return len(voice.speak(" ".join(text), options).samples) / voice.sample_rate

    def lanes() -> float:
        with ThreadPoolExecutor(cores) as threads:
            alone = SpeakOptions(batch_sentences=1)
            spoken = list(threads.map(lambda one: len(voice.speak(one, alone).samples), text))
        return sum(spoken) / voice.sample_rate

    ways = {
        "one by one": (cores, lambda: batch(1)),
        "batches of 4": (cores, lambda: batch(4)),
        "batches of 8": (cores, lambda: batch(8)),
        "one by one, one thread": (1, lambda: batch(1)),
        "batches of 4, one thread": (1, lambda: batch(4)),
        "lanes of one thread": (1, lanes),
    }
    found: dict[str, Any] = {"voice": name, "sentences": sentences, "cores": cores}
    for way, (threads, work) in ways.items():
        torch.set_num_threads(threads)
        work()
        began_s, began_cores_s = time.monotonic(), core_seconds()
        spoken_s = work()
        found[way] = {
            "spoken_per_s": round(spoken_s / (time.monotonic() - began_s), 3),
            "core_s_per_spoken_s": round((core_seconds() - began_cores_s) / spoken_s, 3),
        }
    return found


if __name__ == "__main__":
    main()
