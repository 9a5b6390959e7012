"""What a person sees of a run: a line that moves while a stage runs, and one that stays when it is done.

On a terminal of any width the line begins with the stage, a bar, how many of how many, and the time that is
left; losses come last and are cut off first. Without a terminal the same is said every half minute.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from types import TracebackType

from rich.console import Console
from rich.live import Live
from rich.markup import escape
from rich.text import Text

from flows.pace import in_words
from flows.under_way import UnderWay
from tasks.results import StageResult
from tasks.watching import Advance, Watcher

SHOWN_WARNINGS = 3
"""Warnings beyond this many of one stage are counted; `voicewright report` has them all."""
SAID_EVERY_S = 30.0
"""Where there is no terminal."""
_BAR_OF_WIDTH, _NARROWEST_BAR = 6, 4
"""The bar takes a sixth of the screen, or what is left of it."""
_LEAST_TEXT = 8
_SPINNER = "⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏"


class Running(UnderWay):
    """The stage that is at work, in words; told by one thread and shown by another."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._lock = threading.RLock()
        super().__init__(clock)

    def begin(self, stage: str, expected_s: float | None = None) -> None:
        """See `UnderWay`."""
        with self._lock:
            super().begin(stage, expected_s)

    def advance(self, at: Advance) -> None:
        """See `UnderWay`."""
        with self._lock:
            super().advance(at)

    @property
    def kept(self) -> str:
        """How far it is, in words; empty where that is not known."""
        return f"{self.at.done} of {self.at.total}" if self.is_counted else ""

    def line(self, width: int) -> str:
        """The line that moves, at most as long as the terminal is wide."""
        with self._lock:
            return self._line(width)

    def _line(self, width: int) -> str:
        at = self.at
        spinner = _SPINNER[int(self.passed_s * 8) % len(_SPINNER)]
        head, tail = f"{spinner} {self.stage or 'starting'}", self._time()
        if at.phase:
            head = f"{head}: {at.phase}"
        if at.total:
            tail = f"{at.done}/{at.total}  {tail}"
            room = width - len(head) - len(tail) - 2
            head = f"{head} {self._bar(min(width // _BAR_OF_WIDTH, max(_NARROWEST_BAR, room)))}"
        line = f"{head} {tail}"[:width]
        room = width - len(line) - 2
        if not at.text or room < _LEAST_TEXT:
            return line
        return f"{line}  {at.text if len(at.text) <= room else at.text[: room - 1] + '…'}"

    def sentence(self) -> str:
        """The same where nothing moves."""
        with self._lock:
            at = self.at
            counted = f"{at.done} of {at.total}" if at.total else ""
            parts = ", ".join(filter(None, (at.phase, counted, self._time())))
            return f"{self.stage}: {parts}; {at.text}" if at.text else f"{self.stage}: {parts}"

    def _time(self) -> str:
        left_s = self.left_s()
        return f"{in_words(left_s)} left" if left_s else f"{in_words(self.passed_s)} so far"

    def _bar(self, width: int) -> str:
        full = round(width * min(1.0, self.at.done / self.at.total))
        return "━" * full + "─" * (width - full)


class Screen(Watcher):
    """A moving line for the stage that runs and a line for each that is done.

    Args:
        voice: the voice's name.
        console: where to; standard error when left out.
    """

    def __init__(self, voice: str, console: Console | None = None) -> None:
        self._voice = voice
        self._console = console or Console(stderr=True, highlight=False)
        self._results: list[StageResult] = []
        self._running = Running()
        self._expected_s: Mapping[str, float | None] = {}
        self._ended = threading.Event()
        self._live: Live | None = None
        if self._console.is_terminal and not self._console.is_dumb_terminal:
            self._live = Live(
                console=self._console, get_renderable=self._line, refresh_per_second=4, transient=True
            )

    def __enter__(self) -> Screen:
        if self._live is not None:
            self._live.start()
        else:
            threading.Thread(target=self._say_now_and_then, daemon=True).start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        del kind, error, trace
        self._ended.set()
        if self._live is not None:
            self._live.stop()

    def _line(self) -> Text:
        return Text(self._running.line(self._console.width), no_wrap=True, overflow="crop")

    def _say_now_and_then(self) -> None:
        while not self._ended.wait(SAID_EVERY_S):
            if self._running.stage:
                self.say(self._running.sentence())

    def foreseen(self, said: str, seconds: Mapping[str, float | None]) -> None:
        """What the run will take."""
        self._expected_s = seconds
        if said:
            self.say(said)

    def started(self, stage: str) -> None:
        """A stage begins."""
        self._running.begin(stage, self._expected_s.get(stage))

    def advanced(self, stage: str, at: Advance) -> None:
        """It got further; the first that is heard of one that goes on says from where."""
        is_first = not self._running.is_counted
        self._running.advance(at)
        if is_first and self._running.is_counted and 1 < at.done < at.total:
            self._console.print(
                f"[dim]  goes on   {stage:<16} at {at.done} of {at.total}: the others are done[/]",
                soft_wrap=True,
            )

    def finished(self, result: StageResult) -> None:
        """It is done."""
        self._running.begin("")
        self._results.append(result)
        if result.status == "cached":
            line = f"[dim]  cached    {result.name}[/]"
        else:
            made = (
                f"{result.rows_computed} of {result.rows_total} rows"
                if result.rows_total
                else f"{len(result.files)} files"
            )
            done = f"{made}, {result.seconds:.1f} s"
            line = f"[green]  computed[/]  {result.name:<16} {done}  [dim]{escape(result.reason)}[/]"
        if result.rejects:
            line += f"  [yellow]{result.rejects} refused[/]"
        self._console.print(line, soft_wrap=True)
        for note in result.notes:
            self._console.print(f"            {escape(note)}", soft_wrap=True)
        if result.status != "cached":
            for warning in result.warnings[:SHOWN_WARNINGS]:
                self._console.print(f"            [yellow]{escape(warning)}[/]", soft_wrap=True)
            if len(result.warnings) > SHOWN_WARNINGS:
                more = len(result.warnings) - SHOWN_WARNINGS
                self._console.print(f"            [yellow]and {more} more warnings[/]")

    def say(self, text: str) -> None:
        """A line for people."""
        self._console.print(escape(text), soft_wrap=True)

    def stopped(self, why: str) -> None:
        """What is kept of a run that somebody stopped.

        Args:
            why: what the stage that ran says of it; empty where it says nothing.
        """
        count = len(self._results)
        done = "1 stage is done" if count == 1 else f"{count or 'no'} stages are done"
        stage, kept = self._running.stage, self._running.kept
        if stage:
            at = why or (f"stopped at {kept}" if kept else "was begun")
            done = f"{done}; {stage} {at}"
        self.say(f"{self._voice}: {done}")

    def close(self, unrecorded: str) -> None:
        """The last lines; `unrecorded` is why MLflow has no record of the run."""
        computed = [result.name for result in self._results if result.status != "cached"]
        refused = sum(result.rejects for result in self._results)
        if not computed:
            said = "every stage is cached"
        else:
            said = f"{len(computed)} of {len(self._results)} stages computed, the others cached"
        self._console.print(f"[bold]{self._voice}[/]: {said}")
        if refused:
            self._console.print(
                f"{refused} recordings or clips were refused: voicewright rejects {self._voice}",
                soft_wrap=True,
            )
        if unrecorded:
            self._console.print(
                f"[yellow]this run is not recorded in MLflow: {escape(unrecorded)}[/]", soft_wrap=True
            )
