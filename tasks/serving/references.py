"""Recordings that clients brought along to be spoken like."""

from __future__ import annotations

import hashlib
import tempfile
import threading
from collections import OrderedDict
from dataclasses import dataclass, field
from pathlib import Path

from configs.errors import UserError
from tasks.release.voice import SpeakerReference
from tasks.serving.catalogue import Signature
from tasks.serving.shelf import Held

PREFIX = "ref_"
KEPT = 64
KEPT_BYTES = 128_000_000


@dataclass
class Brought:
    """A recording, and what a voice took from it.

    Attributes:
        voice: Name of the voice that is to speak like it.
        data: The file.
        text: What is said in it, where that is known.
        language: Code of the text's language.
        taken: By the state of the voice that took it.
    """

    voice: str
    data: bytes
    text: str | None
    language: str | None
    taken: dict[Signature, SpeakerReference] = field(default_factory=dict)


class References:
    """What was brought along, in memory alone; what was longest unused goes first."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._brought: OrderedDict[str, Brought] = OrderedDict()

    def add(self, held: Held, brought: Brought) -> str:
        """Keep a recording; the identifier that asks for it, the same for the same recording.

        Raises:
            UserError: the voice can take nothing from it.
        """
        _taken(brought, held)
        digest = hashlib.sha256()
        for part in (brought.voice, brought.text or "", brought.language or ""):
            digest.update(part.encode() + b"\0")
        digest.update(brought.data)
        name = PREFIX + digest.hexdigest()[:40]
        with self._lock:
            self._brought[name] = brought
            self._brought.move_to_end(name)
            while len(self._brought) > KEPT or self._bytes() > KEPT_BYTES:
                self._brought.popitem(last=False)
        return name

    def find(self, name: str) -> Brought | None:
        """What was kept under an identifier."""
        with self._lock:
            found = self._brought.get(name)
            if found is not None:
                self._brought.move_to_end(name)
            return found

    def of(self, brought: Brought, held: Held) -> SpeakerReference:
        """What the voice, as it is now, takes from the recording. Raises as `add`."""
        return _taken(brought, held)

    def _bytes(self) -> int:
        return sum(len(one.data) for one in self._brought.values())


def _taken(brought: Brought, held: Held) -> SpeakerReference:
    found = brought.taken.get(held.signature)
    if found is None:
        # Under a name of ours: nothing of a request's names reaches the disk.
        with tempfile.TemporaryDirectory(prefix="voicewright-") as folder:
            path = Path(folder) / "reference"
            path.write_bytes(brought.data)
            try:
                found = held.voice.reference_from_file(path, brought.text, brought.language)
            except UserError as error:
                raise UserError(str(error).replace(f"{path}: ", "").replace(f"{path} ", "it ")) from error
        brought.taken = {held.signature: found}
    return found
