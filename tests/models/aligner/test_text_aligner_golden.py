"""The text aligner and the monotonic search reproduce the reference."""

from pathlib import Path
from typing import Any

import pytest
import torch

from models.aligner.monotonic import monotonic_path
from models.aligner.text_aligner import HIDE_PROBABILITY, TextAligner
from models.layers.masking import sequence_mask
from tests.models import styletts2_golden as golden

pytestmark = pytest.mark.golden

CONFIGURATIONS = ["styletts2_ljspeech_istftnet", "styletts2_libritts_hifigan"]


def _sizes(goldens: Path, configuration: str) -> dict[str, Any]:
    shapes = golden.shapes(goldens, configuration)["text_aligner"]
    n_symbols, embedding = shapes["asr_s2s.embedding.weight"]
    location = shapes["asr_s2s.attention_layer.location_layer.location_conv.conv.weight"]
    return {
        "n_symbols": n_symbols,
        "n_mels": shapes["to_mfcc.dct_mat"][0],
        "n_mfcc": shapes["to_mfcc.dct_mat"][1],
        "hidden": shapes["init_cnn.conv.bias"][0],
        "n_layers": len({key.split(".")[1] for key in shapes if key.startswith("cnns.")}),
        "attention": shapes["projection.conv.bias"][0],
        "embedding": embedding,
        "location_channels": location[0],
        "location_kernel": location[2],
    }


@pytest.mark.parametrize("configuration", CONFIGURATIONS)
def test_state_dict_has_the_published_names_and_shapes(goldens: Path, configuration: str) -> None:
    aligner = TextAligner(**_sizes(goldens, configuration))
    found = {key: list(value.shape) for key, value in aligner.state_dict().items()}
    assert found == golden.shapes(goldens, configuration)["text_aligner"]


@pytest.mark.parametrize("name", ["aligner", "aligner_tokmask"])
@torch.no_grad()
def test_alignment_reproduces_the_reference(goldens: Path, name: str) -> None:
    aligner = TextAligner(**_sizes(goldens, CONFIGURATIONS[0])).eval()
    golden.fill(goldens, "text_aligner", aligner)
    given = golden.inputs(goldens, name)
    n_frames = given["mel_lengths"] // 2
    frame_mask = sequence_mask(n_frames, given["mel"].shape[-1] // 2)
    hidden = given["mask_u"] < HIDE_PROBABILITY if "mask_u" in given else None
    found = aligner(given["mel"], frame_mask, given["tokens"], hidden=hidden)
    golden.check(goldens, name, "ppgs", found.ppgs)
    golden.check(goldens, name, "s2s_pred", found.logits)
    golden.check(goldens, name, "s2s_attn", found.attention)
    golden.check(goldens, name, "feature", aligner.encode(given["mel"]))
    path = monotonic_path(found.attention, given["token_lengths"], n_frames)
    golden.check(goldens, name, "mono", path)


def test_monotonic_path_is_the_reference_s(goldens: Path) -> None:
    given = golden.inputs(goldens, "mas")
    path = monotonic_path(given["sim"], given["text_lengths"], given["frame_lengths"])
    golden.check(goldens, "mas", "path", path)
