"""Front ends that need a package of their own: installed with an extra, asked for when they are missing."""

from __future__ import annotations

import importlib
from typing import Any

from configs.errors import UserError


class MissingFrontEndError(UserError):
    """A language's front end is not installed: the whole run stops, as no clip of it could be read."""


def front_end_package(module: str, language: str, extra: str) -> Any:
    """The imported package.

    Args:
        module: Its import name.
        language: For people, "Japanese".
        extra: Name of the optional dependency group.

    Raises:
        MissingFrontEndError: it is not installed.
    """
    try:
        return importlib.import_module(module)
    except ImportError as error:
        raise MissingFrontEndError(
            f"{language} text needs the package {module}, which is not installed; run "
            f"`pip install -e '.[{extra}]'` in the checkout"
        ) from error
