"""Sound whose sample rate or channels change midway, brought to one form."""

from __future__ import annotations

from collections.abc import Generator, Iterator
from typing import NamedTuple

import numpy as np

from models.frontend.audio_errors import broken_off
from models.frontend.decoders import Block, Piece

_SHORTEST_S = 0.1  # recordings that were joined last longer, damaged frame headers do not
_MOST_NOTES = 5


class _Span(NamedTuple):
    start_s: float
    end_s: float
    rate: int
    channels: int


def in_one_form(
    pieces: Iterator[Piece], rate: int, channels: int, conversions: list[str]
) -> Generator[Block, None, None]:
    """Blocks `[n, channels]` at `rate`; what was in another form is listed under `conversions` at the end.

    Raises:
        AudioError: `damaged`: another form lasts too short to be meant.
    """
    at_s = 0.0
    spans: list[_Span] = []
    foreign: _Foreign | None = None
    for piece_rate, block in pieces:
        if foreign is not None and foreign.form != (piece_rate, block.shape[1]):
            yield from foreign.last(at_s)
            spans.append(foreign.span(at_s))
            foreign = None
        if foreign is None and (piece_rate, block.shape[1]) != (rate, channels):
            foreign = _Foreign(at_s, piece_rate, block.shape[1], rate, channels)
        if foreign is None:
            yield block
        else:
            yield from foreign.convert(block)
        at_s += block.shape[0] / piece_rate
    if foreign is not None:
        yield from foreign.last(at_s)
        spans.append(foreign.span(at_s))
    conversions += [
        f"{span.start_s:.2f} to {span.end_s:.2f} s: {_form(span.rate, span.channels)} brought to "
        f"{_form(rate, channels)}"
        for span in spans[:_MOST_NOTES]
    ]
    if len(spans) > _MOST_NOTES:
        conversions.append(f"the same for {len(spans) - _MOST_NOTES} later parts")


class _Foreign:
    """Converts a span of another form."""

    def __init__(
        self, start_s: float, from_rate: int, from_channels: int, to_rate: int, to_channels: int
    ) -> None:
        if from_rate < 1:
            raise broken_off(start_s, f"the sample rate becomes {from_rate}")
        self.form = (from_rate, from_channels)
        self._start_s = start_s
        self._channels = to_channels
        self._resampler = None
        if from_rate != to_rate:
            import soxr

            self._resampler = soxr.ResampleStream(from_rate, to_rate, to_channels, "float32", "HQ")

    def convert(self, block: Block) -> Iterator[Block]:
        if block.shape[1] != self._channels:
            mono = block if block.shape[1] == 1 else block.mean(axis=1, keepdims=True, dtype=np.float32)
            block = np.repeat(mono, self._channels, axis=1)
        yield from self._resampled(block, last=False)

    def last(self, end_s: float) -> Iterator[Block]:
        if end_s - self._start_s < _SHORTEST_S:
            length = f"{end_s - self._start_s:.2f} s"
            raise broken_off(self._start_s, f"{length} of {_form(*self.form)} are no recording")
        yield from self._resampled(np.zeros((0, self._channels), np.float32), last=True)

    def span(self, end_s: float) -> _Span:
        return _Span(self._start_s, end_s, *self.form)

    def _resampled(self, block: Block, last: bool) -> Iterator[Block]:
        if self._resampler is not None:
            # soxr takes and gives one channel without an axis for it.
            flat = block if self._channels > 1 else block[:, 0]
            made = self._resampler.resample_chunk(np.ascontiguousarray(flat), last=last)
            block = np.asarray(made, np.float32).reshape(-1, self._channels)
        if block.size:
            yield block


def _form(rate: int, channels: int) -> str:
    return f"{rate} Hz {({1: 'mono', 2: 'stereo'}).get(channels, f'with {channels} channels')}"
