"""The embedded sample corpus: sentences spoken by espeak-ng, so that a first run needs no download.

The voice is a formant synthesiser's and sounds like one. It exercises every stage on speech whose text is
known; it is not meant to make a pleasant voice.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np

from artifacts.store import write_atomically
from configs.errors import UserError
from models.frontend.audio import encode_flac

SENTENCES = (
    "The morning train was late, so we walked along the river.",
    "She keeps a small garden behind the old brick house.",
    "Nobody remembered who had opened the window.",
    "Seven grey geese flew low over the frozen lake.",
    "He poured the coffee slowly and said nothing at all.",
    "A narrow path leads from the mill to the harbour.",
    "They measured the room twice before buying the carpet.",
    "Please put the yellow folder on the second shelf.",
    "The children laughed when the puppet lost its hat.",
    "We should leave early if the weather turns.",
    "An honest answer is often the shortest one.",
    "The baker opens his shop at half past five.",
    "Thick fog covered the valley until noon.",
    "My brother repairs clocks, radios and bicycles.",
    "The judge read the letter aloud to the court.",
    "Fresh bread and strong cheese make a good lunch.",
    "Her voice was calm, though her hands were shaking.",
    "The engine coughed, stopped, and would not start again.",
    "Every choice we made that year had a price.",
    "Turn left at the church and cross the bridge.",
    "The museum shows boats that are a thousand years old.",
    "Both teams played well, but neither could score.",
    "I would rather wait here than stand in the rain.",
    "Those boxes are too heavy for one person to lift.",
    "The doctor asked three questions and wrote down two.",
    "Far away, a dog was barking at the moon.",
    "The bridge was built by hand, stone upon stone.",
    "Does anyone know where the key has gone?",
    "Their house stands on a hill above the village.",
    "The orchestra played a waltz, and people began to dance.",
    "He folded the map and put it in his pocket.",
    "Winter came early, and the roads were closed for weeks.",
    "A good book can make a long journey short.",
    "The water was so clear that we could see the stones.",
    "She writes the date on every page she fills.",
    "You can borrow my umbrella, but bring it back tomorrow.",
)
VOICE = "en-us"


class Written(NamedTuple):
    """One sample recording and how many there will be."""

    name: str
    total: int


def write_sample(folder: Path) -> Iterator[Written]:
    """Write the recordings and their `metadata.csv`; files that are already right are left alone.

    Raises:
        UserError: the folder holds something else.
    """
    from models.frontend.espeak import synthesize

    metadata = folder / "metadata.csv"
    names = [f"sample_{number:02d}" for number in range(1, len(SENTENCES) + 1)]
    listing = "".join(f"{n}|{t}\n" for n, t in zip(names, SENTENCES, strict=True)).encode()
    if (
        folder.exists()
        and any(folder.iterdir())
        and not (metadata.is_file() and metadata.read_bytes() == listing)
    ):
        raise UserError(f"{folder}: is not empty; name a new folder for the sample recordings")
    folder.mkdir(parents=True, exist_ok=True)
    # The list goes first: it marks the folder as ours, so that an interrupted call can be repeated.
    write_atomically(metadata, listing)
    (folder / "wavs").mkdir(exist_ok=True)
    for name, sentence in zip(names, SENTENCES, strict=True):
        spoken = synthesize(sentence, voice=VOICE)
        path = folder / "wavs" / f"{name}.flac"
        data = encode_flac(_with_room_tone(spoken.samples, name), spoken.sample_rate)
        if not (path.is_file() and path.read_bytes() == data):
            write_atomically(path, data)
        yield Written(name, len(names))


def _with_room_tone(samples: np.ndarray, name: str) -> np.ndarray:
    """Soft noise under the speech and a short pause around it, as a recording in a room has."""
    noise = np.random.default_rng(sum(name.encode()))
    peak = float(np.abs(samples).max()) or 1.0
    quiet = len(samples) // 12
    padded = np.concatenate([np.zeros(quiet), 0.6 * samples / peak, np.zeros(quiet)])
    return (padded + noise.normal(0.0, 3e-4, len(padded))).astype(np.float32)
