"""Languages as people write them: codes, English names, and the languages' own names."""

from __future__ import annotations

import re
from functools import cache

from configs.nearest import nearest

_CODE = re.compile(r"[a-z]{2,3}(-([A-Za-z]{2,8}|\d{3}))?")
_OWN_CODES = frozenset(["cmn"])
"""Three letters that front ends know by themselves, although there are two for them."""


def language_code(given: str) -> str:
    """The code of a language: `de` for `de`, `deu`, `ger`, `German` and `Deutsch`; `en-us` stays as it is.

    Raises:
        ValueError: it is no language that is known by this name.
    """
    name = given.strip()
    if _CODE.fullmatch(name) and (len(name.partition("-")[0]) == 2 or name in _OWN_CODES):
        return name
    found = _codes().get(name.lower())
    if found is not None:
        return found
    if _CODE.fullmatch(name):
        # A language that has no name in these tables may still be one of espeak's.
        return name
    near = nearest(name, _codes(), cutoff=0.7)
    hint = f"; did you mean {near.title()}?" if near else ""
    raise ValueError(
        f"{given!r} is no language that is known; give a code such as en or de, or a name such as "
        f"German{hint}"
    )


def language_name(code: str) -> str:
    """The English name of a code's language, its region's own where there is one; else the code itself."""
    from babel import Locale

    names = Locale("en").languages
    base, _, region = code.partition("-")
    name = names.get(f"{base}_{region.upper()}") or names.get(base)
    return str(name) if name else code


@cache
def _codes() -> dict[str, str]:
    """Names and longer codes, in small letters, of every language that has a code of two or three letters."""
    from babel import Locale, UnknownLocaleError
    from babel.core import get_global

    found: dict[str, str] = {}
    english = {code: str(name) for code, name in Locale("en").languages.items() if _CODE.fullmatch(code)}
    for code, name in english.items():
        if "-" in code:
            continue
        try:
            own = Locale(code).languages.get(code)
        except UnknownLocaleError:
            own = None
        for word in (name, own):
            if word:
                found.setdefault(str(word).lower(), code)
    for alias, code in get_global("language_aliases").items():
        if _CODE.fullmatch(alias) and code in english:
            found.setdefault(alias, code)
    return found
