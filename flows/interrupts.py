"""Being told to stop: SIGINT (Ctrl-C), SIGTERM and SIGHUP end any command cleanly, and soon.

The first signal raises `Interrupted` in the main thread; whatever runs saves its state and ends. It has
`PATIENCE_S` for that. After it, or at a second Ctrl-C, the process ends at once, as if it were killed, which
costs nothing but what was not yet written. Child processes notice that their parent is gone.
"""

from __future__ import annotations

import os
import signal
import sys
import threading
import time
from types import FrameType

STOPPING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
PATIENCE_S = 20.0
# One key press can arrive twice: from the terminal and from a program in between.
SAME_PRESS_S = 0.3
SOON_S = 0.4
"""What ends sooner needs no word about it."""
STOPPING_SAID = (
    "stopping: what is finished stays, and a training saves the step that it is at; Ctrl-C again ends at once"
)
SAID = "stopped; what was finished is kept, run the same command to go on"


class Interrupted(KeyboardInterrupt):
    """The process was told to stop."""


class Interrupts:
    """The signals that this process got.

    A thread hears of each signal from the interpreter itself (`signal.set_wakeup_fd`), also while a library
    has put a handler of its own in the place of ours, as Prefect does for SIGTERM, or swallows what ours
    raises.

    Args:
        patience_s: how long the process may take to end by itself.
    """

    def __init__(self, patience_s: float = PATIENCE_S) -> None:
        self._patience_s = patience_s
        self.first = 0
        """The first signal's number; 0 while there was none."""
        self._raised = self._over = False
        self._installed: list[signal.Signals] = []

    @property
    def status(self) -> int:
        """Exit status that tells of the first signal."""
        return 128 + (self.first or signal.SIGINT)

    def install(self) -> None:
        """Listen from now on; a signal that is ignored (`nohup`, `&` in a script) stays so."""
        hears, tells = os.pipe()
        os.set_blocking(tells, False)
        signal.set_wakeup_fd(tells, warn_on_full_buffer=False)
        for sign in STOPPING:
            if signal.getsignal(sign) is not signal.SIG_IGN:
                signal.signal(sign, self._raise)
                self._installed.append(sign)
        threading.Thread(target=self._listen, args=(hears,), daemon=True).start()

    def uninstall(self) -> None:
        """From now on a signal ends the process as it ends any other: there is nothing left to save."""
        self._over = True
        for sign in self._installed:
            signal.signal(sign, signal.SIG_DFL)

    def _raise(self, number: int, _frame: FrameType | None) -> None:
        self.first = self.first or number
        if not self._raised:
            self._raised = True
            raise Interrupted

    def _listen(self, hears: int) -> None:
        begun_s = 0.0
        while numbers := os.read(hears, 64):
            for number in numbers:
                if number not in STOPPING:
                    continue
                now_s = time.monotonic()
                if not begun_s:
                    begun_s = now_s
                    self.first = self.first or number
                    for wait_s, then in ((SOON_S, self._tell), (self._patience_s, self._end)):
                        later = threading.Timer(wait_s, then)
                        later.daemon = True
                        later.start()
                elif number == signal.SIGINT and now_s - begun_s > SAME_PRESS_S:
                    self._end()

    def _tell(self) -> None:
        if not self._over:
            self._write(STOPPING_SAID)

    def _end(self) -> None:
        # Not `sys.exit`: whatever keeps the main thread must not keep the process.
        self._write(SAID)
        os._exit(self.status)

    @staticmethod
    def _write(text: str) -> None:
        os.write(sys.__stderr__.fileno() if sys.__stderr__ else 2, f"\n{text}\n".encode())
