"""Japanese to the phones and pitch marks of GPT-SoVITS's tables, by Open JTalk (wheel pyopenjtalk-plus).

Open JTalk's full-context labels give phones and accents. Pitch rises and falls are written between phones as
"[" and "]" by the rules of Kurihara et al. 2021 (Prosodic features control by symbols as input of
sequence-to-sequence acoustic modeling for neural TTS); accent phrase borders have no symbol in the table and
are left out.
"""

from __future__ import annotations

import re
from itertools import zip_longest
from typing import NamedTuple

from models.frontend.text.characters import Token
from models.frontend.text.extras import require_package
from models.frontend.text.reader_process import ask
from models.frontend.text.symbols import FALL, RISE

# Phones that the table lacks, as the ones it has: devoiced vowels other than I and U, and rare glides.
_TABLE_PHONES = {
    "A": ("a",), "E": ("e",), "O": ("o",), "ty": ("t", "y"), "fy": ("f", "y"), "kw": ("k", "w"),
    "gw": ("g", "w"),
}  # fmt: skip
_CARRIES_PITCH = frozenset((*"aeiouAEIOUN", "cl"))
_SILENT = frozenset(("sil", "pau"))
_LABEL = re.compile(r"-(?P<phone>[^+]+)\+.*?/A:(?P<fall>-?\w+)\+(?P<mora>\w+)\+.*/F:(?P<moras>\w+)_")


class _Label(NamedTuple):
    """One phone of a label: morae from the accent's fall, place and number of morae in the accent phrase."""

    phone: str
    fall: int
    mora: int
    moras: int


def japanese_phones(text: str) -> list[str]:
    """Phones and pitch marks of a stretch without punctuation; [] where Open JTalk says nothing.

    Raises:
        MissingFrontEndError: pyopenjtalk-plus is not installed.
        BreakdownError: Open JTalk breaks down on the text.
    """
    require_package("pyopenjtalk", "Japanese", "ja")
    labels = [found for found in map(_read, ask("open_jtalk", text)) if found is not None]
    phones: list[str] = []
    for label, following in zip_longest(labels, labels[1:]):
        phones.extend(_TABLE_PHONES.get(label.phone, (label.phone,)))
        if following is None or following.mora <= label.mora or label.phone not in _CARRIES_PITCH:
            continue
        if label.fall == 0 and following.mora == label.mora + 1:
            phones.append(FALL)
        elif label.mora == 1 and following.mora == 2:
            phones.append(RISE)
    return phones


def _read(label: str) -> _Label | None:
    match = _LABEL.search(label)
    if match is None or match["phone"] in _SILENT:
        return None
    numbers = (match["fall"], match["mora"], match["moras"])
    if not all(number.lstrip("-").isdigit() for number in numbers):
        return None
    return _Label(match["phone"], *map(int, numbers))


def japanese_tokens(tokens: list[Token]) -> list[tuple[str, list[str]]]:
    """Each word and mark of a text with its phones and pitch marks."""
    return [(token.text, [token.text] if token.is_mark else japanese_phones(token.text)) for token in tokens]
