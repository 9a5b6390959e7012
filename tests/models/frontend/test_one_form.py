"""Recordings whose rate or channels change on the way come out in the form of their beginning."""

from __future__ import annotations

import numpy as np
import pytest

from models.frontend.audio_errors import AudioError
from models.frontend.one_form import in_one_form

RATE = 16_000


def tone(rate: int, channels: int, duration_s: float = 1.0) -> np.ndarray:
    time_s = np.arange(round(rate * duration_s)) / rate
    wave = 0.5 * np.sin(2 * np.pi * 440 * time_s)
    return np.repeat(wave[:, None], channels, axis=1).astype(np.float32)


def joined(*pieces: tuple[int, np.ndarray], channels: int = 1) -> tuple[np.ndarray, list[str]]:
    notes: list[str] = []
    return np.concatenate(list(in_one_form(iter(pieces), RATE, channels, notes))), notes


@pytest.mark.parametrize("rate", [8_000, 24_000, 48_000])
@pytest.mark.parametrize(("channels", "wanted"), [(1, 1), (2, 1), (1, 2), (2, 2)])
def test_a_tone_goes_on_at_its_pitch_and_for_its_time(rate: int, channels: int, wanted: int) -> None:
    sound, notes = joined(
        (RATE, tone(RATE, wanted)), (rate, tone(rate, channels)), (RATE, tone(RATE, wanted)), channels=wanted
    )
    assert sound.shape == (3 * RATE, wanted)
    middle = sound[RATE + 1_000 : 2 * RATE - 1_000]
    spectrum = np.abs(np.fft.rfft(middle * np.hanning(len(middle))[:, None], axis=0))
    peaks_hz = spectrum.argmax(axis=0) * RATE / len(middle)
    np.testing.assert_allclose(peaks_hz, 440, atol=2)
    np.testing.assert_allclose(np.sqrt(np.mean(middle**2, axis=0)), 0.5 / np.sqrt(2), rtol=0.01)
    (note,) = notes
    assert note.startswith(f"1.00 to 2.00 s: {rate} Hz ") and note.endswith(
        f"brought to {RATE} Hz {'mono' if wanted == 1 else 'stereo'}"
    )


def test_what_keeps_its_form_is_passed_on_as_it_is() -> None:
    sound, notes = joined((RATE, tone(RATE, 1)), (RATE, tone(RATE, 1)))
    assert np.array_equal(sound, np.concatenate([tone(RATE, 1)] * 2)) and notes == []


def test_a_twentieth_of_a_second_in_another_form_is_damage() -> None:
    with pytest.raises(AudioError, match=r"0\.05 s of 8000 Hz mono are no recording"):
        joined((RATE, tone(RATE, 1)), (8_000, tone(8_000, 1, 0.05)), (RATE, tone(RATE, 1)))
    assert len(joined((RATE, tone(RATE, 1)), (8_000, tone(8_000, 1, 0.1)))[0]) == 1.1 * RATE


def test_notes_beyond_five_are_counted() -> None:
    pieces = [(rate, tone(rate, 1, 0.2)) for _ in range(7) for rate in (RATE, 8_000)]
    assert joined(*pieces)[1][-1] == "the same for 2 later parts"
    assert len(joined(*pieces)[1]) == 6
