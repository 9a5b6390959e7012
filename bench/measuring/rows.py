"""Rows that are measured in processes of their own, so that each one's peak of memory is its work's."""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import torch

from bench.measuring.training import peak_flops_per_s, peak_memory_mb
from configs.compute import ComputeSettings
from tasks.finetune.machine import Machine, choose_machine

BASELINE = "baseline "
"""Before the name of a row that is measured to compare another with."""
KINDS = ("median_s", "cpu_s_median")

Measure = Callable[[str, int, Machine], dict[str, Any]]
"""Name of a row, repeats -> its numbers; `flops`, where it has them, are those of one repeat."""


def main(script: str, doc: str, rows: Sequence[str], measured: Measure, repeats: int) -> None:
    """Measure every row in a child process and print the rows and their ratios to their baselines.

    Args:
        script: the file that calls this; a child runs it again.
        doc: its docstring, whose first line is the help.
        rows: the names.
        measured: measures one.
        repeats: timed repeats of each, unless asked otherwise.
    """
    parser = argparse.ArgumentParser(description=doc.splitlines()[0])
    parser.add_argument("--repeats", type=int, default=repeats, help="timed repeats, after one that is not")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--device", choices=("cpu", "cuda"), default="cpu")
    parser.add_argument("--precision", choices=("fp32", "bf16"), help="default: fp32, on a GPU both")
    parser.add_argument("--out", type=Path, help="write the JSON here too")
    parser.add_argument("--row", choices=rows, help="measure this one here and print it")
    given = parser.parse_args()
    if given.row is not None:
        print(json.dumps(_finished_row(given, measured)))
        return
    both = ("fp32", "bf16") if given.device == "cuda" else ("fp32",)
    found: dict[str, Any] = {"threads": given.threads, "device": given.device}
    for precision in (given.precision,) if given.precision else both:
        found[precision] = {row: _in_child(script, row, precision, given) for row in rows}
        found[precision]["faster_than_baseline"] = _ratios(found[precision])
    text = json.dumps(found, indent=1)
    print(text)
    if given.out is not None:
        given.out.write_text(text + "\n")


def _in_child(script: str, row: str, precision: str, given: argparse.Namespace) -> dict[str, Any]:
    options = ["--repeats", str(given.repeats), "--threads", str(given.threads), "--device", given.device]
    command = [sys.executable, script, *options, "--precision", precision, "--row", row]
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
    print(row, precision, done.stdout.strip(), file=sys.stderr, flush=True)
    return json.loads(done.stdout)


def _finished_row(given: argparse.Namespace, measured: Measure) -> dict[str, Any]:
    torch.set_num_threads(given.threads)
    machine = choose_machine(ComputeSettings(device=given.device, precision=given.precision or "fp32"))
    peak = peak_flops_per_s(machine)
    torch.manual_seed(0)
    found = measured(given.row, given.repeats, machine)
    flops = found.pop("flops", 0)
    if flops:
        found |= {"gflops": flops / 1e9, "share_of_peak_rate": flops / found["median_s"] / peak}
    return {**found, "peak_gflops_per_s": peak / 1e9, "peak_memory_mb": peak_memory_mb(machine)}


def _ratios(rows: dict[str, dict[str, Any]]) -> dict[str, dict[str, float]]:
    compared = [row for row in rows if BASELINE + row in rows]
    return {kind: {row: rows[BASELINE + row][kind] / rows[row][kind] for row in compared} for kind in KINDS}
