"""Which settings a run reads: what another family is told decides nothing in it."""

from __future__ import annotations

from collections.abc import Callable

from configs.loading import Resolved, documented
from configs.nearest import meant
from configs.settings import Settings
from tasks.stage import is_in

SHOWN = 6
_OF_STAGES = ("train", "release")
"""Groups that each family has its own parts of. The report declares them whole, only to tell of them."""
_BESIDE_STAGES = ("train.begin",)
"""What is read where a stage's settings are made."""


def reads(settings: Settings) -> Callable[[str], bool]:
    """Whether a run with these settings reads a setting of a dotted path.

    Raises:
        UserError: no family of the name is trained here.
    """
    from tasks.stages import stages_of

    declared = {path for stage in stages_of(settings).all for path in (*stage.config, *stage.machine)}
    declared = (declared | {*_BESIDE_STAGES}) - {*_OF_STAGES}

    def is_read(path: str) -> bool:
        is_of_stages = path.split(".")[0] in _OF_STAGES
        return not is_of_stages or any(is_in(path, one) or is_in(one, path) for one in declared)

    return is_read


def unread(resolved: Resolved) -> str:
    """Which of one's own settings no stage reads, with those that are meant, perhaps; empty: each is read."""
    is_read = reads(resolved.settings)
    found = sorted(path for path in resolved.own if not is_read(path))
    if not found:
        return ""
    known = [path for path, *_ in documented() if is_read(path)]
    told = []
    for path in found[:SHOWN]:
        best = meant(path, known)
        hint = f", did you mean {best}?" if best else ""
        told.append(f"{path} ({resolved.origins[path]}{hint})")
    more = f" and {len(found) - SHOWN} more" if len(found) > SHOWN else ""
    return f"no stage of this {resolved.settings.family.name} voice reads {', '.join(told)}{more}"
