"""The stage fit_kokoro: the model stays as published, a run goes on exactly, speech decides its length."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import soundfile
import torch
from safetensors.torch import load_file, save_file

from artifacts.digest import of_file
from configs.compute import ComputeSettings
from configs.errors import UserError
from configs.family import FamilySettings
from configs.train_kokoro_fit import KokoroFitSettings
from models.frontend.asr import Processor, Recognition
from models.frontend.audio import resample
from models.kokoro.decoder_biases import DecoderBiases
from models.kokoro.fitted_voice import FittedVoices
from models.kokoro.upstream import CHILDREN, save_config, save_kokoro, save_voice
from tasks.finetune import listener
from tasks.finetune.checkpoint import Checkpoints
from tasks.finetune.kokoro.fit_explanation import explained
from tasks.finetune.kokoro.fit_plan import fit_plan
from tasks.finetune.kokoro.fit_recipe import KokoroFitRecipe
from tasks.finetune.kokoro.stages import FIT_KOKORO
from tasks.finetune.kokoro.trained import read_trained
from tasks.finetune.machine import Machine
from tasks.outcome import Produced, Progress, StoppedError
from tasks.stage import function_of
from tests.models.kokoro import small
from tests.tasks.finetune import synthetic
from tests.tasks.finetune.kokoro import case as kokoro_case
from tests.tasks.finetune.styletts2 import case as styletts2_case

pytestmark = pytest.mark.slow

Fit = Callable[..., Produced]
NAMES = ("am_low", "af_high", "bf_other")


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Holds small weights, three voices for them, and a corpus of two speakers."""
    folder = tmp_path_factory.mktemp("kokoro_fit")
    (folder / "voices").mkdir()
    model, rng = small.model(), torch.Generator().manual_seed(8)
    save_kokoro(folder / "kokoro-v1_0.pth", model)
    save_config(folder / "config.json", model.config)
    for name in NAMES:
        shape = (model.config.voice_rows, 1, model.config.voice_width)
        save_voice(folder / "voices" / f"{name}.pt", torch.randn(shape, generator=rng))
    return folder


@pytest.fixture(scope="module")
def fit(place: Path) -> Fit:
    shards = {
        None: styletts2_case.write_shards(place / "shards", seconds=1.6),
        "a": styletts2_case.write_shards(place / "shards of one", seconds=1.6, speaker="a"),
    }

    def run(
        folder: Path,
        stop_after: int | None = None,
        progress: Progress | None = None,
        speaker: str | None = None,
        **changes: Any,
    ) -> Produced:
        own = {
            "pretrained": str(place),
            "voices": str(place),
            "mix_steps": 3,
            "vector_steps": 3,
            "max_tokens": 24,
            "validate_every_steps": 2,
            "checkpoint_every_steps": 2,
            "validation_clips": 1,
            "log_every_steps": 1,
            "early_stop_patience": 9,
            "compared_clips": 1,
            **changes,
        }
        family = own.pop("family", kokoro_case.FAMILY)
        tree = SimpleNamespace(
            seed=11,
            family=family,
            compute=ComputeSettings(threads=1, device="cpu"),
            train=SimpleNamespace(kokoro_fit=KokoroFitSettings(**own)),
        )
        cfg, work = synthetic.view(FIT_KOKORO, tree), synthetic.work(folder, stop_after)
        work = replace(work, progress=progress or work.progress)
        return function_of(FIT_KOKORO)(synthetic.FakeInputs({"shard": dict(shards[speaker])}), cfg, work)

    return run


@pytest.fixture(scope="module")
def whole(fit: Fit, place: Path) -> Produced:
    return fit(place / "whole")


def test_the_model_is_left_as_published_and_every_speaker_has_a_voice(whole: Produced) -> None:
    published = small.model()
    for child in CHILDREN:
        saved = load_file(whole.files[f"{child}.safetensors"])
        own = getattr(published, child).state_dict()
        assert saved.keys() == own.keys()
        assert all(torch.equal(saved[name], own[name]) for name in own)
    trained = read_trained(whole.files)
    assert set(trained.voices) == {"a", "b"}
    assert all(table.shape == (22, 1, 16) for table in trained.voices.values())
    assert trained.description["from_scratch"] is False
    assert trained.description["dequantised"] is False
    assert all(sum(mix.values()) == pytest.approx(1, abs=0.01) for mix in trained.description["mix"].values())
    assert {name for mix in trained.description["mix"].values() for name in mix} <= set(NAMES)


def test_what_it_learns_is_told(whole: Produced) -> None:
    assert {"validation/score", "validation/speaker", "train/mel", "train/speaker"} <= whole.series.keys()
    said = explained(whole.files)
    assert "3 steps for the mix of official voices, then 3 with a vector beside it" in said
    assert any(line.startswith("a began as ") for line in said)
    assert any(name.endswith(".flac") for name in whole.files)


def test_it_tells_how_far_it_is_before_its_first_step(fit: Fit, whole: Produced, tmp_path: Path) -> None:
    told: list[tuple[str, int, int]] = []

    def progress(done: int, total: int, text: str = "", phase: str = "", **_: float) -> None:
        told.append((phase, done, total))

    made = fit(tmp_path, progress=progress)
    assert synthetic.file_bytes(made) == synthetic.file_bytes(whole)
    assert list(dict.fromkeys(phase for phase, _, _ in told)) == [
        "reading clips",
        "loading networks",
        "hearing recordings",
        "trying official voices",
        "first validation",
        "",
    ]
    for phase in ("hearing recordings", "trying official voices"):
        counts = [(done, total) for name, done, total in told if name == phase]
        assert counts[0][0] == 0 and counts[-1][0] == counts[-1][1] == counts[0][1] > 0
        assert counts == sorted(counts)
    assert [done for phase, done, _ in told if not phase] == [1, 2, 3, 4, 5, 6]


def test_a_run_stopped_twice_goes_on_exactly(fit: Fit, whole: Produced, tmp_path: Path) -> None:
    for stop in (1, 3):
        with pytest.raises(StoppedError):
            fit(tmp_path, stop)
    assert synthetic.file_bytes(fit(tmp_path)) == synthetic.file_bytes(whole)


def test_it_goes_on_with_less_memory_and_other_checkpoints(fit: Fit, whole: Produced, tmp_path: Path) -> None:
    with pytest.raises(StoppedError):
        fit(tmp_path, 3)
    changed = {"cache_mb": 0, "keep_checkpoints": 5, "checkpoint_every_steps": 1, "max_skipped_in_a_row": 9}
    steps: list[int] = []

    def progress(done: int, total: int, text: str = "", phase: str = "", **_: float) -> None:
        if not phase:
            steps.append(done)

    made = fit(tmp_path, progress=progress, **changed)
    assert steps == [4, 5, 6]
    assert synthetic.file_bytes(made) == synthetic.file_bytes(whole)
    with pytest.raises(UserError, match="made with other settings"):
        fit(tmp_path, batch_size=3)


def test_checkpoints_hold_the_voice_and_not_the_model(whole: Produced, place: Path) -> None:
    snapshot = Checkpoints(place / "whole" / "checkpoints").latest()
    assert snapshot is not None
    assert not [name for name in snapshot.tensors if "decoder" in name or "tables" in name]


def test_the_vector_waits_for_the_mix(fit: Fit, tmp_path: Path) -> None:
    to_the_end: dict[str, Any] = {"early_stop_patience": 0, "choose": "last"}
    mixed = load_file(fit(tmp_path / "mixed", vector_steps=0, **to_the_end).files["fit.safetensors"])
    assert not mixed["offset"].any()
    assert mixed["acoustic"].std() > 0
    both = fit(tmp_path / "both", **to_the_end)
    assert load_file(both.files["fit.safetensors"])["offset"].any()
    voices = read_trained(both.files).voices
    assert not torch.equal(voices["a"], voices["b"])


def test_it_goes_on_from_an_earlier_voice(fit: Fit, whole: Produced, tmp_path: Path) -> None:
    earlier = whole.files["voices.safetensors"]
    later = fit(tmp_path / "later", pretrained_voices=str(earlier))
    best = min(value for _, value in whole.series["validation/score"])
    # Before the first step it says what the earlier one said at its best.
    assert later.series["validation/score"][0] == (0, pytest.approx(best, abs=1e-3))
    known = json.loads(later.files["config.json"].read_text())["pretrained"]
    assert known["voices"] == of_file(earlier)
    wrong = tmp_path / "wrong.safetensors"
    save_file({"a": torch.zeros(3, 1, 16)}, wrong)
    with pytest.raises(UserError, match=r"pretrained_voices = .*: a is \[3, 1, 16\] where"):
        fit(tmp_path / "none", pretrained_voices=str(wrong))


@pytest.fixture(scope="module")
def of_one(fit: Fit, place: Path) -> Produced:
    """To the end, so that what is beyond the mix has learnt."""
    return fit(place / "of one", speaker="a", early_stop_patience=0, choose="last")


def test_a_single_speakers_voice_has_biases_of_the_decoder_and_nothing_else_moves(
    fit: Fit, of_one: Produced, tmp_path: Path
) -> None:
    published = small.model()
    moved = {
        f"{child}.{name}"
        for child in CHILDREN
        for name, value in load_file(of_one.files[f"{child}.safetensors"]).items()
        if not torch.equal(value, getattr(published, child).state_dict()[name])
    }
    assert moved and all(name.startswith("decoder.") and name.endswith(".fc.bias") for name in moved)
    assert any(
        "with a vector beside it and biases of the decoder" in line for line in explained(of_one.files)
    )
    without = fit(tmp_path, speaker="a", early_stop_patience=0, choose="last", decoder_lr=0)
    own = published.decoder.state_dict()
    kept = load_file(without.files["decoder.safetensors"])
    assert all(torch.equal(kept[name], own[name]) for name in own)


def test_a_run_with_biases_goes_on_exactly(fit: Fit, of_one: Produced, tmp_path: Path) -> None:
    own: dict[str, Any] = {"speaker": "a", "early_stop_patience": 0, "choose": "last"}
    for stop in (2, 2):
        with pytest.raises(StoppedError):
            fit(tmp_path, stop, **own)
    assert synthetic.file_bytes(fit(tmp_path, **own)) == synthetic.file_bytes(of_one)


def test_it_goes_on_with_the_decoder_beside_the_earlier_voice(
    fit: Fit, of_one: Produced, tmp_path: Path
) -> None:
    earlier = of_one.files["voices.safetensors"]
    later = fit(tmp_path / "later", speaker="a", pretrained_voices=str(earlier))
    last = of_one.series["validation/score"][-1][1]
    assert later.series["validation/score"][0] == (0, pytest.approx(last, abs=1e-3))
    known = json.loads(later.files["config.json"].read_text())["pretrained"]
    assert known["decoder of the voices"] == of_file(of_one.files["decoder.safetensors"])
    (tmp_path / "other").mkdir()
    beside = tmp_path / "other" / "voices.safetensors"
    beside.write_bytes(earlier.read_bytes())
    save_file({"a": torch.zeros(1)}, tmp_path / "other" / "decoder.safetensors")
    with pytest.raises(UserError, match=r"pretrained_voices = .*decoder\.safetensors is not this model's"):
        fit(tmp_path / "none", speaker="a", pretrained_voices=str(beside))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"pretrained": "/nowhere/kokoro.pth"}, r"train\.kokoro_fit\.pretrained = .* is missing"),
        ({"voices": "/nowhere"}, r"models fetch kokoro-voices"),
        ({"family": FamilySettings(**styletts2_case.FAMILY.model_dump())}, r"family\.name = styletts2"),
    ],
)
def test_what_cannot_be_fitted_is_one_message(
    fit: Fit, tmp_path: Path, changes: dict[str, Any], message: str
) -> None:
    with pytest.raises(UserError, match=message):
        fit(tmp_path, **changes)


@pytest.mark.parametrize(
    ("seconds", "speakers", "vector"),
    [(15.0, 1, False), (30.0, 1, True), (150.0, 1, True), (600.0, 1, True), (35.0, 2, False)],
)
def test_little_speech_gets_a_mix_and_more_a_vector_too(seconds: float, speakers: int, vector: bool) -> None:
    plan = fit_plan(KokoroFitSettings(), seconds, speakers)
    assert plan.mix > 0
    assert bool(plan.vector) is vector
    assert plan.steps == plan.mix + plan.vector


def test_settings_overrule_the_plan() -> None:
    plan = fit_plan(KokoroFitSettings(mix_steps=5, vector_steps=7), 15.0, 1)
    assert (plan.mix, plan.vector) == (5, 7)
    cut = fit_plan(KokoroFitSettings(mix_steps=5, vector_steps=7, max_steps=8), 20.0, 1)
    assert (cut.mix, cut.vector) == (5, 3)


def test_biases_of_the_decoder_are_a_single_speakers() -> None:
    assert fit_plan(KokoroFitSettings(), 60.0, 1).decoder
    assert not fit_plan(KokoroFitSettings(), 120.0, 2).decoder
    assert not fit_plan(KokoroFitSettings(), 10.0, 1).decoder
    assert not fit_plan(KokoroFitSettings(decoder_lr=0), 60.0, 1).decoder


def test_prosody_learns_every_other_step(fit: Fit, tmp_path: Path) -> None:
    series = fit(tmp_path, validate_every_steps=0, early_stop_patience=0).series
    assert [step for step, _ in series["train/mel"]] == [1, 2, 3, 4, 5, 6]
    assert [step for step, _ in series["train/length"]] == [1, 3, 5]


def test_what_is_misheard_counts_where_a_recogniser_is_at_hand(
    fit: Fit, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    heard: list[tuple[np.ndarray, str | None]] = []

    def recognise(
        samples: np.ndarray, folder: Path, language: str | None, beam: int, processor: Processor
    ) -> Recognition:
        assert processor == Processor(threads=1)
        heard.append((samples, language))
        # One of two words, after which nothing is understood.
        return Recognition("Hello." if len(heard) == 1 else "", None, "en", None)

    monkeypatch.setattr(listener, "recognise_whisper", recognise)
    found = fit(tmp_path / "run", recogniser=str(tmp_path))
    series = found.series
    words = [value for _, value in series["validation/words"]]
    assert words == pytest.approx([1 / 42, *(2 / 42 for _ in words[1:])])
    assert series["validation/score"][0][1] == min(value for _, value in series["validation/score"])
    assert all(samples.size for samples, _ in heard) and {language for _, language in heard} == {"en"}
    # What can be listened to afterwards is what was judged.
    samples = sorted(path for name, path in found.files.items() if name.endswith(".flac"))
    for path, (judged, _) in ((samples[0], heard[0]), (samples[-1], heard[-1])):
        kept, rate = soundfile.read(path, dtype="float32")
        # A file clips what is louder than full scale.
        assert np.corrcoef(resample(kept, rate, 16_000), judged)[0, 1] > 0.9
    config = json.loads(fit(tmp_path / "again", recogniser="not-here").files["config.json"].read_text())
    assert config["had_listener"] is False and isinstance(config["heard"], dict)


def test_rates_fall_to_nothing_and_the_vectors_begins_after_the_mix() -> None:
    settings = KokoroFitSettings(mix_steps=4, vector_steps=4)
    voices = FittedVoices(torch.zeros(2, 3, 4), torch.full((1, 2), 0.5))
    biases = DecoderBiases(small.model().decoder)
    step = SimpleNamespace(networks=SimpleNamespace(voices=voices, biases=biases))
    machine = Machine(torch.device("cpu"), bf16=False)
    recipe = KokoroFitRecipe(step, settings, fit_plan(settings, 30.0, 1), machine, None)
    rates = []
    for at in range(8):
        recipe.set_learning_rates(at, 0)
        rates.append([group["lr"] for group in recipe.optimisers["voice"].param_groups])
    mix, vector, decoder = zip(*rates, strict=True)
    assert mix == pytest.approx([settings.mix_lr * (1 - at / 8) for at in range(8)])
    assert vector[:4] == (0, 0, 0, 0)
    assert vector[4:] == pytest.approx([settings.vector_lr * (1 - at / 8) for at in range(4, 8)])
    assert decoder[:4] == (0, 0, 0, 0)
    assert decoder[4:] == pytest.approx([settings.decoder_lr * (1 - at / 8) for at in range(4, 8)])
