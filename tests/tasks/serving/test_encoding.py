"""Streams: readable, of the right length and pitch, the same bytes however the samples came."""

from __future__ import annotations

import io
import itertools
from collections.abc import Iterator

import av
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tasks.serving.encoding import FORMATS, PCM_RATE, Format, encoder_of

TONE_HZ = 440


def tone(rate: int, seconds: float = 1.0) -> np.ndarray:
    wave = 0.5 * np.sin(2 * np.pi * TONE_HZ * np.arange(round(rate * seconds)) / rate)
    # What begins at full level swings beyond it in a codec.
    edge = np.minimum(1, np.arange(len(wave)) / (0.05 * rate))
    return (wave * edge * edge[::-1]).astype(np.float32)


def encoded(form: Format, rate: int, parts: Iterator[np.ndarray] | list[np.ndarray]) -> bytes:
    encoder = encoder_of(form, rate)
    return b"".join([*(encoder.add(part) for part in parts), encoder.end()])


def decoded(data: bytes, form: Format) -> tuple[np.ndarray, int]:
    if form == "pcm":
        return np.frombuffer(data, "<i2") / 32767, PCM_RATE
    with av.open(io.BytesIO(data)) as container:
        rate = container.streams.audio[0].rate
        resampler = av.AudioResampler("flt", "mono", rate)
        frames = [one for frame in container.decode(audio=0) for one in resampler.resample(frame)]
    return np.concatenate([frame.to_ndarray()[0] for frame in frames]), rate


@pytest.mark.parametrize("form", FORMATS)
@pytest.mark.parametrize("rate", [16_000, 24_000, 32_000])
def test_what_comes_out_is_the_tone_that_went_in(form: Format, rate: int) -> None:
    samples, found = decoded(encoded(form, rate, [tone(rate)]), form)
    assert len(samples) / found == pytest.approx(1.0, abs=0.1)
    spectrum = np.abs(np.fft.rfft(samples))
    assert np.argmax(spectrum) * found / len(samples) == pytest.approx(TONE_HZ, abs=3)
    assert np.abs(samples).max() == pytest.approx(0.5, abs=0.06)


@pytest.mark.slow
@pytest.mark.parametrize("form", FORMATS)
@settings(max_examples=10)
@given(cuts=st.lists(st.integers(0, 24_000), max_size=6))
def test_bytes_do_not_depend_on_how_the_samples_came(form: Format, cuts: list[int]) -> None:
    # Resampled streams may differ by rounding where they are cut; the others may not at all.
    rate = 24_000 if form == "pcm" else 16_000
    samples = tone(rate)
    edges = sorted({0, len(samples), *(min(cut, len(samples)) for cut in cuts)})
    parts = [samples[start:end] for start, end in itertools.pairwise(edges)]
    assert encoded(form, rate, parts) == encoded(form, rate, [samples])


@pytest.mark.parametrize("form", FORMATS)
def test_what_is_too_loud_is_held_and_nothing_is_a_stream_too(form: Format) -> None:
    samples, _ = decoded(encoded(form, 24_000, [3 * tone(24_000)]), form)
    assert np.abs(samples).max() < 1.6
    assert isinstance(encoded(form, 24_000, []), bytes)
