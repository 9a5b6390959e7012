"""Published files of StyleTTS 2 speak without training: in a recording's style, or in a drawn one."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest
import soundfile

from configs.errors import UserError
from configs.weights import weights_named
from tasks.corpus.embedded import embedded
from tasks.release.published import load_published, published_family, published_names
from tasks.release.speak import load_voice
from tasks.release.voice import SpeakOptions
from tasks.weights import LocalWeights

pytestmark = pytest.mark.slow

TEXT = "One two three."


@pytest.fixture
def weights(voice_folder: Path, tmp_path: Path) -> LocalWeights:
    """An exported voice where both published files would be."""
    folder = tmp_path / "published"
    for name in ("styletts2-libritts", "styletts2-ljspeech"):
        place = folder / weights_named(name).place
        place.parent.mkdir(parents=True)
        shutil.copyfile(voice_folder / "official/tones.pth", place)
    return LocalWeights(folder)


def test_it_speaks_like_a_recording_as_the_exported_voice_does(
    weights: LocalWeights, voice_folder: Path
) -> None:
    """Both are the same networks; only the exported one was assembled by its own folder's description."""
    published, exported = load_published("styletts2/ljspeech", weights), load_voice(voice_folder)
    recording = embedded("held-out")[0].path
    said = []
    for voice in (published, exported):
        spoken = voice.with_manner({"style": "reference", "alpha": 0.0, "beta": 0.0})
        own = SpeakOptions(seed=2, references=[spoken.reference_from_file(recording)])
        said.append(spoken.speak(TEXT, own).samples)
    assert np.array_equal(*said)


def test_one_speakers_file_draws_its_style(weights: LocalWeights) -> None:
    voice = load_published("styletts2/ljspeech", weights)
    first, again, other = (voice.speak(TEXT, SpeakOptions(seed=seed)).samples for seed in (1, 1, 2))
    assert np.array_equal(first, again)
    assert len(first) != len(other) or not np.array_equal(first, other)


def test_a_file_of_many_speakers_asks_for_a_reference(weights: LocalWeights, tmp_path: Path) -> None:
    voice = load_published("styletts2/libritts", weights)
    many = type(voice)(**{**vars(voice), "references": {}})
    with pytest.raises(UserError, match=r"--reference: this voice speaks like a recording"):
        many.speak(TEXT)
    path = tmp_path / "clip.wav"
    recording = embedded("held-out")[1].wave()
    soundfile.write(path, recording.samples, recording.sample_rate)
    assert len(many.speak(TEXT, SpeakOptions(references=[many.reference_from_file(path)])).samples)


def test_names_and_what_is_missing(weights: LocalWeights, tmp_path: Path) -> None:
    assert published_family("styletts2/libritts") == "styletts2"
    assert published_names(weights) == {"styletts2/ljspeech": "en-us", "styletts2/libritts": "en-us"}
    assert published_names(LocalWeights(tmp_path)) == {}
    with pytest.raises(UserError, match="models fetch styletts2-libritts"):
        load_published("styletts2/libritts", LocalWeights(tmp_path))
    with pytest.raises(UserError, match="vctk is not published; there are ljspeech, libritts"):
        load_published("styletts2/vctk", weights)
