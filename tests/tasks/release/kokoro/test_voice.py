"""A Kokoro voice from its training to its exported folder, and what that folder says."""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from configs.errors import UserError
from models.frontend.audio import decode_flac
from models.kokoro.config import config_from_json
from models.kokoro.upstream import load_kokoro, read_voice, voice_rows_of
from tasks.release.kokoro.voice import KokoroVoice
from tasks.release.sentences import read_sentences
from tasks.release.speak import load_voice
from tasks.release.spelling import spelled
from tasks.release.voice import SpeakOptions

pytestmark = pytest.mark.slow

TEXT = "One two. Three four five six! Seven?"


@pytest.fixture
def voice(voice_folder: Path) -> KokoroVoice:
    loaded = load_voice(voice_folder)
    assert isinstance(loaded, KokoroVoice)
    return loaded


def test_clips_are_rendered_by_every_path(release: SimpleNamespace) -> None:
    listing = json.loads(release.synthesize.files["samples.json"].read_text())
    assert [entry["kind"] for entry in listing] == ["recording", "resynthesis", "timed", "text", "sentences"]
    samples = [decode_flac(release.synthesize.files[entry["file"]].read_bytes()).samples for entry in listing]
    for entry, sound in zip(listing, samples, strict=True):
        assert not entry["in_step"] or len(sound) == len(samples[0])
    assert not np.array_equal(samples[1], samples[2])
    metrics = json.loads(release.evaluate.files["evaluation.json"].read_text())["metrics"]
    assert {"resynthesis/mel_distance_db", "text/duration_error_percent"} <= metrics.keys()


def test_the_folder_holds_the_voice_in_the_official_form(voice_folder: Path) -> None:
    model = load_kokoro(voice_folder / "tones.pth", voice_folder / "config.json")
    described = json.loads((voice_folder / "voice.json").read_text())
    assert config_from_json(described["networks"]["kokoro"]["sizes"]) == model.config
    tables = {
        name: read_voice(voice_folder / one["table"], model.config)
        for name, one in described["speakers"].items()
    }
    first = described["default_speaker"]
    assert described["speakers"][first]["table"] == "voices/tones.pt"
    other = ({"a", "b"} - {first}).pop()
    assert described["speakers"][other]["table"] == f"voices/tones_{other}.pt"
    stored = load_file(voice_folder / "networks" / "voices.safetensors")
    assert all(torch.equal(stored[name], table) for name, table in tables.items())
    weights = load_file(voice_folder / "networks" / "predictor.safetensors")
    assert all(torch.equal(model.predictor.state_dict()[name], value) for name, value in weights.items())
    assert json.loads((voice_folder / "curves.json").read_text())["train"]
    assert list((voice_folder / "samples").glob("*.text.flac"))
    assert described["training_data"]["published_weights"] == {}
    card = (voice_folder / "README.md").read_text()
    assert "proves the machinery" in card and "`kokoro` package cannot speak it: " in card


def test_the_lexicon_travels_with_the_voice(voice: KokoroVoice) -> None:
    assert [entry[:3] for entry in voice.lexicon.entries] == [("Voicewright", "/wʌn/", "")]
    texts = ("Voicewright.", "[Voicewright](/wʌn/).")
    own, inline = (voice.speak(text, SpeakOptions(seed=3)).samples for text in texts)
    assert np.array_equal(own, inline)


def test_a_text_is_spoken_by_the_row_of_its_length(voice: KokoroVoice, voice_folder: Path) -> None:
    """As one reads the released files: n phonemes take row n - 1."""
    model = load_kokoro(voice_folder / "tones.pth", voice_folder / "config.json")
    (sentence,) = read_sentences("Seven eight?", "en", ("en",), "ipa")
    tokens = torch.tensor([spelled(sentence, "kokoro").ids])
    table = voice.reference_of(None).table
    assert torch.equal(
        voice_rows_of(table, torch.tensor([tokens.shape[1]]))[0], table[tokens.shape[1] - 3, 0]
    )
    wave = model.synthesize(tokens, torch.tensor([tokens.shape[1]]), table[tokens.shape[1] - 3])[0]
    assert len(wave) == len(voice.speak("Seven eight?").samples)


def test_the_same_seed_is_the_same_speech(voice: KokoroVoice) -> None:
    one, other = (
        voice.speak(TEXT, SpeakOptions(seed=3)).samples,
        voice.speak(TEXT, SpeakOptions(seed=3)).samples,
    )
    assert np.array_equal(one, other)
    assert np.abs(one).max() <= 1.0
    assert not np.array_equal(one, voice.speak(TEXT, SpeakOptions(seed=4)).samples)


def test_sentences_do_not_depend_on_the_batch(voice: KokoroVoice) -> None:
    alone = [piece.samples for piece in voice.pieces(TEXT, SpeakOptions(seed=5, batch_sentences=1))]
    together = [piece.samples for piece in voice.pieces(TEXT, SpeakOptions(seed=5, batch_sentences=3))]
    at_once = [piece.samples for piece in voice.pieces(TEXT, SpeakOptions(seed=5, at_once=True))]
    assert len(alone) == 3
    for one, *others in zip(alone, together, at_once, strict=True):
        for other in others:
            assert len(one) == len(other)
            # Phases of the source's transform are decided by rounding; loudness is not.
            assert one.std() == pytest.approx(float(other.std()), rel=0.02)


def test_long_sentences_are_said_in_parts(voice: KokoroVoice) -> None:
    text = "One two three four, five six seven eight nine."
    whole = [piece.text for piece in voice.pieces(text)]
    in_parts = voice.with_manner({"max_phonemes": 24})
    assert [piece.text for piece in in_parts.pieces(text)] == whole == [text]
    assert len(in_parts.speak(text).samples) != len(voice.speak(text).samples)
    with pytest.raises(UserError, match=r"'Antidisestab.*' is spoken in \d+ characters, and at most 24"):
        in_parts.speak("One. Antidisestablishmentarianism, two.")


def test_speakers_speeds_pauses_and_mixed_tables(voice: KokoroVoice, voice_folder: Path) -> None:
    first, second = (voice.speak("One two three", SpeakOptions(speaker=name)).samples for name in "ab")
    assert first.shape != second.shape or not np.array_equal(first, second)
    slow, fast = (
        len(voice.speak("One two three four", SpeakOptions(speed=speed)).samples) for speed in (0.7, 1.8)
    )
    assert fast < slow
    plain = len(voice.speak(TEXT).samples)
    paused = len(voice.with_manner({"pause_s": 0.5}).speak(TEXT).samples)
    assert paused - plain == 2 * voice.sample_rate // 2
    assert len(voice.with_manner({"keep_edges": False}).speak(TEXT).samples) < plain
    read = voice.reference_from_file(voice_folder / "voices" / "tones.pt")
    assert torch.equal(read.table, voice.reference_of(None).table)
    both = SpeakOptions(references=[voice.reference_of("a"), voice.reference_of("b")])
    mixed = voice.speak("One two three", both).samples
    assert not np.array_equal(mixed, first)
    with pytest.raises(UserError, match=r"clip\.wav: a Kokoro voice speaks by a table of styles"):
        voice.reference_from_file(voice_folder / "clip.wav")


def test_what_a_voice_cannot_say_is_refused(voice: KokoroVoice, voice_folder: Path) -> None:
    with pytest.raises(UserError, match="language: 'de' is not spoken"):
        voice.speak("hallo", SpeakOptions(language="de"))
    with pytest.raises(UserError, match="speaker: 'nobody' is not in this voice; it has a, b"):
        voice.speak("hello", SpeakOptions(speaker="nobody"))
    with pytest.raises(UserError, match=r"--manner: alpha: .* kokoro voices have"):
        load_voice(voice_folder, {"alpha": 0.3})
    with pytest.raises(UserError, match="max_phonemes"):
        voice.with_manner({"max_phonemes": 600})


def test_folders_that_are_not_whole_are_refused(voice_folder: Path) -> None:
    path = voice_folder / "voice.json"
    described = json.loads(path.read_text())
    described["speakers"]["a"]["table"] = "../elsewhere.pt"
    path.write_text(json.dumps(described))
    with pytest.raises(UserError, match="is not complete"):
        load_voice(voice_folder)
    weights = voice_folder / "tones.pth"
    weights.write_bytes(weights.read_bytes()[:-10])
    with pytest.raises(UserError, match=r"tones\.pth: is not the file that was exported"):
        load_voice(voice_folder)


def test_half_precision_changes_neither_what_is_said_nor_how_long(voice: KokoroVoice) -> None:
    fine, coarse = (
        voice.with_manner({"precision": precision}).speak(TEXT, SpeakOptions(seed=5)).samples
        for precision in ("fp32", "bf16")
    )
    assert len(fine) == len(coarse)
    assert not np.array_equal(fine, coarse)
    assert fine.std() == pytest.approx(float(coarse.std()), rel=0.05)
