"""The judges move the right way when speech is damaged in a known way, and say who they are."""

from __future__ import annotations

import os
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from models.frontend.audio import Waveform
from tasks.corpus.embedded import embedded
from tasks.release.judges import Judges
from tasks.release.test_sentences import sentences

READER = [(one.text, one.wave()) for one in embedded("held-out")[:2]]
PUBLISHED = {
    "recogniser": "whisper-base",
    "naturalness": "dnsmos",
    "second_naturalness": "distillmos",
    "encoder": "dvector",
}
LANGUAGES = ("de", "en", "es", "fr", "it", "ja", "nl", "pl", "pt", "zh")


def judges(**given: str | None) -> Judges:
    return Judges.of(SimpleNamespace(**(PUBLISHED | given)))


def noisy(wave: Waveform, snr_db: float) -> Waveform:
    noise = np.random.default_rng(0).standard_normal(len(wave.samples)).astype(np.float32)
    scale = np.sqrt(np.mean(wave.samples**2) / np.mean(noise**2)) * 10 ** (-snr_db / 20)
    return Waveform(wave.samples + noise * np.float32(scale), wave.sample_rate)


def test_english_is_heard_without_any_weights_and_other_languages_are_not() -> None:
    here = judges()
    assert here.recogniser("en-us") == "pocketsphinx"
    assert here.recogniser("de") is None
    assert "word_error_rate" not in here.about("de")
    assert judges(recogniser=None).recogniser("en") is None


@pytest.mark.slow
def test_more_is_misheard_in_noise_and_of_other_words() -> None:
    here = judges()
    (text, wave), (other, _) = READER
    clean = here.judge(wave, text, "en")["word_error_rate"]
    assert clean < 0.8
    assert here.judge(noisy(wave, -5), text, "en")["word_error_rate"] > clean
    assert here.judge(wave, other, "en")["word_error_rate"] > clean
    cut = Waveform(wave.samples[: len(wave.samples) // 3], wave.sample_rate)
    assert here.judge(cut, text, "en")["word_error_rate"] > clean


def test_figures_and_words_are_the_same() -> None:
    found = judges()._misheard
    silence = np.zeros(16000, np.float32)
    assert found(silence, "Seven ships.", "en")["words"] == found(silence, "7 ships.", "en")["words"] == 2


@pytest.fixture(scope="module")
def fetched() -> Judges:
    folder = Path(os.environ.get("VOICEWRIGHT_WORKSPACE", "~/.voicewright")).expanduser() / "models"
    missing = [name for name in PUBLISHED.values() if not (folder / name).is_dir()]
    if missing:
        pytest.skip(f"{', '.join(missing)} absent: `voicewright models fetch {' '.join(missing)}` gets them")
    return judges(**{setting: str(folder / name) for setting, name in PUBLISHED.items()})


@pytest.mark.slow
def test_the_real_judges_tell_damage_and_strangers(fetched: Judges) -> None:
    (text, wave), (_, same) = READER
    clean = fetched.judge(wave, text, "en")
    assert clean["word_error_rate"] < 0.2
    assert fetched.judge(noisy(wave, 0), text, "en")["dnsmos"] < clean["dnsmos"] - 0.5
    opinions = [fetched.judge(one, text, "en")["distillmos"] for one in (noisy(wave, 0), noisy(wave, 20))]
    assert opinions[0] < opinions[1] - 1 < clean["distillmos"] - 2
    own, again = fetched.embedding(wave), fetched.embedding(same)
    lower = Waveform(wave.samples, round(wave.sample_rate * 0.7))
    other = fetched.embedding(lower)
    assert own is not None and again is not None and other is not None
    assert own @ again > own @ other + 0.1


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_language_has_thirty_sentences_without_figures(language: str) -> None:
    found = sentences(language)
    assert len(set(found)) == 30
    assert not any(character.isdigit() for text in found for character in text)
    assert all(len(text) > 5 and text == text.strip() for text in found)


def test_a_language_without_sentences_has_none() -> None:
    assert sentences("sw") == ()
    assert sentences("en-gb") == sentences("en")
