"""A StyleTTS 2 voice from its training to its exported folder, and what that folder says."""

from __future__ import annotations

import json
import logging
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import soundfile

from configs.errors import UserError
from models.frontend.audio import decode_flac
from tasks.release.speak import load_voice
from tasks.release.styletts2.voice import StyleTTS2Voice
from tasks.release.voice import SpeakOptions

pytestmark = pytest.mark.slow

TEXT = "One two. Three four five six! Seven?"


@pytest.fixture
def voice(voice_folder: Path) -> StyleTTS2Voice:
    loaded = load_voice(voice_folder)
    assert isinstance(loaded, StyleTTS2Voice)
    return loaded


def test_clips_are_rendered_by_every_path(release: SimpleNamespace) -> None:
    listing = json.loads(release.synthesize.files["samples.json"].read_text())
    assert [entry["kind"] for entry in listing] == ["recording", "resynthesis", "timed", "text", "sentences"]
    samples = [decode_flac(release.synthesize.files[entry["file"]].read_bytes()).samples for entry in listing]
    for entry, sound in zip(listing, samples, strict=True):
        assert not entry["in_step"] or len(sound) == len(samples[0])
    metrics = json.loads(release.evaluate.files["evaluation.json"].read_text())["metrics"]
    assert {"resynthesis/mel_distance_db", "timed/f0_correlation"} & metrics.keys()
    assert "text/duration_error_percent" in metrics


def test_the_same_seed_is_the_same_speech(voice: StyleTTS2Voice) -> None:
    drawn = voice.with_manner({"style": "diffusion"})
    one, other = (
        drawn.speak(TEXT, SpeakOptions(seed=3)).samples,
        drawn.speak(TEXT, SpeakOptions(seed=3)).samples,
    )
    assert np.array_equal(one, other)
    assert np.abs(one).max() <= 1.0
    different = drawn.speak(TEXT, SpeakOptions(seed=4)).samples
    assert one.shape != different.shape or not np.array_equal(one, different)


def test_the_lexicon_travels_with_the_voice(voice: StyleTTS2Voice) -> None:
    assert [entry[:3] for entry in voice.lexicon.entries] == [("Voicewright", "/wʌn/", "")]
    texts = ("Voicewright.", "[Voicewright](/wʌn/).")
    own, inline = (voice.speak(text, SpeakOptions(seed=3)).samples for text in texts)
    assert np.array_equal(own, inline)


def test_sentences_do_not_depend_on_the_batch(voice: StyleTTS2Voice) -> None:
    """The style carries over from sentence to sentence, whichever batch they are in."""
    drawn = voice.with_manner({"style": "diffusion", "carry_over": 0.5})
    by_one = SpeakOptions(seed=5, batch_sentences=1)
    alone = [piece.samples for piece in drawn.pieces(TEXT, by_one)]
    together = [piece.samples for piece in drawn.pieces(TEXT, SpeakOptions(seed=5, batch_sentences=3))]
    assert [len(samples) for samples in alone] == [len(samples) for samples in together]
    for one, other in zip(alone, together, strict=True):
        # Phases of the source's transform are decided by rounding; loudness is not.
        assert one.std() == pytest.approx(float(other.std()), rel=0.02)
    fresh = [piece.samples for piece in drawn.with_manner({"carry_over": 0.0}).pieces(TEXT, by_one)]
    assert np.array_equal(fresh[0], alone[0])
    assert any(
        one.shape != other.shape or not np.allclose(one, other)
        for one, other in zip(alone[1:], fresh[1:], strict=True)
    )


def test_alpha_and_beta_mix_the_reference_with_what_is_drawn(voice: StyleTTS2Voice) -> None:
    def spoken(**manner: object) -> np.ndarray:
        return voice.with_manner(manner).speak("One two three", SpeakOptions(seed=1)).samples

    own = spoken(alpha=0.0, beta=0.0)
    assert np.array_equal(own, spoken(alpha=0.0, beta=0.0, diffusion_steps=7))
    wholly = spoken(alpha=1.0, beta=1.0)
    drawn = spoken(style="diffusion")
    assert np.array_equal(wholly, drawn)
    for other in (spoken(alpha=0.5, beta=0.0), wholly):
        assert own.shape != other.shape or not np.array_equal(own, other)


def test_speakers_speeds_and_references_from_files(voice: StyleTTS2Voice, tmp_path: Path) -> None:
    manner = {"alpha": 0.0, "beta": 0.0}
    plain = voice.with_manner(manner)
    first, second = (plain.speak("One two three", SpeakOptions(speaker=name)).samples for name in "ab")
    assert first.shape != second.shape or not np.array_equal(first, second)
    slow, fast = (
        len(plain.speak("One two three four", SpeakOptions(speed=speed)).samples) for speed in (0.7, 1.8)
    )
    assert fast < slow
    clip = tmp_path / "clip.wav"
    reference = voice.reference_of("b")
    soundfile.write(clip, reference.samples, voice.sample_rate, subtype="PCM_16")
    heard = voice.reference_from_file(clip)
    assert np.abs(heard.style - reference.style).max() < 0.05 * np.abs(reference.style).max()
    soundfile.write(clip, reference.samples[:12_000], voice.sample_rate)
    with pytest.raises(UserError, match=r"lasts 0\.50 s, and a reference 1 to 30 s"):
        voice.reference_from_file(clip)


def test_what_a_voice_cannot_say_is_refused(voice: StyleTTS2Voice, voice_folder: Path) -> None:
    with pytest.raises(UserError, match="language: 'de' is not spoken"):
        voice.speak("hallo", SpeakOptions(language="de"))
    with pytest.raises(UserError, match="speaker: 'nobody' is not in this voice; it has a, b"):
        voice.speak("hello", SpeakOptions(speaker="nobody"))
    with pytest.raises(UserError, match=r"--manner: top_k: .* styletts2 voices have alpha"):
        load_voice(voice_folder, {"top_k": 3})
    with pytest.raises(UserError, match="did you mean alpha"):
        voice.with_manner({"alfa": 0.1})


def test_damaged_folders_are_refused(voice_folder: Path) -> None:
    weights = voice_folder / "networks" / "decoder.safetensors"
    whole = weights.read_bytes()
    weights.write_bytes(whole[:-10])
    with pytest.raises(UserError, match=r"decoder\.safetensors: is not the file that was exported"):
        load_voice(voice_folder)
    weights.write_bytes(whole)
    path = voice_folder / "voice.json"
    described = json.loads(path.read_text())
    path.write_text(json.dumps(described | {"family": "tacotron"}))
    with pytest.raises(UserError, match="family 'tacotron' is none of gpt-sovits, styletts2"):
        load_voice(voice_folder)
    described["networks"]["styletts2"]["sizes"]["hidden"] = 32
    path.write_text(json.dumps(described))
    with pytest.raises(UserError, match=r"is \[16\] where \[32\] is expected"):
        load_voice(voice_folder)


def test_networks_that_diverged_are_silent_and_said_so(
    voice: StyleTTS2Voice, caplog: pytest.LogCaptureFixture
) -> None:
    generator = voice.model.decoder.generator
    next(generator.parameters()).data.fill_(float("inf"))
    with caplog.at_level(logging.WARNING):
        samples = voice.speak("one two").samples
    assert np.isfinite(samples).all()
    assert "no numbers" in caplog.text
