"""In place of the command line: notes down what it is asked for, and leaves what a test prepared.

`python command.py -w WORKSPACE WORDS...` copies `WORKSPACE/prepared/FIRST_WORD` over the workspace. A
training takes two steps of some moments first, and a command that writes a page writes a small one.
"""

from __future__ import annotations

import json
import shutil
import sys
import time
from pathlib import Path

STEP_S = 1.5
"""Two of them are longer than the studio's page waits before it asks again."""
ASKED = "asked.jsonl"
PAGE = '<!doctype html><html lang="en"><title>Made</title><h1>Side by side</h1></html>'


def main() -> int:
    """See the module."""
    _, workspace, *words = sys.argv[1:]
    root = Path(workspace)
    with (root / ASKED).open("a") as file:
        file.write(json.dumps(words) + "\n")
    if words[0] == "finetune":
        _train(root / "runs" / words[words.index("--voice") + 1] / "progress.json")
    if "bruno@1" in words and words[0] == "compare":
        sys.stderr.write("something before\nerror: bruno@1: its results are damaged\n")
        return 1
    if "--output" in words:
        Path(words[words.index("--output") + 1]).write_text(PAGE)
    if (root / "prepared" / words[0]).is_dir():
        shutil.copytree(root / "prepared" / words[0], root, dirs_exist_ok=True)
    sys.stdout.write("done as asked\n")
    for path in map(Path, words):
        if path.is_absolute() and path.suffix in (".json", ".tsv"):
            sys.stdout.write(f"{path}: {path.read_text().strip()}\n")
    return 0


def _train(path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    for at in range(4):
        now_s = time.time()
        told = {
            "stage": ("ingest", "fit_kokoro")[at // 2],
            "stages_done": at // 2,
            "stages_total": 2,
            "done": at % 2,
            "total": 2,
            "text": "",
            "began_s": now_s - at * STEP_S - 60,
            "stage_began_s": now_s - at % 2 * STEP_S - 30,
            "at_s": now_s,
            "state": "running",
            "left_s": 60.0,
        }
        path.write_text(json.dumps(told))
        time.sleep(STEP_S)
    path.write_text(json.dumps({**told, "stages_done": 2, "state": "finished"}))


if __name__ == "__main__":
    sys.exit(main())
