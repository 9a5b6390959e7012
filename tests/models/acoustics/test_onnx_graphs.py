"""The four parts that synthesis is exported as, run one after the other in torch, are the whole model."""

from __future__ import annotations

import torch

from models.acoustics.onnx_graphs import arguments, probe, synthesis_graphs
from tests.models.kokoro import small


@torch.no_grad()
def test_each_part_gets_what_the_ones_before_it_made() -> None:
    parts = small.model().synthesis_parts()
    graphs, probed = synthesis_graphs(parts), probe(parts, 9)
    given = arguments(graphs, probed)
    assert list(given) == [graph.name for graph in graphs] == ["text", "prosody", "source", "decoder"]
    prosodic, acoustic = probed.style[:, parts.style_dim :], probed.style[:, : parts.style_dim]
    features, f0_hz, energy, _, har = given["decoder"]
    by_frame, _ = given["prosody"]
    n_frames = int(probed.frames.sum())
    assert features.shape[2] == by_frame.shape[2] == n_frames and f0_hz.shape[1] == 2 * n_frames
    torch.testing.assert_close(energy, parts.predictor.pitch_and_energy(by_frame, prosodic).energy)
    torch.testing.assert_close(har, parts.decoder.generator.har(probed.f0_hz, probed.noise))
    (wave,) = [graph.module(*given["decoder"]) for graph in graphs if graph.name == "decoder"]
    torch.testing.assert_close(wave, parts.decoder(features, f0_hz, energy, acoustic, har=har)[:, 0])


@torch.no_grad()
def test_a_probe_is_one_text_at_its_own_speed() -> None:
    parts = small.model().synthesis_parts()
    (text, *_), probed = synthesis_graphs(parts), probe(parts, 9)
    _, as_trained, _, _ = text.module(probed.tokens, probed.style, probed.speed)
    _, twice_as_fast, _, _ = text.module(probed.tokens, probed.style, torch.tensor([2.0]))
    assert probed.speed.shape == (1,)
    torch.testing.assert_close(as_trained, 2 * twice_as_fast)
