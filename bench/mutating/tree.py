"""A copy of the tree, in which files may be changed: neither the checkout nor what it caches is touched."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent


def copied(folder: Path) -> Path:
    """The tree under `folder`, as the checkout is now; what lies beside the checkout lies beside it too."""
    tree = folder / "tree"
    listed = subprocess.run(
        ["git", "ls-files", "-co", "--exclude-standard", "-z"], cwd=ROOT, check=True, capture_output=True
    ).stdout.decode()
    wanted = {name for name in listed.split("\0") if name and (ROOT / name).is_file()}
    for name in wanted:
        if not _same(ROOT / name, tree / name):
            (tree / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, tree / name)
    for path in tree.rglob("*.py"):
        if str(path.relative_to(tree)) not in wanted:
            path.unlink()
    beside = folder / "shared"
    if (ROOT.parent / "shared").is_dir() and not beside.is_symlink():
        beside.symlink_to((ROOT.parent / "shared").resolve())
    return tree


def _same(one: Path, other: Path) -> bool:
    if not other.is_file():
        return False
    a, b = one.stat(), other.stat()
    return (a.st_size, a.st_mtime_ns) == (b.st_size, b.st_mtime_ns)


@contextmanager
def changed(path: Path, source: bytes) -> Iterator[None]:
    """Inside, the file holds `source`; its time comes back with its text: compiled code stays valid."""
    before, times = path.read_bytes(), path.stat()
    path.write_bytes(source)
    try:
        yield
    finally:
        path.write_bytes(before)
        os.utime(path, ns=(times.st_atime_ns, times.st_mtime_ns))
