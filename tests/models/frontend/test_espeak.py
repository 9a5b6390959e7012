"""espeak as a synthesiser: phone times, determinism, and peace with phonemizer in one process."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from models.frontend.espeak import EspeakError, synthesize, voices

TEXT = "Hello, world. This is a judge."


def test_phonemes_are_ordered_and_inside_the_sound() -> None:
    speech = synthesize(TEXT)
    starts = [phoneme.start_s for phoneme in speech.phonemes]
    assert speech.samples.dtype == np.float32
    assert 0.1 < np.abs(speech.samples).max() <= 1.0
    assert starts == sorted(starts)
    assert starts[0] >= 0 and starts[-1] <= len(speech.samples) / speech.sample_rate
    assert [p.label for p in speech.phonemes].count("dʒ") == 2


def test_pauses_are_quiet_and_vowels_are_loud() -> None:
    speech = synthesize("Away, away.")
    ends = [p.start_s for p in speech.phonemes[1:]] + [len(speech.samples) / speech.sample_rate]
    level = {"pause": 0.0, "vowel": 1.0}
    for phoneme, end_s in zip(speech.phonemes, ends, strict=True):
        piece = speech.samples[int(phoneme.start_s * speech.sample_rate) : int(end_s * speech.sample_rate)]
        if phoneme.label == "" and len(piece) > 0.2 * speech.sample_rate:
            level["pause"] = max(level["pause"], float(np.sqrt(np.mean(piece[1500:] ** 2))))
        if "eɪ" in phoneme.label:
            level["vowel"] = min(level["vowel"], float(np.sqrt(np.mean(piece**2))))
    assert level["vowel"] > 10 * level["pause"]


def test_the_same_arguments_give_the_same_bytes_after_any_history() -> None:
    first = synthesize(TEXT, "en-us", rate_wpm=150, pitch=40)
    synthesize("Er wurde in der Nähe geboren.", "de+f3", rate_wpm=220, pitch=80)
    again = synthesize(TEXT, "en-us", rate_wpm=150, pitch=40)
    assert first.samples.tobytes() == again.samples.tobytes()
    assert first.phonemes == again.phonemes


@pytest.mark.slow
def test_breathy_voices_do_not_depend_on_the_time_of_day() -> None:
    first = synthesize(TEXT, "en-us+f3").samples.tobytes()
    time.sleep(1.1)
    assert synthesize(TEXT, "en-us+f3").samples.tobytes() == first


def test_threads_do_not_disturb_each_other() -> None:
    jobs = [(TEXT, "en-us"), ("Guten Morgen, liebe Welt.", "de"), ("God morgon.", "sv")] * 4
    alone = [synthesize(*job).samples.tobytes() for job in jobs[:3]] * 4
    with ThreadPoolExecutor(4) as pool:
        together = list(pool.map(lambda job: synthesize(*job).samples.tobytes(), jobs))
    assert together == alone


def test_phonemizer_in_the_same_process_keeps_its_state() -> None:
    import espeakng_loader
    from phonemizer.backend import EspeakBackend
    from phonemizer.backend.espeak.wrapper import EspeakWrapper

    EspeakWrapper.set_library(espeakng_loader.get_library_path())
    EspeakWrapper.set_data_path(espeakng_loader.get_data_path())
    german = EspeakBackend("de", preserve_punctuation=True)
    before_text = german.phonemize(["Guten Morgen"])
    before_sound = synthesize(TEXT).samples.tobytes()
    synthesize("Bonjour le monde.", "fr")
    assert german.phonemize(["Guten Morgen"]) == before_text
    assert EspeakBackend("fr-fr").phonemize(["Bonjour"]) != before_text
    assert synthesize(TEXT).samples.tobytes() == before_sound


def test_rate_and_pitch_act() -> None:
    slow, fast = synthesize(TEXT, rate_wpm=100), synthesize(TEXT, rate_wpm=250)
    assert len(slow.samples) > 1.5 * len(fast.samples)
    low, high = synthesize("Aaa.", pitch=10), synthesize("Aaa.", pitch=90)
    assert low.samples.tobytes() != high.samples.tobytes()


def test_many_languages_are_spoken() -> None:
    known = voices()
    assert {"de", "en-us", "da", "lb", "cmn"} <= set(known)


@pytest.mark.parametrize(
    ("text", "voice", "named"), [("hello", "xx-none", "xx-none"), ("  ", "en-us", "empty")]
)
def test_what_cannot_be_spoken_is_named(text: str, voice: str, named: str) -> None:
    with pytest.raises(EspeakError, match=named):
        synthesize(text, voice)


def test_rate_outside_the_range_is_refused() -> None:
    with pytest.raises(ValueError, match="rate_wpm 900"):
        synthesize(TEXT, rate_wpm=900)
