"""Metrics give known values on signals whose distance is known."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models.metrics.codes import edit_distance, edit_recall, position_recall
from models.metrics.duration import duration_error_percent
from models.metrics.pitch import pitch_error
from models.metrics.spectral import mel_distance_db, warped_mel_distance_db
from models.metrics.warping import warping_path


def track(frames: int, bands: int = 8, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).standard_normal((bands, frames))


def test_equal_mels_are_0_db_apart() -> None:
    assert mel_distance_db(track(50), track(50)) == 0.0


def test_twice_the_amplitude_is_6_db() -> None:
    assert mel_distance_db(track(50), track(50) + np.log(2)) == pytest.approx(6.0206, abs=1e-3)


def test_longer_mel_is_cut_to_the_shorter() -> None:
    assert mel_distance_db(track(50), np.pad(track(50), ((0, 0), (0, 7)))) == 0.0


def test_unlike_bands_are_refused() -> None:
    with pytest.raises(ValueError, match="shapes"):
        mel_distance_db(track(5), track(5, bands=9))
    with pytest.raises(ValueError, match="shapes"):
        mel_distance_db(track(5), track(0))


def test_warping_undoes_a_stretch() -> None:
    original = track(60)
    stretched = np.repeat(original, 2, axis=1)
    assert warped_mel_distance_db(original, stretched) == pytest.approx(0.0, abs=1e-6)
    assert mel_distance_db(original, stretched) > 5.0


@settings(max_examples=40, deadline=None)
@given(n=st.integers(1, 5), m=st.integers(1, 5), seed=st.integers(0, 1000))
def test_path_is_the_cheapest_of_all(n: int, m: int, seed: int) -> None:
    a, b = track(n, 3, seed), track(m, 3, seed + 1)
    cost = np.linalg.norm(a.T[:, None] - b.T[None], axis=-1)

    def cheapest(i: int, j: int) -> float:
        if i == 0 and j == 0:
            return cost[0, 0]
        before = [(i - 1, j - 1), (i - 1, j), (i, j - 1)]
        return cost[i, j] + min(cheapest(p, q) for p, q in before if p >= 0 and q >= 0)

    path = warping_path(a, b)
    assert tuple(path[0]) == (0, 0)
    assert tuple(path[-1]) == (n - 1, m - 1)
    for (i, j), (p, q) in itertools.pairwise(path.tolist()):
        assert (p - i, q - j) in {(1, 1), (1, 0), (0, 1)}
    assert cost[path[:, 0], path[:, 1]].sum() == pytest.approx(cheapest(n - 1, m - 1))


def test_a_semitone_is_100_cents() -> None:
    f0 = np.array([0.0, 110.0, 120.0, 0.0, 130.0, 115.0])
    found = pitch_error(f0, f0 * 2 ** (1 / 12))
    assert found.rmse_cents == pytest.approx(100.0)
    assert found.median_cents == pytest.approx(100.0)
    assert found.correlation == pytest.approx(1.0)
    assert found.voicing_error == 0.0
    assert found.voiced_frames == 4


def test_an_octave_error_in_some_frames_leaves_the_median() -> None:
    f0 = np.array([110.0, 120.0, 130.0, 115.0, 118.0])
    found = pitch_error(f0, f0 * np.array([1.01, 1.01, 0.5, 1.01, 1.01]))
    assert found.median_cents == pytest.approx(17.2, abs=0.1)
    assert found.rmse_cents > 500


def test_voicing_is_counted_apart_from_pitch() -> None:
    found = pitch_error(np.array([100.0, 100.0, 0.0, 0.0]), np.array([100.0, 0.0, 100.0, 0.0]))
    assert found.rmse_cents == 0.0
    assert found.voicing_error == 0.5
    assert np.isnan(found.correlation)


def test_without_common_voiced_frames_there_is_no_pitch_error() -> None:
    found = pitch_error(np.array([100.0, 0.0]), np.array([0.0, 100.0]))
    assert np.isnan(found.rmse_cents) and np.isnan(found.median_cents)
    assert found.voicing_error == 1.0


def test_duration_error_has_a_sign() -> None:
    assert duration_error_percent(2.0, 2.5) == pytest.approx(25.0)
    assert duration_error_percent(2.0, 1.0) == pytest.approx(-50.0)
    with pytest.raises(ValueError, match="duration"):
        duration_error_percent(0.0, 1.0)


codes = st.lists(st.integers(0, 4), max_size=12)


@given(a=codes, b=codes)
def test_edit_distance_is_levenshteins(a: list[int], b: list[int]) -> None:
    table = [[i + j if 0 in (i, j) else 0 for j in range(len(b) + 1)] for i in range(len(a) + 1)]
    for i, j in itertools.product(range(1, len(a) + 1), range(1, len(b) + 1)):
        changed = table[i - 1][j - 1] + (a[i - 1] != b[j - 1])
        table[i][j] = min(changed, table[i - 1][j] + 1, table[i][j - 1] + 1)
    assert edit_distance(a, b) == table[-1][-1]


def test_a_lost_code_shifts_positions_but_costs_one_edit() -> None:
    spoken = [7, 1, 2, 3, 4, 5, 6, 8, 9, 0]
    shifted = spoken[1:]
    assert position_recall(spoken, spoken) == edit_recall(spoken, spoken) == 1.0
    assert position_recall(spoken, shifted) == 0.0
    assert edit_recall(spoken, shifted) == pytest.approx(0.9)
    assert position_recall(spoken, [*spoken, 3]) == 1.0
    assert edit_recall(spoken, [*spoken, 3]) == pytest.approx(0.9)
    assert edit_recall([1], [2, 3, 4]) == 0.0
    with pytest.raises(ValueError, match="codes"):
        position_recall([], [1])
