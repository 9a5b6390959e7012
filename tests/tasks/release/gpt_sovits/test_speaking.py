"""Long texts, mixed languages and other people's clips, from the exported voice."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import soundfile
import torch
from transformers import HubertConfig, HubertModel

from configs.content import ContentSettings
from configs.errors import UserError
from configs.linguistic import LinguisticSettings
from models.frontend.audio import encode_flac
from models.frontend.text.g2p import phonemize
from models.frontend.text.symbols import load_symbol_table
from models.sovits.model import SovitsGenerator
from tasks.features.content import content_rows, encode_content
from tasks.features.stages import CONTENT
from tasks.finetune.gpt_sovits.semantic import semantic_codes, semantic_rows
from tasks.finetune.gpt_sovits.stages import SEMANTIC
from tasks.release.clips import clip_facts, clip_samples, clip_speech
from tasks.release.gpt_sovits import voice as voice_module
from tasks.release.gpt_sovits.assembly import clip_reference, corpus_reference
from tasks.release.gpt_sovits.export import export_corpus
from tasks.release.gpt_sovits.stages import EXPORT
from tasks.release.gpt_sovits.voice import GptSovitsVoice
from tasks.release.gpt_sovits.zero_shot import reference_from_file
from tasks.release.sentences import read_sentences
from tasks.release.speak import load_voice
from tasks.release.speech_file import RawStream, SpeechFile
from tasks.release.voice import SpeakOptions
from tests.models.tiny import speech_encoder_sizes
from tests.tasks.finetune import synthetic

TEXT = (
    "One two. Three four five six seven! A much longer sentence stands between the short ones. Yes? "
    "Then another, with a comma. The end."
)


@pytest.fixture
def voice(voice_folder: Path) -> GptSovitsVoice:
    return load_voice(voice_folder)


@pytest.fixture
def clip(tmp_path: Path) -> Path:
    """3.5 s of another tone."""
    path = tmp_path / "stranger.wav"
    soundfile.write(path, synthetic.tone(77, 3.5), synthetic.FAMILY.sample_rate)
    return path


def difference(one: np.ndarray, other: np.ndarray) -> float:
    """Largest difference, relative to the peak."""
    return float(np.abs(one - other).max() / np.abs(one).max())


def test_the_batch_does_not_change_what_is_heard(voice: GptSovitsVoice) -> None:
    alone = [piece.samples for piece in voice.pieces(TEXT, SpeakOptions(seed=5, batch_sentences=1))]
    for batch in (2, 8):
        together = [
            piece.samples for piece in voice.pieces(TEXT, SpeakOptions(seed=5, batch_sentences=batch))
        ]
        assert [len(samples) for samples in together] == [len(samples) for samples in alone]
        for one, other in zip(alone, together, strict=True):
            assert difference(one, other) < 1e-4


def test_the_batch_keeps_each_sentence_within_its_own_limit(voice: GptSovitsVoice) -> None:
    runs = [
        (phonemize(text, "en", "ipa"),)
        for text in ("hi", "a sentence that may take very much longer than hi")
    ]
    short, long = voice.draw_codes(runs, voice.reference_of(None), [1, 2])
    (alone,) = voice.draw_codes(runs[:1], voice.reference_of(None), [1])
    assert short == alone
    assert (
        len(short.codes) <= 25 * (len(runs[0][0].phone_ids) / 3 + 1) + 1 < len(long.codes) or not long.cut_off
    )


def test_the_lexicon_travels_with_the_voice(voice: GptSovitsVoice) -> None:
    assert [entry[:3] for entry in voice.lexicon.entries] == [("Voicewright", "/wʌn/", "")]
    texts = ("Voicewright.", "[Voicewright](/wʌn/).")
    own, inline = (voice.speak(text, SpeakOptions(seed=3)).samples for text in texts)
    assert np.array_equal(own, inline)


def test_a_sentence_draws_from_its_own_number(voice: GptSovitsVoice) -> None:
    first = next(voice.pieces(TEXT, SpeakOptions(seed=5)))
    assert difference(first.samples, voice.speak("One two.", SpeakOptions(seed=5)).samples) < 1e-4


def test_sentences_come_one_by_one(voice: GptSovitsVoice, monkeypatch: pytest.MonkeyPatch) -> None:
    drawn: list[int] = []
    draw_codes = GptSovitsVoice.draw_codes

    def counted(self: GptSovitsVoice, sentences: Sequence[Any], *rest: Any) -> Any:
        drawn.append(len(sentences))
        return draw_codes(self, sentences, *rest)

    monkeypatch.setattr(GptSovitsVoice, "draw_codes", counted)
    pieces = voice.pieces("One two. " * 40, SpeakOptions(batch_sentences=2, at_once=True))
    next(pieces)
    assert drawn == [1]
    for _ in range(8):
        next(pieces)
    assert sum(drawn) <= 15


@pytest.mark.parametrize("suffix", [".wav", ".flac"])
def test_a_file_appears_whole(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / "new" / f"speech{suffix}"
    parts = [synthetic.tone(seed, 0.3) for seed in range(3)]
    with SpeechFile(path, 16_000) as target:
        for part in parts:
            target.write(part)
            assert not path.exists()
    samples, rate = soundfile.read(path, dtype="float32")
    assert rate == 16_000
    assert np.abs(samples - np.concatenate(parts)).max() < 1e-4
    assert [found.name for found in path.parent.iterdir()] == [path.name]


def test_a_failure_leaves_the_old_file_and_nothing_else(tmp_path: Path) -> None:
    path = tmp_path / "speech.wav"
    path.write_bytes(b"before")
    with pytest.raises(KeyboardInterrupt), SpeechFile(path, 16_000) as target:
        target.write(synthetic.tone(1, 0.3))
        raise KeyboardInterrupt
    assert path.read_bytes() == b"before"
    assert [found.name for found in tmp_path.iterdir()] == ["speech.wav"]


def test_raw_samples_are_16_bit_little_endian(tmp_path: Path) -> None:
    path = tmp_path / "raw"
    with path.open("wb") as stream:
        RawStream(stream).write(np.array([0.0, 1.0, -1.0, 0.5], np.float32))
    assert np.fromfile(path, "<i2").tolist() == [0, 32767, -32767, 16384]


def test_a_stranger_is_heard_as_the_corpus_is(
    voice: GptSovitsVoice, clip: Path, release: SimpleNamespace, tmp_path: Path
) -> None:
    samples, rate = soundfile.read(clip, dtype="float32")
    row = {
        "utterance_id": "x",
        "source_digest": "0",
        "audio": encode_flac(samples, rate),
        "sample_rate": rate,
    }
    (content,) = content_rows([row], synthetic.view(CONTENT, release.tree), {})
    trained = {"train_sovits": release.inputs.stage_files["train_sovits"]}
    (coded,) = semantic_rows(content.rows, synthetic.view(SEMANTIC, release.tree), trained)
    reference = reference_from_file(voice, clip, "one two three")
    assert list(reference.codes) == coded.rows[0]["codes"]
    assert list(reference.phone_ids) == phonemize("one two three.", "en", "ipa").phone_ids


@pytest.fixture
def hubert(tmp_path: Path) -> ContentSettings:
    """HuBERT with its real strides, as narrow as the voice's content."""
    sizes = speech_encoder_sizes(num_hidden_layers=1, hidden_size=12, num_attention_heads=2)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        HubertModel(HubertConfig(**sizes)).save_pretrained(tmp_path / "hubert")
    return ContentSettings(backend="hubert", model=str(tmp_path / "hubert"))


def test_the_prompt_ends_in_9600_zeros_at_16_khz(
    voice: GptSovitsVoice, clip: Path, hubert: ContentSettings
) -> None:
    """That is .6 s, or 15 codes, whatever the family's rate."""
    hearing = dataclasses.replace(voice, content=hubert)
    reference = reference_from_file(hearing, clip, "one two three")
    samples, rate = reference.samples, voice.sample_rate
    features, codes = [], []
    for silent in (0, 9_600):
        zeros = np.zeros(silent * rate // 16_000, np.float32)
        features.append(encode_content(np.concatenate((samples, zeros)), voice.frame, hubert))
        codes.append(semantic_codes(features[-1].numpy().T.astype(np.float16), voice.generator))
    assert list(reference.codes) == codes[1]
    assert len(codes[1]) - len(codes[0]) == 15


def test_own_clips_prompt_with_silence_and_a_last_mark(
    voice: GptSovitsVoice, release: SimpleNamespace, hubert: ContentSettings
) -> None:
    clip = next(c for c in clip_facts(release.inputs.files("shard")) if c.utterance_id == "tone_002")
    plain, heard = (
        clip_reference(dataclasses.replace(voice, content=content), clip)
        for content in (voice.content, hubert)
    )
    features = encode_content(clip_samples(clip), voice.frame, hubert)
    own = semantic_codes(features.numpy().T.astype(np.float16), voice.generator)
    assert len(heard.codes) - len(own) == 15
    assert len(plain.codes) == features.shape[1] // 2
    assert heard.phone_ids == plain.phone_ids == voice.reference_of(None).phone_ids
    assert heard.phone_ids == (*clip_speech(clip).phone_ids, load_symbol_table("ipa").ids["."])


def test_the_decoder_and_the_generator_read_the_marks(
    voice: GptSovitsVoice, monkeypatch: pytest.MonkeyPatch
) -> None:
    read: list[list[str]] = []
    draw_codes, wave = GptSovitsVoice.draw_codes, GptSovitsVoice._wave

    def drawn(self: GptSovitsVoice, sentences: Sequence[Any], *rest: Any) -> Any:
        read.extend([phone for run in runs for phone in run.phones] for runs in sentences)
        return draw_codes(self, sentences, *rest)

    def spoken(self: GptSovitsVoice, runs: Any, *rest: Any) -> Any:
        read.append([phone for run in runs for phone in run.phones])
        return wave(self, runs, *rest)

    monkeypatch.setattr(GptSovitsVoice, "draw_codes", drawn)
    monkeypatch.setattr(GptSovitsVoice, "_wave", spoken)
    words = phonemize("one two three", "en", "ipa").phones
    (piece,) = voice.pieces("one two three")
    assert piece.text == "one two three"
    assert read == [[*words, "."]] * 2
    read.clear()
    voice.render([phonemize("no", "en", "ipa")], [voice.reference_of(None)], 1)
    assert read == [[".", *phonemize("no", "en", "ipa").phones, "."]] * 2


def test_short_sentences_keep_their_own_numbers(voice: GptSovitsVoice) -> None:
    """GPT-SoVITS would say `No.` with what follows."""
    pieces = list(voice.pieces("No. He went home. Yes."))
    assert [(piece.sentence, piece.text) for piece in pieces] == [
        (0, "No."),
        (1, "He went home."),
        (2, "Yes."),
    ]
    assert [piece.speech[0] for piece in pieces] == [0, *[round(0.3 * voice.sample_rate)] * 2]


def test_references_decide_how_a_text_sounds(voice: GptSovitsVoice, clip: Path) -> None:
    stranger = reference_from_file(voice, clip, "one two three")
    own = voice.reference_of(None)
    spoken = {
        name: voice.speak("one two three", SpeakOptions(references=references)).samples
        for name, references in {
            "own": [own],
            "stranger": [stranger],
            "both": [own, stranger],
            "twice": [own, own],
        }.items()
    }
    assert np.array_equal(spoken["own"], voice.speak("one two three").samples)
    assert spoken["both"].shape == spoken["own"].shape
    assert difference(spoken["own"], spoken["twice"]) < 1e-4
    assert difference(spoken["own"], spoken["both"]) > 1e-3


def test_without_its_text_a_reference_prompts_nothing(voice: GptSovitsVoice, clip: Path) -> None:
    silent = reference_from_file(voice, clip)
    assert silent.codes == silent.phone_ids == ()
    manner = voice.manner.model_copy(update={"prompt_with_reference": False})
    unprompted = dataclasses.replace(voice, manner=manner)
    said = voice.speak("one two three", SpeakOptions(references=[silent])).samples
    assert np.array_equal(said, unprompted.speak("one two three", SpeakOptions(references=[silent])).samples)


@pytest.mark.parametrize(("seconds", "advice"), [(1.2, "record a longer"), (12.0, "cut one clear sentence")])
def test_references_of_another_length_are_refused(
    voice: GptSovitsVoice, tmp_path: Path, seconds: float, advice: str
) -> None:
    path = tmp_path / "clip.wav"
    soundfile.write(path, synthetic.tone(3, seconds), 16_000)
    with pytest.raises(UserError, match=rf"clip\.wav lasts {seconds:.2f} s.*{advice}"):
        reference_from_file(voice, path)


def test_unreadable_references_are_named(voice: GptSovitsVoice, tmp_path: Path) -> None:
    path = tmp_path / "clip.wav"
    with pytest.raises(UserError, match=r"clip\.wav is no file"):
        reference_from_file(voice, path)
    path.write_bytes(b"no audio at all")
    with pytest.raises(UserError, match=r"--reference: .*clip\.wav"):
        reference_from_file(voice, path)


def test_speaker_vectors_and_linguistic_features_travel_with_the_voice(
    release: SimpleNamespace, tmp_path: Path
) -> None:
    shards = release.inputs.stage_files["shard"]
    random = np.random.default_rng(0)
    vector = random.standard_normal(24).astype(np.float32)
    changed = {}
    for name, path in shards.items():
        rows = pq.read_table(path).to_pylist()
        for row in rows:
            row["speaker_vector"] = vector.tobytes()
            row["linguistic"] = np.ones((len(row["phone_ids"]), 8), "<f2").tobytes()
        changed[name] = tmp_path / path.name
        pq.write_table(pa.Table.from_pylist(rows), changed[name])
    inputs = dataclasses.replace(release.inputs, stage_files={**release.inputs.stage_files, "shard": changed})
    exported = export_corpus(inputs, synthetic.view(EXPORT, release.tree), synthetic.work(tmp_path / "work"))
    reference = load_voice(exported.files["voice.json"].parent).reference_of(None)
    assert np.array_equal(reference.speaker_vector, vector)
    assert reference.linguistic.shape == (8, len(reference.phone_ids))
    # The mark that was added has zeros, as all phones of English have.
    assert (reference.linguistic[:, :-1] == 1).all() and not reference.linguistic[:, -1].any()


def test_a_generator_with_speaker_vectors_gets_one_per_reference(voice: GptSovitsVoice) -> None:
    sizes = dataclasses.replace(voice.generator.config, version="v2Pro", speaker_vector_channels=24)
    torch.manual_seed(0)
    pro = dataclasses.replace(voice, generator=SovitsGenerator(sizes).eval())
    own = pro.reference_of(None)
    with pytest.raises(UserError, match="tone_002: it has no speaker vector"):
        pro.speak("one two", SpeakOptions(references=[own]))
    vectors = [np.full(24, value, np.float32) for value in (0.0, 5.0)]
    one, other = (dataclasses.replace(own, speaker_vector=vector) for vector in vectors)
    spoken = [
        pro.speak("one two", SpeakOptions(references=chosen)).samples
        for chosen in ([one], [other], [one, other])
    ]
    assert not np.array_equal(spoken[0], spoken[1])
    assert not np.array_equal(spoken[0], spoken[2])


def test_sentences_are_read_by_the_front_end_of_each_part() -> None:
    (sentence,) = read_sentences("我有 3 个 iPhone, 很好。", "zh", ("zh", "en"), "gpt-sovits-v2")
    assert [run.language for run in sentence.runs] == ["zh", "en", "zh"]
    assert sentence.runs[0].normalized_text == "我有三个"
    assert sentence.runs[1].words == ["iPhone", ","]
    assert sentence.phone_ids == [i for run in sentence.runs for i in run.phone_ids]
    with pytest.raises(UserError, match="this voice speaks en"):
        list(read_sentences("我有三个苹果。", "en", ("en",), "gpt-sovits-v2"))


def test_published_weights_bring_their_languages(voice: GptSovitsVoice) -> None:
    assert voice.spoken_languages == ("en",)
    published = dataclasses.replace(voice, published=True, symbol_table="gpt-sovits-v2")
    assert published.spoken_languages[:2] == ("en", "zh")
    assert published.checked_language("zh") == "zh"
    both = dataclasses.replace(voice, languages=("en", "en-gb"))
    assert [both.checked_language(code) for code in ("en-gb", "en-au", "en")] == ["en-gb", "en", "en"]
    assert dataclasses.replace(published, symbol_table="ipa").spoken_languages == ("en",)


def test_only_chinese_runs_get_bert_features(voice: GptSovitsVoice, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(voice_module, "load_bert", lambda *_: None)
    monkeypatch.setattr(
        voice_module, "bert_features", lambda _, words, word2ph, layer: torch.ones(8, sum(word2ph))
    )
    reading = dataclasses.replace(
        voice, published=True, symbol_table="gpt-sovits-v2", linguistic=LinguisticSettings(backend="bert")
    )
    (sentence,) = read_sentences("Hello 你好 world", "en", ("en", "zh"), "gpt-sovits-v2")
    features = reading.linguistic_features(sentence.runs)
    counts = [len(run.phone_ids) for run in sentence.runs]
    assert counts[1] == 4
    expected = np.repeat([0.0, 1.0, 0.0], counts)
    assert np.array_equal(features, np.broadcast_to(expected, features.shape))
    assert voice.linguistic_features(sentence.runs) is None


@pytest.mark.parametrize("weights", ["fp16", "int8"])
def test_narrow_decoder_weights_speak_too(voice: GptSovitsVoice, voice_folder: Path, weights: Any) -> None:
    narrow = load_voice(voice_folder, {"decoder_weights": weights})
    runs = [(phonemize("one two three", "en", "ipa"),)]
    (coded,) = narrow.draw_codes(runs, narrow.reference_of(None), [1])
    assert coded.codes
    assert {parameter.dtype for parameter in narrow.decoder.h.buffers()} - {torch.float32}
    assert {parameter.dtype for parameter in voice.decoder.h.buffers()} == {torch.float32}


def test_any_clip_of_the_corpus_can_be_the_reference(voice: GptSovitsVoice, release: SimpleNamespace) -> None:
    inputs = release.inputs
    pipeline = SimpleNamespace(
        voice="tester",
        known=lambda stage: SimpleNamespace(files=inputs.files(stage)),
        files=inputs.files,
        table=inputs.table,
    )
    own = corpus_reference(voice, pipeline, "tone_002")
    assert (own.codes, own.phone_ids) == (voice.reference_of(None).codes, voice.reference_of(None).phone_ids)
    assert np.array_equal(own.samples, voice.reference_of(None).samples)
    assert corpus_reference(voice, pipeline, "tone_004").utterance_id == "tone_004"
    with pytest.raises(UserError, match=r"no clip 'tone_oo4'; there are, for example, tone_0"):
        corpus_reference(voice, pipeline, "tone_oo4")
    pipeline.known = lambda _: None
    with pytest.raises(UserError, match="not finished"):
        corpus_reference(voice, pipeline, "tone_002")
