"""A new word in a lexicon costs the clips that say it, and nothing else."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pyarrow as pa
import pytest

from artifacts.store import Store
from configs.errors import UserError
from configs.loading import resolve
from configs.settings import Settings
from models.frontend.text.lexicon import NO_ENTRIES
from tasks.features.lexicon import entries_by_row
from tasks.features.phonemize import phonemize_rows
from tasks.features.stages import PHONEMIZE
from tasks.lexicons import lexicon_of, with_lexicons
from tasks.outcome import ConfigView, Inputs, Outcome, Produced, Work
from tasks.pipeline import Pipeline
from tasks.results import Scan, StageResult
from tasks.stage import CorpusStage, RowStage

TEXTS = {
    "a": "Voicewright speaks.",
    "b": "Nobody speaks of a GIF.",
    "c": "The gif of Voicewright's.",
    "d": "Good morning.",
}
TRANSCRIBED = pa.schema(
    [(name, pa.string()) for name in ("utterance_id", "source_digest", "text", "language")]
)
COUNTED = pa.schema([("name", pa.string()), ("phones", pa.int32())])


def transcribe(rows: list[dict], cfg: ConfigView, files: object) -> list[Outcome]:
    return [
        Outcome(
            rows=[
                {
                    "utterance_id": row["recording_id"],
                    "source_digest": "",
                    "text": row["text"],
                    "language": "en",
                }
            ]
        )
        for row in rows
    ]


def count(inputs: Inputs, cfg: ConfigView, work: Work) -> Produced:
    phones = sum(len(one) for one in inputs.table("phonemize")["phones"].to_pylist())
    return Produced(rows=[{"name": "all", "phones": phones}])


STAGES = (
    RowStage(
        name="transcribe",
        version=1,
        run=f"{__name__}:transcribe",
        reads={"scan": None},
        schema=TRANSCRIBED,
    ),
    RowStage(
        name="measure", version=1, run=f"{__name__}:transcribe", reads={"scan": None}, schema=TRANSCRIBED
    ),
    PHONEMIZE,
    CorpusStage(
        name="count", version=1, run=f"{__name__}:count", reads={"phonemize": ("phones",)}, schema=COUNTED
    ),
)

Build = Callable[[str], Pipeline]


@pytest.fixture(params=["tiny", "kokoro-tiny", "styletts2-tiny"])
def build(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Build]:
    made: list[Pipeline] = []

    def make(lexicon: str) -> Pipeline:
        """A pipeline of a voice whose workspace has this lexicon, "" for none."""
        path = tmp_path / "lexicon.tsv"
        path.write_text(lexicon, encoding="utf-8")
        if not lexicon:
            path.unlink()
        rows = [{"recording_id": n, "text": t, "location": n} for n, t in TEXTS.items()]
        pipeline = Pipeline(
            tmp_path / "workspace",
            "v",
            with_lexicons(resolve(request.param).settings, tmp_path),
            lambda: Scan(rows),
            STAGES,
            Store(str(tmp_path / "store"), tmp_path / "cache"),
        )
        made.append(pipeline)
        return pipeline

    yield make
    for pipeline in made:
        pipeline.close()


def run(pipeline: Pipeline) -> StageResult:
    results = {name: pipeline.run_stage(name) for name in pipeline.stages}
    return results["phonemize"]


@pytest.mark.slow
def test_a_new_word_reruns_the_clips_that_hold_it(build: Build) -> None:
    assert run(build("")).rows_computed == 4
    pipeline = build("# nobody says it\nunheard\t/ʌnˈhɜːd/\n")
    assert run(pipeline).status == "cached"
    lexicon = "unheard\t/ʌnˈhɜːd/\nVoicewright\t/ˈvɔɪsˌɹaɪt/\n"
    would, reasons = build(lexicon).why("phonemize")
    assert would
    assert "lexicon: Voicewright None -> /ˈvɔɪsˌɹaɪt/" in reasons
    result = run(build(lexicon))
    assert (result.rows_computed, result.rows_cached) == (2, 2)
    # An exact entry holds for "GIF" alone; where a line stands does not matter.
    result = run(build("GIF\tJH IH1 F\n" + lexicon))
    assert (result.rows_computed, result.rows_cached) == (1, 3)
    assert run(build(lexicon + "\n# moved\nGIF\tJH IH1 F\n")).status == "cached"
    assert run(build(lexicon.replace("Voicewright\t/ˈvɔɪsˌɹaɪt/", "Voicewright\t/ˈvɔɪs/"))).rows_computed == 2
    result = run(build(""))
    assert result.rows_computed == 0


@pytest.mark.slow
def test_the_rows_say_which_words_were_given(build: Build) -> None:
    pipeline = build("Voicewright\t/ˈvɔɪsˌɹaɪt/\n")
    run(pipeline)
    rows = {row["utterance_id"]: row for row in pipeline.table("phonemize").to_pylist()}
    assert {name: row["own_words"] for name, row in rows.items()} == {"a": [0], "b": [], "c": [3], "d": []}
    assert rows["c"]["words"][3] == "Voicewright's"


def test_an_entry_that_the_table_cannot_say_stops_the_stage_by_name(tmp_path: Path) -> None:
    path = tmp_path / "lexicon.tsv"
    path.write_text("橋\t/haɕi/\n", encoding="utf-8")
    settings = with_lexicons(resolve("tiny").settings, tmp_path)
    found = entries_by_row(settings, lambda: {"a": "橋。"}, lambda: {"a": "zh"})
    row = {"utterance_id": "a", "source_digest": "", "text": "橋。", "language": "zh"}
    with pytest.raises(UserError, match=r"lexicon\.tsv, line 1: 橋 = /haɕi/: the table gpt-sovits-v2 has no"):
        phonemize_rows([{**row, "lexicon": found["a"].value}], ConfigView(settings, PHONEMIZE.config), {})


def settings_of(workspace: Path, *overrides: str) -> Settings:
    return with_lexicons(resolve("tiny", None, overrides, "anna").settings, workspace)


def test_files_of_workspace_and_voice_and_named_ones(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert settings_of(tmp_path).features.phonemize.lexicon == ()
    own, voices, named = (tmp_path / name for name in ("lexicon.tsv", "lexicons/anna.tsv", "named.tsv"))
    voices.parent.mkdir()
    for path in (own, voices, named):
        path.write_text("GIF\tJH IH1 F\n")
    assert settings_of(tmp_path).features.phonemize.lexicon == (str(own), str(voices))
    assert settings_of(tmp_path, "features.phonemize.lexicon=[]").features.phonemize.lexicon == ()
    assert settings_of(tmp_path, "features.phonemize.lexicon=named.tsv").features.phonemize.lexicon == (
        str(named),
    )
    monkeypatch.chdir(tmp_path / "lexicons")
    assert settings_of(tmp_path, "features.phonemize.lexicon=[anna.tsv]").features.phonemize.lexicon == (
        str(voices),
    )
    with pytest.raises(UserError, match=r"features\.phonemize\.lexicon = absent\.tsv: there is no such file"):
        settings_of(tmp_path, "features.phonemize.lexicon=absent.tsv")
    own.write_text("GIF\n")
    with pytest.raises(UserError, match=r"lexicon\.tsv, line 1: 'GIF' has no tab"):
        settings_of(tmp_path)


def test_speaking_reads_the_files_as_they_are_now(tmp_path: Path) -> None:
    assert lexicon_of(tmp_path, "kokoro/af_heart", None) == NO_ENTRIES
    (tmp_path / "lexicon.tsv").write_text("GIF\tJH IH1 F\n")
    own = tmp_path / "lexicons" / "kokoro" / "af_heart.tsv"
    own.parent.mkdir(parents=True)
    own.write_text("GIF\tG IH1 F\n")
    found = lexicon_of(tmp_path, "kokoro/af_heart", None)
    assert [entry.said for entry in found.entries] == ["JH IH1 F", "G IH1 F"]
    settings = resolve("tiny", None, ["features.phonemize.lexicon=[]"], "anna").settings
    assert lexicon_of(tmp_path, "anna", settings) == NO_ENTRIES
