"""Names of Kokoro's official voices, and mixes of them as people write them; no tables yet.

Source: hexgrad/Kokoro-82M, `voices/`.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path

from configs.errors import UserError

DEFAULT = "af_heart"
"""The voice that its makers grade best."""
SHIPPED = ("af_bella", "af_heart", "am_fenrir", "am_michael", "bf_emma", "bm_george")
"""Those that come along, so that there is a voice wherever the weights can be had."""
SUFFIXES = (".pt", ".bin")
"""Of a voice's file: the released form, and that of kokoro-js."""
LANGUAGES = {
    "a": "en-us",
    "b": "en-gb",
    "e": "es",
    "f": "fr-fr",
    "h": "hi",
    "i": "it",
    "p": "pt-br",
}
"""By the first letter of a voice's name; the second is f or m.

Voices in j and z are Japanese and Chinese: these languages the model learnt in the symbols of another front
end than ours, so its voices speak the others here.
"""


def voice_files(folder: Path | None) -> dict[str, Path]:
    """Files of a folder's voices by name; none where there is no folder."""
    found = () if folder is None else (path for s in SUFFIXES for path in folder.glob(f"*{s}"))
    return {path.stem: path for path in found}


def known_names(folder: Path | None) -> tuple[str, ...]:
    """The shipped voices and those of a folder, in alphabetical order."""
    return tuple(sorted({*voice_files(folder), *SHIPPED}))


def mix_of(written: str) -> dict[str, float]:
    """Shares by voice of `af_heart`, `af_heart+bf_emma` or `af_heart:0.6+bf_emma:0.4`; they add up to 1.

    Raises:
        UserError: a share that is no positive number, or a voice that is named twice.
    """
    weights: dict[str, float] = {}
    for part in written.split("+"):
        name, _, share = part.strip().partition(":")
        try:
            weight = float(share) if share else 1.0
        except ValueError:
            weight = math.nan
        if not name or name in weights or not 0 < weight < math.inf:
            raise UserError(
                f"{written!r} is no mix of voices; write names with shares above 0, each once, as in "
                "af_heart:0.6+bf_emma:0.4"
            )
        weights[name] = weight
    total = sum(weights.values())
    return {name: weight / total for name, weight in weights.items()}


def language_of(shares: Mapping[str, float]) -> str:
    """Code of the language that a mix speaks first: that of its largest share."""
    return LANGUAGES.get(max(shares, key=lambda name: shares[name])[0], LANGUAGES[DEFAULT[0]])
