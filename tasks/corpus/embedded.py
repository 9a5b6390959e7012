"""The embedded recordings: a minute and a half of somebody reading aloud, and three clips to judge by.

`read_aloud/SOURCE.md` says who reads what, and under which terms.
"""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Literal, NamedTuple

from artifacts.store import write_atomically
from configs.errors import UserError
from models.frontend.audio import Waveform, decode_flac

_FOLDER = Path(__file__).with_name("read_aloud")
_METADATA = "metadata.csv"


class Recording(NamedTuple):
    """One embedded recording.

    Attributes:
        name: Of the file, without its ending.
        purpose: `fit`: the voice learns from it; `held-out`: it is judged by it.
        text: What is said.
    """

    name: str
    purpose: Literal["fit", "held-out"]
    text: str

    @property
    def path(self) -> Path:
        """The FLAC file."""
        return _FOLDER / f"{self.name}.flac"

    def wave(self) -> Waveform:
        """As recorded."""
        return decode_flac(self.path.read_bytes())


def embedded(purpose: Literal["fit", "held-out"]) -> list[Recording]:
    """The recordings for a purpose."""
    with (_FOLDER / "transcripts.tsv").open(encoding="utf-8", newline="") as file:
        rows = csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE)
        found = [Recording(row["recording"], row["set"], row["text"]) for row in rows]  # type: ignore[arg-type]
    return [one for one in found if one.purpose == purpose]


def write_embedded(folder: Path) -> int:
    """Copy the recordings to fit into a folder with their `metadata.csv`; what is right is left alone.

    Returns:
        How many there are.

    Raises:
        UserError: the folder holds something else.
    """
    recordings = embedded("fit")
    listing = "".join(f"{one.name}|{one.text}\n" for one in recordings).encode()
    metadata = folder / _METADATA
    is_ours = metadata.is_file() and metadata.read_bytes() == listing
    if folder.exists() and any(folder.iterdir()) and not is_ours:
        raise UserError(f"{folder}: holds other files; move them away, or name another folder for the demo")
    folder.mkdir(parents=True, exist_ok=True)
    # The list goes first: it marks the folder as ours, so that an interrupted call can be repeated.
    write_atomically(metadata, listing)
    for one in recordings:
        path, data = folder / one.path.name, one.path.read_bytes()
        if not (path.is_file() and path.read_bytes() == data):
            write_atomically(path, data)
    return len(recordings)
