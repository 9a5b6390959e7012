"""Commands that a person would type, run for the studio's pages: each in a process of its own.

What they need of memory and of libraries goes with them, and the pages that they write are kept for as long
as the server runs.
"""

from __future__ import annotations

import logging
import shutil
import subprocess
import sys
import tempfile
import threading
import uuid
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

from artifacts.faults import writing
from flows.serve.faults import busy
from flows.services import ROOT

logger = logging.getLogger(__name__)

State = Literal["waiting", "running", "finished", "failed"]
AT_ONCE, WAITING, KEPT = 2, 8, 32
LONGEST_S = 3600.0
ADVICE_S = 30
TOLD_LINES = 8


@dataclass(frozen=True)
class Errand:
    """A command.

    Attributes:
        key: By which it is found.
        title: What it does, for a person.
        back: Path of the page that it was asked for on.
        arguments: Of the command line.
        page: Where the page that it writes lies; None of one that writes none.
        state: See `State`.
        message: Its last words.
    """

    key: str
    title: str
    back: str
    arguments: tuple[str, ...]
    page: Path | None = None
    state: State = "waiting"
    message: str = ""

    @property
    def is_over(self) -> bool:
        """Whether nothing more will become of it."""
        return self.state in ("finished", "failed")


class Errands:
    """Runs them.

    Args:
        workspace: Where voices are.
        command: What runs the command line.
    """

    def __init__(self, workspace: Path, command: tuple[str, ...] = ()) -> None:
        self._command = (*(command or (sys.executable, str(ROOT / "voicewright.py"))), "-w", str(workspace))
        self._lock = threading.Lock()
        self._known: OrderedDict[str, Errand] = OrderedDict()
        self._processes: dict[str, subprocess.Popen[str]] = {}
        self._workers = ThreadPoolExecutor(AT_ONCE, thread_name_prefix="errand")
        self._folder = tempfile.TemporaryDirectory(prefix="voicewright-pages-")
        self._is_ended = False

    def add(
        self,
        title: str,
        back: str,
        arguments: Sequence[str],
        writes_page: bool,
        brought: Mapping[str, bytes] | None = None,
    ) -> Errand:
        """Take one on; where it writes a page, that is told it by `--output`.

        Args:
            brought: files that the command reads, its last arguments, by names that are plain; they are gone
                when it has ended.

        Raises:
            ApiError: too many wait.
            MachineError: the files cannot be written.
        """
        key = uuid.uuid4().hex
        page = Path(self._folder.name) / f"{key}.html" if writes_page else None
        output = ("--output", str(page)) if page is not None else ()
        place = Path(self._folder.name) / key
        files = {place / name: content for name, content in (brought or {}).items()}
        errand = Errand(key, title, back, (*arguments, *map(str, files), *output), page)
        with self._lock:
            if sum(not one.is_over for one in self._known.values()) >= WAITING:
                raise busy(ADVICE_S, "too much is being made already")
            self._known[key] = errand
            self._forget()
        try:
            with writing(place):
                for path, content in files.items():
                    path.parent.mkdir(exist_ok=True)
                    path.write_bytes(content)
            self._workers.submit(self._run, errand)
        except BaseException:
            # Nobody hears of it by its key.
            with self._lock:
                del self._known[key]
            shutil.rmtree(place, ignore_errors=True)
            raise
        return errand

    def find(self, key: str) -> Errand | None:
        """One by its key."""
        with self._lock:
            return self._known.get(key)

    def end(self) -> None:
        """Stop those that run, and remove what was written."""
        with self._lock:
            self._is_ended = True
            for process in self._processes.values():
                process.terminate()
        self._workers.shutdown(cancel_futures=True)
        self._folder.cleanup()

    # -- internals

    def _run(self, errand: Errand) -> None:
        place = Path(self._folder.name) / errand.key
        try:
            process = self._begun(errand)
            if process is None:
                return
            try:
                told, _ = process.communicate(timeout=LONGEST_S)
            except subprocess.TimeoutExpired:
                process.kill()
                told, _ = process.communicate()
            is_made = process.returncode == 0 and (errand.page is None or errand.page.is_file())
            message = _told(told.replace(f"{place}/", ""), is_made, errand.page is not None)
        except Exception as error:
            logger.exception("%s: could not be run", errand.title)
            is_made, message = False, f"it could not be run: {getattr(error, 'strerror', None) or error}"
        shutil.rmtree(place, ignore_errors=True)
        with self._lock:
            self._processes.pop(errand.key, None)
            self._known[errand.key] = replace(
                errand, state="finished" if is_made else "failed", message=message
            )

    def _begun(self, errand: Errand) -> subprocess.Popen[str] | None:
        """Its process; None where all ends. Raises OSError: it could not be begun."""
        with self._lock:
            if self._is_ended:
                return None
            process = subprocess.Popen(
                [*self._command, *errand.arguments],
                cwd=ROOT,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
                encoding="utf-8",
                errors="replace",
            )
            self._processes[errand.key] = process
            self._known[errand.key] = replace(errand, state="running")
            return process

    def _forget(self) -> None:
        """The oldest that are over, and their pages."""
        over = [key for key, errand in self._known.items() if errand.is_over]
        for key in over[: max(0, len(self._known) - KEPT)]:
            page = self._known.pop(key).page
            if page is not None:
                page.unlink(missing_ok=True)


def _told(output: str, is_made: bool, has_page: bool) -> str:
    """What matters of a command's output: its error, else its first lines where it made no page."""
    lines = output.strip().splitlines()
    if is_made:
        return "" if has_page else "; ".join(lines[:TOLD_LINES])
    errors = [line.removeprefix("error: ") for line in lines if line.startswith("error:")]
    return errors[0] if errors else "it ended without saying why"
