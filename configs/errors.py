"""The errors that are told in one message, without a traceback."""

from __future__ import annotations


class UserError(Exception):
    """Something the user can put right.

    The message names the file or field, the value that was found, and the remedy. The command line prints
    it without a traceback and exits with status 2; tasks never retry it.
    """


class MachineError(Exception):
    """The machine refused something: no space, a read-only disk, too little memory.

    The message says what was being done, where, how much there is and what to do. The command line prints it
    without a traceback and exits with status 74 (EX_IOERR of sysexits.h).

    Attributes:
        passing: whether it can be over in twenty seconds, so that trying again makes sense.
    """

    def __init__(self, message: str, passing: bool = False) -> None:
        super().__init__(message)
        self.passing = passing
