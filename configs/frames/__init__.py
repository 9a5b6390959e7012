"""What each family's models take as given: one file per family, found by its name."""

from __future__ import annotations

import pkgutil
from dataclasses import dataclass
from importlib import import_module
from typing import Literal


@dataclass(frozen=True, kw_only=True)
class Frame:
    """A family's fixed choices among the settings of `family`.

    Attributes:
        mel: Definition of the mel spectrogram that its models read.
        character_table: Characters that they read, made from the phones of the table `ipa`; None where they
            read phones.
        onnx: Whether its voices can be exported as ONNX.
    """

    mel: Literal["slaney", "styletts2"]
    character_table: str | None = None
    onnx: bool = False


def family_names() -> tuple[str, ...]:
    """Families by the names that `family.name` takes."""
    return tuple(sorted(found.name.replace("_", "-") for found in pkgutil.iter_modules(__path__)))


def frame_of(family: str) -> Frame:
    """A family's frame.

    Raises:
        ValueError: there is no such family.
    """
    if family not in family_names():
        raise ValueError(f"name = {family}: the families are {', '.join(family_names())}")
    frame: Frame = import_module(f"{__name__}.{family.replace('-', '_')}").FRAME
    return frame
