"""Samples by path, honest metrics, and a voice folder that speaks by itself."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from configs.errors import UserError
from models.frontend.audio import decode_flac
from models.frontend.text.symbols import load_symbol_table
from tasks.features.frames import spectrogram_parameters
from tasks.finetune.gpt_sovits.stages import TRAIN_T2S
from tasks.finetune.gpt_sovits.t2s.train import train_t2s
from tasks.finetune.gpt_sovits.trained import load_decoder
from tasks.outcome import StoppedError
from tasks.release.clips import ClipFacts
from tasks.release.evaluate import Sound, measure
from tasks.release.gpt_sovits.assembly import codes_by_clip
from tasks.release.gpt_sovits.evaluate import evaluate_corpus
from tasks.release.gpt_sovits.export import export_corpus
from tasks.release.gpt_sovits.recall import recalled_codes
from tasks.release.gpt_sovits.stages import EVALUATE, EXPORT, SYNTHESIZE
from tasks.release.gpt_sovits.synthesize import held_out, synthesize_corpus
from tasks.release.samples import write_samples
from tasks.release.speak import load_voice
from tasks.release.test_sentences import spoken
from tasks.release.voice import Piece, SpeakOptions
from tests.tasks.finetune import synthetic


def test_every_path_is_rendered_and_labelled(release: SimpleNamespace) -> None:
    files = release.synthesize.files
    listing = json.loads(files["samples.json"].read_text())
    *clips, said = listing
    assert {entry["utterance_id"] for entry in clips} == {"tone_009", "tone_010"}
    assert {entry["split"] for entry in clips} == {"test"}
    assert (said["kind"], said["text"]) == ("sentences", "Seven ships left the harbour before sunrise.")
    assert len(decode_flac(files[said["file"]].read_bytes()).samples) > 0
    for name in ("tone_009", "tone_010"):
        entries = {e["kind"]: e for e in listing if e["utterance_id"] == name}
        assert set(entries) == {"recording", "posterior", "codes", "text"}
        waves = {k: decode_flac(files[e["file"]].read_bytes()) for k, e in entries.items()}
        assert {wave.sample_rate for wave in waves.values()} == {synthetic.FAMILY.sample_rate}
        hop = synthetic.FAMILY.hop_samples
        length = len(waves["recording"].samples)
        assert abs(len(waves["posterior"].samples) - length) < hop
        assert abs(len(waves["codes"].samples) - length) <= 2 * hop
        assert all(np.isfinite(wave.samples).all() for wave in waves.values())


def test_a_sentence_that_was_stopped_is_told(tmp_path: Path) -> None:
    class Endless:
        languages, default_speaker = ("en",), "anna"

        def pieces(self, text: str, options: object) -> Iterator[Piece]:
            del options
            yield Piece(text, np.zeros(1600, np.float32), True, 0, (0, 1600), None)

    clip = ClipFacts(tmp_path, "clip", "test", "anna", "en", "One.", 1.0)
    said = spoken(Endless(), 2, 0)
    made = write_samples([clip], lambda _: (), {}, 16_000, synthetic.work(tmp_path), said, 2)
    assert [entry["cut_off"] for entry in json.loads(made.files["samples.json"].read_text())] == [True, True]
    assert made.metrics["cut_off"] == 2
    assert "no end for 2 of 2 sentences" in made.warnings[0]


@pytest.mark.slow
def test_rendering_twice_gives_the_same_bytes(release: SimpleNamespace, tmp_path: Path) -> None:
    again = synthesize_corpus(
        release.inputs, synthetic.view(SYNTHESIZE, release.tree), synthetic.work(tmp_path)
    )
    assert synthetic.file_bytes(again) == synthetic.file_bytes(release.synthesize)
    exported = export_corpus(release.inputs, synthetic.view(EXPORT, release.tree), synthetic.work(tmp_path))
    assert synthetic.file_bytes(exported) == synthetic.file_bytes(release.export)


@pytest.mark.slow
def test_a_stop_breaks_off_between_clips(release: SimpleNamespace, tmp_path: Path) -> None:
    for name, function, stage in (
        ("synthesize", synthesize_corpus, SYNTHESIZE),
        ("evaluate", evaluate_corpus, EVALUATE),
    ):
        work = synthetic.work(tmp_path / name, stop_after=1)
        with pytest.raises(StoppedError, match="begins anew"):
            function(release.inputs, synthetic.view(stage, release.tree), work)


def test_metrics_name_the_path_and_what_they_are(release: SimpleNamespace) -> None:
    evaluation = json.loads(release.evaluate.files["evaluation.json"].read_text())
    metrics = evaluation["metrics"]
    for name in (
        "posterior/mel_distance_db",
        "codes/mel_distance_db",
        "text/warped_mel_distance_db",
        "text/duration_error_percent",
        "recording/speaker_similarity",
        "text/speaker_similarity",
        "t2s/recalled_codes",
        "text/mel_cepstral_distortion_db",
        "recording/word_error_rate",
        "sentences/character_error_rate",
        "sentences/silence_share",
    ):
        assert np.isfinite(metrics[name]["mean"])
        assert metrics[name]["about"].startswith(name.split("/")[0])
        if name.startswith("t2s/"):
            assert metrics[name]["clips"] == 7
            continue
        assert 1 <= metrics[name]["clips"] <= 2
        assert metrics[name]["low"] <= metrics[name]["mean"] <= metrics[name]["high"]
    # Nobody hears words in tones.
    assert evaluation["verdict"].startswith("cannot be understood: do not use (error rate 1.")
    assert metrics["text/word_error_rate"]["about"].endswith("heard by pocketsphinx")
    assert release.evaluate.metrics.keys() == metrics.keys()
    assert "text/mel_distance_db" not in metrics
    json.dumps(evaluation, allow_nan=False)


def test_a_perfect_rendering_measures_zero(release: SimpleNamespace) -> None:
    wave = decode_flac(release.synthesize.files["samples/tone_009.recording.flac"].read_bytes())
    mel = np.random.default_rng(0).standard_normal((40, 60)).astype(np.float32)
    f0 = np.linspace(100, 200, 60).astype(np.float32)
    sound = Sound(Path("tone"), wave, mel, f0)
    sounds = {"recording": sound, "posterior": sound, "codes": sound, "text": sound}
    values = measure(sounds, {"posterior", "codes"})
    assert values["posterior/f0_correlation"] == pytest.approx(1.0)
    assert values["posterior/f0_frames"] == 60
    distances = {n: v for n, v in values.items() if "correlation" not in n and "frames" not in n}
    assert all(value == pytest.approx(0.0, abs=1e-6) for value in distances.values())


@pytest.mark.slow
def test_a_decoder_that_learned_its_clips_by_heart_gives_them_back(
    release: SimpleNamespace, tmp_path: Path
) -> None:
    tree = synthetic.settings(
        t2s={
            "max_steps": 250,
            "learning_rate": 1e-2,
            "sizes": {"width": 32, "n_heads": 2, "n_layers": 1, "feed_forward": 64, "dropout": 0.0},
        }
    )
    trained = train_t2s(release.inputs, synthetic.view(TRAIN_T2S, tree), synthetic.work(tmp_path))
    codes = {name: np.asarray(own) for name, own in codes_by_clip(release.inputs).items()}

    def recall(files: dict[str, Path], refused: set[str]) -> list[dict[str, float]]:
        decoder = load_decoder(
            files["decoder.safetensors"], json.loads(files["config.json"].read_text())["sizes"]
        )
        frame = spectrogram_parameters(synthetic.FAMILY)
        shards = release.inputs.files("shard")
        return list(recalled_codes(decoder, shards, codes, frame, clips=3, refused=refused))

    by_heart = recall(trained.files, {"tone_001"})
    assert [found["utterance_id"] for found in by_heart] == ["tone_000", "tone_002", "tone_003"]
    for name in ("t2s/recalled_codes", "t2s/recalled_codes_edit"):
        learned = np.mean([found[name] for found in by_heart])
        hardly = np.mean([found[name] for found in recall(release.train_t2s.files, set())])
        assert learned > 0.8
        assert learned > hardly + 0.3


def test_held_out_clips_come_before_trained_ones() -> None:
    clips = [
        SimpleNamespace(utterance_id=f"{split}{n}", split=split, speaker="tester")
        for split in ("train", "validation", "test")
        for n in range(2)
    ]
    chosen = [clip.utterance_id for clip in held_out(clips, 3, {"test0"})]
    assert chosen[:2] == ["test1", "test0"] and chosen[2].startswith("validation")
    assert [c.utterance_id for c in held_out(clips[:2], 3, {"train0"})] == ["train1", "train0"]


def test_exported_folder_is_complete(voice_folder: Path, release: SimpleNamespace) -> None:
    names = {p.relative_to(voice_folder).as_posix() for p in voice_folder.rglob("*") if p.is_file()}
    assert names == {
        "README.md",
        "lexicon.tsv",
        "metrics.json",
        "references/tone_002.flac",
        "sovits.safetensors",
        "symbols.json",
        "t2s.safetensors",
        "voice.json",
    }
    described = json.loads((voice_folder / "voice.json").read_text())
    assert set(described["digests"]) == names - {"voice.json"}
    assert json.loads((voice_folder / "symbols.json").read_text()) == list(load_symbol_table("ipa").symbols)
    assert str(voice_folder.parent) not in (voice_folder / "voice.json").read_text()


def test_card_is_honest(voice_folder: Path) -> None:
    card = (voice_folder / "README.md").read_text()
    assert "proves the machinery, not quality" in card
    assert "6 SoVITS steps" in card
    assert "CC0-1.0" in card
    assert "7 clips" in card
    assert "text/warped_mel_distance_db" in card
    assert "en only" in card


def test_voice_speaks_the_same_for_the_same_seed(voice_folder: Path) -> None:
    voice = load_voice(voice_folder)
    one = voice.speak("One two. Three four!", SpeakOptions(seed=3))
    other = load_voice(voice_folder).speak("One two. Three four!", SpeakOptions(seed=3))
    assert one.sample_rate == synthetic.FAMILY.sample_rate
    assert np.array_equal(one.samples, other.samples)
    assert len(one.samples) > 0.5 * one.sample_rate
    assert np.abs(one.samples).max() <= 1.0
    different = voice.speak("One two. Three four!", SpeakOptions(seed=4)).samples
    assert one.samples.shape != different.shape or not np.array_equal(one.samples, different)


def test_voice_can_start_from_the_text_alone(voice_folder: Path) -> None:
    path = voice_folder / "voice.json"
    described = json.loads(path.read_text())
    described["synthesize"]["prompt_with_reference"] = False
    prompted = load_voice(voice_folder).speak("one two three").samples
    path.write_text(json.dumps(described))
    alone = load_voice(voice_folder).speak("one two three").samples
    assert len(alone) > 0
    assert alone.shape != prompted.shape or not np.array_equal(alone, prompted)


def test_speed_makes_speech_shorter(voice_folder: Path) -> None:
    voice = load_voice(voice_folder)
    slow, fast = (len(voice.speak("one two three", SpeakOptions(speed=s)).samples) for s in (0.8, 1.6))
    assert fast < 0.6 * slow


@pytest.mark.parametrize(
    ("text", "options", "message"),
    [
        ("hallo", SpeakOptions(language="de"), "language: 'de' is not spoken by this voice"),
        ("hello", SpeakOptions(speaker="nobody"), "speaker: 'nobody' is not in this voice; it has tester"),
        ("  \n ", SpeakOptions(), "text: it is empty"),
        ("?! ...", SpeakOptions(), "has no word"),
        ("今天天气很好", SpeakOptions(), "no script of the language en"),
    ],
)
def test_what_a_voice_cannot_say_is_refused(
    voice_folder: Path, text: str, options: SpeakOptions, message: str
) -> None:
    with pytest.raises(UserError, match=message):
        load_voice(voice_folder).speak(text, options)


def test_damaged_folders_are_refused(voice_folder: Path, tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"holds no voice\.json"):
        load_voice(tmp_path)
    weights = voice_folder / "sovits.safetensors"
    whole = weights.read_bytes()
    flipped = bytearray(whole)
    flipped[len(whole) // 2] ^= 1
    for damaged in (whole[:-10], bytes(flipped)):
        weights.write_bytes(damaged)
        with pytest.raises(UserError, match=r"sovits\.safetensors: is not the file that was exported"):
            load_voice(voice_folder)
    weights.write_bytes(whole)
    path = voice_folder / "voice.json"
    described = json.loads(path.read_text())
    path.write_text(json.dumps({name: value for name, value in described.items() if name != "digests"}))
    load_voice(voice_folder)
    path.write_text(json.dumps(described))
    weights.unlink()
    with pytest.raises(UserError, match=r"sovits\.safetensors: is missing"):
        load_voice(voice_folder)


def test_paths_cannot_leave_the_folder(voice_folder: Path) -> None:
    path = voice_folder / "voice.json"
    described = json.loads(path.read_text())
    described["digests"]["../outside"] = "0" * 64
    path.write_text(json.dumps(described))
    with pytest.raises(UserError, match="outside the voice's folder"):
        load_voice(voice_folder)


def test_incomplete_description_is_refused(voice_folder: Path) -> None:
    path = voice_folder / "voice.json"
    described = json.loads(path.read_text())
    del described["speakers"]
    path.write_text(json.dumps(described))
    with pytest.raises(UserError, match="not complete"):
        load_voice(voice_folder)
    path.write_text("[]")
    with pytest.raises(UserError, match="no JSON object"):
        load_voice(voice_folder)
    path.write_text("[" * 200_000)
    with pytest.raises(UserError, match="cannot be read as JSON"):
        load_voice(voice_folder)
