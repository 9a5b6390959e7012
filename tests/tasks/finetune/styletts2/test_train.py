"""The stages of StyleTTS 2: each stops and goes on exactly, over phases too, and starts where it should."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file

from configs.errors import UserError
from configs.train_styletts2 import Stage2Settings, StyleTTS2TrainSettings
from models.styletts2.joint_step import DIFFUSION, JOINT, PROSODY
from tasks.finetune.characters.clips import collate, read_clips
from tasks.finetune.characters.references import references_among
from tasks.finetune.checkpoint import Checkpoints
from tasks.finetune.loop import State
from tasks.finetune.rates import set_rates
from tasks.finetune.recipe import Updater
from tasks.finetune.styletts2 import recipe
from tasks.finetune.styletts2.checks import check_adversary
from tasks.finetune.styletts2.optimisers import adamw, group_settings
from tasks.finetune.styletts2.phases import schedule_of
from tasks.finetune.styletts2.settings import declared
from tasks.finetune.styletts2.start import fresh_networks
from tasks.finetune.styletts2.train import measured_spread
from tasks.outcome import Produced, StoppedError
from tests.models.styletts2 import training_case
from tests.tasks.finetune import synthetic
from tests.tasks.finetune.styletts2 import case as styletts2_case

pytestmark = pytest.mark.slow

Train = Callable[..., Produced]


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("styletts2")


@pytest.fixture(scope="module")
def shards(place: Path) -> dict[str, Path]:
    return styletts2_case.write_shards(place / "shards")


@pytest.fixture(scope="module")
def slm(place: Path) -> dict[str, Any]:
    return styletts2_case.slm(place / "slm")


@pytest.fixture(scope="module")
def train(place: Path, shards: dict[str, Path]) -> Train:
    """Runs a stage on the corpus; later stages go on from `first`."""

    def run(stage: str, folder: Path, stop_after: int | None = None, **changes: Any) -> Produced:
        files = {"shard": shards}
        if stage == "stage2":
            written = (place / "stage1" / "result").iterdir()
            files["train_styletts2_stage1"] = {path.name: path for path in written}
        if stage == "finetune":
            changes = {"pretrained": str(place / "stage2" / "result"), **changes}
        return styletts2_case.train(stage, files, folder, stop_after, **changes)

    return run


@pytest.fixture(scope="module")
def stage1(train: Train, place: Path, slm: dict[str, Any]) -> Produced:
    return train("stage1", place / "stage1", slm=slm, ema_decay=0.5)


@pytest.fixture(scope="module")
def stage2(train: Train, place: Path, slm: dict[str, Any], stage1: Produced) -> Produced:
    return train("stage2", place / "stage2", slm=slm)


def checkpoint(folder: Path) -> Any:
    found = Checkpoints(folder / "checkpoints").latest()
    assert found is not None
    return found


def same(first: Path, second: Path) -> bool:
    one, other = checkpoint(first), checkpoint(second)
    assert one.tensors.keys() == other.tensors.keys()
    equal = all(torch.equal(tensor, other.tensors[name]) for name, tensor in one.tensors.items())
    return equal and one.scalars == other.scalars and one.history == other.history


def test_stage1_goes_on_exactly_over_the_phase_border(
    train: Train, place: Path, stage1: Produced, slm: dict[str, Any], tmp_path: Path
) -> None:
    for stop in (1, 2):
        with pytest.raises(StoppedError):
            train("stage1", tmp_path, stop, slm=slm, ema_decay=0.5, compute={"loader_threads": stop})
    resumed = train("stage1", tmp_path, slm=slm, ema_decay=0.5)
    assert same(place / "stage1", tmp_path)
    assert synthetic.file_bytes(resumed) == synthetic.file_bytes(stage1)
    assert [step for step, _ in stage1.series["train/gen"]] == [3, 4]
    assert [step for step, _ in stage1.series["train/mel"]] == [1, 2, 3, 4]


def test_stage2_goes_on_exactly_in_the_joint_phase(
    train: Train, place: Path, stage2: Produced, slm: dict[str, Any], tmp_path: Path
) -> None:
    with pytest.raises(StoppedError):
        train("stage2", tmp_path, 5, slm=slm)
    resumed = train("stage2", tmp_path, slm=slm)
    assert same(place / "stage2", tmp_path)
    assert synthetic.file_bytes(resumed) == synthetic.file_bytes(stage2)
    assert [step for step, _ in stage2.series["train/diff"]] == [3, 4, 5, 6]
    assert {"train/slm_gen", "train/slm_disc", "validation/f0", "validation/length"} <= stage2.series.keys()
    assert {name.rsplit(".", 2)[1] for name in stage2.files if name.startswith("samples/")} == {
        "recorded",
        "predicted",
    }


def test_finetuning_goes_on_from_a_folder_and_exactly(
    train: Train, stage2: Produced, slm: dict[str, Any], tmp_path: Path
) -> None:
    whole = train("finetune", tmp_path / "whole", slm=slm, early_stop_patience=9, choose="best")
    with pytest.raises(StoppedError):
        train("finetune", tmp_path / "two", 3, slm=slm, early_stop_patience=9, choose="best")
    resumed = train("finetune", tmp_path / "two", slm=slm, early_stop_patience=9, choose="best")
    assert same(tmp_path / "whole", tmp_path / "two")
    assert synthetic.file_bytes(resumed) == synthetic.file_bytes(whole)
    assert json.loads(whole.files["config.json"].read_text())["pretrained"].keys() >= {"decoder", "diffusion"}


def test_stage2_freezes_what_it_should_and_starts_prosody_styles_from_acoustic_ones(
    train: Train, stage1: Produced, tmp_path: Path
) -> None:
    only_prosody = {"max_steps": 1, "max_epochs": None, "diff_step": 5, "joint_step": 9}
    produced = train("stage2", tmp_path, stage2=only_prosody)

    def weights(made: Produced, name: str) -> dict[str, torch.Tensor]:
        return load_file(made.files[f"{name}.safetensors"])

    for name in ("text_encoder", "style_encoder", "decoder"):
        before, after = weights(stage1, name), weights(produced, name)
        assert all(torch.equal(tensor, after[key]) for key, tensor in before.items())
    copied, after = weights(stage1, "style_encoder"), weights(produced, "predictor_encoder")
    distance = max(float((after[key] - tensor).abs().max()) for key, tensor in copied.items())
    assert 0 < distance < 0.1
    fresh = weights(stage1, "predictor")
    assert any(not torch.equal(t, weights(produced, "predictor")[key]) for key, t in fresh.items())


def test_the_spread_of_styles_is_measured_where_diffusion_learns(
    train: Train, stage1: Produced, tmp_path: Path
) -> None:
    without = {"max_steps": 1, "max_epochs": None, "diff_step": 5, "joint_step": 9}
    lengths = {"max_steps": 3, "max_epochs": None, "diff_step": 1, "joint_step": 9}
    kept, produced = (
        train("stage2", tmp_path / name, stage2=stage2) for name, stage2 in (("a", without), ("b", lengths))
    )
    sizes = [json.loads(each.files["config.json"].read_text())["sizes"] for each in (kept, produced)]
    assert sizes[0]["diffusion_sigma_data"] == 0.2
    points = produced.series["train/sigma_data"]
    assert [step for step, _ in points] == [2, 3]
    measured = sizes[1]["diffusion_sigma_data"]
    assert measured == pytest.approx(sum(value for _, value in points) / 2)
    assert abs(measured - 0.2) > 1e-3


def test_the_spread_is_that_up_to_the_weights_that_are_kept() -> None:
    curve = [{"step": 10.0, "mel": 1.0}, *({"step": 10.0 * n, "sigma_data": 0.1 * n} for n in (2, 3, 4))]
    state = State(step=40, best_step=30, train_curve=curve)
    best, last = StyleTTS2TrainSettings(), StyleTTS2TrainSettings(choose="last")
    assert measured_spread(state, last) == {"diffusion_sigma_data": pytest.approx(0.3)}
    assert measured_spread(state, best) == {"diffusion_sigma_data": pytest.approx(0.25)}
    assert measured_spread(State(step=10, train_curve=curve[:1]), last) == {}


def test_stages_read_their_own_settings_alone() -> None:
    assert "train.styletts2.stage2" not in declared("stage1")
    assert "train.styletts2.pretrained" not in declared("stage1")
    assert "train.styletts2.stage2" in styletts2_case.TRAININGS["stage2"].config


def test_phases_follow_from_the_position() -> None:
    epochs = schedule_of(Stage2Settings(diff_epoch=2, joint_epoch=4), joint=True)
    assert [epochs.at(0, epoch).name for epoch in range(5)] == [
        PROSODY.name,
        PROSODY.name,
        DIFFUSION.name,
        DIFFUSION.name,
        JOINT.name,
    ]
    steps = schedule_of(Stage2Settings(diff_step=3, joint_step=3), joint=False)
    assert steps.at(2, 99).name == PROSODY.name
    assert steps.at(3, 0).trained == JOINT.trained and not steps.at(3, 0).joint


def test_optimisers_are_those_in_effect() -> None:
    settings = StyleTTS2TrainSettings().optimiser
    assert group_settings("decoder", settings, True) == {
        "lr": 1e-4,
        "betas": (0.85, 0.99),
        "weight_decay": 1e-4,
    }
    assert group_settings("decoder", settings, False)["betas"] == (0.0, 0.99)
    assert group_settings("bert", settings, False) == {"lr": 1e-5, "betas": (0.9, 0.99), "weight_decay": 0.01}
    assert group_settings("bert", settings, False, fresh_bert=True)["lr"] == 1e-4
    told = settings.model_copy(update={"bert_lr": 3e-6})
    assert {group_settings("bert", told, False, fresh)["lr"] for fresh in (False, True)} == {3e-6}
    changed = StyleTTS2TrainSettings(optimiser={"modules": {"mpd": {"lr": 3e-4}}}).optimiser
    assert group_settings("mpd", changed, True)["lr"] == 3e-4
    cosine = StyleTTS2TrainSettings(
        optimiser={"schedule": "cosine", "warmup_steps": 2, "lr": 2e-4, "final_lr": 1e-5}
    ).optimiser
    optimiser = adamw({"decoder": torch.nn.Linear(1, 1)}, cosine, True)
    rates = []
    for step in (0, 1, 10, 99):
        set_rates([optimiser], cosine, step, 100)
        rates.append(optimiser.param_groups[0]["lr"])
    assert rates[:2] == [1e-4, 2e-4] and rates[2] > rates[3] and rates[3] == pytest.approx(1e-5, rel=0.01)


@pytest.mark.parametrize(
    ("stage", "pretrained", "rate"),
    [
        ("stage2", {}, 2e-4),
        ("stage2", {"pretrained_bert": "bert.t7"}, 1e-5),
        ("finetune", {"pretrained": "voice.pth"}, 1e-5),
    ],
)
def test_a_fresh_plbert_learns_as_fast_as_the_others(
    stage: str, pretrained: dict[str, str], rate: float
) -> None:
    made = styletts2_case.recipe_of(stage, slm={"model": None}, optimiser={"lr": 2e-4}, **pretrained)
    rates = {group["name"]: group["lr"] for group in made.optimisers["generator"].param_groups}
    assert rates["bert"] == rate and rates["predictor"] == 2e-4


def test_an_adversary_that_never_fires_is_refused() -> None:
    default = StyleTTS2TrainSettings(batch_size=2)
    with pytest.raises(
        UserError, match=r"batch_percentage = 0\.5 of batch_size = 2 .* raise batch_percentage to 1"
    ):
        check_adversary(default, [[900, 900]])
    with pytest.raises(UserError, match=r"batch_size to 4"):
        check_adversary(StyleTTS2TrainSettings(batch_size=1), [[900]])
    four = StyleTTS2TrainSettings(batch_size=4)
    with pytest.raises(UserError, match=r"min_len = 400 .*below 320"):
        check_adversary(four, [[300, 310, 320, 900]])
    assert "1 of 8 batches" in check_adversary(four, [[500] * 4, *([[100] * 4] * 7)])[0]
    assert check_adversary(four, [[500] * 4]) == ()


def test_weights_that_do_not_fit_are_refused(
    train: Train, place: Path, stage2: Produced, slm: dict[str, Any], tmp_path: Path
) -> None:
    with pytest.raises(UserError, match=r"pretrained is null"):
        train("finetune", tmp_path / "a", pretrained=None)
    with pytest.raises(UserError, match=r"made with other sizes: hidden = 16 there and 24 here"):
        train("finetune", tmp_path / "b", sizes={**styletts2_case.SIZES, "hidden": 24})
    with pytest.raises(UserError, match=r"no config\.json"):
        train("finetune", tmp_path / "c", pretrained=str(tmp_path))
    broken = tmp_path / "broken"
    broken.mkdir()
    for path in (place / "stage2" / "result").iterdir():
        (broken / path.name).write_bytes(path.read_bytes())
    (broken / "predictor.safetensors").unlink()
    with pytest.raises(UserError, match=r"lacks predictor; it holds bert, "):
        train("finetune", tmp_path / "d", pretrained=str(broken))
    (broken / "predictor.safetensors").write_bytes((broken / "decoder.safetensors").read_bytes())
    with pytest.raises(UserError, match=r"broken: predictor: .* is missing"):
        train("finetune", tmp_path / "e", pretrained=str(broken))
    (broken / "predictor.safetensors").write_bytes(
        (place / "stage2/result/predictor.safetensors").read_bytes()
    )
    weights = load_file(broken / "style_encoder.safetensors")
    weights["unshared.weight"] *= 1e18
    save_file(weights, broken / "style_encoder.safetensors")
    with pytest.raises(UserError, match=r"norm .* did not arrive"):
        train("finetune", tmp_path / "f", pretrained=str(broken))


def test_pitch_from_an_untrained_network_is_refused(train: Train, tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"pretrained_pitch: the extractor .* never trained"):
        train("stage1", tmp_path, pitch="extractor")


def test_short_clips_are_named_and_the_rest_trains(tmp_path: Path) -> None:
    files = styletts2_case.write_shards(tmp_path / "shards", seconds=0.3)
    with pytest.raises(
        UserError, match=r"none of 5 training clips is usable; the first, tone_000, is refused: .*needs 0\.8"
    ):
        styletts2_case.train("stage1", {"shard": files}, tmp_path / "work")


def test_out_of_memory_names_what_to_lower(
    train: Train, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object, **__: object) -> None:
        raise torch.OutOfMemoryError("CUDA out of memory")

    monkeypatch.setattr(recipe.Stage1Step, "forward", full)
    with pytest.raises(UserError, match=r"batch_size from 2 to 1, with accumulate from 1 to 2"):
        train("stage1", tmp_path)


def test_non_finite_steps_are_skipped_and_then_fail(
    train: Train, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(self: Any, made: Any, phase: Any) -> dict[str, torch.Tensor]:
        return {"mel": made.fake.mean() * float("nan")}

    monkeypatch.setattr(recipe.Stage1Step, "generator_losses", broken)
    with pytest.raises(UserError, match=r"non-finite generator update .* tone_"):
        train("stage1", tmp_path, max_skipped_in_a_row=1)


def test_references_are_other_clips_of_the_speaker(shards: dict[str, Path]) -> None:
    clips = read_clips(shards, "train", styletts2_case.FAMILY, 64)
    add = references_among(clips)
    batch = collate([clips[0], clips[1]])
    drawn = set()
    for seed in range(20):
        referred = add(batch, torch.Generator().manual_seed(seed))
        drawn.add(referred.reference_lengths[0])
    others = {clips.frames[i] for i in (2, 4)}
    assert drawn == others and batch.speakers == ("a", "b")


def test_clips_lie_on_one_grid(shards: dict[str, Path]) -> None:
    clips = read_clips(shards, "train", styletts2_case.FAMILY, 64)
    batch = collate([clips[0], clips[1]])
    for row, (frames, tokens) in enumerate(zip(batch.mel_lengths, batch.token_lengths, strict=True)):
        assert frames % 2 == 0 and int(batch.durations[row].sum()) == frames // 2
        assert int((batch.durations[row] > 0).sum()) == tokens
    assert batch.wave.shape[1] == 300 * batch.mel.shape[2]
    assert batch.f0_hz.shape[1] == batch.mel.shape[2]


@pytest.mark.parametrize(
    ("stage", "step"), [("stage1", 3), ("stage2", 0), ("stage2", 3), ("stage2", 4), ("finetune", 4)]
)
def test_a_step_of_two_batches_is_the_mean_of_both(stage: str, step: int, slm: dict[str, Any]) -> None:
    """Passes over several batches and one pass over one batch meet in the same updates."""
    recipe = styletts2_case.recipe_of(stage, slm=slm)
    recipe.set_learning_rates(step, 0)
    before = training_case.state(dict(recipe.modules))
    update = Updater(recipe, 2, {})
    update.start_step()
    for _ in update.passes():
        for number in update.numbers:
            torch.manual_seed(number)
            recipe.train_step(training_case.batch(seed=number), update, torch.Generator().manual_seed(number))
    judges = {"mpd", "msd"} if recipe.phase.adversarial else set()
    judges |= {"wd"} if recipe.phase.joint else set()
    assert training_case.changed(before, dict(recipe.modules)) == {*recipe.phase.trained, *judges}


def test_the_judges_are_those_of_periods_and_no_other() -> None:
    settings = StyleTTS2TrainSettings(slm={"model": None})
    made = fresh_networks(settings, training_case.config(), None, judged=False, seed=1)
    assert made.mpd is not None and made.wd is None
    assert len(made.mpd.discriminators) == len(training_case.config().discriminator_periods)
