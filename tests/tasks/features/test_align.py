"""Stages acoustic_model and align: on espeak's speech, whose phone times are known, and on real speech."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from artifacts import schemas
from configs.align import AlignSettings, MfaSettings
from configs.errors import UserError
from models.frontend.audio import encode_flac
from models.frontend.espeak import synthesize
from models.frontend.text.g2p import phonemize
from tasks.features.acoustic_model import acoustic_model_corpus
from tasks.features.align import align_rows
from tasks.features.aligners import ALIGNERS, read_aligners, resolve
from tasks.features.stages import ACOUSTIC_MODEL, ALIGN
from tasks.stage import Outcome, Produced, Work

GERMAN = (
    "Guten Morgen, liebe Sonne.",
    "Der Hund schläft unter dem Tisch.",
    "Wir gehen heute in den Garten.",
    "Das alte Haus steht am Wasser.",
)
ENGLISH = ("Seven green bottles stood on the shelf.", "A cold wind blew through the window.")


def make_row(number: int, text: str, language: str, rate_wpm: int = 150) -> dict[str, Any]:
    """A joined row of enhance, phonemize, measure and speaker with espeak's voice."""
    spoken = synthesize(text, {"en": "en-us"}.get(language, language), rate_wpm)
    table = "gpt-sovits-v2" if language == "en" else "ipa"
    phones = phonemize(text, language, table)
    return {
        "utterance_id": f"u{number:03d}",
        "source_digest": "0" * 64,
        "audio": encode_flac(spoken.samples, spoken.sample_rate),
        "sample_rate": spoken.sample_rate,
        "words": phones.words,
        "phones": phones.phones,
        "word2ph": phones.word2ph,
        "language": phones.language,
        "speech_s": len(spoken.samples) / spoken.sample_rate,
        "speaker": "anna",
    }


class FakeInputs:
    """Every stage's table made of the same rows."""

    def __init__(self, rows: Sequence[dict[str, Any]]) -> None:
        self._rows = list(rows)

    def table(
        self, stage: str, columns: Sequence[str] | None = None, only: Sequence[str] | None = None
    ) -> pa.Table:
        declared = ACOUSTIC_MODEL.reads[stage]
        assert declared is not None
        assert columns is None or set(columns) <= set(declared)
        rows = [row for row in self._rows if only is None or row["utterance_id"] in only]
        return pa.Table.from_pylist([{name: row[name] for name in columns or declared} for row in rows])

    def files(self, stage: str) -> dict[str, Path]:
        raise AssertionError(stage)

    rejects = files
    record = files


def view(settings: AlignSettings) -> Any:
    return SimpleNamespace(features=SimpleNamespace(align=settings))


def run_model(
    rows: Sequence[dict[str, Any]],
    settings: AlignSettings,
    folder: Path,
    earlier: Mapping[str, Path] | None = None,
) -> Produced:
    folder.mkdir(parents=True, exist_ok=True)
    work = Work(folder, lambda done, total, text="", **metrics: None, lambda: False, earlier or {})
    return acoustic_model_corpus(FakeInputs(rows), view(settings), work)


def run_align(
    rows: Sequence[dict[str, Any]], settings: AlignSettings, files: Mapping[str, Path]
) -> list[Outcome]:
    return align_rows(list(rows), view(settings), {"acoustic_model": files})


def check_row(outcome: Outcome, row: dict[str, Any]) -> dict[str, Any]:
    (made,) = outcome.rows
    pa.Table.from_pylist([made], schema=schemas.ALIGN)
    assert [phone["label"] for phone in made["phones"]] == list(row["phones"])
    assert [word["label"] for word in made["words"]] == list(row["words"])
    edges = [edge for phone in made["phones"] for edge in (phone["start_s"], phone["end_s"])]
    assert edges == sorted(edges)
    assert edges[0] >= 0 and edges[-1] <= row["speech_s"] + 1e-3
    return made


@pytest.mark.slow
def test_german_is_learned_and_aligned(tmp_path: Path) -> None:
    rows = [make_row(i, text, "de") for i, text in enumerate(GERMAN)]
    settings = AlignSettings()
    produced = run_model(rows, settings, tmp_path)
    aligner = read_aligners(produced.files[ALIGNERS])["de"]
    assert (aligner.backend, aligner.clips) == ("hmm", 4)
    assert len(aligner.model_digest) == 64
    for row, outcome in zip(rows, run_align(rows, settings, produced.files), strict=True):
        made = check_row(outcome, row)
        assert made["backend"] == "hmm"
        assert made["model_digest"] == aligner.model_digest


def contents(produced: Produced) -> dict[str, bytes]:
    return {name: path.read_bytes() for name, path in produced.files.items()}


@pytest.mark.slow
def test_the_model_is_the_same_bytes_whatever_the_clips_are_called_and_how_they_are_ordered(
    tmp_path: Path,
) -> None:
    rows = [make_row(i, text, "de") for i, text in enumerate(GERMAN)]
    settings = AlignSettings(max_training_s=sum(row["speech_s"] for row in rows[:3]) + 0.1)
    first = run_model(rows, settings, tmp_path / "a")
    renamed = [{**row, "utterance_id": f"v{9 - i}"} for i, row in enumerate(rows)]
    assert contents(first) == contents(run_model(renamed, settings, tmp_path / "b"))
    assert 0 < read_aligners(first.files[ALIGNERS])["de"].clips < 4


@pytest.mark.slow
@pytest.mark.parametrize("name", ["a000", "z999"])
def test_a_new_clip_leaves_the_model_alone_wherever_its_id_sorts(tmp_path: Path, name: str) -> None:
    rows = [make_row(i, text, "de") for i, text in enumerate(GERMAN)]
    first = run_model(rows, AlignSettings(), tmp_path / "a")
    new = {**make_row(9, GERMAN[0], "de", 180), "utterance_id": name}
    again = run_model([new, *rows], AlignSettings(), tmp_path / "b", first.files)
    assert contents(first) == contents(again)
    assert list(first.rows) == list(again.rows)
    assert not again.warnings
    anew = run_model([new, *rows], AlignSettings(), tmp_path / "c")
    assert read_aligners(anew.files[ALIGNERS])["de"].clips == 5


@pytest.mark.slow
def test_the_model_is_learned_anew_when_the_speech_has_doubled_and_says_so(tmp_path: Path) -> None:
    rows = [make_row(i, text, "de") for i, text in enumerate(GERMAN)]
    first = run_model(rows[:2], AlignSettings(), tmp_path / "a")
    again = run_model(rows, AlignSettings(relearn_growth=1.9), tmp_path / "b", first.files)
    assert read_aligners(again.files[ALIGNERS])["de"].clips == 4
    (warning,) = again.warnings
    assert "learned anew" in warning and "grown" in warning


@pytest.mark.slow
@pytest.mark.parametrize("change", ["gone", "sound", "text"])
def test_the_model_is_learned_anew_when_a_clip_that_taught_it_is_not_what_it_was(
    tmp_path: Path, change: str
) -> None:
    rows = [make_row(i, text, "de") for i, text in enumerate(GERMAN)]
    first = run_model(rows, AlignSettings(), tmp_path / "a")
    other = make_row(0, GERMAN[0], "de", 130)
    last = {
        "gone": [],
        "sound": [{**rows[0], "audio": other["audio"]}],
        "text": [{**rows[0], **{name: rows[1][name] for name in ("words", "phones", "word2ph")}}],
    }[change]
    again = run_model([*rows[1:], *last], AlignSettings(), tmp_path / "b", first.files)
    assert contents(again) != contents(first)
    assert "1 of the 4 clips" in again.warnings[0]


@pytest.mark.slow
def test_one_corrected_text_among_many_leaves_the_model_alone(tmp_path: Path) -> None:
    rows = [make_row(i, text, "de", 110 + 5 * i) for i, text in enumerate((GERMAN * 3)[:11])]
    first = run_model(rows, AlignSettings(), tmp_path / "a")
    assert read_aligners(first.files[ALIGNERS])["de"].clips == 11
    corrected = {**rows[0], **{name: rows[1][name] for name in ("words", "phones", "word2ph")}}
    again = run_model([corrected, *rows[1:]], AlignSettings(), tmp_path / "b", first.files)
    assert contents(again) == contents(first)
    assert not again.warnings
    twice = {**rows[2], **{name: rows[3][name] for name in ("words", "phones", "word2ph")}}
    anew = run_model([corrected, rows[1], twice, *rows[3:]], AlignSettings(), tmp_path / "c", first.files)
    assert "2 of the 11 clips" in anew.warnings[0]


@pytest.mark.slow
def test_a_lost_model_is_learned_again_from_the_same_clips(tmp_path: Path) -> None:
    rows = [make_row(i, text, "de") for i, text in enumerate(GERMAN)]
    first = run_model(rows[:3], AlignSettings(), tmp_path / "a")
    table = {ALIGNERS: first.files[ALIGNERS]}
    assert contents(run_model(rows, AlignSettings(), tmp_path / "b", table)) == contents(first)


@pytest.mark.slow
def test_more_speech_teaches_up_to_the_limit_and_speakers_take_turns(tmp_path: Path) -> None:
    rows = [make_row(i, text, "de") for i, text in enumerate(GERMAN * 2)]
    rows = [
        {**row, "source_digest": f"{i:064d}", "speaker": "anna" if i else "bert"}
        for i, row in enumerate(rows)
    ]
    limit = 2 * max(row["speech_s"] for row in rows)
    few = run_model(rows, AlignSettings(max_training_s=limit), tmp_path / "a")
    learned = read_aligners(few.files[ALIGNERS])["de"]
    assert 2 <= learned.clips < 8 and learned.trained_on_s <= limit
    alone = run_model(rows[:1], AlignSettings(), tmp_path / "b")
    assert set(read_aligners(alone.files[ALIGNERS])["de"].learned) < set(learned.learned)
    everything = run_model(rows, AlignSettings(), tmp_path / "c")
    assert read_aligners(everything.files[ALIGNERS])["de"].clips == 8


def test_a_language_without_a_usable_clip_fails_alone(tmp_path: Path) -> None:
    good = make_row(0, ENGLISH[0], "en")
    silent = {**make_row(1, GERMAN[0], "de"), "audio": encode_flac(np.zeros(48000, np.float32), 16000)}
    produced = run_model([good, silent], AlignSettings(), tmp_path)
    assert "none of the 1 recordings" in produced.warnings[0]
    first, second = run_align([good, silent], AlignSettings(), produced.files)
    assert len(first.rows) == 1
    assert [r.code for r in second.rejects] == ["align_failed"]


def test_english_needs_no_model(tmp_path: Path) -> None:
    rows = [make_row(i, text, "en") for i, text in enumerate(ENGLISH)]
    produced = run_model(rows, AlignSettings(), tmp_path)
    assert set(produced.files) == {ALIGNERS}
    for row, outcome in zip(rows, run_align(rows, AlignSettings(), produced.files), strict=True):
        assert check_row(outcome, row)["backend"] == "pocketsphinx"


@pytest.mark.slow
def test_marks_get_the_pause(tmp_path: Path) -> None:
    row = make_row(0, "Seven green bottles, on the shelf.", "en")
    produced = run_model([row], AlignSettings(), tmp_path)
    made = check_row(run_align([row], AlignSettings(), produced.files)[0], row)
    comma, stop = (p for p in made["phones"] if p["label"] in {",", "."})
    assert comma["end_s"] - comma["start_s"] > 0.05
    assert stop["end_s"] == pytest.approx(row["speech_s"], abs=1e-3)


def test_wrong_text_silence_and_haste_are_refused_by_name(tmp_path: Path) -> None:
    rows = [make_row(i, text, "en") for i, text in enumerate(ENGLISH)]
    texts = ("words", "phones", "word2ph")
    swapped = {**rows[0], **{name: rows[1][name] for name in texts}}
    silent = {**rows[0], "utterance_id": "s", "audio": encode_flac(np.zeros(32000, np.float32), 16000)}
    short = {
        **rows[0],
        "utterance_id": "t",
        "audio": encode_flac(np.full(8000, 0.1, np.float32), 16000),
    }
    empty = {**rows[0], "utterance_id": "e", "words": ["."], "phones": ["."], "word2ph": [1]}
    produced = run_model(rows, AlignSettings(), tmp_path)
    outcomes = run_align([swapped, silent, short, empty], AlignSettings(), produced.files)
    assert [[r.code for r in outcome.rejects] for outcome in outcomes] == [
        ["text_mismatch"],
        ["align_failed"],
        ["rate_outlier"],
        ["align_failed"],
    ]
    assert not any(outcome.rows for outcome in outcomes)


@pytest.mark.slow
def test_swapped_german_text_is_refused(tmp_path: Path) -> None:
    rows = [make_row(i, text, "de") for i, text in enumerate(GERMAN)]
    produced = run_model(rows, AlignSettings(), tmp_path)
    texts = ("words", "phones", "word2ph")
    swapped = [
        {**row, **{name: other[name] for name in texts}}
        for row, other in zip(rows, [*rows[1:], rows[0]], strict=True)
    ]
    for outcome in run_align(swapped, AlignSettings(), produced.files):
        assert [r.code for r in outcome.rejects] == ["text_mismatch"]


def test_auto_takes_what_there_is() -> None:
    assert resolve("auto", "en", ready_mfa=True) == "mfa"
    assert resolve("auto", "en-US", ready_mfa=False) == "pocketsphinx"
    assert resolve("auto", "de", ready_mfa=False) == "hmm"
    assert resolve("hmm", "en", ready_mfa=True) == "hmm"
    assert resolve("mfa", "de", ready_mfa=False) == "mfa"
    with pytest.raises(UserError, match="de"):
        resolve("pocketsphinx", "de", ready_mfa=False)


def test_mfa_that_does_not_run_is_an_error_when_asked_for_and_a_warning_in_auto(tmp_path: Path) -> None:
    rows = [make_row(0, ENGLISH[0], "en")]
    broken = MfaSettings(executable=str(tmp_path / "no-mfa"), acoustic_model="english_us_arpa")
    with pytest.raises(UserError, match=r"features\.align\.mfa\.executable"):
        run_model(rows, AlignSettings(backend="mfa", mfa=broken), tmp_path)
    produced = run_model(rows, AlignSettings(mfa=broken), tmp_path)
    assert "not used" in produced.warnings[0]
    assert read_aligners(produced.files[ALIGNERS])["en"].backend == "pocketsphinx"


def test_batches_are_larger_for_mfa() -> None:
    batch_rows = ALIGN.batch_rows
    assert callable(batch_rows)
    assert batch_rows(view(AlignSettings())) == 1
    assert batch_rows(view(AlignSettings(backend="mfa"))) == 64


@pytest.mark.slow
def test_real_speech_is_accepted_and_swapped_text_is_not(speech: Path, tmp_path: Path) -> None:
    import soundfile

    lines = (speech / "ljs-mini" / "metadata.csv").read_text("utf-8").splitlines()[2:4]
    rows = []
    for line in lines:
        name, _, text = line.split("|")
        samples, rate = soundfile.read(speech / "ljs-mini" / "wavs" / f"{name}.flac", dtype="float32")
        phones = phonemize(text, "en", "gpt-sovits-v2")
        rows.append(
            {
                **make_row(len(rows), ENGLISH[0], "en"),
                "audio": encode_flac(samples, rate),
                "sample_rate": rate,
                "words": phones.words,
                "phones": phones.phones,
                "word2ph": phones.word2ph,
                "speech_s": len(samples) / rate,
            }
        )
    for backend in ("pocketsphinx", "hmm"):
        settings = AlignSettings(backend=backend)
        produced = run_model(rows, settings, tmp_path)
        for row, outcome in zip(rows, run_align(rows, settings, produced.files), strict=True):
            assert check_row(outcome, row)["loud_silence_ratio"] < 0.2
        texts = ("words", "phones", "word2ph")
        swapped = [
            {**row, **{name: other[name] for name in texts}}
            for row, other in zip(rows, [*rows[1:], rows[0]], strict=True)
        ]
        assert not any(outcome.rows for outcome in run_align(swapped, settings, produced.files))
