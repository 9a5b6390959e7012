"""GPT-SoVITS's slicer: its recorded cuts, and what must hold for any recording."""

from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from models.frontend.activity import analyse_activity
from models.frontend.rms_slicer import (
    Piece,
    SlicerParameters,
    frame_rms,
    segments_of_pieces,
    slice_silence,
)
from models.frontend.segmenter import Limits
from tests.models.golden_fill import source, test_wave
from tests.models.golden_store import read_table
from tests.models.sovits.golden_case import case, folder
from tests.speech.joined import LJ

RATE = 16_000


def speech_and_silence(tag: str, lead: int, durations: list[list[float]], rate: int) -> NDArray[np.float32]:
    parts = [np.zeros(lead, np.float32)]
    for index, (loud_s, silent_s) in enumerate(durations):
        parts.append(test_wave(f"{tag}/slicer/{index}", int(loud_s * rate), rate).numpy())
        noise = source(f"{tag}/slicer/sil{index}").standard_normal(int(silent_s * rate))
        parts.append((1e-4 * noise).astype(np.float32))
    return np.concatenate(parts)


@pytest.mark.golden
def test_cuts_are_the_references(goldens: Path) -> None:
    recorded = read_table(folder(goldens), "slicer.json")
    rate = 32_000
    samples = speech_and_silence(case(goldens)["tag"], recorded["lead_silence"], recorded["durations"], rate)
    assert samples.size == recorded["total"]
    for result in recorded["results"]:
        pieces = slice_silence(samples, rate, SlicerParameters(**result["params"]))
        # A piece that reaches the end of the recording is listed there up to the end of its last frame.
        expected = [[start, start + length] for start, _, length in result["chunks"]]
        assert [list(piece) for piece in pieces] == expected


@pytest.mark.slow
@settings(max_examples=40, deadline=None)
@given(
    st.lists(st.tuples(st.floats(0.05, 3.0), st.floats(0.0, 2.0)), min_size=1, max_size=6),
    st.sampled_from([8_000, 22_050, 44_100]),
    st.integers(0, 5_000),
    st.sampled_from([(1000, 100, 10, 200), (4000, 300, 10, 500), (300, 300, 20, 5000), (50, 37, 9, 11)]),
)
def test_pieces_are_ordered_inside_and_keep_what_is_loud(
    durations: list[tuple[float, float]], rate: int, lead: int, numbers: tuple[int, ...]
) -> None:
    samples = speech_and_silence("property", lead, [list(d) for d in durations], rate)
    parameters = SlicerParameters(-34.0, *numbers)
    pieces = slice_silence(samples, rate, parameters)
    assert all(0 <= piece.start < piece.end <= samples.size for piece in pieces)
    assert all(left.end <= right.start for left, right in pairwise(pieces))
    inside = np.zeros(samples.size, bool)
    for piece in pieces:
        inside[piece.start : piece.end] = True
    # A frame that is silent on the whole can hold the last loud samples before a silence.
    frame = 4 * round(parameters.hop_size * rate / 1000)
    lost = np.flatnonzero((np.abs(samples) > 0.1) & ~inside)
    edges = np.array([edge for piece in pieces for edge in piece])
    assert all(np.abs(edges - sample).min() <= frame for sample in lost)


@pytest.mark.parametrize("n_samples", [0, 1, 7, 399, 16_000, 160_000])
def test_digital_silence_and_short_recordings_are_no_error(n_samples: int) -> None:
    silence = np.zeros(n_samples, np.float32)
    pieces = slice_silence(silence, RATE, SlicerParameters())
    assert pieces == ([Piece(0, n_samples)] if 0 < n_samples <= 400 else [])
    loud = np.full(n_samples, 0.5, np.float32)
    assert slice_silence(loud, RATE, SlicerParameters()) == ([Piece(0, n_samples)] if n_samples else [])


def test_the_level_is_a_frames_own() -> None:
    samples = np.zeros(1_000, np.float32)
    samples[500:] = 0.5
    level = frame_rms(samples, window=40, hop=10)
    assert level.size == 101
    assert level[47] == 0.0
    assert level[53] == pytest.approx(0.5)
    assert level[50] == pytest.approx(0.5 * np.sqrt(0.5))


@pytest.mark.slow
def test_a_piece_that_is_too_long_is_cut_on_in_its_pauses(long_recordings: Path) -> None:
    import soundfile

    samples, rate = soundfile.read(
        long_recordings / "wavs" / f"{LJ}.flac", dtype="float32", frames=60 * 24_000
    )
    pieces = slice_silence(samples, rate, SlicerParameters(min_length=20_000.0))
    assert max(piece.end - piece.start for piece in pieces) > 12 * rate
    limits = Limits(1.0, 6.0, 0.4, 0.3)
    segments = segments_of_pieces(analyse_activity(samples, rate), pieces, rate, limits)
    assert len(segments) > len(pieces)
    assert all(segment.end_s - segment.start_s <= 6.0 + 1e-6 for segment in segments)
    assert all(left.end_s <= right.start_s + 1e-9 for left, right in pairwise(segments))
    for segment in segments:
        assert any(
            piece.start / rate <= segment.start_s and segment.end_s <= piece.end / rate + 1e-9
            for piece in pieces
        )
