"""Advice: which preset for which recordings and machine, and what an estimate rests on."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from configs.loading import presets, resolve
from tasks.advice.estimate import Speech, estimate, expected_steps
from tasks.advice.machine import Machine, look_at_machine
from tasks.advice.presets import NO_GPU, PURPOSES, advise, amount, workable
from tasks.advice.recordings import Recordings, clips_of, look_at_recordings
from tasks.advice.throughput import ANY_PRESET, key_of, read_throughput, write_throughput
from tasks.code import ROOT
from tasks.corpus.embedded import write_embedded
from tasks.finetune.gpt_sovits.planner import AMOUNTS
from tasks.finetune.kokoro.fit_plan import fit_plan
from tasks.stages import stages_of

MACHINE = Machine(2, 16.0, 12.0, 100.0, "", 0.0, False, 0.5, 180.0)
WITH_GPU = MACHINE._replace(gpu="a GPU", gpu_gb=24.0)


def recordings(seconds: float, language: str = "en", speakers: int = 1) -> Recordings:
    each = {f"s{n}": 10 for n in range(speakers)}
    files = 10 * speakers
    return Recordings(files, seconds, 0, int(seconds / 6), each, language, "texts", files, None, 0, ())


@pytest.mark.parametrize(
    ("seconds", "language", "machine", "take"),
    [
        (5, "en", MACHINE, "tiny"),
        (11, "de", MACHINE, "tiny"),
        (19, "de", WITH_GPU, "tiny"),
        (11, "en", WITH_GPU, "gpt-sovits-v2"),
        (20, "en", MACHINE, "kokoro-fit"),
        (30, "en", MACHINE, "kokoro-fit"),
        (30, "de", WITH_GPU, "kokoro-fit"),
        (7200, "de", MACHINE, "kokoro-fit"),
        (7200, "de", WITH_GPU, "kokoro"),
        # Tones cannot be written in Kokoro's characters.
        (300, "zh", WITH_GPU, "gpt-sovits-v2"),
        (300, "zh", MACHINE, "gpt-sovits-v2"),
        (300, "vi", MACHINE, "small"),
        (2, "en", MACHINE, None),
    ],
)
def test_the_preset_that_recordings_and_machine_are_enough_for(
    tmp_path: Path, seconds: float, language: str, machine: Machine, take: str | None
) -> None:
    advice = advise(recordings(seconds, language), machine, tmp_path)
    assert (advice.take.purpose.preset if advice.take else None) == take


def test_the_next_better_one_says_what_it_lacks(tmp_path: Path) -> None:
    better = advise(recordings(90), MACHINE, tmp_path).better
    assert better is not None
    assert better.purpose.preset == "kokoro"
    assert better.lacks == ["1 h of speech by one speaker (there is 1.5 min of speech)", NO_GPU]
    assert better.to_fetch == ["kokoro-82m", "kokoro-voices"]
    assert advise(recordings(7200), WITH_GPU, tmp_path).better is None


def test_the_next_better_one_speaks_words_in_this_language_and_lacks_least(tmp_path: Path) -> None:
    better = advise(recordings(11, "de"), MACHINE, tmp_path).better
    assert better is not None and better.purpose.preset == "kokoro-fit"
    assert better.lacks == ["20 s of speech by one speaker (there is 11 s of speech)"]
    assert advise(recordings(300, "vi"), WITH_GPU, tmp_path).better is None


def test_what_was_never_run_with_so_much_speech_is_told(tmp_path: Path) -> None:
    told = {s: advise(recordings(s, "de"), MACHINE, tmp_path).take for s in (599, 3000)}
    assert [one and (one.purpose.preset, one.unproven) for one in told.values()] == [
        ("kokoro-fit", ""),
        ("kokoro-fit", "not run by us with more than 10 min of speech"),
    ]


def test_advice_and_plans_and_the_page_agree_on_how_much_speech_is_enough() -> None:
    least = {one.preset: one.least_s for one in PURPOSES}
    fit = resolve("kokoro-fit").settings.train.kokoro_fit
    assert [fit_plan(fit, least["kokoro-fit"] + more, 1).vector > 0 for more in (-0.1, 0)] == [False, True]
    assert least["gpt-sovits-v2"] == AMOUNTS[0].below_s
    page = (ROOT / "docs/howto/choosing.md").read_text(encoding="utf-8")
    table = page.partition("## How much speech")[2].partition("\n## ")[0]
    on_page = dict(re.findall(r"^\| `([\w-]+)`.*? \| ([^|]+?) \|", table, re.MULTILINE))
    said = {name: amount(seconds).removesuffix(" of speech") for name, seconds in least.items()}
    assert {name: on_page[name] for name in least} == said


def test_speech_counts_by_speaker(tmp_path: Path) -> None:
    alone = advise(recordings(36_000, "de"), WITH_GPU, tmp_path).take
    shared = advise(recordings(36_000, "de", speakers=20), WITH_GPU, tmp_path).take
    assert alone is not None and shared is not None
    assert (alone.purpose.preset, shared.purpose.preset) == ("kokoro", "kokoro-fit")


def test_every_preset_works_here_or_says_what_is_missing(tmp_path: Path) -> None:
    found = {one.preset: one for one in (workable(name, tmp_path, has_gpu=False) for name in presets())}
    assert [found["tiny"].state, found["small"].state] == ["ok", "slow"] or found["small"].state == "ok"
    assert found["kokoro-fit"].remedy == "voicewright models fetch kokoro-82m kokoro-voices"
    assert all(one.why and one.remedy for one in found.values() if one.state != "ok")
    assert {one.preset for one in PURPOSES} <= set(presets())


def _estimated(preset: str, machine: Machine = MACHINE, known: Any = None, **speech: Any) -> Any:
    settings = resolve(preset).settings
    names = [stage.name for stage in stages_of(settings).all]
    amount = Speech(**({"seconds": 90.0, "clips": 15, "speakers": 1} | speech))
    return estimate(settings, amount, machine, known or {}, names)


def test_steps_are_those_that_the_trainings_plan() -> None:
    fit = resolve("kokoro-fit").settings
    assert expected_steps(fit, Speech(30.0, 5, 1)) == {"fit_kokoro": 50}
    assert expected_steps(fit, Speech(60.0, 10, 2)) == {"fit_kokoro": 100}
    tiny = resolve("tiny").settings
    assert expected_steps(tiny, Speech(90.0, 15, 1)) == {"train_sovits": 220, "train_t2s": 300}
    pretrained = resolve("gpt-sovits-v2").settings
    # Half a minute is enough for a timbre, and the decoder is kept.
    assert set(expected_steps(pretrained, Speech(30.0, 6, 1))) == {"train_sovits"}
    stages = expected_steps(resolve("styletts2-tiny").settings, Speech(300.0, 60, 1))
    assert stages == {"train_styletts2_stage1": 1500, "train_styletts2_stage2": 1050}


def test_what_was_never_measured_is_not_guessed() -> None:
    assert _estimated("kokoro-fit", WITH_GPU).seconds is None
    assert _estimated("kokoro-tiny").training_s is None
    assert _estimated("gpt-sovits-v2").disk_gb is None


def test_a_slower_machine_takes_longer() -> None:
    fast, slow = _estimated("kokoro-fit"), _estimated("kokoro-fit", MACHINE._replace(gflops=90.0))
    assert not fast.is_measured
    assert slow.training_s == pytest.approx(2 * fast.training_s)
    assert fast.seconds > fast.training_s > 0


def test_sentences_to_judge_take_their_time() -> None:
    settings = resolve("kokoro-fit", overrides=["release.evaluate.sentences=0"]).settings
    names = [stage.name for stage in stages_of(settings).all]
    without = estimate(settings, Speech(90.0, 15, 1), MACHINE, {}, names).by_stage
    longer = _estimated("kokoro-fit").by_stage
    assert {name for name in names if longer[name] > without[name] + 60} == {"synthesize", "evaluate"}


def test_what_this_machine_took_counts_before_what_others_did() -> None:
    own = {"each_s": 2.0, "further_s": 30.0, "memory_gb": 3.0}
    other = {"each_s": 0.01, "further_s": 0.0, "memory_gb": 1.0}
    names = [
        stage.name for stage in stages_of(resolve("kokoro-fit").settings).all if stage.name != "fit_kokoro"
    ]
    known = {key_of("fit_kokoro", "kokoro-fit", "cpu"): own}
    known |= {key_of(name, ANY_PRESET, "cpu"): other for name in names}
    found = _estimated("kokoro-fit", known=known)
    assert found.is_measured
    assert found.training_s == 60 * 2.0 + 30.0
    assert found.seconds == pytest.approx(found.training_s + 90 * 0.01 * len(names))
    assert found.memory_gb == 3.0
    on_gpu = _estimated("kokoro-fit", WITH_GPU, known)
    assert on_gpu.training_s is None


def test_a_damaged_record_counts_as_none(tmp_path: Path) -> None:
    known = {key_of("align", ANY_PRESET, "cpu"): {"each_s": 0.5, "further_s": 0.0, "memory_gb": 1.0}}
    write_throughput(tmp_path, known)
    assert read_throughput(tmp_path) == known
    (tmp_path / "cache" / "throughput.json").write_text('{"align": 3}')
    assert read_throughput(tmp_path) == {}


@pytest.mark.slow
def test_recordings_are_looked_at_without_decoding_them(tmp_path: Path) -> None:
    write_embedded(tmp_path / "in")
    found = look_at_recordings(tmp_path / "in", resolve().settings.corpus, tmp_path / "digests.json")
    assert (found.language, found.how_known, len(found.speakers)) == ("en", "texts", 1)
    assert found.with_text == found.files == found.clips
    assert 60 < found.seconds < 120
    assert found.sound is not None and found.sound.snr_db > 15


def test_long_recordings_come_to_several_clips() -> None:
    assert clips_of([4.0, 12.0]) == 2
    assert clips_of([600.0]) == 100


def test_the_machine_is_what_it_is(tmp_path: Path) -> None:
    found = look_at_machine(tmp_path)
    assert found.cores >= 1 and found.gflops > 1
    assert 0 < found.free_gb <= found.memory_gb


@pytest.mark.parametrize(
    ("hours", "said"),
    [(0.5, "30 min"), (1, "1 h"), (1.5, "1.5 h"), (24, "24 h"), (100, "100 h"), (585, "585 h")],
)
def test_amounts_of_speech_are_said_in_figures(hours: float, said: str) -> None:
    assert amount(3600 * hours) == f"{said} of speech"
