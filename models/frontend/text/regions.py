"""Regions that speak otherwise than a language's code alone is read, and how they are read.

A region that is not here is read as its language is.
"""

from __future__ import annotations

_LATIN_AMERICA = "419 ar bo cl co cr cu do ec gt hn la mx ni pa pe pr py sv us uy ve"
_READ_AS = {
    # Without the vowels' r, and with their own vowels; Irish and Canadian English have the r.
    **{f"en-{region}": "en-gb" for region in ("gb", "uk", "au", "nz", "za")},
    # Without the sounds of Castile.
    **{f"es-{region}": "es-419" for region in _LATIN_AMERICA.split()},
    "pt-br": "pt-br",
}

REGIONS = tuple(dict.fromkeys(_READ_AS.values()))
"""Codes that are read otherwise than their language's own."""


def regional(language: str) -> str | None:
    """The code that a language of a region ("en-AU", "es_MX") is read by; None where it is the language's."""
    return _READ_AS.get(language.strip().lower().replace("_", "-"))
