"""What the server measures of itself, as Prometheus reads it."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from typing import Any, NamedTuple

from prometheus_client import CollectorRegistry, Counter, Histogram, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric

from flows.guarded_server import App, Receive, Scope, Send

FIRST_S = (0.1, 0.25, 0.5, 1, 2, 4, 8, 16, 32, 64)
PREFIX = "voicewright"


class Gauges(NamedTuple):
    """Requests that are spoken or wait, voices in memory, and how often one was exchanged."""

    present: int
    held: int
    swaps: int


class Measures:
    """Counters of a server; gauges are asked of it when they are read."""

    def __init__(self, gauges: Callable[[], Gauges]) -> None:
        self._gauges = gauges
        self._registry = CollectorRegistry()
        self.requests = Counter(
            f"{PREFIX}_requests", "Requests that were answered.", ("route", "status"), registry=self._registry
        )
        self.first_audio_s = Histogram(
            f"{PREFIX}_first_audio_seconds",
            "From a request to its first sound.",
            buckets=FIRST_S,
            registry=self._registry,
        )
        self.speech_s = Histogram(
            f"{PREFIX}_speech_seconds",
            "From a request to its last sound.",
            buckets=FIRST_S,
            registry=self._registry,
        )
        self.spoken_s = Counter(
            f"{PREFIX}_spoken_seconds", "Speech that was made, seconds.", registry=self._registry
        )
        self.given_up = Counter(
            f"{PREFIX}_given_up", "Requests whose client went before the end.", registry=self._registry
        )
        self._registry.register(self)  # type: ignore[arg-type]

    def collect(self) -> Iterable[Metric]:
        """What is asked for when it is read."""
        now = self._gauges()
        yield GaugeMetricFamily(f"{PREFIX}_requests_present", "Spoken or waiting.", now.present)
        yield GaugeMetricFamily(f"{PREFIX}_voices_held", "In memory.", now.held)
        yield CounterMetricFamily(f"{PREFIX}_voice_swaps", "Exchanged for newer ones.", now.swaps)

    def text(self) -> bytes:
        """All of them, in Prometheus's text form."""
        return generate_latest(self._registry)


class Counted:
    """An ASGI application whose answers are counted by route and status."""

    def __init__(self, app: App, measures: Measures) -> None:
        self._app, self._measures = app, measures

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one connection."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def count(message: Any) -> None:
            if message["type"] == "http.response.start":
                # Paths that nobody knows would be as many names as somebody tries.
                route = getattr(scope.get("route"), "path", "other")
                self._measures.requests.labels(route, str(message["status"])).inc()
            await send(message)

        await self._app(scope, receive, count)


class Stopwatch:
    """Times of one request."""

    def __init__(self, measures: Measures) -> None:
        self._measures, self._began_s = measures, time.monotonic()

    def first(self) -> None:
        """The first sound is there."""
        self._measures.first_audio_s.observe(time.monotonic() - self._began_s)

    def end(self, spoken_s: float, is_whole: bool) -> None:
        """Nothing comes after this."""
        self._measures.spoken_s.inc(spoken_s)
        if is_whole:
            self._measures.speech_s.observe(time.monotonic() - self._began_s)
        else:
            self._measures.given_up.inc()
