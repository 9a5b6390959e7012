"""How long reading takes, per 1,000 sentences of a language: processor time, first and again.

    python -m bench.text_front_end LANGUAGE ... [--table gpt-sovits-v2] [--name NAME]

LANGUAGE: codes of `bench.measuring.sentences` or of the tables of cases of the tests (en, zh, de). Sentences
without and with numbers are counted apart. Adds to bench/results/text_front_end.json under NAME (`now`), so
that a result of before stays beside it.
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from bench.measuring import results
from bench.measuring.sentences import SENTENCES
from models.frontend.text.g2p import phonemize
from models.frontend.text.phonemized import choose_table

CASES = Path(__file__).resolve().parent.parent / "tests" / "models" / "frontend" / "text" / "cases"
COUNTED = 1000


def main() -> None:
    """Measure each language in a process of its own and add it to the results."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("languages", nargs="+")
    parser.add_argument("--table", default="gpt-sovits-v2")
    parser.add_argument("--name", default="now")
    parser.add_argument("--alone", action="store_true", help="measure here and print, of one language")
    given = parser.parse_args()
    if given.alone:
        json.dump(measured(given.languages[0], given.table), sys.stdout)
        return
    path = results.FOLDER / "text_front_end.json"
    found: dict[str, Any] = json.loads(path.read_text()) if path.is_file() else {}
    for language in given.languages:
        command = [sys.executable, "-m", "bench.text_front_end", language, "--table", given.table, "--alone"]
        answer = subprocess.run(command, check=True, capture_output=True, text=True).stdout
        found.setdefault(language, {})[given.name] = json.loads(answer)
    results.write("text_front_end", found)


def measured(language: str, table: str) -> dict[str, Any]:
    """Processor seconds of this process and of the readers' process, start-up apart."""
    chosen = choose_table(language, table)
    start = _processor_s()
    phonemize(_plain(language)[0], language, chosen)
    phonemize(_numbered(language)[0], language, chosen)
    started = _processor_s() - start
    return {
        "table": chosen,
        "start_s": round(started, 2),
        "s_per_1000_without_numbers": _per_1000(_plain(language), language, chosen),
        "s_per_1000_with_numbers": _per_1000(_numbered(language), language, chosen),
        "memory_mb": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024),
    }


def _per_1000(sentences: Sequence[str], language: str, table: str) -> float:
    repeated = [sentences[at % len(sentences)] for at in range(COUNTED)]
    before = _processor_s()
    for sentence in repeated:
        phonemize(sentence, language, table)
    return round(_processor_s() - before, 2)


def _plain(language: str) -> Sequence[str]:
    return SENTENCES[language]


def _numbered(language: str) -> Sequence[str]:
    lines = (CASES / f"{language}.tsv").read_text(encoding="utf-8").splitlines()
    rows = [line.split("\t") for line in lines if line and not line.startswith("//")]
    return [row[1] for row in rows]


def _processor_s() -> float:
    """Of this process and of its children, of which the readers' process is one that is still running."""
    own = time.process_time()
    task = Path("/proc/self/task")
    children = [child for thread in task.iterdir() for child in (thread / "children").read_text().split()]
    return own + sum(_child_s(child) for child in children)


def _child_s(process: str) -> float:
    fields = Path("/proc", process, "stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / 100


if __name__ == "__main__":
    main()
