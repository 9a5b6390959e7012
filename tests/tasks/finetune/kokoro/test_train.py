"""The stages of Kokoro: they go on exactly, hold what they should, and refuse what cannot work."""

from __future__ import annotations

import json
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from pydantic import ValidationError
from safetensors.torch import load_file, save_file

from configs.errors import UserError
from configs.family import FamilySettings
from configs.train_kokoro import KokoroTrainSettings
from models.frontend.text.character_tokens import character_table
from models.kokoro.freezing import UNTRAINED, held_parts
from models.kokoro.step import KokoroStep
from models.kokoro.upstream import save_config, save_kokoro
from tasks.finetune.checkpoint import Checkpoints
from tasks.finetune.kokoro.recipe import adversarial_at, held_at, teacher_share
from tasks.finetune.kokoro.sizes import model_config
from tasks.finetune.kokoro.stages import TRAIN_KOKORO_OF_FITTED
from tasks.finetune.kokoro.start import starting_model
from tasks.finetune.kokoro.trained import SPEAKING_FILES, read_trained
from tasks.finetune.recipe import Updater
from tasks.outcome import Produced, StoppedError
from tests.models.kokoro import small
from tests.models.styletts2 import training_case
from tests.tasks.finetune import synthetic
from tests.tasks.finetune.kokoro import case as kokoro_case
from tests.tasks.finetune.styletts2 import case as styletts2_case
from tests.tasks.finetune.test_distributed import ROOT

pytestmark = pytest.mark.slow

Train = Callable[..., Produced]

DECODER = tuple(
    f"decoder.{name}" for name, _ in small.model().decoder.named_parameters() if not name.endswith(".fc.bias")
)


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("kokoro")


@pytest.fixture(scope="module")
def shards(place: Path) -> dict[str, Path]:
    return styletts2_case.write_shards(place / "shards", seconds=0.6)


@pytest.fixture(scope="module")
def table(place: Path, shards: dict[str, Path]) -> Produced:
    return kokoro_case.make_table(shards, place / "table")


@pytest.fixture(scope="module")
def train(shards: dict[str, Path], table: Produced) -> Train:
    """Runs the stage train_kokoro on the corpus."""

    def run(folder: Path, stop_after: int | None = None, **changes: Any) -> Produced:
        files = {"shard": shards, "voice_table": dict(table.files)}
        return kokoro_case.train(files, folder, stop_after, **changes)

    return run


@pytest.fixture(scope="module")
def everything(place: Path) -> dict[str, Any]:
    """Settings of a run that uses all there is: averages, best weights, judges, a speech language model."""
    slm = styletts2_case.slm(place / "slm")
    # Without a rise of the rates, five steps learn more than chance gives.
    optimiser = {"warmup_steps": 0}
    return {
        "ema_decay": 0.5,
        "early_stop_patience": 9,
        "choose": "best",
        "slm": {"model": slm["model"]},
        "optimiser": optimiser,
    }


@pytest.fixture(scope="module")
def whole(train: Train, place: Path, everything: dict[str, Any]) -> Produced:
    return train(place / "whole", **everything)


@pytest.fixture(scope="module")
def published(place: Path) -> Path:
    """A folder as that of published weights, of a small model."""
    folder = place / "published"
    folder.mkdir()
    model = small.model()
    save_kokoro(folder / "kokoro-v1_0.pth", model)
    save_config(folder / "config.json", model.config)
    return folder


def same(first: Path, second: Path) -> bool:
    one, other = (Checkpoints(folder / "checkpoints").latest() for folder in (first, second))
    assert one is not None and other is not None
    assert one.tensors.keys() == other.tensors.keys()
    equal = all(torch.equal(tensor, other.tensors[name]) for name, tensor in one.tensors.items())
    return equal and one.scalars == other.scalars and one.history == other.history


def test_a_run_stopped_twice_goes_on_exactly(
    train: Train, place: Path, whole: Produced, everything: dict[str, Any], tmp_path: Path
) -> None:
    for stop in (1, 3):
        with pytest.raises(StoppedError):
            train(tmp_path, stop, compute={"loader_threads": stop}, **everything)
    resumed = train(tmp_path, **everything)
    assert same(place / "whole", tmp_path)
    assert synthetic.file_bytes(resumed) == synthetic.file_bytes(whole)


def test_a_killed_run_goes_on_exactly(
    train: Train,
    table: Produced,
    place: Path,
    whole: Produced,
    everything: dict[str, Any],
    shards: dict[str, Path],
    tmp_path: Path,
) -> None:
    read = {"shard": shards, "voice_table": table.files}
    given = {stage: {name: str(path) for name, path in files.items()} for stage, files in read.items()}
    module = "tests.tasks.finetune.kokoro.case"
    arguments = [json.dumps(given), str(tmp_path), "3", json.dumps(everything)]
    killed = subprocess.run([sys.executable, "-m", module, *arguments], cwd=ROOT, check=False)
    assert killed.returncode == -signal.SIGKILL
    resumed = train(tmp_path, **everything)
    assert same(place / "whole", tmp_path)
    assert synthetic.file_bytes(resumed) == synthetic.file_bytes(whole)


def test_curves_begin_before_training_and_judges_when_they_should(whole: Produced) -> None:
    assert [step for step, _ in whole.series["validation/stft"]] == [0, 2, 4, 5]
    assert [step for step, _ in whole.series["train/stft"]] == [1, 2, 3, 4, 5]
    assert [step for step, _ in whole.series["train/gen"]] == [3, 4, 5]
    losses = {name.removeprefix("train/") for name in whole.series if name.startswith("train/")}
    assert {"stft", "f0", "unvoiced", "norm", "dur", "ce", "gen", "slm", "disc"} <= losses
    samples = {name.split("/")[1] for name in whole.files if name.startswith("samples/")}
    assert {"step-00000000", "step-00000005"} <= samples


def test_what_was_trained_is_read_back_and_speaks(whole: Produced, table: Produced, tmp_path: Path) -> None:
    trained = read_trained({name: whole.files[name] for name in SPEAKING_FILES})
    assert set(trained.voices) == set(kokoro_case.SPEAKERS)
    before = load_file(table.files["voices.safetensors"])
    for name, voice in trained.voices.items():
        assert voice.shape == before[name].shape == (510, 1, 16)
        assert not torch.equal(voice, before[name])
    tokens, lengths, _ = small.texts()
    row = trained.voices["a"][lengths - 3, 0]
    spoken = trained.model.synthesize(tokens, lengths, row, rngs=small.generators(3))
    assert all(len(wave) % 600 == 0 and bool(wave.isfinite().all()) for wave in spoken)
    damaged = tmp_path / "decoder.safetensors"
    damaged.write_bytes(b"nothing")
    with pytest.raises(
        UserError, match=r"decoder\.safetensors: is cut short, damaged .*; run the stage again"
    ):
        read_trained({**whole.files, damaged.name: damaged})


@pytest.mark.parametrize(
    ("step", "held", "judged"), [(0, held_parts(1), True), (4, (), True), (4, DECODER, False)]
)
def test_gradients_reach_all_that_learns_and_nothing_held(
    step: int, held: tuple[str, ...], judged: bool, published: Path
) -> None:
    """Two batches make a step, spoken as the voice speaks: without the recordings' pitch and energy."""
    recipe = kokoro_case.recipe_of(
        pretrained=str(published), held_steps=4, adversarial_step=0 if judged else 5
    )
    networks = recipe.step.networks
    every = {f"model.{name}": p for name, p in networks.model.named_parameters()}
    every |= {f"table.{name}": p for name, p in networks.voice_table.named_parameters()}
    every |= {
        f"{j}.{name}": p for j, judge in networks.judges().items() for name, p in judge.named_parameters()
    }
    reached: set[str] = set()

    def note(*_: object) -> None:
        reached.update(name for name, p in every.items() if p.grad is not None and bool(p.grad.any()))

    for optimiser in recipe.optimisers.values():
        optimiser.register_step_pre_hook(note)
    kept = {name: p.detach().clone() for name, p in every.items()}
    recipe.set_learning_rates(step, 0)
    recipe.share = 0.0
    update = Updater(recipe, 2, {})
    update.start_step()
    for _ in update.passes():
        for number in update.numbers:
            torch.manual_seed(number)
            recipe.train_step(training_case.batch(seed=number), update, torch.Generator().manual_seed(number))
    judges = () if judged else tuple(f"{name}." for name in networks.judges())
    still = (*(f"model.{name}" for name in (*UNTRAINED, *held)), *judges)
    assert reached == {name for name in every if not name.startswith(still)}
    assert all(torch.equal(p, kept[name]) for name, p in every.items() if name.startswith(still))


def test_what_is_published_has_small_rates_and_what_begins_has_large_ones() -> None:
    recipe = kokoro_case.recipe_of(optimiser={"warmup_steps": 0, "schedule": "constant"})
    recipe.set_learning_rates(0, 0)
    rates = {group["name"]: group["lr"] for each in recipe.optimisers.values() for group in each.param_groups}
    assert rates == {
        "bert": 1e-5,
        **dict.fromkeys(("bert_encoder", "predictor", "decoder", "text_encoder"), 5e-5),
        "voice_table": 1e-3,
        "mpd": 1e-4,
        "msd": 1e-4,
    }


def test_a_table_that_begins_with_voices_keeps_them() -> None:
    """Adam moves each of the many weights that a row is the sum of: at 1e-3 few steps leave little of it."""
    for begins in ({"start": "fitted"}, {"voices": "voices.safetensors"}, {"styles": "folder"}):
        assert KokoroTrainSettings(pretrained="x", table=begins).table_lr == 1e-5
    given = {"optimiser": {"table_lr": 2e-4}, "table": {"start": "fitted"}}
    assert KokoroTrainSettings(pretrained="x", **given).table_lr == 2e-4


def test_schedules_follow_from_the_position() -> None:
    fresh = KokoroTrainSettings(held_epochs=2)
    assert held_at(fresh, 0, 0) == ()
    given = fresh.model_copy(update={"pretrained": "somewhere"})
    assert held_at(given, 99, 1) == held_parts(1) and held_at(given, 99, 2) == ()
    assert held_at(given.model_copy(update={"held_steps": 5}), 4, 9) == held_parts(1)
    assert [adversarial_at(fresh, 0, epoch) for epoch in (2, 3)] == [False, True]
    never = KokoroTrainSettings(adversarial_epoch=None)
    assert not never.adversarial and not adversarial_at(never, 10**6, 10**3)
    shares = [teacher_share(KokoroTrainSettings(teacher_final=0.2), step, 100) for step in (0, 25, 50, 99)]
    assert shares == pytest.approx([1.0, 0.6, 0.2, 0.2])


def test_validation_hears_whether_the_sound_follows_pitch(whole: Produced) -> None:
    for name in ("f0_correlation", "f0_cents", "voicing_error", "f0_frames"):
        assert [step for step, _ in whole.series[f"validation/{name}"]] == [0, 2, 4, 5]
    description = json.loads(whole.files["config.json"].read_text())
    assert description["heard"]["f0_correlation"] in [v for _, v in whole.series["validation/f0_correlation"]]


def test_a_network_that_ignores_pitch_is_warned_of_or_stopped(train: Train, tmp_path: Path) -> None:
    rule = {"min_correlation": 1.0}
    warned = train(tmp_path / "warned", listening=rule, max_steps=2)
    assert "train.kokoro: at step 2 the sound does not follow the pitch" in warned.warnings[-1]
    assert json.loads(warned.files["config.json"].read_text())["ignores_pitch"]
    with pytest.raises(UserError, match=r"at step 2 .*teacher_final.*It was stopped"):
        train(tmp_path / "stopped", listening={**rule, "ignored": "stop"}, max_steps=2)


def test_upsamplings_that_interpolate_go_on_to(train: Train, tmp_path: Path) -> None:
    trained = load_file(train(tmp_path, interpolates=True, max_steps=2).files["decoder.safetensors"])
    own = kokoro_case.settings(interpolates=True).train.kokoro
    fresh = starting_model(own, model_config(own), kokoro_case.settings().seed).decoder
    same = {name for name, tensor in fresh.state_dict().items() if torch.equal(tensor, trained[name])}
    assert same.issuperset(fresh.filter_shapes())
    assert not same & {name.replace("weight_v", "weight_g") for name in fresh.filter_shapes()}
    with pytest.raises(ValidationError, match=r"pretrained = x has its own upsamplings"):
        KokoroTrainSettings(pretrained="x", interpolates=True)


def test_bf16_trains_beside_fp32(
    train: Train, whole: Produced, everything: dict[str, Any], tmp_path: Path
) -> None:
    changes = {"max_steps": 3, "optimiser": everything["optimiser"]}
    half = train(tmp_path, compute={"precision": "bf16"}, **changes)
    for name in ("stft", "f0", "unvoiced", "norm", "dur", "ce", "gen"):
        found, expected = (dict(made.series[f"train/{name}"]) for made in (half, whole))
        assert found[3] == pytest.approx(expected[3], rel=0.05) and found[3] != expected[3], name


def test_early_stopping_keeps_the_weights_that_validated_best(
    train: Train, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    changes: dict[str, Any] = {
        "early_stop_patience": 2, "choose": "best", "validate_every_steps": 1, "sample_clips": 0,
        "teacher_steps": 4,
        "optimiser": {"schedule": "constant", "warmup_steps": 0},
    }  # fmt: skip
    to_the_end = {"early_stop_patience": 0, "choose": "last"}
    best = train(tmp_path / "best", max_steps=1, **{**changes, **to_the_end})
    curve = iter([1.0, 0.5, 0.6, 0.5, 0.1])
    monkeypatch.setattr(
        KokoroStep, "validation_losses", lambda self, batch: {"stft": torch.tensor(next(curve))}
    )
    stopped = train(tmp_path / "stopped", max_steps=5, **changes)
    assert stopped.metrics["steps"] == 3
    assert json.loads(stopped.files["config.json"].read_text())["best_step"] == 1
    for name in ("decoder.safetensors", "voice_table.safetensors", "voices.safetensors"):
        assert stopped.files[name].read_bytes() == best.files[name].read_bytes(), name


def test_published_weights_are_gone_on_from(shards: dict[str, Path], published: Path, tmp_path: Path) -> None:
    changes = {"max_tokens": 24, "held_steps": 9, "max_steps": 1, "validate_every_steps": 0}
    for each in (published, published / "kokoro-v1_0.pth"):
        pretrained = {"pretrained": str(each), "tiny": False, **changes}
        made = kokoro_case.make_table({}, tmp_path / "table" / each.name, **pretrained)
        files = {"shard": shards, "voice_table": dict(made.files)}
        produced = kokoro_case.train(files, tmp_path / each.name, **pretrained)
        description = json.loads(produced.files["config.json"].read_text())
        assert description["pretrained"].keys() == {"weights", "config"} and not description["from_scratch"]
        assert "trained weights come below" in produced.warnings[0]
        kept = load_file(produced.files["bert.safetensors"])
        assert all(torch.equal(t, kept[n]) for n, t in small.model().bert.state_dict().items())
        moved = load_file(produced.files["decoder.safetensors"])
        assert not all(torch.equal(t, moved[n]) for n, t in small.model().decoder.state_dict().items())


def test_what_was_fitted_with_the_voice_is_gone_on_from(
    shards: dict[str, Path], published: Path, tmp_path: Path
) -> None:
    """The biases alone, of which the first validation hears; a voice that was given has its own decoder."""
    own = small.model().decoder
    fitted = {name: tensor.clone() for name, tensor in own.state_dict().items()}
    biases = [name for name, _ in own.named_parameters() if name.endswith(".fc.bias")]
    for name in (*biases, "F0_conv.weight_g"):
        fitted[name] += 0.3
    file = tmp_path / "fitted.safetensors"
    save_file(fitted, file)
    changes: dict[str, Any] = {"pretrained": str(published), "tiny": False, "max_tokens": 24, "max_steps": 1}
    made = kokoro_case.make_table({}, tmp_path / "table", **changes)
    files = {"shard": shards, "voice_table": dict(made.files)}

    def trained(folder: str, **more: Any) -> dict[str, torch.Tensor]:
        every = {**files, "fit_kokoro": {"decoder.safetensors": file}}
        produced = kokoro_case.train(
            every, tmp_path / folder, stage=TRAIN_KOKORO_OF_FITTED, **changes, adversarial_step=9, **more
        )
        return load_file(produced.files["decoder.safetensors"])

    decoder = trained("fitted")
    for name in biases:
        assert torch.allclose(decoder[name], fitted[name], atol=1e-3), name
    held = decoder.keys() - {*biases}
    assert all(torch.equal(decoder[name], own.state_dict()[name]) for name in held)
    given = {**kokoro_case.SETTINGS["table"], "voices": str(made.files["voices.safetensors"])}
    alone = trained("given", table=given)
    assert all(torch.allclose(alone[name], own.state_dict()[name], atol=1e-3) for name in biases)
    file.write_bytes(b"nothing")
    with pytest.raises(UserError, match=r"run the stage fit_kokoro again"):
        trained("damaged")
    save_file({name: tensor[:1] for name, tensor in fitted.items()}, file)
    with pytest.raises(
        UserError, match=r"another model than that of train\.kokoro\.pretrained .*to the same"
    ):
        trained("other")


def test_weights_that_do_not_fit_are_refused(train: Train, published: Path, tmp_path: Path) -> None:
    def refused(match: str, pretrained: Path, **changes: Any) -> None:
        with pytest.raises(UserError, match=match):
            train(tmp_path / "work", pretrained=str(pretrained), tiny=False, **{"max_tokens": 24, **changes})

    refused(r"max_tokens = 512: .* reads 24 tokens; lower it", published, max_tokens=512)
    refused(r"the folder holds 0 files of weights", tmp_path)
    refused(r"missing\.pth is missing", tmp_path / "missing.pth")
    refused(r"voice_table: makes voices of 510 x 16, and the model reads 22 x 16", published)
    other = tmp_path / "other"
    shutil.copytree(published, other)
    config = json.loads((other / "config.json").read_text())
    config["vocab"] = dict(character_table("styletts2").ids)
    (other / "config.json").write_text(json.dumps(config))
    refused(r"another vocabulary than Kokoro v1\.0: '\$' is 0 there and missing here", other)
    with pytest.raises(ValidationError, match=r"pretrained = x has its own sizes; leave out tiny and sizes"):
        KokoroTrainSettings(pretrained="x", tiny=True)


@pytest.mark.parametrize(
    ("field", "value"), [("sample_rate", 22050), ("hop_samples", 240), ("character_table", "styletts2")]
)
def test_another_grid_or_vocabulary_is_refused_by_name(field: str, value: object) -> None:
    with pytest.raises(ValidationError, match=rf"{field} = {value}.*set {field}: "):
        FamilySettings(**{**kokoro_case.FAMILY.model_dump(), field: value})


def test_another_familys_corpus_is_refused(train: Train, tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"family\.name = styletts2: train_kokoro reads Kokoro's characters"):
        train(tmp_path, family=styletts2_case.FAMILY)


def test_long_texts_are_listed_and_the_rest_trains(train: Train, tmp_path: Path) -> None:
    rows = [styletts2_case.tone(index, 0.6, "train") for index in range(3)]
    rows += [styletts2_case.tone(3, 0.6, "validation"), spelled_out(4, 511)]
    files = {"shard": kokoro_case.write_rows(tmp_path / "shards", rows)}
    files["voice_table"] = dict(kokoro_case.make_table(files["shard"], tmp_path / "table").files)
    produced = kokoro_case.train(files, tmp_path / "work", max_steps=1, validate_every_steps=0)
    (reject,) = produced.rejects
    assert (reject.row_id, reject.code, reject.value) == ("tone_004", "too_many_tokens", "513")
    assert "train.kokoro.max_tokens = 512" in reject.reason
    assert json.loads(produced.files["config.json"].read_text())["clips"] == 3


def test_speakers_without_a_voice_are_named(shards: dict[str, Path], tmp_path: Path) -> None:
    made = kokoro_case.make_table(shards, tmp_path / "table", profile=kokoro_case.profile(("a",)))
    with pytest.raises(UserError, match=r"voice_table: has no embedding of b; run the stage speaker_profile"):
        kokoro_case.train({"shard": shards, "voice_table": dict(made.files)}, tmp_path / "work")


def test_out_of_memory_names_what_to_lower(
    train: Train, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object, **__: object) -> None:
        raise torch.OutOfMemoryError("CUDA out of memory")

    monkeypatch.setattr(KokoroStep, "forward", full)
    with pytest.raises(UserError, match=r"batch_size from 2 to 1, with accumulate from 1 to 2"):
        train(tmp_path, validate_every_steps=0)


def spelled_out(index: int, phones: int) -> dict[str, Any]:
    """A clip of so many phones, one token each, of a word that no dictionary knows otherwise."""
    row = styletts2_case.tone(index, 14.0, "train")
    each, rest = divmod(row["n_frames"], phones)
    return {
        **row,
        "words": ["xrh"],
        "word2ph": [phones],
        "own_words": [],
        "phones": ["h"] * phones,
        "durations": [each] * (phones - 1) + [each + rest],
        "pause_frames": [0] * phones,
    }
