"""The spectrogram and mel that the losses use reproduce the reference's numbers."""

from pathlib import Path

import pytest
import torch

from models.frontend.mel import linear_spectrogram, log_mel, mel_from_linear
from models.sovits.config import SovitsConfig
from tests.models.golden_fill import error_against, test_wave
from tests.models.sovits.golden_case import arrays, case

pytestmark = pytest.mark.golden


def test_spectrogram_and_mel_reproduce_the_reference(goldens: Path) -> None:
    golden, sizes = arrays(goldens, "mel"), case(goldens)
    wave = torch.stack([test_wave(f"{sizes['tag']}/mel/{b}", sizes["mel"]["N"]) for b in range(2)])
    spectrogram = SovitsConfig().spectrogram
    spec = linear_spectrogram(wave, spectrogram)
    values = {
        "wave": wave,
        "spec": spec,
        "mel_from_spec": mel_from_linear(spec, spectrogram),
        "mel": log_mel(wave, spectrogram),
    }
    errors = {name: error_against(golden, name, value) for name, value in values.items()}
    assert {name: error for name, error in errors.items() if not error <= 1e-4} == {}
