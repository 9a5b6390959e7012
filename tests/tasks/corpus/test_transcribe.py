"""A given text wins; a wrong one is refused; a missing one is recognised where that is possible."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from configs.errors import UserError
from models.frontend.asr import Recognition
from tasks.corpus import hearing
from tasks.corpus.stages import LANGUAGE, TRANSCRIBE
from tasks.stage import function_of
from tests.tasks.corpus.stage_inputs import Tables, read, recording, run_one, settings, work

ENGLISH = "than in the same operations with ugly ones."


def utterance(text: str | None, duration_s: float = 3.0, **columns: Any) -> dict[str, Any]:
    samples = np.zeros(int(16000 * duration_s)) + 1e-3
    return recording(samples, 16000, text=text) | {"utterance_id": "u"} | columns


@pytest.fixture
def languages(tmp_path: Path) -> dict[str, dict[str, Path]]:
    path = tmp_path / "language.json"
    path.write_text('["en"]', encoding="utf-8")
    return {"language": {"language.json": path}}


def test_a_given_text_is_kept_with_its_spaces_tidied(languages: dict) -> None:
    (made,) = run_one(TRANSCRIBE, utterance(f"  {ENGLISH}\n"), files=languages).rows
    assert made["text"] == ENGLISH
    assert made["text_source"] == "given"
    assert made["language"] == "en"
    assert set(made) == set(TRANSCRIBE.schema.names)


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("", "empty_text"),
        ("   ", "empty_text"),
        ("😀🎉🔥", "no_words"),
        ("...", "no_words"),
        ("今天天气很好，我们去公园散步吧。", "text_mismatch"),
        ("שלום עולם, מה שלומך היום?", "text_mismatch"),
        (ENGLISH * 12, "rate_outlier"),
    ],
)
def test_impossible_texts_are_refused(languages: dict, text: str, code: str) -> None:
    outcome = run_one(TRANSCRIBE, utterance(text), files=languages)
    assert [refused.code for refused in outcome.rejects] == [code]
    assert outcome.rejects[0].remedy


def test_phones_beside_a_word_are_kept_and_are_no_letters_of_the_text(languages: dict) -> None:
    text = "今天[觉得](/ˈvɛɹi lˈɔŋ ˈaɪ pʰi ˈeɪ/)好。"
    (made,) = run_one(TRANSCRIBE, utterance(text, duration_s=1.5, language="zh"), files=languages).rows
    assert made["text"] == text
    long = "[a](/" + "ə" * 200 + "/) new day."
    assert not run_one(TRANSCRIBE, utterance(long), files=languages).rejects


def test_the_recordings_own_language_is_believed(languages: dict) -> None:
    row = utterance("今天天气很好，我们去公园散步吧。", duration_s=5.0, language="zh")
    (made,) = run_one(TRANSCRIBE, row, files=languages).rows
    assert made["language"] == "zh"


def test_without_text_or_recogniser_an_utterance_is_refused(languages: dict) -> None:
    outcome = run_one(TRANSCRIBE, utterance(None, language="de"), files=languages)
    assert [refused.code for refused in outcome.rejects] == ["no_transcript"]


def test_a_named_recogniser_without_its_model_stops_the_run(languages: dict) -> None:
    cfg = settings(corpus__transcribe__backend="faster-whisper")
    with pytest.raises(UserError, match=r"model\.bin"):
        run_one(TRANSCRIBE, utterance(None), cfg, languages)


@pytest.mark.slow
def test_english_without_text_is_recognised_with_a_warning(speech: Path, languages: dict) -> None:
    samples, rate = read(speech / "ljs-mini" / "wavs" / "LJ001-0004.flac")
    row = recording(samples, rate) | {"utterance_id": "u"}
    outcome = run_one(TRANSCRIBE, row, files=languages)
    (made,) = outcome.rows
    assert made["text_source"] == "pocketsphinx"
    assert "books" in made["text"] or "book" in made["text"]
    assert "pocketsphinx" in outcome.warnings[0]


@pytest.mark.slow
def test_given_text_is_checked_where_that_is_asked_for(speech: Path, languages: dict) -> None:
    samples, rate = read(speech / "ljs-mini" / "wavs" / "LJ001-0004.flac")
    cfg = settings(corpus__transcribe__check_given_text=True)
    rates = []
    for text in ("produced the block books, which were the immediate predecessors", ENGLISH):
        row = recording(samples, rate, text=text) | {"utterance_id": "u"}
        (made,) = run_one(TRANSCRIBE, row, cfg, languages).rows
        rates.append(made["word_error_rate"])
    assert rates[0] < 0.9 < rates[1]


def texts(*given: str | None) -> Tables:
    rows = [{"utterance_id": f"u{i}", "text": text, "language": None} for i, text in enumerate(given)]
    return Tables({"segment": rows})


def test_the_corpus_has_one_language_that_more_clips_do_not_change(tmp_path: Path) -> None:
    few = function_of(LANGUAGE)(texts(ENGLISH, "Please call Stella.", None), settings(), work(tmp_path))
    many = function_of(LANGUAGE)(
        texts(ENGLISH, "Please call Stella.", "Bring these things from the store."),
        settings(),
        work(tmp_path),
    )
    assert list(few.rows) == list(many.rows)
    assert json.loads(few.files["language.json"].read_text(encoding="utf-8")) == ["en"]


def test_a_configured_language_is_final(tmp_path: Path) -> None:
    made = function_of(LANGUAGE)(texts(ENGLISH), settings(corpus__language="de"), work(tmp_path))
    assert json.loads(made.files["language.json"].read_text(encoding="utf-8")) == ["de"]


def test_a_corpus_without_texts_has_no_language(tmp_path: Path) -> None:
    made = function_of(LANGUAGE)(texts(None, None), settings(), work(tmp_path))
    assert json.loads(made.files["language.json"].read_text(encoding="utf-8")) == []


def heard_as(
    monkeypatch: pytest.MonkeyPatch, told: dict[str | None, Recognition], languages: list[str]
) -> None:
    """A faster-whisper that hears what `told` says for each language that it is asked for."""
    monkeypatch.setattr(hearing, "find_whisper", lambda model, download: Path("whisper"))
    monkeypatch.setattr(hearing, "whisper_languages", lambda folder, processor: languages)
    monkeypatch.setattr(
        hearing, "recognise_whisper", lambda samples, folder, language, beam, processor: told[language]
    )


def test_a_language_that_the_ear_contradicts_is_refused(
    monkeypatch: pytest.MonkeyPatch, languages: dict
) -> None:
    told: dict[str | None, Recognition] = {
        None: Recognition("Guten Tag, meine Damen und Herren", 0.8, "de", 0.97)
    }
    heard_as(monkeypatch, told, ["de", "en"])
    outcome = run_one(TRANSCRIBE, utterance(None), files=languages)
    (refused,) = outcome.rejects
    assert (refused.code, refused.field, refused.value) == ("other_language", "language", "de")
    assert "97%" in refused.reason and "not en" in refused.reason


def test_a_doubtful_ear_gives_way_to_the_stated_language(
    monkeypatch: pytest.MonkeyPatch, languages: dict
) -> None:
    told = {
        None: Recognition("Guten Tag", 0.8, "de", 0.6),
        "en": Recognition("Good day", 0.7, "en", 1.0),
    }
    heard_as(monkeypatch, told, ["de", "en"])
    (made,) = run_one(TRANSCRIBE, utterance(None), files=languages).rows
    assert (made["text"], made["language"], made["asr_confidence"]) == ("Good day", "en", 0.7)


@pytest.mark.parametrize(("confidence", "believed"), [(0.4, False), (0.7, True)])
def test_an_ear_for_english_alone_must_be_sure_where_nobody_said_english(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, confidence: float, believed: bool
) -> None:
    path = tmp_path / "language.json"
    path.write_text("[]", encoding="utf-8")
    heard_as(monkeypatch, {None: Recognition("Good night and talk", confidence, "en", None)}, ["en"])
    outcome = run_one(TRANSCRIBE, utterance(None), files={"language": {"language.json": path}})
    assert len(outcome.rows) == believed
    assert [refused.code for refused in outcome.rejects] == ["unsure_transcript"] * (not believed)


def test_in_a_mixed_corpus_an_ear_for_english_alone_guesses_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "language.json"
    path.write_text('["es", "en"]', encoding="utf-8")
    heard_as(monkeypatch, {None: Recognition("Good night", 0.9, "en", None)}, ["en"])
    outcome = run_one(TRANSCRIBE, utterance(None), files={"language": {"language.json": path}})
    assert [refused.code for refused in outcome.rejects] == ["no_transcript"]
    assert "es, en" in outcome.rejects[0].reason


@pytest.mark.slow
def test_german_without_a_text_does_not_become_english(speech: Path, tmp_path: Path) -> None:
    path = tmp_path / "language.json"
    path.write_text("[]", encoding="utf-8")
    clips = sorted((speech / "kerstin-de" / "wavs").iterdir())[:4]
    outcomes = [
        run_one(
            TRANSCRIBE,
            recording(*read(clip)) | {"utterance_id": "u"},
            settings(corpus__transcribe__backend="pocketsphinx"),
            {"language": {"language.json": path}},
        )
        for clip in clips
    ]
    assert sum(len(outcome.rejects) for outcome in outcomes) >= 3


def test_a_share_is_put_right_by_what_is_heard(monkeypatch: pytest.MonkeyPatch, languages: dict) -> None:
    heard_as(monkeypatch, {"en": Recognition("the quick brown fox jumps", 0.8, "en", 1.0)}, ["de", "en"])
    row = utterance("quick brown fox jumps over", text_before="the", text_after="the lazy dog")
    (made,) = run_one(TRANSCRIBE, row, files=languages).rows
    assert (made["text"], made["text_source"]) == ("the quick brown fox jumps", "shared")
    assert made["word_error_rate"] == 0.0


def test_a_share_that_nobody_can_hear_is_kept_as_guessed(languages: dict) -> None:
    row = utterance("dort drüben im Wald", text_before="Es war", text_after="ein Haus", language="de")
    (made,) = run_one(TRANSCRIBE, row, files=languages).rows
    assert (made["text"], made["word_error_rate"]) == ("dort drüben im Wald", None)


def test_recognition_computes_where_compute_says_and_only_the_device_is_in_the_key() -> None:
    cfg = settings(compute__device="cuda", compute__threads=6, compute__workers=2)
    assert hearing.processor_of(cfg.compute) == ("cuda", 3)
    assert hearing.processor_of(settings(compute__threads=2, compute__workers=4).compute).threads == 1
    assert "compute.device" in TRANSCRIBE.config
    assert set(TRANSCRIBE.machine) == {"compute.threads", "compute.workers"}
