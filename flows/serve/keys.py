"""API keys: read once from a private file, kept as digests, compared in constant time, written nowhere."""

from __future__ import annotations

import hashlib
import hmac
import stat
from collections.abc import Iterable
from pathlib import Path

from configs.errors import UserError

SHORTEST = 16
_BEARER = "bearer "
_TIME_DIGITS = 12


class Keys:
    """The keys that open the server; none let everybody in.

    Raises:
        UserError: a key is too short to be one.
    """

    def __init__(self, keys: Iterable[str] = ()) -> None:
        found = list(dict.fromkeys(keys))
        if any(len(key) < SHORTEST or not key.isascii() or not key.isprintable() for key in found):
            raise UserError(
                f"keys: a key has at least {SHORTEST} printable ASCII characters; make one with "
                "`openssl rand -hex 24`"
            )
        self._digests = [_digest(key) for key in found]

    @property
    def are_asked_for(self) -> bool:
        """Whether there is any."""
        return bool(self._digests)

    def holder(self, authorization: str | None) -> str | None:
        """Who sends an `Authorization: Bearer ...`: a name for limits, which tells nothing of the key.

        None where no key is the one that was sent.
        """
        given = authorization or ""
        if not given.lower().startswith(_BEARER):
            return None
        sent = _digest(given[len(_BEARER) :].strip())
        # All of them are compared, so that the time tells nothing.
        same = [hmac.compare_digest(own, sent) for own in self._digests]
        return f"key-{same.index(True) + 1}" if any(same) else None

    def pass_for(self, key: str, until_s: int) -> str | None:
        """What stands for a key in a browser until a time, seconds since 1970; None where it is no key."""
        sent = _digest(key)
        same = [own for own in self._digests if hmac.compare_digest(own, sent)]
        return f"{until_s}.{_sealed(same[0], until_s)}" if same else None

    def holder_of_pass(self, given: str, now_s: int) -> str | None:
        """Who came with a pass, as `holder`; None where none of the keys made it, or its time is over."""
        until, _, seal = given.partition(".")
        if not (until.isascii() and until.isdecimal() and len(until) <= _TIME_DIGITS and seal.isascii()):
            return None
        same = [hmac.compare_digest(_sealed(own, int(until)), seal) for own in self._digests]
        return f"key-{same.index(True) + 1}" if any(same) and now_s < int(until) else None


def read_keys(path: Path) -> list[str]:
    """One key a line; empty lines and those that begin with # are none.

    Raises:
        UserError: the file cannot be read, others can read it too, or it holds no key.
    """
    try:
        mode = path.stat().st_mode
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(f"--keys: {path} cannot be read ({error})") from error
    if stat.S_IMODE(mode) & 0o077:
        raise UserError(f"--keys: {path} can be read by others; `chmod 600 {path}`")
    keys = [line.strip() for line in lines if line.strip() and not line.lstrip().startswith("#")]
    if not keys:
        raise UserError(f"--keys: {path} holds no key; write one a line")
    return keys


def _sealed(digest: bytes, until_s: int) -> str:
    return hmac.new(digest, f"pass until {until_s}".encode(), hashlib.sha256).hexdigest()


def _digest(key: str) -> bytes:
    return hashlib.sha256(key.encode("utf-8", "surrogateescape")).digest()
