"""A voice saved as an MLflow model speaks as the voice does, and nothing of ours is pickled."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pytest
import soundfile

from configs.errors import UserError
from tasks.release.speak import load_voice
from tasks.release.voice import SpeakOptions
from tasks.serving.pyfunc import save_pyfunc

TEXTS = ["One two.", "Three four five! Six."]


@pytest.mark.slow
def test_a_voice_is_saved_and_speaks(voice_folder: Path, tmp_path: Path) -> None:
    import mlflow.pyfunc
    import pandas as pd

    target = tmp_path / "model"
    save_pyfunc(voice_folder, target)
    assert not list(target.rglob("*.pkl"))
    model = mlflow.pyfunc.load_model(str(target))
    spoken = model.predict(pd.DataFrame({"text": TEXTS}), params={"seed": 3})["audio"]
    voice = load_voice(voice_folder)
    for text, data in zip(TEXTS, spoken, strict=True):
        samples, rate = soundfile.read(io.BytesIO(data))
        expected = voice.speak(text, SpeakOptions(seed=3, speed=1.0, batch_sentences=1)).samples
        assert rate == voice.sample_rate
        assert np.abs(samples - expected).max() < 1e-4
    flac = model.predict(pd.DataFrame({"text": TEXTS[:1]}), params={"format": "flac"})["audio"]
    assert flac[0].startswith(b"fLaC")
    with pytest.raises(UserError, match="not empty"):
        save_pyfunc(voice_folder, target)
    with pytest.raises(UserError, match="no exported voice"):
        save_pyfunc(tmp_path, tmp_path / "other")
