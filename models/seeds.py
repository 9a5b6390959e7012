"""Seeds of the places where numbers are drawn, all from the one seed of a run."""

from __future__ import annotations

import hashlib


def derive_seed(seed: int, *parts: int | str) -> int:
    """A 63-bit seed for one place of a run, unrelated to the seeds of its neighbours."""
    text = "/".join(str(part) for part in (seed, *parts))
    digest = hashlib.blake2b(text.encode(), digest_size=8).digest()
    return int.from_bytes(digest, "little") >> 1
