"""The pitch extractor: the reference's numbers, single clips, and nothing that drifts."""

from pathlib import Path

import pytest
import torch

from models.pitch.jdc import PitchExtractor
from tests.models import styletts2_golden as golden
from tests.models.golden_fill import normal

CONFIGURATIONS = ["styletts2_ljspeech_istftnet", "styletts2_libritts_hifigan"]
SMALL = {"channels": (4, 6, 8, 10), "lstm": 6, "n_mels": 64}


def _published(goldens: Path, configuration: str) -> PitchExtractor:
    shapes = golden.shapes(goldens, configuration)["pitch_extractor"]
    widths = [shapes["conv_block.0.weight"], *(shapes[f"res_block{i}.conv1by1.weight"] for i in (1, 2, 3))]
    hidden = shapes["bilstm_classifier.weight_hh_l0"][1]
    return PitchExtractor([width[0] for width in widths], hidden)


@pytest.mark.golden
@pytest.mark.parametrize("configuration", CONFIGURATIONS)
def test_state_dict_has_the_published_names_and_shapes(goldens: Path, configuration: str) -> None:
    found = {key: list(value.shape) for key, value in _published(goldens, configuration).state_dict().items()}
    assert found == golden.shapes(goldens, configuration)["pitch_extractor"]


@pytest.mark.slow
@pytest.mark.golden
def test_pitch_reproduces_the_reference_alone_and_in_a_batch(goldens: Path) -> None:
    extractor = _published(goldens, CONFIGURATIONS[0])
    golden.fill(goldens, "pitch_extractor", extractor)
    mel = golden.inputs(goldens, "pitch_extractor")["mel"]
    found = extractor(mel)
    golden.check(goldens, "pitch_extractor", "F0", found.f0_hz)
    golden.check(goldens, "pitch_extractor", "gan_feature", found.bands)
    golden.check(goldens, "pitch_extractor", "pool", found.pooled)
    golden.check(goldens, "pitch_extractor", "F0", torch.cat([extractor(clip[None]).f0_hz for clip in mel]))


@pytest.mark.parametrize("n_frames", [1, 7, 40])
def test_other_sizes_keep_the_frames(n_frames: int) -> None:
    extractor = PitchExtractor(**SMALL)
    golden.fill_with_salt("jdc", "pitch_extractor", extractor)
    found = extractor(normal("mel", 3, 1, SMALL["n_mels"], n_frames))
    assert found.f0_hz.shape == (3, n_frames)
    assert (found.f0_hz >= 0).all()
    assert found.bands.shape == (3, 10, 8, n_frames)
    assert found.pooled.shape == (3, 10, n_frames, 2)


def test_training_its_parent_changes_nothing() -> None:
    extractor = PitchExtractor(**SMALL)
    parent = torch.nn.ModuleList([extractor]).train()
    before = {key: value.clone() for key, value in parent.state_dict().items()}
    mel = normal("mel", 2, 1, SMALL["n_mels"], 9).requires_grad_()
    first, second = extractor(mel).f0_hz, extractor(mel).f0_hz
    assert torch.equal(first, second) and not first.requires_grad
    assert all(torch.equal(value, before[key]) for key, value in parent.state_dict().items())
    assert not any(p.requires_grad for p in parent.parameters())
