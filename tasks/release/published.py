"""Published voices of every family: speech without training. Asking for names imports no networks."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from tasks.families import FAMILIES
from tasks.named import imported
from tasks.weights import LocalWeights

if TYPE_CHECKING:
    from tasks.release.voice import Voice


def published_family(name: str) -> str | None:
    """The family of a published voice's name, `kokoro/af_heart`; None for other names."""
    family, slash, voice = name.partition("/")
    known = FAMILIES.get(family)
    return family if slash and voice and known is not None and known.published is not None else None


def load_published(
    name: str, weights: LocalWeights, manner: Mapping[str, object] | None = None
) -> Voice[Any]:
    """A voice of published weights, without any training.

    Args:
        name: Family and voice, `kokoro/af_heart`; of which `published_family` knows the family.
        weights: What was fetched.
        manner: Settings of how it speaks that differ from the family's.

    Raises:
        UserError: there is no such voice, its weights are not here, or a setting is wrong.
    """
    family, _, voice = name.partition("/")
    published: Voice[Any] = imported(str(FAMILIES[family].published))(voice, weights, manner or {})
    return published


def published_names(weights: LocalWeights) -> dict[str, str]:
    """Published voices that can be spoken with, by name, each with the code of its first language."""
    found: dict[str, str] = {}
    for family, known in FAMILIES.items():
        if known.published_names is not None:
            names: Mapping[str, str] = imported(known.published_names)(weights)
            found |= {f"{family}/{name}": language for name, language in names.items()}
    return found
