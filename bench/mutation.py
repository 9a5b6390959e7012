"""Which small mistakes in the code tests would notice: mutants of `models`, `tasks/finetune` and `artifacts`.

Usage: `PYTHONPATH=. python bench/mutation.py` tries a sample of mutants, or goes on with it; `--again` tries
those once more that were not killed, which is for new tests, or with `--marks ""` for slow ones; `--named`
tries the mistakes of `bench/mutating/named.py`. Results go to `bench/results/mutation.json` (of `--named` to
`mutation_named.json`) after each mutant. Hours on two slow cores, so `make bench` leaves it out.

Where the code has changed since, mutants are found again by the text of their line; those whose line is gone
are dropped, and others are drawn until there are `--count`. `bench/mutating/argued.toml` says of mutants that
need not be noticed why.

The script is our own. `mutmut` and `cosmic-ray` run a command for each mutant, and importing torch and pytest
alone takes ten times as long here as the few tests that run the changed line; neither draws a sample that is
spread by lines, and mutmut changes functions only, where this tree keeps recipes in constants and defaults.

1. The tree is copied, so that neither the checkout nor its caches change.
2. Each test file runs once with coverage: which test runs which line, and how long it takes.
3. A mutant is written into the copy, and a process forked from one with the libraries imported runs the tests
   of its line, nearest and fastest first, until one fails. What hangs or dies counts as noticed.

One process at a time. Coverage takes an hour and is kept in `--work`; only changed test files run again.
`--ask FILE=TEST,TEST ...` does without it: for mutants of these files these tests or test files are asked.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

from bench.measuring import results
from bench.mutating import forked, tree
from bench.mutating.candidates import Mutant
from bench.mutating.coverage_map import QUICK, CoverageMap
from bench.mutating.hot import LEFT, HotSession, in_a_function, run_hot
from bench.mutating.judging import Judge
from bench.mutating.named import NAMED, mutant
from bench.mutating.rows import Row, arguments, described, found_again, with_argument
from bench.mutating.sampling import package_of, sample

FILE_LIMIT_S = 1200.0
VERDICTS = ("killed", "survived", "not reached")
COLUMNS = (*VERDICTS, "argued")
Judged = Callable[[Mutant], dict[str, Any]]


def main() -> None:
    options = _options()
    copy = tree.copied(options.work)
    forked.warm(copy, options.work / "home")
    tests = CoverageMap(options.work / "map", copy)
    judge = Judge(copy, tests, options.budget)
    if options.named:
        named = {mutant(name, copy): one.tests for name, one in NAMED.items()}
        _try(
            "mutation_named", list(named), list(named), options, lambda one: judge.verdict_of(one, named[one])
        )
        return
    wanted = _wanted(copy, options)
    if options.ask:
        asked = {file: found.split(",") for file, found in (one.split("=") for one in options.ask)}
        chosen = [one for one in wanted if one.file in asked]
        _both_ways(copy, judge, wanted, chosen, options, lambda one: judge.asked(one, asked[one.file]))
    else:
        if not options.known_tests:
            tests.bring_up_to_date(options.marks, FILE_LIMIT_S, _tell)
        chosen = [one for one in wanted if one.file.startswith(options.only)]
        _both_ways(copy, judge, wanted, chosen, options, judge.verdict)


def _both_ways(
    copy: Path,
    judge: Judge,
    wanted: list[Mutant],
    chosen: list[Mutant],
    options: argparse.Namespace,
    judged: Judged,
) -> None:
    """Exchange the code of functions in one session; what that cannot show is imported anew."""
    inside = [one for one in chosen if in_a_function(judge.texts[one.file], one.line)]

    def hot(session: HotSession) -> None:
        judge.hot = session
        _try("mutation", wanted, inside, options, judged)

    asked = (one.split("=")[1].split(",") for one in options.ask or ())
    tests = (name for names in asked for name in names) if options.ask else _reaching(judge, inside)
    run_hot(copy, sorted({test.split("::")[0] for test in tests}), hot)
    left = {key for key, row in _known("mutation").items() if row["verdict"] == LEFT}
    outside = [one for one in chosen if one not in inside or one.key in left]
    _try("mutation", wanted, outside, options, judged)


def _reaching(judge: Judge, chosen: list[Mutant]) -> Iterator[str]:
    return (test for one in chosen for test in judge.reaching(one))


def _wanted(copy: Path, options: argparse.Namespace) -> list[Mutant]:
    """Those of the results file that the code still has, and new ones of other lines up to the count."""
    kept = found_again(_known("mutation").values(), copy)
    _write("mutation", list(kept.values()))
    places = {(one.file, one.line) for one in kept}
    drawn = [one for one in sample(copy, options.count, options.seed) if (one.file, one.line) not in places]
    return [*kept, *drawn[: max(0, options.count - len(kept))]]


def _try(
    name: str,
    wanted: list[Mutant],
    chosen: list[Mutant],
    options: argparse.Namespace,
    judged: Judged,
) -> None:
    """Judge the chosen that were not judged, or with `--again` not killed; write each and print the table."""
    known = _known(name)
    for one in chosen:
        before = known.get(one.key)
        if before is None or before["verdict"] == LEFT or (options.again and before["verdict"] != "killed"):
            begun = time.monotonic()
            source = (options.work / "tree" / one.file).read_bytes()
            known[one.key] = {**described(one, source), **judged(one)}
            _tell(f"{known[one.key]['verdict']} in {time.monotonic() - begun:.1f} s: {one.key}")
            _write(name, [known[each.key] for each in wanted if each.key in known])
    sys.stdout.write(_table(known[one.key] for one in wanted if one.key in known))


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--count", type=int, default=440)
    parser.add_argument("--seed", type=int, default=16)
    parser.add_argument("--work", type=Path, default=tree.ROOT / "build" / "mutation")
    parser.add_argument("--budget", type=float, default=30.0, help="seconds of tests for one mutant")
    parser.add_argument("--marks", default=QUICK, help="pytest's -m: which tests are asked")
    parser.add_argument("--only", default="", help="files that begin so")
    parser.add_argument(
        "--ask", nargs="+", metavar="FILE=TEST,TEST", help="mutants of these files, these tests"
    )
    parser.add_argument("--known-tests", action="store_true", help="no test file runs with coverage again")
    parser.add_argument("--again", action="store_true", help="also those that were not killed before")
    parser.add_argument("--named", action="store_true", help="the named mistakes, not a sample")
    return parser.parse_args()


def _known(name: str) -> dict[str, Row]:
    path = results.FOLDER / f"{name}.json"
    if not path.is_file():
        return {}
    rows = json.loads(path.read_text(encoding="utf-8"))["mutants"]
    return {"{file}:{line}:{column}:{kind}:{after}".format(**row): row for row in rows}


def _write(name: str, rows: list[Row]) -> None:
    reasons = arguments()
    rows = [with_argument(row, reasons) for row in rows]
    found = {"summary": _summary(rows), "mutants": rows}
    path = results.FOLDER / f"{name}.json"
    path.with_suffix(".part").write_text(
        json.dumps(found, indent=1, ensure_ascii=False) + "\n", encoding="utf-8"
    )
    path.with_suffix(".part").replace(path)


def _summary(rows: Iterable[Row]) -> dict[str, dict[str, int]]:
    """Of all and of each package how many had each verdict, and of how many not killed it is argued why."""
    counts: dict[str, Counter[str]] = {"all": Counter()}
    for row in rows:
        for of in ("all", package_of(row["file"])):
            counts.setdefault(of, Counter())[row["verdict"]] += 1
            counts[of]["argued"] += "argued" in row
    return {of: {name: found[name] for name in COLUMNS} for of, found in sorted(counts.items())}


def _table(rows: Iterable[Row]) -> str:
    def lines() -> Iterator[str]:
        yield f"{'package':24}" + "".join(f"{name:>13}" for name in COLUMNS) + f"{'killed':>10}\n"
        for of, counts in _summary(rows).items():
            share = counts["killed"] / max(sum(counts[verdict] for verdict in VERDICTS), 1)
            yield f"{of:24}" + "".join(f"{counts[name]:13}" for name in COLUMNS) + f"{share:10.1%}\n"

    return "".join(lines())


def _tell(text: str) -> None:
    sys.stderr.write(f"{text}\n")
    sys.stderr.flush()


if __name__ == "__main__":
    main()
