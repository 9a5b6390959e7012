"""The error that a user can mend."""

from __future__ import annotations


class UserError(Exception):
    """Something the user can put right.

    The message names the file or field, the value that was found, and the remedy. The command line prints
    it without a traceback and exits with status 2; tasks never retry it.
    """
