"""Functions and data by name (`module:name`), imported when they are wanted."""

from __future__ import annotations

from importlib import import_module
from typing import Any


def imported(name: str) -> Any:
    """What `module:name` names.

    Raises:
        ModuleNotFoundError, AttributeError: there is no such thing.
    """
    module, _, attribute = name.partition(":")
    return getattr(import_module(module), attribute)
