"""Two keys of a stage compared, in words: why it runs again."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

_MOVED = "code moved: keys name a stage's modules and files in a new way, so it is computed once more"
_COMPARED = (
    ("config", "{name} {old} -> {new}"),
    ("arguments", "{name} {old} -> {new}"),
    ("reads", "what is read of {name} {verb}"),
    ("code", "code of {name} {verb}"),
    ("libraries", "{name} {old} -> {new}"),
    ("broadcast", "output of {name} changed"),
    ("inputs", "{what} of {name} changed"),
)


def differences(before: Mapping[str, Any], after: Mapping[str, Any]) -> list[str]:
    """Two keys' parts compared, in words; parts in another form are said to have moved, once."""
    moved = before.get("format") != after.get("format")
    found = [_MOVED] if moved else []
    for part, say in _COMPARED:
        old, new = before.get(part, {}), after.get(part, {})
        if moved and (part == "code" or part not in before):
            continue
        for name in sorted({*old, *new}):
            was, now = old.get(name), new.get(name)
            # A record tells how a stage was made, so all of them moved with the code.
            if was != now and not (moved and name.endswith(".record")):
                verb = "appeared" if was is None else "went" if now is None else "changed"
                shown, what = name, "output"
                if part == "inputs":
                    shown, _, what = name.partition(".")
                found.append(say.format(name=shown, old=was, new=now, verb=verb, what=what or "output"))
    for part in ("version", "function", "schema"):
        if part in before and before[part] != after.get(part):
            found.append(f"the stage's {part} changed")
    return list(dict.fromkeys(found))
