"""StyleTTS 2's training on recorded speech: who learns in a step of each phase, and clips of a second."""

from __future__ import annotations

import csv
import math
from pathlib import Path
from typing import Any

import pytest
import soundfile
import torch
from safetensors.torch import load_file
from torch import Tensor, nn
from torch.nn import functional

from configs.errors import UserError
from models.acoustics.batch import AcousticBatch
from models.acoustics.spectral_norm import SpectralConv2d
from models.frontend.audio import resample
from models.frontend.f0 import track_pitch
from models.frontend.text.g2p import phonemize
from tasks.finetune.characters.clips import collate, read_clips
from tasks.finetune.recipe import Updater
from tests.models.styletts2 import training_case
from tests.tasks.finetune.styletts2 import case as styletts2_case

pytestmark = pytest.mark.slow

ACOUSTIC = {"text_encoder", "style_encoder", "decoder"}
ALIGNER = {"text_aligner"}
JUDGES = {"mpd", "msd"}
PROSODY = {"bert", "bert_encoder", "predictor", "predictor_encoder"}
DIFFUSION = {"diffusion"}
SLM_JUDGE = {"wd"}
TRAINED = {
    ("stage1", 0): ACOUSTIC,
    ("stage1", 2): ACOUSTIC | ALIGNER | JUDGES,
    ("stage2", 0): PROSODY,
    ("stage2", 2): PROSODY | DIFFUSION | JUDGES,
    ("stage2", 4): PROSODY | DIFFUSION | JUDGES | {"style_encoder", "decoder"} | SLM_JUDGE,
    ("finetune", 0): PROSODY | ACOUSTIC | ALIGNER | JUDGES,
    ("finetune", 2): PROSODY | ACOUSTIC | ALIGNER | JUDGES | DIFFUSION,
    ("finetune", 4): PROSODY | ACOUSTIC | ALIGNER | JUDGES | DIFFUSION | SLM_JUDGE,
}
"""By stage and a step of each of its phases."""

LOSSES = {
    ("stage1", 0): "mel",
    ("stage1", 2): "mel mono s2s gen slm disc",
    ("stage2", 0): "mel slm f0 norm dur length ce",
    ("stage2", 2): "mel slm f0 norm dur length ce sty diff sigma_data gen disc",
    ("stage2", 4): "mel slm f0 norm dur length ce sty diff sigma_data gen disc slm_gen slm_disc",
    ("finetune", 0): "mel slm f0 norm dur length ce mono s2s gen disc",
    ("finetune", 2): "mel slm f0 norm dur length ce mono s2s sty diff sigma_data gen disc",
    ("finetune", 4): "mel slm f0 norm dur length ce mono s2s sty diff sigma_data gen disc slm_gen slm_disc",
}


def recorded(speech: Path, folder: Path, seconds: float, train: int) -> dict[str, Path]:
    """Shards of the beginnings of `train` recordings and one that is held out."""
    corpus = speech / "ljs-mini"
    with (corpus / "metadata.csv").open(encoding="utf-8", newline="") as lines:
        texts = {name: text for name, *_, text in csv.reader(lines, delimiter="|", quoting=csv.QUOTE_NONE)}
    rows = []
    for number, path in enumerate(sorted((corpus / "wavs").iterdir())[: train + 1]):
        wave, rate = soundfile.read(path, dtype="float32")
        whole_s = len(wave) / rate
        family = styletts2_case.FAMILY
        heard = resample(wave[: int(seconds * rate)], rate, family.sample_rate)
        f0_hz = track_pitch(
            heard, family.sample_rate, family.hop_samples, len(heard) // family.hop_samples, "dio"
        ).f0_hz
        words = texts[path.stem].split()
        read = phonemize(" ".join(words[: math.ceil(len(words) * seconds / whole_s)]), "en", "ipa")
        said = styletts2_case.Said(read.words, read.phones, read.word2ph)
        split = "validation" if number == train else "train"
        rows.append(styletts2_case.row(path.stem, "reader", split, heard, f0_hz, said))
    return styletts2_case.write_rows(folder, rows)


@pytest.fixture(scope="module")
def slm(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    return styletts2_case.slm(tmp_path_factory.mktemp("slm"))


@pytest.fixture(scope="module")
def two_clips(speech: Path, tmp_path_factory: pytest.TempPathFactory) -> AcousticBatch:
    files = recorded(speech, tmp_path_factory.mktemp("two"), seconds=1.6, train=2)
    clips = read_clips(files, "train", styletts2_case.FAMILY, 64)
    return collate([clips[0], clips[1]])


def spectral_vectors(modules: dict[str, nn.Module], iterated: set[str]) -> dict[str, Tensor]:
    """The left vector of every spectral norm, one power iteration on in the networks named."""
    found = {}
    for name, module in modules.items():
        for key, layer in module.named_modules():
            if not isinstance(layer, SpectralConv2d):
                continue
            matrix, u = layer.weight_orig.detach().flatten(1), layer.weight_u.clone()
            if name in iterated:
                u = functional.normalize(matrix @ functional.normalize(matrix.T @ u, dim=0), dim=0)
            found[f"{name}.{key}"] = u
    return found


@pytest.mark.parametrize(("stage", "position"), TRAINED)
def test_a_step_trains_exactly_the_networks_of_its_phase(
    stage: str, position: int, two_clips: AcousticBatch, slm: dict[str, Any]
) -> None:
    recipe = styletts2_case.recipe_of(stage, slm=slm)
    trained = TRAINED[stage, position]
    wavlm = recipe.networks.wavlm
    assert wavlm is not None
    every: dict[str, nn.Module] = {**recipe.modules, "wavlm": wavlm}
    counting = {name for name, net in every.items() if any("running_" in key for key in net.state_dict())}
    assert counting == {"pitch_extractor"}
    before, spectral = training_case.state(every), spectral_vectors(every, trained)
    reached = set()

    def note(*_: object) -> None:
        reached.update(
            name
            for name, net in every.items()
            if any(p.grad is not None and bool(p.grad.any()) for p in net.parameters())
        )

    for optimiser in recipe.optimisers.values():
        optimiser.register_step_pre_hook(note)
    recipe.set_learning_rates(position, 0)
    update = Updater(recipe, 1, {})
    update.start_step()
    for _ in update.passes():
        torch.manual_seed(1)
        recipe.train_step(two_clips, update, torch.Generator().manual_seed(1))
    assert {name for name in update.losses if "/" not in name} == set(LOSSES[stage, position].split())
    assert all(math.isfinite(value) for value in update.losses.values()), update.losses
    assert reached == trained
    # Frozen networks keep every bit: weights, spectral norms' vectors and the pitch extractor's statistics.
    assert training_case.changed(before, every) == trained
    for name, vector in spectral_vectors(every, set()).items():
        torch.testing.assert_close(vector, spectral[name], rtol=1e-4, atol=1e-6, msg=name)


@pytest.fixture(scope="module")
def short(speech: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    return recorded(speech, tmp_path_factory.mktemp("short"), seconds=1.0, train=3)


@pytest.mark.parametrize("batch_size", [1, 2])
def test_clips_of_a_second_train_stably_through_every_phase(
    batch_size: int, short: dict[str, Path], slm: dict[str, Any], tmp_path: Path
) -> None:
    """One clip alone has no other to be judged beside, so it trains without the SLM adversary."""
    changes: dict[str, Any] = {"batch_size": batch_size, "max_len_frames": 400, "sample_clips": 0}
    changes |= {"validate_every_steps": 6, "checkpoint_every_steps": 6}
    changes["slm"] = slm if batch_size > 1 else {**slm, "adversary": None}
    files = {"shard": short}
    for stage, steps in (("stage1", 4), ("stage2", 6), ("finetune", 6)):
        if stage == "finetune":
            files = {"shard": short}
            changes["pretrained"] = str(tmp_path / "stage2" / "result")
        produced = styletts2_case.train(stage, files, tmp_path / stage, **changes)
        for name, points in produced.series.items():
            assert all(math.isfinite(value) for _, value in points), name
        assert [step for step, _ in produced.series["train/mel"]] == [*range(1, steps + 1)]
        assert ("train/slm_gen" in produced.series) == (batch_size > 1 and stage != "stage1")
        weights = {n: path for n, path in produced.files.items() if n.endswith(".safetensors")}
        for name, path in weights.items():
            assert all(bool(tensor.isfinite().all()) for tensor in load_file(path).values()), name
        files = {"shard": short, f"train_styletts2_{stage}": produced.files}


@pytest.mark.parametrize(
    ("batch_size", "adversary", "said"),
    [
        (1, {}, r"batch_size = 1 is 1 clip.*batch_size to 4"),
        (2, {}, r"batch_size = 2 is 1 clip.*batch_percentage to 1"),
        (2, {"batch_percentage": 1.0}, r"min_len = 400 frames \(5 s\): no batch holds two clips"),
    ],
)
def test_an_adversary_that_seconds_cannot_feed_is_refused(
    batch_size: int,
    adversary: dict[str, Any],
    said: str,
    short: dict[str, Path],
    slm: dict[str, Any],
    tmp_path: Path,
) -> None:
    changes = {"batch_size": batch_size, "slm": {**slm, "adversary": adversary}}
    with pytest.raises(UserError, match=said):
        styletts2_case.train("finetune", {"shard": short}, tmp_path, **changes)
