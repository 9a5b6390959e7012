"""What the prosody predictor does in training alone: its head's dropout, and where fresh pitch starts."""

import torch

from models.acoustics.prosody import ProsodyPredictor
from tests.models.golden_fill import normal


def fresh() -> ProsodyPredictor:
    torch.manual_seed(0)
    return ProsodyPredictor(8, 16, 2, 10, 0.0)


@torch.no_grad()
def test_whole_duration_logits_are_those_of_speaking() -> None:
    predictor = fresh().train()
    d = normal("prosody/d", 2, 7, 24)
    learning = predictor.both_duration_logits(d)
    speaking = predictor.eval().both_duration_logits(d)
    torch.testing.assert_close(learning.whole, speaking.whole)
    assert torch.equal(speaking.dropped, speaking.whole)
    assert not torch.allclose(learning.dropped, learning.whole)


@torch.no_grad()
def test_fresh_pitch_is_of_the_size_of_speech() -> None:
    predictor = fresh().eval()
    en, style = normal("prosody/en", 1, 24, 40), normal("prosody/style", 1, 8)
    drawn = predictor.pitch_and_energy(en, style)
    predictor.speak_in_hz()
    scaled = predictor.pitch_and_energy(en, style)
    assert float(drawn.f0_hz.abs().mean()) < 5
    assert 20 < float(scaled.f0_hz.abs().mean()) < 500
    assert torch.equal(scaled.energy, drawn.energy)
