"""What a voice was trained to say it says in the same way: training and speaking give the same phones."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from configs.errors import UserError
from configs.loading import resolve
from models.frontend.text.lexicon import FILE, NO_ENTRIES, Entry, Lexicon
from tasks.features.phonemize import phonemize_rows
from tasks.features.stages import PHONEMIZE
from tasks.release import speak
from tasks.release.exported_folder import write_lexicon
from tasks.release.marked_text import Manuscript
from tasks.release.sentences import Sentence, read_runs, read_sentences, written
from tasks.release.spelling import spelled
from tasks.release.voice import AS_TRAINED, Piece, SpeakOptions, Voice
from tasks.stage import ConfigView

LEXICON = Lexicon(
    (
        Entry("Voicewright", "/ˈvɔɪsˌɹaɪt/"),
        Entry("GIF", "JH IH1 F"),
        Entry("Dr. No", "/dɔk nˈO/"),
        Entry("心算", "xin1 suan4", "zh"),
        Entry("OK", "ou1 kei4", "zh"),
    )
)


def read(text: str, language: str, spoken: tuple[str, ...], table: str, longest: int = 200) -> list[Sentence]:
    return list(read_sentences(text, language, spoken, table, longest, lexicon=LEXICON))


@pytest.mark.parametrize(
    ("preset", "language", "text"),
    [
        ("tiny", "en", "Voicewright's [Kokoro](/kˈOkəɹO/) speaks of a GIF by Dr. No."),
        ("kokoro-tiny", "en", "Voicewright's [Kokoro](/kˈOkəɹO/) speaks of a GIF by Dr. No."),
        ("styletts2-tiny", "de", "Voicewright spricht [Kokoro](/kokoˈʁoː/)."),
        ("tiny", "zh", "我心算[觉得](/jiao4 de5/)好。"),
    ],
)
def test_training_and_speaking_give_the_same_phones(preset: str, language: str, text: str) -> None:
    settings = resolve(preset).settings
    row = {"utterance_id": "a", "source_digest": "", "text": text, "language": language, "lexicon": LEXICON}
    (outcome,) = phonemize_rows([row], ConfigView(settings, PHONEMIZE.config), {})
    (trained,) = outcome.rows
    (sentence,) = read(text, language, (language,), trained["symbol_table"])
    (run,) = sentence.runs
    for name in ("words", "phones", "phone_ids", "word2ph", "own_words", "normalized_text"):
        assert getattr(run, name) == trained[name], name
    assert trained["own_words"]
    assert "[" not in sentence.text + trained["text"]
    assert sentence.text == trained["text"]
    if settings.family.character_table:
        assert spelled(sentence, settings.family.character_table).ids


def test_sentences_are_not_cut_inside_of_a_word() -> None:
    first, second = read("I met Dr. No today. [Mr. Smith](/mɪs smɪθ/) left.", "en", ("en",), "ipa")
    assert first.text == "I met Dr. No today."
    assert second.text == "Mr. Smith left."
    assert {"Dr.", "No"} <= set(first.runs[0].words)
    long = "心算" * 60 + "."
    pieces = read(long, "zh", ("zh",), "gpt-sovits-v2", 33)
    assert "".join(one.text for one in pieces) == long
    assert all(one.runs[0].own_words == list(range(len(one.text.rstrip(".")))) for one in pieces)


def test_a_word_is_read_where_its_letters_belong() -> None:
    (sentence,) = read("我说GIF和OK吧。", "zh", ("zh", "en"), "gpt-sovits-v2")
    assert [run.language for run in sentence.runs] == ["zh", "en", "zh"]
    assert sentence.runs[1].phones == ["JH", "IH1", "F"]
    assert sentence.runs[2].words == ["和", "OK", "吧", "."]
    (mixed,) = read("He can 心算.", "en", ("en", "zh"), "gpt-sovits-v2")
    assert [run.language for run in mixed.runs] == ["en", "zh"]
    assert mixed.runs[1].phones[:4] == ["x", "in1", "s", "uan4"]
    runs = read_runs("Voicewright 心算", "en", ("en", "zh"), "gpt-sovits-v2", LEXICON)
    assert [len(run.own_words) for run in runs] == [1, 2]


def test_a_text_of_own_words_alone_is_spoken() -> None:
    (sentence,) = read("[Voice](/vɔɪs/)", "de", ("de",), "ipa")
    assert sentence.runs[0].phones == ["v", "ɔɪ", "s"]
    with pytest.raises(UserError, match=r"GIF.*is no phone"):
        read("[GIF](/ǃ/)", "en", ("en",), "ipa")


@dataclass(frozen=True)
class _Silent(Voice[Any]):
    """A voice whose samples are as many as its phones."""

    languages: tuple[str, ...] = ("en",)
    references: Mapping[str, Any] = None  # type: ignore[assignment]
    default_speaker: str = ""
    lexicon: Lexicon = NO_ENTRIES
    family_name = "kokoro"

    @property
    def sample_rate(self) -> int:
        return 100

    def pieces(self, text: Manuscript, options: SpeakOptions[Any] = AS_TRAINED) -> Iterator[Piece]:
        for one in read_sentences(text, "en", ("en",), "gpt-sovits-v2", lexicon=self.lexicon):
            samples = np.zeros(len(one.phone_ids), np.float32)
            yield Piece(" ".join(one.runs[0].phones), samples, False, 0, (0, len(samples)), None)

    def reference_from_file(self, path: Path, text: str | None = None, language: str | None = None) -> Any:
        raise NotImplementedError

    def with_manner(self, changes: Mapping[str, object]) -> _Silent:
        return self


def test_a_voice_carries_its_lexicon(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    source = tmp_path / "mine.tsv"
    source.write_text("GIF\tJH IH1 F\nVoicewright\t/ˈvɔɪs/\n", encoding="utf-8")
    folder = tmp_path / "voice"
    folder.mkdir()
    write_lexicon(folder, (str(source),))
    digest = hashlib.sha256((folder / FILE).read_bytes()).hexdigest()
    described = {"format": 1, "family": "kokoro", "synthesize": {}, "digests": {FILE: digest}}
    (folder / "voice.json").write_text(json.dumps(described))
    monkeypatch.setattr(speak, "voice_loader", lambda family: lambda folder, described: _Silent())
    voice = speak.load_voice(folder)

    def said(one: Voice[Any], text: str) -> str:
        return next(one.pieces(text)).text

    assert said(voice, "GIF") == "JH IH1 F"
    # What is given when speaking adds to it and goes before it.
    more = voice.with_lexicon(Lexicon((Entry("GIF", "G IH1 F"), Entry("kokoro", "/kˈO/"))))
    assert said(more, "GIF Voicewright kokoro") == "G IH1 F V OY1 S K OW1"
    (folder / FILE).write_text("GIF\tG IH1 F\n")
    with pytest.raises(UserError, match="is not the file that was exported"):
        speak.load_voice(folder)


def test_a_text_is_cut_as_its_language_has_it() -> None:
    """So that sentences count alike where they are asked for again and where they are said."""
    voice = _Silent(("en", "de"))
    text = "Wir sind in der Müllerstr. Fünf. Ende."
    assert [written(one) for one in voice.breaths(text, "de")] == [
        "Wir sind in der Müllerstr. Fünf.",
        "Ende.",
    ]
    assert len(voice.breaths(text)) == 3


def test_a_voice_without_entries_has_no_file(tmp_path: Path) -> None:
    write_lexicon(tmp_path, ())
    write_lexicon(tmp_path, None)
    assert not list(tmp_path.iterdir())
