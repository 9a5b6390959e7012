"""Settings that a run does not read are told, and hints lead to those that it reads."""

from __future__ import annotations

from pathlib import Path

import pytest

from configs.errors import UserError
from configs.loading import presets, resolve
from tasks.read_settings import reads, unread


@pytest.mark.parametrize("preset", presets())
def test_a_preset_says_nothing_of_what_it_does_not_read(preset: str) -> None:
    assert unread(resolve(preset)) == ""


@pytest.mark.parametrize(
    ("preset", "override", "meant"),
    [
        ("kokoro-fit", "train.t2s.batch_size=2", "train.kokoro_fit.batch_size"),
        ("kokoro-fit", "train.kokoro.batch_size=2", "train.kokoro_fit.batch_size"),
        ("tiny", "train.kokoro.optimiser.clip=2", "train.t2s.clip"),
        ("kokoro", "release.styletts2.pause_s=1", "release.kokoro.pause_s"),
        ("kokoro-tiny", "release.synthesize.top_k=9", None),
        ("styletts2-finetune", "train.styletts2.pretrained_aligner=mine", None),
    ],
)
def test_a_setting_of_another_voice_is_told_with_its_own(
    preset: str, override: str, meant: str | None
) -> None:
    path = override.partition("=")[0]
    hint = f", did you mean {meant}?" if meant else ""
    family = resolve(preset).settings.family.name
    assert unread(resolve(preset, None, (override,))) == (
        f"no stage of this {family} voice reads {path} (--set{hint})"
    )


@pytest.mark.parametrize(
    ("preset", "override"),
    [
        ("kokoro-fit", "train.kokoro_fit.cache_mb=64"),
        ("kokoro", "train.kokoro_fit.mix_steps=3"),
        ("kokoro", "train.begin=champion"),
        ("tiny", "train.t2s.optimizer=adamw"),
        ("styletts2-tiny", "train.styletts2.slm.adversary=null"),
        ("kokoro-fit", "features.content.model=mine"),
    ],
)
def test_what_a_run_reads_is_not_told(preset: str, override: str) -> None:
    assert unread(resolve(preset, None, (override,))) == ""


def test_a_file_is_told_by_its_lines_and_a_long_one_by_its_first(tmp_path: Path) -> None:
    file = tmp_path / "mine.yaml"
    names = ("batch_size", "accumulate", "log_every_steps", "validation_clips", "max_steps", "cache_mb")
    file.write_text(
        "train:\n  sovits:\n" + "".join(f"    {n}: 3\n" for n in (*names, "validate_every_steps"))
    )
    told = unread(resolve("kokoro-fit", file))
    assert f"train.sovits.accumulate ({file}:4, did you mean train.kokoro_fit.accumulate?)" in told
    assert told.endswith("and 1 more")


@pytest.mark.parametrize(
    ("preset", "given", "meant"),
    [
        ("kokoro-fit", "batch_size", "train.kokoro_fit.batch_size"),
        ("kokoro-tiny", "batch_size", "train.kokoro.batch_size"),
        ("styletts2-tiny", "batchsize", "train.styletts2.batch_size"),
        ("kokoro-fit", "train.sovits.freeze_quantiser", "train.sovits.freeze_quantizer"),
        ("kokoro-fit", "langauge", "corpus.language"),
    ],
)
def test_hints_lead_first_to_what_the_run_reads(preset: str, given: str, meant: str) -> None:
    with pytest.raises(UserError, match=f"there is no setting {given}; did you mean {meant}\\?"):
        resolve(preset, None, (f"{given}=2",), reads=reads)


def test_hints_are_given_beside_values_that_are_wrong() -> None:
    with pytest.raises(UserError, match="there is no setting sed; did you mean seed"):
        resolve("tiny", None, ("sed=2", "features.pitch.method=other"), reads=reads)
