"""Why a recording cannot be used, in words for people."""

from __future__ import annotations


class AudioError(Exception):
    """A recording that cannot be used.

    Attributes:
        code: short reason for tables, e.g. `truncated`.
        field: what was looked at, e.g. `duration_s`.
        value: what was found.
        reason: one sentence for people.
        remedy: what the user can do.
    """

    def __init__(self, code: str, field: str, value: object, reason: str, remedy: str) -> None:
        super().__init__(f"{reason} ({field} = {value}); {remedy}")
        self.code = code
        self.field = field
        self.value = str(value)
        self.reason = reason
        self.remedy = remedy


def broken_off(done_s: float, detail: str) -> AudioError:
    """Decoding that stopped after `done_s` seconds."""
    return AudioError(
        "damaged",
        "decoded_s",
        f"{done_s:.2f}",
        f"decoding breaks off after {done_s:.2f} s: {detail}",
        "record or copy the file again, or cut off the damaged part",
    )


def unreadable(field: str, value: object, reason: str) -> AudioError:
    """Content that nothing here can read."""
    remedy = "convert it to WAV or FLAC, or remove it"
    return AudioError("unreadable", field, value, reason, remedy)


def unsupported(field: str, value: object, wanted: str) -> AudioError:
    """A property outside of what is taken."""
    return AudioError(
        "unsupported", field, value, f"only {wanted} can be read", "convert the file to mono WAV"
    )
