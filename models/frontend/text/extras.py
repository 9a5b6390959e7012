"""Front ends that need a package of their own: installed with an extra, asked for when they are missing."""

from __future__ import annotations

from importlib.util import find_spec

from configs.errors import UserError


class MissingFrontEndError(UserError):
    """A language's front end is not installed: the whole run stops, as no clip of it could be read."""


def require_package(module: str, language: str, extra: str) -> None:
    """Make sure of a package.

    Args:
        module: Its import name.
        language: For people, "Japanese".
        extra: Name of the optional dependency group.

    Raises:
        MissingFrontEndError: it is not installed.
    """
    if find_spec(module) is None:
        raise MissingFrontEndError(
            f"{language} text needs the package {module}, which is not installed; run "
            f"`pip install -e '.[{extra}]'` in the checkout"
        )
