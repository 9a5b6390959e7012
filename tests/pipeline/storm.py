"""Kills through the real command, at random moments, until the voice is made.

    python -m tests.pipeline.storm --kills 200 --seed 1

One workspace goes through the pipeline in four phases. In each the command is started again and again and
gets SIGKILL, SIGTERM, SIGINT or SIGHUP, alone or with its process group, at a random moment of the phase.
What is left of a phase the first run of the next one does on its way. Then the voice is finished
undisturbed. What must hold: each run ends by its signal and soon, leaves no process, and in the end every
stage's digest is that of a run that nobody disturbed, and `store gc` leaves nothing of the dead.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import uuid
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
SIGNALS = (signal.SIGKILL, signal.SIGTERM, signal.SIGINT, signal.SIGHUP)
# The machinery in full, the training in miniature.
SETTINGS = (
    "train.sovits.max_steps=6",
    "train.t2s.max_steps=6",
    "train.sovits.checkpoint_every_steps=2",
    "train.t2s.checkpoint_every_steps=2",
    # A decoder of six steps finds no end, and says as much as it may.
    "release.synthesize.max_sentence_s=2",
    "release.evaluate.recalled_clips=1",
    "tracking.enabled=false",
)
MARK = "VOICEWRIGHT_STORM"
"""Variable that every process of a storm inherits, whatever session it moves to."""
LIBRARIES_OWN = ("torchinductor_",)
"""What libraries keep in the temporary folder for the next process, whether one is killed or not."""
STAGE_DONE = re.compile(r"^  (?:computed|cached) +(\w+)")
START_WAIT_S = 400.0
END_WAIT_S = 60.0


@dataclass(frozen=True)
class Phase:
    """A part of the pipeline that is killed in.

    Attributes:
        after: stage whose line on the screen begins it; None for the start of the command.
        until: its last stage.
        window_s: about how long it takes; where the moments are drawn from at first.
        share: of all kills.
    """

    name: str
    after: str | None
    until: str
    window_s: float
    share: float


PHASES = (
    Phase("prepare", None, "plan", 20.0, 0.2),
    Phase("train_sovits", "plan", "train_sovits", 3.0, 0.2),
    Phase("train_t2s", "semantic", "train_t2s", 2.0, 0.2),
    Phase("release", "train_t2s", "report", 6.0, 0.4),
)


@dataclass
class Figures:
    """What a storm came to."""

    kills: Counter[tuple[str, str]] = field(default_factory=Counter)
    """`(signal, stage)` -> kills."""
    missed: int = 0
    """Runs that were done before their signal came."""
    longest_end_s: float = 0.0
    faults: list[str] = field(default_factory=list)
    """What did not hold."""
    digests: dict[str, str] = field(default_factory=dict)
    leftovers: list[str] = field(default_factory=list)

    def report(self) -> str:
        """As a table for people."""
        stages = list(dict.fromkeys(stage for _, stage in self.kills))
        lines = [f"{'':16}" + "".join(f"{sign.name:>9}" for sign in SIGNALS) + f"{'all':>9}"]
        for stage in stages:
            counts = [self.kills[sign.name, stage] for sign in SIGNALS]
            lines.append(f"{stage:16}" + "".join(f"{count:9}" for count in (*counts, sum(counts))))
        sums = [sum(self.kills[sign.name, stage] for stage in stages) for sign in SIGNALS]
        lines.append(f"{'all':16}" + "".join(f"{count:9}" for count in (*sums, sum(sums))))
        lines.append(f"done before the signal came: {self.missed}")
        lines.append(f"longest time from a signal to the end: {self.longest_end_s:.1f} s")
        lines.append(f"left after `store gc`: {', '.join(self.leftovers) or 'nothing'}")
        lines += [f"FAULT: {fault}" for fault in self.faults]
        return "\n".join(lines)


class Storm:
    """One workspace and what happens to it.

    Args:
        recordings: folder of recordings.
        folder: for the workspace and everything beside it.
    """

    def __init__(self, recordings: Path, folder: Path, moments: random.Random) -> None:
        self._recordings, self._moments = recordings, moments
        self._folder = folder
        self.workspace = folder / "workspace"
        self._temporary = folder / "temporary"
        for made in (self.workspace, self._temporary, folder / "home"):
            made.mkdir(parents=True, exist_ok=True)
        for sign in SIGNALS:
            # A shell starts jobs in the background with some of them ignored, and children inherit that.
            if signal.getsignal(sign) is signal.SIG_IGN:
                signal.signal(sign, signal.SIG_DFL)
        self._mark = uuid.uuid4().hex
        self._signals: list[signal.Signals] = []
        self.figures = Figures()

    def run(self, kills: int) -> Figures:
        """Kill that often, then finish."""
        left = kills
        for number, phase in enumerate(PHASES):
            share = left if number == len(PHASES) - 1 else round(kills * phase.share)
            left -= share
            self._kill_in(phase, share)
        self.finish(PHASES[-1].until)
        self.figures.digests = digests(self.workspace)
        self._collect()
        return self.figures

    def _kill_in(self, phase: Phase, kills: int) -> None:
        before = self._folder / "before"
        shutil.copytree(self.workspace, before)
        window_s, done, tried = phase.window_s, 0, 0
        while done < kills and tried < 3 * kills + 3:
            tried += 1
            hit = self._kill(phase, window_s)
            done += hit
            # Machines differ, and what is busy on them.
            window_s *= 1.2 if hit else 0.5
            if not hit:
                self.figures.missed += 1
                shutil.rmtree(self.workspace)
                shutil.copytree(before, self.workspace)
        if done < kills:
            self.figures.faults.append(f"{phase.name}: only {done} of {kills} signals came in time")
        shutil.rmtree(before)

    def _kill(self, phase: Phase, window_s: float) -> bool:
        """Start the command and send it a signal in the phase; whether it came in time."""
        sign, to_group = self._next_signal(), self._moments.random() < 0.5
        screen = self._folder / "screen.txt"
        process = self._start(phase.until, screen)
        deadline = time.monotonic() + START_WAIT_S
        while phase.after is not None and phase.after not in stages_done(screen):
            if process.poll() is not None or time.monotonic() > deadline:
                break
            time.sleep(0.02)
        time.sleep(self._moments.uniform(0.0, window_s))
        if process.poll() is not None:
            if process.returncode != 0:
                self._fault(phase, sign, f"ended by itself with {process.returncode}", screen)
            return False
        seen = stages_done(screen)
        if to_group:
            os.killpg(process.pid, sign)
        else:
            process.send_signal(sign)
        begun_s = time.monotonic()
        try:
            status = process.wait(END_WAIT_S)
        except subprocess.TimeoutExpired:
            self._fault(phase, sign, f"did not end in {END_WAIT_S:.0f} s", screen)
            os.killpg(process.pid, signal.SIGKILL)
            status = process.wait()
        self.figures.longest_end_s = max(self.figures.longest_end_s, time.monotonic() - begun_s)
        if status == 0:
            return False
        # A signal that comes before the interpreter is up ends the process by itself.
        if status not in (-sign, 128 + sign):
            self._fault(phase, sign, f"ended with status {status}", screen)
        if "Traceback" in screen.read_text(errors="replace"):
            self._fault(phase, sign, "printed a traceback", screen)
        self._no_process_is_left(phase, sign)
        last = seen[-1] if seen else None
        self.figures.kills[sign.name, _stage_after(last, phase)] += 1
        return True

    def finish(self, until: str) -> None:
        """Run the command undisturbed."""
        screen = self._folder / "screen.txt"
        status = self._start(until, screen).wait()
        if status != 0:
            raise RuntimeError(f"undisturbed, the run until {until} failed:\n{screen.read_text()[-3000:]}")

    def _start(self, until: str, screen: Path) -> subprocess.Popen[bytes]:
        settings = [part for one in SETTINGS for part in ("--set", one)]
        with screen.open("wb") as output:
            return subprocess.Popen(
                [
                    *(sys.executable, str(ROOT / "voicewright.py"), "--workspace", str(self.workspace)),
                    *("finetune", str(self._recordings), "--voice", "v", "--preset", "tiny"),
                    *("--until", until, *settings),
                ],
                env=self._environment(),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,
            )

    def _environment(self) -> dict[str, str]:
        return os.environ | {
            "HOME": str(self._folder / "home"),
            "TMPDIR": str(self._temporary),
            "COLUMNS": "200",
            MARK: self._mark,
        }

    def _collect(self) -> None:
        subprocess.run(
            [sys.executable, str(ROOT / "voicewright.py"), "-w", str(self.workspace), "store", "gc"],
            env=self._environment(),
            capture_output=True,
            check=True,
        )
        temporary = [
            one for one in sorted(self._temporary.iterdir()) if not one.name.startswith(LIBRARIES_OWN)
        ]
        found = [*_unfinished(self.workspace), *temporary]
        self.figures.leftovers = [str(path.relative_to(self._folder)) for path in found]

    def _next_signal(self) -> signal.Signals:
        """Each as often as the others, in random order."""
        if not self._signals:
            self._signals = self._moments.sample(SIGNALS, len(SIGNALS))
        return self._signals.pop()

    def _no_process_is_left(self, phase: Phase, sign: signal.Signals) -> None:
        deadline = time.monotonic() + END_WAIT_S
        while left := list(marked(self._mark)):
            if time.monotonic() > deadline:
                self.figures.faults.append(f"{phase.name}, {sign.name}: left processes {left}")
                for pid, _ in left:
                    os.kill(pid, signal.SIGKILL)
                return
            time.sleep(0.1)

    def _fault(self, phase: Phase, sign: signal.Signals, what: str, screen: Path) -> None:
        said = screen.read_text(errors="replace")[-1500:]
        self.figures.faults.append(f"{phase.name}, {sign.name}: {what}; it said: {said}")


def digests(workspace: Path) -> dict[str, str]:
    """What every stage put out, as the run's record has it."""
    stages = json.loads((workspace / "runs" / "v" / "run.json").read_text())["stages"]
    return {name: stage["output_digest"] for name, stage in stages.items()}


def marked(mark: str) -> Iterator[tuple[int, str]]:
    """`(pid, command)` of every process that was started with the mark, or by one that was."""
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            if f"{MARK}={mark}".encode() in (folder / "environ").read_bytes():
                yield int(folder.name), (folder / "cmdline").read_bytes().replace(b"\0", b" ").decode()[:200]
        except OSError:  # it has ended
            continue


def stages_done(screen: Path) -> list[str]:
    """Stages of which the screen says that they were computed or found, in order."""
    lines = screen.read_text(errors="replace").splitlines()
    return [found[1] for line in lines if (found := STAGE_DONE.match(line))]


def _stage_after(last: str | None, phase: Phase) -> str:
    from tasks.stages import every_way

    if last is None:
        return "start"
    names = [stage.name for stage in every_way()["gpt-sovits"].all]
    return names[min(names.index(last) + 1, names.index(phase.until))]


def _unfinished(workspace: Path) -> list[Path]:
    """What is only there while something is written or computed."""
    partial = re.compile(r"\..+\.[0-9a-f]{32}")
    return [
        *workspace.glob("store/tmp/*"),
        *workspace.glob("work/*/*"),
        *(path for path in workspace.rglob(".*") if partial.fullmatch(path.name)),
    ]


def write_recordings(folder: Path, clips: int) -> Path:
    """The first of the embedded recordings, with their transcripts."""
    from tasks.corpus.sample import write_sample

    for _ in write_sample(folder):
        pass
    table = folder / "metadata.csv"
    lines = table.read_text().splitlines()[:clips]
    table.write_text("\n".join(lines) + "\n")
    kept = {line.split("|")[0] for line in lines}
    for path in (folder / "wavs").iterdir():
        if path.stem not in kept:
            path.unlink()
    return folder


def undisturbed(recordings: Path, folder: Path) -> Mapping[str, str]:
    """The digests of a run that nobody disturbs."""
    storm = Storm(recordings, folder, random.Random(0))
    storm.finish(PHASES[-1].until)
    return digests(storm.workspace)


def main() -> None:
    """A storm with figures; status 1 when something did not hold."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=200)
    parser.add_argument("--seed", type=int, default=time.time_ns() % 2**32)
    parser.add_argument("--clips", type=int, default=5)
    chosen = parser.parse_args()
    print(f"--kills {chosen.kills} --seed {chosen.seed} --clips {chosen.clips}", flush=True)
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        recordings = write_recordings(folder / "recordings", chosen.clips)
        expected = undisturbed(recordings, folder / "undisturbed")
        storm = Storm(recordings, folder / "storm", random.Random(chosen.seed))
        figures = storm.run(chosen.kills)
    print(figures.report())
    equal = figures.digests == expected
    print(f"digests of {len(expected)} stages: {'all equal' if equal else 'DIFFERENT'}")
    sys.exit(0 if equal and not figures.faults and not figures.leftovers else 1)


if __name__ == "__main__":
    main()
