"""Mistakes that an audit made on purpose and that no test noticed then; each with the tests to ask now."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from bench.mutating.candidates import Mutant


class Named(NamedTuple):
    """In `file`, `before` stands once and becomes `after`; `tests` is a file, or a test by pytest's name."""

    file: str
    before: str
    after: str
    tests: str


_LOOP, _TOY = "tasks/finetune/loop.py", "tests/tasks/finetune/test_loop.py::test_"
_KEYS, _MECHANISM = "tasks/stage.py", "tests/tasks/test_mechanism.py::test_"
_PLAN, _PLANNER = "tasks/finetune/gpt_sovits/planner.py", "tests/tasks/finetune/gpt_sovits/test_planner.py"
_STEP = "tests/models/styletts2/test_step.py::test_"
_PITCH = "pitch_counts_a_tenth_and_the_distance_from_the_path_tenfold"
_TABLES = "tests/configs/test_published_constants_"
_RATE = (
    "tests/tasks/finetune/gpt_sovits/test_stages.py"
    "::test_t2s_refuses_clips_slower_than_3_and_faster_than_25_phones_a_second"
)

NAMED: Mapping[str, Named] = {
    "distance from the path counts once": Named(
        "models/styletts2/training.py", "10 * functional.l1_loss", "1 * functional.l1_loss", _STEP + _PITCH
    ),
    "best weights lost on resuming": Named(
        _LOOP, "self.best = restore(", "_ = restore(", _TOY + "the_best_weights_outlive_a_stop"
    ),
    "average never updated": Named(
        _LOOP, "self.average.update()", "pass", _TOY + "the_average_keeps_nine_tenths_at_each_step"
    ),
    "noise of validation not seeded": Named(
        _LOOP,
        'torch.manual_seed(derive_seed(self.settings.seed, "validation", index))',
        "pass",
        _TOY + "every_validation_draws_the_same_noise_and_every_batch_another",
    ),
    "libraries in no key": Named(
        _KEYS,
        '"libraries": library_versions(tuple(stage.libraries)),',
        '"libraries": {},',
        _MECHANISM + "another_version_of_a_declared_library_computes_again",
    ),
    "schema in no key": Named(
        _KEYS,
        '"schema": digest.of_bytes(stage.schema.remove_metadata().serialize().to_pybytes()),',
        '"schema": "",',
        _MECHANISM + "a_column_of_another_type_computes_again",
    ),
    "row's name in no key": Named(
        _KEYS,
        "digest.of_parts([function, row.row_id, row.digest, *further])",
        "digest.of_parts([function, row.digest, *further])",
        _MECHANISM + "rows_of_one_content_are_known_by_name",
    ),
    "BERT's second layer from the end": Named(
        "models/linguistic/bert.py",
        "layer: int = -3",
        "layer: int = -2",
        "tests/models/linguistic/test_bert.py",
    ),
    "BERT's second layer from the end, by its setting": Named(
        "configs/linguistic.py", "layer: int = Field(-3", "layer: int = Field(-2", _TABLES + "gpt_sovits.py"
    ),
    "HuBERT hears normalised clips": Named(
        "models/content/hubert.py",
        "normalize: bool = False",
        "normalize: bool = True",
        "tests/models/content/test_content.py::test_clips_are_heard_as_they_are_unless_normalised",
    ),
    "HuBERT hears normalised clips, by its setting": Named(
        "configs/content.py",
        "normalize: bool = Field(\n        False",
        "normalize: bool = Field(\n        True",
        _TABLES + "gpt_sovits.py",
    ),
    "ECAPA hears the mean": Named(
        "models/speaker/ecapa.py",
        "mels - mels.mean(1, keepdim=True)",
        "mels",
        "tests/models/speaker/test_encoder.py::test_ecapa_is_deaf_to_a_channel_that_only_weakens",
    ),
    "Whisper hears the text before": Named(
        "models/frontend/asr.py",
        "condition_on_previous_text=False",
        "condition_on_previous_text=True",
        "tests/models/frontend/test_whisper.py::test_a_recording_is_heard_alone_and_the_same_each_time",
    ),
    "CREPE's noise is voiced": Named(
        "models/frontend/f0.py",
        "(periodicity[0].numpy() > _CREPE_MIN_PERIODICITY) & loud",
        "loud",
        "tests/models/frontend/test_f0.py::test_noise_has_no_pitch_for_crepe_however_loud",
    ),
    "CREPE's threshold": Named(
        "models/frontend/f0.py",
        "_CREPE_MIN_PERIODICITY = 0.21",
        "_CREPE_MIN_PERIODICITY = 0.021",
        "tests/models/frontend/test_f0.py::test_noise_has_no_pitch_for_crepe_however_loud",
    ),
    "Danish preset takes one batch": Named(
        "configs/presets/styletts2-danish-coral.yaml",
        "accumulate: 2",
        "accumulate: 1",
        _TABLES + "styletts2.py",
    ),
    "pitch counts ten times": Named(
        "models/styletts2/joint_step.py",
        "functional.smooth_l1_loss(curves.f0_hz.float(), f0_hz.float()) / 10",
        "functional.smooth_l1_loss(curves.f0_hz.float(), f0_hz.float())",
        _STEP + _PITCH,
    ),
    "diffusion's target learns": Named(
        "models/styletts2/joint_step.py",
        "with torch.no_grad():\n            acoustic =",
        "with torch.enable_grad():\n            acoustic =",
        _STEP + "styles_that_diffusion_learns_from_are_targets_and_do_not_move_towards_it",
    ),
    "duration LSTM learns all from the adversary": Named(
        "models/styletts2/slm_adversary.py",
        '"predictor.lstm", ',
        "",
        _STEP + "duration_projection_duration_lstm_and_diffusion_learn_a_hundredth_from_the_adversary",
    ),
    "lambda_ce 20": Named(
        "configs/train_styletts2.py",
        "lambda_ce: float = Field(default=20.0",
        "lambda_ce: float = Field(default=1.0",
        _TABLES + "styletts2.py",
    ),
    "weight_mel 45": Named(
        "configs/train_sovits.py",
        "weight_mel: float = Field(default=45.0",
        "weight_mel: float = Field(default=4.5",
        _TABLES + "gpt_sovits.py",
    ),
    "weight_mel on another loss": Named(
        "tasks/finetune/gpt_sovits/sovits/recipe.py",
        "settings.weight_mel",
        "settings.weight_kl",
        _TABLES + "gpt_sovits.py",
    ),
    "end barred 12 codes": Named(
        "models/t2s/generation.py",
        "if step < STEPS_WITHOUT_END",
        "if step <= STEPS_WITHOUT_END",
        "tests/models/t2s/test_decoder.py",
    ),
    "end barred 10 codes": Named(
        "models/t2s/generation.py",
        "STEPS_WITHOUT_END = 11",
        "STEPS_WITHOUT_END = 10",
        "tests/models/t2s/test_decoder.py",
    ),
    "beta of the preference": Named(
        "models/t2s/preference.py", "BETA = 0.2", "BETA = 0.1", "tests/models/t2s/test_preference.py"
    ),
    "plan from 12 s on": Named(_PLAN, "Amount(10.0,", "Amount(12.0,", _PLANNER),
    "plan from 50 s on": Named(_PLAN, "Amount(60.0,", "Amount(50.0,", _PLANNER),
    "plan from 5 minutes on": Named(_PLAN, "Amount(600.0,", "Amount(300.0,", _PLANNER),
    "T2S learns from any rate": Named(
        "tasks/finetune/gpt_sovits/t2s/train.py",
        "if not settings.min_phones_per_s <= rate <= settings.max_phones_per_s:",
        "if False:",
        _RATE,
    ),
}


def mutant(name: str, tree: Path) -> Mutant:
    """One of them in a copy of the tree.

    Raises:
        ValueError: the text no longer stands in its file, or stands there twice.
    """
    one = NAMED[name]
    source = (tree / one.file).read_text(encoding="utf-8")
    if source.count(one.before) != 1:
        raise ValueError(f"{one.file} has {one.before!r} {source.count(one.before)} times: {name}")
    ahead = source[: source.index(one.before)]
    start = len(ahead.encode())
    column = len(ahead) - ahead.rfind("\n") - 1
    end = start + len(one.before.encode())
    return Mutant(one.file, ahead.count("\n") + 1, column, name, one.before, one.after, start, end)
