"""Recognition: the bundled recogniser works, the others say what they lack."""

from __future__ import annotations

from pathlib import Path

import pytest

from configs.errors import UserError
from models.frontend.asr import (
    find_whisper,
    recognise_sphinx,
    require_whisper,
    whisper_language,
    word_error_rate,
)


@pytest.mark.parametrize(
    ("reference", "heard", "rate"),
    [
        ("The cat, sat.", "the cat sat", 0.0),
        ("one two three four", "one too three", 0.5),
        ("one", "", 1.0),
        ("don’t", "don't", 0.0),
        ("a", "a b c", 2.0),
        ("今天天气很好，我们去公园。", "今天天氣很好我們去公园", 2 / 11),
        ("ขอบคุณครับ", "ขอบคุณคับ", 0.1),
        ("नमस्ते दुनिया", "नमस्ते दुनीया", 0.5),
        ("u\u0308ber a\u0308ltere Ha\u0308user", "über ältere Häuser", 0.0),
    ],
)
def test_word_error_rate(reference: str, heard: str, rate: float) -> None:
    assert word_error_rate(reference, heard) == rate


def test_a_missing_model_names_the_setting_the_files_and_the_remedy(tmp_path: Path) -> None:
    assert find_whisper(str(tmp_path), download=False) is None
    with pytest.raises(UserError, match=r"`model`.*model\.bin"):
        require_whisper("nobody/no-such-model", download=False)


def test_a_model_that_cannot_be_fetched_now_is_told_and_not_done_without(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Another recogniser would decide for good what is heard."""

    def away(*_: object, **__: object) -> str:
        raise ConnectionError("Network is unreachable")

    monkeypatch.setattr("huggingface_hub.snapshot_download", away)
    with pytest.raises(UserError, match="could not be fetched: Network is unreachable; run the same command"):
        find_whisper("Systran/faster-whisper-base", download=True)
    assert find_whisper("Systran/faster-whisper-base", download=False) is None


@pytest.mark.slow
def test_pocketsphinx_hears_english_the_same_in_any_order(speech: Path) -> None:
    import soundfile

    from models.frontend.audio import resample

    lines = (speech / "ljs-mini" / "metadata.csv").read_text(encoding="utf-8").splitlines()[:3]
    heard = []
    for order in (lines, lines[::-1]):
        texts = {}
        for line in order:
            name, text, *_ = line.split("|")
            samples, rate = soundfile.read(speech / "ljs-mini" / "wavs" / f"{name}.flac", dtype="float32")
            texts[name] = recognise_sphinx(resample(samples, rate, 16000)).text
            assert word_error_rate(text, texts[name]) < 0.6
        heard.append(texts)
    assert heard[0] == heard[1]


@pytest.mark.parametrize(
    ("code", "own"),
    [("en-us", "en"), ("zh-cn", "zh"), ("nb", "no"), ("de", "de"), ("lb", "lb"), ("xx", None), (None, None)],
)
def test_languages_are_named_as_whisper_names_them(code: str | None, own: str | None) -> None:
    assert whisper_language(code, ("en", "de", "lb", "no", "zh")) == own
    assert whisper_language(code, ()) is None
