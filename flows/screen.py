"""What a person sees of a run: a line that moves while a stage runs, and one that stays when it is done.

On a terminal of any width the line begins with the stage, a bar, how many of how many, and the time that is
left; losses come last and are cut off first. Without a terminal the same is said every half minute.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from types import TracebackType

from rich.console import Console
from rich.live import Live
from rich.markup import escape
from rich.text import Text

from flows.pace import Pace, in_words
from tasks.results import StageResult

SHOWN_WARNINGS = 3
"""Warnings beyond this many of one stage are counted; `voicewright report` has them all."""
SAID_EVERY_S = 30.0
"""Where there is no terminal."""
_BAR_OF_WIDTH, _NARROWEST_BAR = 6, 4
"""The bar takes a sixth of the screen, or what is left of it."""
_LEAST_TEXT = 8
_SPINNER = "⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏"


class Running:
    """The stage that runs: how far it is, and how long it takes; told by one thread and shown by another.

    Args:
        clock: seconds since whenever.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._lock = threading.RLock()
        self.stage = ""
        self._begun_s = clock()
        self._pace = Pace()
        self._done, self._total, self._text = 0, 0, ""

    def begin(self, stage: str) -> None:
        """Another stage begins; an empty name: none runs."""
        with self._lock:
            self._begun_s = self._clock()
            self._pace = Pace()
            self._done, self._total, self._text = 0, 0, ""
            self.stage = stage

    def advance(self, done: int, total: int, text: str) -> bool:
        """It got further; whether this is the first that is heard of it, and some of it was done before."""
        with self._lock:
            resumed = not self._total and 1 < done < total
            self._done, self._total, self._text = done, total, text
            self._pace.advanced(done, self._clock())
            return resumed

    @property
    def kept(self) -> str:
        """How far it is, in words; empty where that is not known."""
        return f"{self._done} of {self._total}" if self._total else ""

    def line(self, width: int) -> str:
        """The line that moves, at most as long as the terminal is wide."""
        with self._lock:
            return self._line(width)

    def _line(self, width: int) -> str:
        passed_s = self._clock() - self._begun_s
        spinner = _SPINNER[int(passed_s * 8) % len(_SPINNER)]
        head, tail = f"{spinner} {self.stage or 'starting'}", self._tail()
        if self._total:
            room = width - len(head) - len(tail) - 2
            head = f"{head} {self._bar(min(width // _BAR_OF_WIDTH, max(_NARROWEST_BAR, room)))}"
        line = f"{head} {tail}"[:width]
        room = width - len(line) - 2
        if not self._text or room < _LEAST_TEXT:
            return line
        return f"{line}  {self._text if len(self._text) <= room else self._text[: room - 1] + '…'}"

    def sentence(self) -> str:
        """The same where nothing moves."""
        with self._lock:
            said = f"{self.stage}: {self._tail(' of ')}"
            return f"{said}; {self._text}" if self._text else said

    def _tail(self, slash: str = "/") -> str:
        passed_s = self._clock() - self._begun_s
        if not self._total:
            return f"{in_words(passed_s)} so far"
        left_s = self._pace.left_s(self._total, self._clock()) if self._done < self._total else None
        left = f"{in_words(passed_s)} so far" if left_s is None else f"{in_words(left_s)} left"
        return f"{self._done}{slash}{self._total}  {left}" if slash == "/" else f"{self.kept}, {left}"

    def _bar(self, width: int) -> str:
        full = round(width * min(1.0, self._done / self._total))
        return "━" * full + "─" * (width - full)


class Screen:
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

    def started(self, stage: str) -> None:
        """A stage begins."""
        self._running.begin(stage)

    def advanced(self, stage: str, done: int, total: int, text: str) -> None:
        """It got further."""
        if self._running.advance(done, total, text):
            self._console.print(
                f"[dim]  goes on   {stage:<16} at {done} of {total}: the others are done[/]", soft_wrap=True
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
