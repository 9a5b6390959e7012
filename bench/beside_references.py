"""Our training steps and speaking beside the public reference code, on one machine, with random weights.

    PYTHONPATH=. python bench/beside_references.py REFERENCES [--repeats 3] [--threads 1 2] [--only WORD ...]
        [--tiny] [--out FILE]

REFERENCES is a folder with the references' source and the small packages that they import:

    git clone https://github.com/RVC-Boss/GPT-SoVITS REFERENCES/GPT-SoVITS
    git clone https://github.com/yl4579/StyleTTS2 REFERENCES/StyleTTS2
    pip install --no-deps --target REFERENCES/packages einops einops-exts munch torchmetrics \\
        lightning-utilities

Kokoro's is the installed package `kokoro`. No weights are needed or downloaded: both sides get random ones of
the published sizes and random inputs of the same shapes.

Each side of each item runs in a process of its own, which is started, warmed up and then waits for its turn,
so that a machine that slows down slows all sides and the peak of memory is the work's. T2S decodes with each
number of threads, the rest is measured with the largest only. Decoding takes the time for one code, which
reads text and prompt, off the time for all. Once it is built ours keeps freed memory, as stages and speaking
do. bf16 of ours is measured where the processor has units for it.
Run it on a machine that does nothing else; it takes about ten minutes. Items that `--only` leaves out stay in
the file as they are. `--tiny` only shows that everything runs.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from importlib import import_module
from pathlib import Path
from typing import Any, NamedTuple

import torch

from bench.beside import shapes
from bench.beside.shapes import Asked
from bench.measuring.results import FOLDER

THEIRS = "reference"
SETTLING_S = 0.2
"""Before a turn: threads of the one before keep a core busy for as long, in case there is more to do."""
SIDES = {
    "sovits": "bench.beside.theirs_gpt_sovits",
    "t2s": "bench.beside.theirs_gpt_sovits",
    "styletts2": "bench.beside.theirs_styletts2",
    "kokoro": "bench.beside.theirs_kokoro",
}
"""The module that has the reference's side, by the item's first word."""


class Item(NamedTuple):
    """What is compared."""

    precisions: tuple[str, ...]
    """Ours; bf16 only where the processor has units for it."""
    each_number_of_threads: bool = False
    """Else the largest alone."""


WHOLE = Item(("fp32", "bf16"))
FP32 = Item(("fp32",))
DECODE = Item(("fp32", "fp16", "int8"), each_number_of_threads=True)
ITEMS: Mapping[str, Item] = {
    "sovits step, batch 4": WHOLE,
    "sovits step, batch 1": WHOLE,
    "t2s step": WHOLE,
    "styletts2 step": FP32,
    "t2s decode, batch 1": DECODE,
    "t2s decode, batch 4": DECODE,
    "sovits decode": WHOLE,
    "styletts2 speak": FP32,
    "kokoro speak": WHOLE,
}


def main() -> None:
    """Measure every item and write what was found."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("references", type=Path, help="folder of the references' source")
    parser.add_argument("--repeats", type=int, default=3, help="timed repeats of each, after one that is not")
    parser.add_argument("--threads", type=int, nargs="+", default=[1, 2])
    parser.add_argument("--only", nargs="+", default=[""], metavar="WORD", help="items whose name holds one")
    parser.add_argument("--tiny", action="store_true", help="little work, once, to see that all of it runs")
    parser.add_argument("--out", type=Path, default=FOLDER / "beside_references.json")
    parser.add_argument("--child", help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.child is not None:
        _answer(*given.child.split(" ", 1))
        return
    begun = time.monotonic()
    repeats = 1 if given.tiny else given.repeats
    found = json.loads(given.out.read_text(encoding="utf-8")) if given.out.exists() else {"items": {}}
    found = {"machine": _machine(), "repeats": repeats, "items": found["items"]}
    with tempfile.TemporaryDirectory() as shared:
        for name in ITEMS:
            if not any(word in name for word in given.only):
                continue
            for threads in _threads(ITEMS[name], given.threads):
                asked = Asked(name, "fp32", threads, given.tiny, given.references.resolve(), Path(shared))
                row = _compared(asked, ITEMS[name], repeats)
                found["items"].setdefault(name, {})[f"threads {threads}"] = row
                found["minutes"] = round((time.monotonic() - begun) / 60, 2)
                # What is measured so far, should the rest fail.
                given.out.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")


def _threads(item: Item, asked: list[int]) -> list[int]:
    return sorted(asked) if item.each_number_of_threads else [max(asked)]


def _machine() -> dict[str, Any]:
    from bench.measuring.training import peak_flops_per_s
    from bench.measuring.voices import machine
    from tasks.finetune.machine import Machine

    described = {**machine(), "features": torch.backends.cpu.get_cpu_capability()}
    del described["threads_used"]
    peak = peak_flops_per_s(Machine(torch.device("cpu"), bf16=False))
    return {**described, "peak_gflops_per_s_of_all_threads": peak / 1e9}


# -- the parent: one item


def _compared(asked: Asked, item: Item, repeats: int) -> dict[str, Any]:
    """Times, memory and ratios of all sides of one item."""
    from models.layers.precision import computes_in_bf16

    narrow = computes_in_bf16(torch.device("cpu"))
    if asked.item.startswith("kokoro") and not (asked.shared / "said.json").exists():
        subprocess.run([*_command(asked), "--child", f"prepare {asked.to_json()}"], check=True)
    sides = {THEIRS: _Child("theirs", asked)}
    for precision in item.precisions:
        if precision != "bf16" or narrow:
            sides[f"ours {precision}"] = _Child("ours", asked._replace(precision=precision))
    # They start and build together; each warms up alone.
    for side in sides.values():
        side.wait()
    for side in sides.values():
        side.run()
    rounds = [{name: side.run() for name, side in sides.items()} for _ in range(repeats)]
    row: dict[str, Any] = {}
    for name, side in sides.items():
        parts = {part: [one[name][part] for one in rounds] for part in rounds[0][name]}
        row[name] = {**_summary(asked, parts), "peak_memory_mb": side.close()}
    for name in sides:
        row[name]["times_faster"] = _cost(row[THEIRS]) / _cost(row[name])
    print(asked.item, f"threads {asked.threads}", json.dumps(row), flush=True)
    return row


def _summary(asked: Asked, parts: Mapping[str, list[float]]) -> dict[str, Any]:
    medians = {part: statistics.median(seconds) for part, seconds in parts.items()}
    if shapes.CODES not in medians:
        return {"median_s": medians[shapes.WHOLE], "seconds": parts[shapes.WHOLE]}
    rows, more = int(asked.item.split()[-1]), asked.new_codes - 1
    pairs = zip(parts[shapes.CODES], parts[shapes.FIRST], strict=True)
    decoding = statistics.median(every - first for every, first in pairs)
    return {
        "text_and_prompt_s": medians[shapes.FIRST],
        "codes_s": decoding,
        "codes_per_s": rows * more / decoding,
        "seconds": dict(parts),
    }


def _cost(row: Mapping[str, Any]) -> float:
    seconds: float = row.get("median_s", row.get("codes_s"))
    return seconds


class _Child:
    """One side of one item, waiting for its turns."""

    def __init__(self, side: str, asked: Asked) -> None:
        self.asked = asked
        self.process = subprocess.Popen(
            [*_command(asked), "--child", f"{side} {asked.to_json()}"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def wait(self) -> None:
        """Until it is ready for its first turn."""
        self._ask("ready")

    def run(self) -> dict[str, float]:
        """Seconds of each part of one turn."""
        time.sleep(SETTLING_S)
        return json.loads(self._ask("go"))

    def close(self) -> float:
        """End it; MB of memory that it took at most."""
        found = float(self._ask("memory"))
        self.process.communicate()
        return found

    def _ask(self, word: str) -> str:
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        try:
            self.process.stdin.write(f"{word}\n")
            self.process.stdin.flush()
        except BrokenPipeError:
            pass
        for line in self.process.stdout:
            mark, _, answer = line.partition(" ")
            if mark == ANSWER:
                return answer
        raise SystemExit(f"{self.asked.item}: a side failed; its error is above")


def _command(asked: Asked) -> list[str]:
    return [sys.executable, __file__, str(asked.references)]


# -- a child: one side of one item

ANSWER = "=answer="
"""Before what the parent reads: the references print to the standard output as they please."""


def _answer(side: str, described: str) -> None:
    """Do what the parent says, line by line."""
    asked = Asked.of_json(described)
    torch.set_num_threads(asked.threads)
    if side == "prepare":
        import_module("bench.beside.ours").prepare(asked)
        return
    module = "bench.beside.ours" if side == "ours" else SIDES[asked.item.split()[0]]
    torch.manual_seed(0)
    works: shapes.Works = import_module(module).works(asked)
    if side == "ours":
        # Not before: a reference has modules of the same names.
        from models.memory import keep_memory

        keep_memory()
    for line in sys.stdin:
        if line.strip() != "go":
            print(ANSWER, _peak_memory_mb(), flush=True)
            continue
        seconds = {}
        for part, work in works.items():
            begun = time.perf_counter()
            work()
            seconds[part] = time.perf_counter() - begun
        print(ANSWER, json.dumps(seconds), flush=True)


def _peak_memory_mb() -> float:
    import resource

    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e3


if __name__ == "__main__":
    main()
