"""The training stages on a synthetic corpus: interrupted equals uninterrupted, bad data is named."""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import torch
from safetensors.torch import load_file

from configs.errors import UserError
from configs.plan import PlanSettings
from configs.train_sovits import SovitsTrainSettings
from configs.train_t2s import T2sTrainSettings
from models.frontend.audio import encode_flac
from models.frontend.level import training_gain
from models.frontend.mel import linear_spectrogram
from models.t2s.config import t2s_config
from models.t2s.model import TextToSemantic
from models.t2s.step import T2SStep
from tasks.features.frames import spectrogram_parameters
from tasks.finetune.gpt_sovits.examples import read_split
from tasks.finetune.gpt_sovits.plan import plan_corpus
from tasks.finetune.gpt_sovits.semantic import semantic_rows
from tasks.finetune.gpt_sovits.sovits import train as sovits_training
from tasks.finetune.gpt_sovits.stages import PLAN, SEMANTIC, TRAIN_SOVITS, TRAIN_T2S
from tasks.finetune.gpt_sovits.t2s import train as t2s_training
from tasks.finetune.gpt_sovits.t2s.recipe import T2sRecipe
from tasks.finetune.machine import Machine
from tasks.finetune.rates import warmup_cosine
from tasks.outcome import Produced
from tasks.runner import StoppedError
from tests.tasks.finetune import synthetic

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def shards(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    return synthetic.write_shards(tmp_path_factory.mktemp("shards"))


def train_sovits(
    shards: dict[str, Path], folder: Path, stop_after: int | None = None, **changes: object
) -> Produced:
    cfg = synthetic.view(TRAIN_SOVITS, synthetic.settings(sovits=changes))
    work = synthetic.work(folder, stop_after)
    return sovits_training.train_sovits(synthetic.FakeInputs({"shard": shards}), cfg, work)


@pytest.fixture(scope="module")
def sovits(shards: dict[str, Path], tmp_path_factory: pytest.TempPathFactory) -> Produced:
    return train_sovits(shards, tmp_path_factory.mktemp("sovits"))


@pytest.fixture(scope="module")
def codes(shards: dict[str, Path], sovits: Produced) -> pa.Table:
    rows = []
    for split in ("train", "validation", "test"):
        for number in range(2 if split != "train" else 7):
            index = {"train": 0, "validation": 7, "test": 9}[split] + number
            row = synthetic.row(index, 0.8 + 0.1 * number)
            features = {
                "features": row["content"],
                "dim": row["content_dim"],
                "n_frames": row["n_frames"],
            }
            rows.append({**{k: row[k] for k in ("utterance_id", "source_digest")}, **features})
    cfg = synthetic.view(SEMANTIC, synthetic.settings())
    outcomes = semantic_rows(rows, cfg, {"train_sovits": sovits.files})
    return pa.Table.from_pylist([o.rows[0] for o in outcomes], schema=SEMANTIC.schema)


def train_t2s(
    shards: dict[str, Path],
    codes: pa.Table,
    sovits: Produced,
    folder: Path,
    stop_after: int | None = None,
    **changes: object,
) -> Produced:
    inputs = synthetic.FakeInputs({"shard": shards, "train_sovits": dict(sovits.files)}, {"semantic": codes})
    cfg = synthetic.view(TRAIN_T2S, synthetic.settings(t2s=changes))
    return t2s_training.train_t2s(inputs, cfg, synthetic.work(folder, stop_after))


def test_sovits_makes_weights_config_and_curves(sovits: Produced) -> None:
    assert {name for name in sovits.files if not name.startswith("samples/")} == {
        "generator.safetensors",
        "discriminator.safetensors",
        "config.json",
        "curves.json",
    }
    weights = load_file(sovits.files["generator.safetensors"])
    assert all(torch.isfinite(tensor).all() for tensor in weights.values())
    assert sovits.metrics["steps"] == 6
    assert [step for step, _ in sovits.series["train/mel"]] == [2, 4, 6]
    assert [step for step, _ in sovits.series["validation/mel"]] == [3, 6]
    config = json.loads(sovits.files["config.json"].read_text())
    assert config["sizes"]["content_channels"] == 12
    assert config["symbol_table"] == "ipa"


def test_more_clips_are_rendered_than_measured_where_the_settings_say_so(
    shards: dict[str, Path], tmp_path: Path
) -> None:
    produced = train_sovits(shards, tmp_path, max_steps=3, validation_clips=1, sample_clips=2)
    rendered = {name.split("/")[2].split(".")[0] for name in produced.files if name.startswith("samples/")}
    assert rendered == {"tone_007", "tone_008"}


@pytest.mark.parametrize("stop_after", [1, 3, 5])
def test_interrupted_sovits_equals_uninterrupted(
    stop_after: int, shards: dict[str, Path], sovits: Produced, tmp_path: Path
) -> None:
    with pytest.raises(StoppedError, match=f"step {stop_after}"):
        train_sovits(shards, tmp_path, stop_after)
    resumed = train_sovits(shards, tmp_path)
    assert synthetic.file_bytes(resumed) == synthetic.file_bytes(sovits)
    assert resumed.metrics == sovits.metrics
    assert resumed.series == sovits.series


def test_quantizer_can_learn(shards: dict[str, Path], sovits: Produced, tmp_path: Path) -> None:
    frozen = load_file(sovits.files["generator.safetensors"])
    learning = train_sovits(shards, tmp_path, freeze_quantizer=False)
    learned = load_file(learning.files["generator.safetensors"])
    key = "quantizer.vq.layers.0._codebook.embed"
    assert learned[key].shape == frozen[key].shape
    assert not torch.equal(learned[key], frozen[key])
    assert learning.metrics["train/kl_ssl"] > 0 == sovits.metrics["train/kl_ssl"]


def test_sovits_learns_the_tones(shards: dict[str, Path], tmp_path: Path) -> None:
    produced = train_sovits(
        shards, tmp_path, max_steps=60, validate_every_steps=30, checkpoint_every_steps=60
    )
    (_, first), *_, (_, last) = produced.series["train/mel"]
    assert last < 0.6 * first


def test_long_clips_are_rejected_by_name(shards: dict[str, Path], tmp_path: Path) -> None:
    produced = train_sovits(shards, tmp_path, max_clip_s=1.2)
    assert produced.rejects
    assert {r.code for r in produced.rejects} == {"too_long"}
    assert produced.metrics["clips"] == 7 - len(produced.rejects)
    with pytest.raises(UserError, match=r"none of 7 .*max_clip_s = 0.1 s"):
        train_sovits(shards, tmp_path / "none", max_clip_s=0.1)


def test_bf16_trains_both_networks(
    shards: dict[str, Path], codes: pa.Table, sovits: Produced, tmp_path: Path
) -> None:
    tree = synthetic.settings(compute={"precision": "bf16"})
    inputs = synthetic.FakeInputs({"shard": shards, "train_sovits": dict(sovits.files)}, {"semantic": codes})
    for function, stage, loss in (
        (sovits_training.train_sovits, TRAIN_SOVITS, "train/mel"),
        (t2s_training.train_t2s, TRAIN_T2S, "train/cross_entropy"),
    ):
        work = synthetic.work(tmp_path / stage.name)
        produced = function(inputs, synthetic.view(stage, tree), work)
        assert np.isfinite(produced.metrics[loss])
        assert produced.metrics["skipped_steps"] == 0
        weights = load_file(next(p for n, p in produced.files.items() if n.endswith(".safetensors")))
        assert all(tensor.dtype != torch.bfloat16 for tensor in weights.values())


def test_one_clip_shorter_than_a_segment_trains(tmp_path: Path) -> None:
    path = tmp_path / "train-0.parquet"
    pq.write_table(pa.Table.from_pylist([synthetic.row(0, 0.2)]), path)
    produced = train_sovits({path.name: path}, tmp_path / "work", max_steps=3)
    assert produced.metrics["clips"] == 1
    assert all(np.isfinite(value) for value in produced.metrics.values())
    assert "validation/mel" not in produced.series


def test_contradicting_sizes_are_a_user_error(shards: dict[str, Path], tmp_path: Path) -> None:
    sizes = {**synthetic.TINY_SOVITS["sizes"], "upsample_rates": [10, 4, 2, 2, 3]}
    with pytest.raises(UserError, match="upsample_rates"):
        train_sovits(shards, tmp_path, sizes=sizes)


def test_codes_are_as_many_as_25_per_second(codes: pa.Table, sovits: Produced) -> None:
    for row in codes.to_pylist():
        assert all(0 <= code < 16 for code in row["codes"])
    index = codes.column("utterance_id").to_pylist().index("tone_003")
    # An odd last frame has no code.
    n_frames = synthetic.row(3, 1.1)["n_frames"]
    assert n_frames % 2 == 1
    assert len(codes.column("codes")[index]) == n_frames // 2
    assert len(set(codes.column("codes")[0].as_py())) > 2


@pytest.mark.parametrize("stop_after", [2, 5])
def test_interrupted_t2s_equals_uninterrupted(
    stop_after: int, shards: dict[str, Path], codes: pa.Table, sovits: Produced, tmp_path: Path
) -> None:
    whole = train_t2s(shards, codes, sovits, tmp_path / "whole")
    with pytest.raises(StoppedError):
        train_t2s(shards, codes, sovits, tmp_path / "parts", stop_after)
    resumed = train_t2s(shards, codes, sovits, tmp_path / "parts")
    assert synthetic.file_bytes(resumed) == synthetic.file_bytes(whole)
    assert set(whole.files) == {"decoder.safetensors", "config.json", "curves.json"}


def test_t2s_learns(shards: dict[str, Path], codes: pa.Table, sovits: Produced, tmp_path: Path) -> None:
    produced = train_t2s(
        shards,
        codes,
        sovits,
        tmp_path,
        max_steps=80,
        learning_rate=5e-3,
        validate_every_steps=0,
        checkpoint_every_steps=80,
    )
    curve = produced.series["train/cross_entropy"]
    assert curve[-1][1] < 0.6 * curve[0][1]


def test_t2s_refuses_what_it_cannot_learn_from(
    shards: dict[str, Path], codes: pa.Table, sovits: Produced, tmp_path: Path
) -> None:
    produced = train_t2s(shards, codes.slice(1), sovits, tmp_path, max_phones=10)
    codes_of = {r.row_id: r.code for r in produced.rejects}
    assert codes_of["tone_000"] == "no_codes"
    assert "too_long" in codes_of.values()
    assert produced.metrics["clips"] == 7 - len(codes_of)
    with pytest.raises(UserError, match="none of 7 training clips"):
        train_t2s(shards, codes, sovits, tmp_path / "none", min_phones_per_s=24)


def test_t2s_refuses_clips_slower_than_3_and_faster_than_25_phones_a_second(
    shards: dict[str, Path], codes: pa.Table, sovits: Produced, tmp_path: Path
) -> None:
    train = pq.read_table(shards["data/train-00000-of-00001.parquet"], columns=["utterance_id", "phone_ids"])
    phones = {row["utterance_id"]: len(row["phone_ids"]) for row in train.to_pylist()}
    slowest, fastest = ({name: 25 * n / rate for name, n in phones.items()} for rate in (3, 25))
    names = sorted(phones)
    # Just within both limits, just without.
    lengths = dict(zip(names[:4], (int(slowest[names[0]]), int(slowest[names[1]]) + 1,
                                   int(np.ceil(fastest[names[2]])), int(np.ceil(fastest[names[3]])) - 1),
                       strict=True))  # fmt: skip
    rows = codes.to_pylist()
    for row in rows:
        row["codes"] = [1] * lengths.get(row["utterance_id"], len(row["codes"]))
    changed = pa.Table.from_pylist(rows, schema=codes.schema)
    limits = {"min_phones_per_s": T2sTrainSettings().min_phones_per_s, "max_steps": 1}
    produced = train_t2s(shards, changed, sovits, tmp_path, **limits)
    refused = {reject.row_id for reject in produced.rejects if reject.code == "speaking_rate"}
    assert refused & set(lengths) == {names[1], names[3]}


def test_the_plan_repeats_20_clips_in_t2s_alone(tmp_path: Path) -> None:
    tree = synthetic.settings()
    unlimited = {"pretrained": "s.pth", "max_steps": None, "max_epochs": None}
    tree.train = SimpleNamespace(
        plan=PlanSettings(), sovits=SovitsTrainSettings(**unlimited), t2s=T2sTrainSettings(**unlimited)
    )
    screened = pa.table({"utterance_id": [f"c{n}" for n in range(20)], "speech_s": [10.0] * 20})
    inputs = synthetic.FakeInputs({"shard": synthetic.write_shards(tmp_path / "s", 20)}, {"screen": screened})
    produced = plan_corpus(inputs, synthetic.view(PLAN, tree), synthetic.work(tmp_path / "plan"))
    lengths = json.loads(produced.files["plan.json"].read_text())
    # 5 batches of 4 an epoch: one SoVITS step each; four to a step of T2S, and 5 passes make its epoch.
    assert lengths["sovits"]["max_epochs"] == 15
    assert lengths["t2s"]["max_epochs"] == 8 * 5


def test_t2s_keeps_the_published_rate_from_the_first_step_to_the_last() -> None:
    step = T2SStep(TextToSemantic(t2s_config("v2", width=16, n_heads=2, n_layers=1, feed_forward=32)))
    recipe = T2sRecipe(step, T2sTrainSettings(), 50, Machine(torch.device("cpu"), bf16=False))
    rates = []
    for number in range(50):
        recipe.set_learning_rates(number, 0)
        rates.append(recipe.optimisers["decoder"].param_groups[0]["lr"])
    assert rates == [0.002] * 50


def test_learning_rate_rises_then_falls() -> None:
    rates = [warmup_cosine(step, 100, 10, 1.0, 0.1) for step in range(101)]
    assert rates[0] == pytest.approx(0.1)
    assert max(rates) == rates[10] == 1.0
    assert rates[-1] == pytest.approx(0.1)
    assert np.all(np.diff(rates[10:]) < 0)


def test_spectrogram_is_computed_where_the_shards_have_none(shards: dict[str, Path], tmp_path: Path) -> None:
    rows = pq.read_table(shards["data/validation-00000-of-00001.parquet"]).to_pylist()
    without = [{**row, "linear": b""} for row in rows]
    path = tmp_path / "validation-0.parquet"
    pq.write_table(pa.Table.from_pylist(without), path)
    frame = spectrogram_parameters(synthetic.FAMILY)
    kept = read_split(shards, "validation", frame, 10)[0]
    computed = read_split({path.name: path}, "validation", frame, 10)[0]
    expected = linear_spectrogram(torch.from_numpy(computed.wave)[None], frame)[0].numpy()
    assert computed.linear.shape == kept.linear.shape == expected.shape
    # What the shards hold was rounded to half precision before it was levelled, and again after.
    assert np.allclose(computed.linear, kept.linear, rtol=2e-3, atol=2e-2)


@pytest.mark.parametrize("level", [0.02, 0.3, 1.0])
def test_clips_are_trained_on_half_scaled_to_a_peak_of_95_hundredths(tmp_path: Path, level: float) -> None:
    row = synthetic.row(4, 0.5)
    frame = spectrogram_parameters(synthetic.FAMILY)
    wave = synthetic.tone(4, 0.5)
    wave *= np.float32(level / np.abs(wave).max())
    row["audio"]["bytes"] = encode_flac(wave, synthetic.FAMILY.sample_rate)
    linear = linear_spectrogram(torch.from_numpy(wave)[None], frame)[0]
    for stored in (synthetic.as_bytes(linear), b""):
        path = tmp_path / f"train-{len(stored)}.parquet"
        pq.write_table(pa.Table.from_pylist([{**row, "linear": stored}]), path)
        example = read_split({path.name: path}, "train", frame, 10)[0]
        assert np.abs(example.wave).max() == pytest.approx(0.475 + 0.5 * level, abs=2e-3)
        heard = linear_spectrogram(torch.from_numpy(example.wave)[None], frame)[0].numpy()
        np.testing.assert_allclose(example.linear, heard, rtol=1e-2, atol=0.05 * heard.max() ** 0.5)


def test_digital_silence_keeps_its_level() -> None:
    assert training_gain(np.zeros(5, np.float32)) == 1.0


def test_infinite_feature_names_the_clip(tmp_path: Path) -> None:
    row = synthetic.row(4, 0.5)
    broken = np.frombuffer(row["content"], np.float16).copy()
    broken[7] = np.inf
    path = tmp_path / "train-0.parquet"
    pq.write_table(pa.Table.from_pylist([{**row, "content": broken.tobytes()}]), path)
    examples = read_split({path.name: path}, "train", spectrogram_parameters(synthetic.FAMILY), 10)
    with pytest.raises(UserError, match="content of tone_004"):
        examples[0]


def test_early_stopping_needs_something_to_watch() -> None:
    with pytest.raises(ValueError, match="early_stop_patience"):
        SovitsTrainSettings(early_stop_patience=2, validate_every_steps=0)


def test_the_references_batches_train_and_warn(shards: dict[str, Path], tmp_path: Path) -> None:
    produced = train_sovits(shards, tmp_path, batching="gpt-sovits", max_steps=2)
    assert produced.metrics["steps"] == 2
    assert any("train.sovits.batching = gpt-sovits repeats" in warning for warning in produced.warnings)


def test_v2pro_learns_from_shards_with_speaker_vectors_alone(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"features\.speaker_vector\.backend=eres2netv2"):
        train_sovits(synthetic.write_shards(tmp_path / "without"), tmp_path / "a", version="v2Pro")
    shards = synthetic.write_shards(tmp_path / "with", train=3, held_out=1)
    random = np.random.default_rng(0)
    for path in shards.values():
        rows = pq.read_table(path).to_pylist()
        made = [{**r, "speaker_vector": random.random(20_480, np.float32).tobytes()} for r in rows]
        pq.write_table(pa.Table.from_pylist(made), path)
    produced = train_sovits(shards, tmp_path / "b", version="v2Pro", max_steps=2)
    assert produced.metrics["steps"] == 2
