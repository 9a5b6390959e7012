"""A week of nights on a real voice: what speaks after each of them, what was told, and how long it took.

    PYTHONPATH=. python bench/week.py WORKSPACE MODELS RECORDINGS STRANGER [--clips N] [--set A.B=C ...]

Makes a Kokoro voice of the first N clips of RECORDINGS (`metadata.csv`, `wavs/`), puts it onto the nightly
list, and lets seven nights pass by the command `nightly run`: new recordings; a bad batch (noise, clips of
STRANGER, wrong texts); a crash in training (kill -9); a full disk (what is free is told to be nothing); a
worse recipe; nothing new; a better recipe. Then the voice is rolled back. After each the voice says a
sentence; equal digests are equal bytes. MODELS is a folder as `models fetch` makes it. Results join
`bench/results/week.json`.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np
import soundfile

from bench.measuring.results import write
from tasks.nights.digest import NightDigest
from tasks.nights.kept import nights, read
from tasks.run_record import known_run
from tasks.versions.record import read_versions

ROOT = Path(__file__).resolve().parent.parent
VOICE, SENTENCE = "week", "Seven nights have passed, and the best of them speaks."
RECIPE = (
    "train.kokoro_fit.voices=null",
    "train.kokoro_fit.recogniser=null",
    "train.kokoro_fit.mix_steps=2",
    "train.kokoro_fit.vector_steps=4",
    "train.kokoro_fit.validation_clips=1",
    "train.kokoro_fit.checkpoint_every_steps=1",
    "release.kokoro.clips=1",
    "release.evaluate.sentences=6",
    "release.evaluate.recogniser=whisper-tiny.en",
)
WORSE = ("train.kokoro_fit.vector_lr=2", "train.kokoro_fit.early_stop_patience=0")
BETTER = ("train.begin=champion", "train.kokoro_fit.vector_steps=16")
FULL = (
    "from unittest import mock; import artifacts.space, voicewright; artifacts.space.free_bytes = lambda _: 0"
)


class Week:
    """The voice, and what became of it night by night.

    Args:
        workspace: Its place, which must be new.
        given: The arguments.
    """

    def __init__(self, workspace: Path, given: argparse.Namespace) -> None:
        self.workspace = workspace
        self.clips = workspace / "clips"
        self.overrides = [*RECIPE, *given.set]
        self.recordings = _listed(given.recordings)
        self.stranger = _listed(given.stranger)
        self.rows: list[dict[str, Any]] = []
        (self.clips / "wavs").mkdir(parents=True)
        (workspace / "models").symlink_to(given.models.resolve())

    def begin(self, clips: int) -> None:
        """The first training, by hand, and its recipe onto the list."""
        for name, text, path in self.recordings[:clips]:
            self.add(name, text, path)
        began = time.monotonic()
        sets = [part for one in self.overrides for part in ("--set", one)]
        self.call("finetune", str(self.clips), "--voice", VOICE, "--preset", "kokoro-fit", *sets)
        self.note("by hand", began)
        self.call("nightly", "add", VOICE)

    def add(self, name: str, text: str, path: Path | None = None) -> None:
        """Put a recording into the folder, noise where there is none."""
        target = self.clips / "wavs" / f"{name}{'.wav' if path is None else path.suffix}"
        if path is None:
            noise = 0.1 * np.random.default_rng(len(name)).standard_normal(22_050 * 4)
            soundfile.write(target, noise, 22_050)
        else:
            shutil.copyfile(path, target)
        with (self.clips / "metadata.csv").open("a", encoding="utf-8") as file:
            file.write(f"{name}|{text}\n")

    def remove(self, names: Sequence[str]) -> None:
        """Take recordings away again."""
        listing = self.clips / "metadata.csv"
        kept = [
            line for line in listing.read_text("utf-8").splitlines() if line.partition("|")[0] not in names
        ]
        listing.write_text("\n".join(kept) + "\n", encoding="utf-8")
        for name in names:
            for path in (self.clips / "wavs").glob(f"{name}.*"):
                path.unlink()

    def call(self, *arguments: str, setting: str = "", fails: bool = False) -> None:
        """A command of ours; setting: code that runs before it."""
        begin, arguments_set = setting or "import voicewright", f"sys.argv[1:] = {list(arguments)!r}"
        code = "; ".join(["import sys", begin, arguments_set, "voicewright.main()"])
        done = subprocess.run(
            [sys.executable, "-c", code], cwd=ROOT, env=self._environment(), capture_output=True, check=False
        )
        if (done.returncode != 0) != fails:
            raise SystemExit(f"{arguments} ended with {done.returncode}: {done.stderr.decode()[-3000:]}")

    def night(self, what: str, setting: str = "", fails: bool = False) -> None:
        """A night, and what is said of it."""
        began = time.monotonic()
        self.call("nightly", "run", setting=setting, fails=fails)
        self.note(what, began, read(nights(self.workspace)[-1]))

    def killed_night(self, what: str) -> None:
        """A night that is killed as soon as training is under way."""
        began = time.monotonic()
        command = [sys.executable, "voicewright.py", "nightly", "run"]
        with subprocess.Popen(command, cwd=ROOT, env=self._environment(), stderr=subprocess.PIPE) as process:
            while not self._trains():
                if process.poll() is not None:
                    raise SystemExit(f"the night ended before training: {process.communicate()}")
                time.sleep(0.2)
            process.send_signal(signal.SIGKILL)
        self.note(what, began, read(nights(self.workspace)[-1]))

    def _trains(self) -> bool:
        """Whether a checkpoint of what was begun is there."""
        begun = known_run(self.workspace, VOICE).get("begun", {})
        key = begun.get("fit_kokoro", "")[:32]
        folder = self.workspace / "work" / "fit_kokoro" / key / "checkpoints"
        return bool(key) and folder.is_dir() and any(folder.iterdir())

    def note(self, what: str, began: float, digest: NightDigest | None = None) -> None:
        """A row of the table."""
        took = time.monotonic() - began
        record = read_versions(self.workspace, VOICE)
        row: dict[str, Any] = {
            "night": what,
            "seconds": round(took, 1),
            "champion": record["champion"],
            "versions": [one["number"] for one in record["versions"]],
            "speaks": self.speaks(),
        }
        if digest is not None:
            (voice,) = digest["voices"]
            row |= {
                "outcome": voice["outcome"],
                # A path of the machine that measured is nobody else's.
                "said": voice["said"].replace(str(self.workspace), "WORKSPACE"),
                "came": voice["came"],
                "refused": [[one["stage"], one["code"], one["rows"]] for one in voice["refused"]],
                "decision": voice["version"]["decision"] if voice["version"] else "",
                "resumed_or_ran": {one["stage"]: one["seconds"] for one in voice["costs"]},
            }
        self.rows.append(row)
        print(json.dumps(row), flush=True)

    def speaks(self) -> str:
        """Digest of a sentence as the voice says it now."""
        target = self.workspace / "said.wav"
        self.call("speak", "--voice", VOICE, SENTENCE, "-o", str(target))
        return sha256(target.read_bytes()).hexdigest()[:16]

    def _environment(self) -> dict[str, str]:
        return {**os.environ, "PYTHONPATH": str(ROOT), "VOICEWRIGHT_WORKSPACE": str(self.workspace)}


def main() -> None:
    """Let the week pass."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    for name in ("workspace", "models", "recordings", "stranger"):
        parser.add_argument(name, type=Path)
    parser.add_argument("--clips", type=int, default=10)
    parser.add_argument("--set", action="append", default=[], metavar="A.B=C")
    given = parser.parse_args()
    week = Week(given.workspace.resolve(), given)
    week.begin(given.clips)
    _nights(week, given.clips)
    spoke = {row["champion"]: row["speaks"] for row in week.rows}
    began = time.monotonic()
    week.call("rollback", VOICE)
    week.note("rolled back", began)
    last = week.rows[-1]
    promoted = [one for one in week.rows if one.get("outcome") == "live"]
    write(
        "week",
        {
            "nights": week.rows,
            "promoted": len(promoted),
            "back_to_the_byte": last["speaks"] == spoke[last["champion"]],
        },
    )


def _nights(week: Week, clips: int) -> None:
    more = week.recordings[clips : clips + 8]
    for name, text, path in more[:4]:
        week.add(name, text, path)
    week.night("new recordings")

    bad: list[tuple[str, str, Path | None]] = [
        ("noise-1", "This is nothing but noise.", None),
        ("noise-2", "Nor is there anything here.", None),
    ]
    bad += [(f"stranger-{name}", text, path) for name, text, path in week.stranger[:3]]
    bad += [(f"wrong-{more[4][0]}", more[6][1], more[4][2]), (f"wrong-{more[5][0]}", more[7][1], more[5][2])]
    for one in bad:
        week.add(*one)
    week.night("a bad batch")

    week.remove([name for name, _, _ in bad])
    for name, text, path in more[4:6]:
        week.add(name, text, path)
    week.killed_night("a crash in training")
    week.night("a full disk", FULL, fails=True)
    week.call("nightly", "add", VOICE, *(part for one in WORSE for part in ("--set", one)))
    week.night("a worse recipe")
    week.night("nothing new")
    reset = ("train.kokoro_fit.vector_lr=0.02", "train.kokoro_fit.early_stop_patience=3", *BETTER)
    week.call("nightly", "add", VOICE, *(part for one in reset for part in ("--set", one)))
    week.night("a better recipe")


def _listed(folder: Path) -> list[tuple[str, str, Path]]:
    """Name, text and file of each clip."""
    found = []
    for line in (folder / "metadata.csv").read_text("utf-8").splitlines():
        name, text, *_ = line.split("|")
        path = next((folder / "wavs").glob(f"{name}.*"), None)
        if path is not None:
            found.append((name, text, path))
    return found


if __name__ == "__main__":
    main()
