"""How long a run takes whose every stage is cached, against a running server: whole processes, the median.

Usage: `PYTHONPATH=. python bench/cached_run.py [--workspace W --voice V]`. Without arguments it makes a
small voice from the embedded recordings in a temporary workspace and brings up services of its own; else the
voice must be finished and `voicewright up` must run. Prints JSON; exits with 1 above the bar of 3 s.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from contextlib import closing
from pathlib import Path

from bench.measuring import results
from bench.measuring.sample import FEW_STEPS

ROOT = Path(__file__).resolve().parent.parent
BAR_S = 3.0


def voicewright(workspace: Path, *arguments: str) -> str:
    """Run a command as a person does; what it said."""
    done = subprocess.run(
        [sys.executable, str(ROOT / "voicewright.py"), "--workspace", str(workspace), *arguments],
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode != 0:
        sys.exit(f"voicewright {' '.join(arguments)}: {done.stdout}{done.stderr}")
    return done.stdout + done.stderr


def free_port() -> int:
    """A port that nothing listens on."""
    with closing(socket.socket()) as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def services(workspace: Path, call: str) -> None:
    """`up` on free ports, or `down`."""
    ports = f", {free_port()}, {free_port()}" if call == "up" else ""
    code = f"import sys, pathlib; from flows import services as s; s.{call}(pathlib.Path(sys.argv[1]){ports})"
    subprocess.run([sys.executable, "-c", code, str(workspace)], cwd=ROOT, check=True)


def measure(workspace: Path, voice: str, runs: int) -> dict[str, object]:
    """Time the repetition of the voice's last request."""
    record = json.loads((workspace / "runs" / voice / "run.json").read_text())
    request = record["request"]
    command = ["finetune", request["recordings"], "--voice", voice]
    for option, value in (("--preset", request["preset"]), ("--config", request["config_file"])):
        command += [option, value] if value else []
    for override in request["overrides"]:
        command += ["--set", override]
    seconds = []
    for _ in range(runs):
        begun_s = time.perf_counter()
        said = voicewright(workspace, *command)
        seconds.append(time.perf_counter() - begun_s)
        if "every stage is cached" not in said:
            sys.exit(f"not every stage was cached:\n{said}")
    return {
        "what": f"cached run of {len(record['stages'])} stages against a running server, whole process",
        "median_s": round(statistics.median(seconds), 2),
        "runs_s": [round(one, 2) for one in seconds],
        "bar_s": BAR_S,
        "load_average": os.getloadavg()[0],
    }


def main() -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--workspace", type=Path)
    parser.add_argument("--voice", default="bench")
    parser.add_argument("--runs", type=int, default=5)
    given = parser.parse_args()
    if given.workspace is not None:
        result = measure(given.workspace.expanduser().resolve(), given.voice, given.runs)
    else:
        workspace = Path(tempfile.mkdtemp(prefix="voicewright-bench-"))
        try:
            voicewright(workspace, "sample", str(workspace / "recordings"))
            services(workspace, "up")
            settings = [part for one in FEW_STEPS for part in ("--set", one)]
            voicewright(
                workspace,
                *("finetune", str(workspace / "recordings"), "--voice", given.voice, "--preset", "tiny"),
                *settings,
            )
            result = measure(workspace, given.voice, given.runs)
        finally:
            services(workspace, "down")
            shutil.rmtree(workspace, ignore_errors=True)
    results.write("cached_run", result)
    return int(float(str(result["median_s"])) > BAR_S)


if __name__ == "__main__":
    sys.exit(main())
