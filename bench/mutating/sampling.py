"""Which mutants are tried: of every package as many as its share of lines that can be changed."""

from __future__ import annotations

import random
from collections import defaultdict
from pathlib import Path

from bench.mutating.candidates import Mutant, compiles, mutants

ROOMS = ("models", "tasks/finetune", "artifacts")
FEWEST = 4


def sample(tree: Path, count: int, seed: int) -> list[Mutant]:
    """About `count`, one of each line drawn, in an order in which any first part is a fair sample too."""
    by_package: dict[str, dict[tuple[str, int], list[Mutant]]] = defaultdict(lambda: defaultdict(list))
    for room in ROOMS:
        for path in sorted((tree / room).rglob("*.py")):
            file = path.relative_to(tree)
            for mutant in mutants(str(file), path.read_bytes()):
                by_package[package_of(str(file))][mutant.file, mutant.line].append(mutant)
    lines = sum(map(len, by_package.values()))
    chosen = []
    for package, places in sorted(by_package.items()):
        draw = random.Random(f"{seed} {package}")
        share = max(FEWEST, round(count * len(places) / lines))
        for place in draw.sample(sorted(places), min(share, len(places))):
            chosen += _one(places[place], (tree / place[0]).read_bytes(), draw)
    random.Random(seed).shuffle(chosen)
    return [one for one in chosen if not one.changes_nothing]


def _one(candidates: list[Mutant], source: bytes, draw: random.Random) -> list[Mutant]:
    """Of a kind that the line allows, each as likely as any other; none where no change compiles."""
    left = list(candidates)
    while left:
        kind = draw.choice(sorted({one.kind for one in left}))
        mutant = draw.choice([one for one in left if one.kind == kind])
        if compiles(mutant.applied(source)):
            return [mutant]
        left.remove(mutant)
    return []


def package_of(file: str) -> str:
    """`models/kokoro`, `tasks/finetune` or `artifacts`."""
    return "/".join(Path(file).parts[:2]) if not file.startswith("artifacts") else "artifacts"
