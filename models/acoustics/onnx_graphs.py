"""The way from tokens to a waveform in four pieces that an ONNX runtime can run one after the other.

    text     tokens, style, speed        -> frames of each token, features of prosody and of text
    prosody  prosody features by frame   -> pitch and energy
    source   pitch, noise                -> source features
    decoder  text features by frame, pitch, energy, style, source features -> waveform

Between the first and the second every token's features are repeated by its frames, which is one line of
numpy, and the place where a caller may change the timing. Noise is an input, so that equal inputs give
equal speech. StyleTTS 2 and Kokoro share the pieces; rows are one at a time, since the decoder's norms would
hear padding.
"""

import copy
from collections.abc import Sequence
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from models.acoustics.decoder import Decoder
from models.acoustics.durations import delayed, predicted_durations, whole_frames
from models.acoustics.generators import IstftGenerator
from models.acoustics.lstm import BidirectionalLstm
from models.acoustics.synthesis_parts import SynthesisParts

MIN_TOKENS, MIN_FRAMES = 3, 4
"""Fewest that the graphs promise to take."""


class Graph(NamedTuple):
    """One of the pieces, ready to be traced."""

    name: str
    module: nn.Module
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    dynamic: tuple[dict[int, Any], ...]
    """Of each input, its free dimensions as `torch.export.Dim`."""


class Probe(NamedTuple):
    """Made-up inputs of one length, to trace the pieces with and to compare them on."""

    tokens: Tensor
    """[1, L] int64"""
    style: Tensor
    """[1, 2 style_dim]"""
    speed: Tensor
    """[1]"""
    frames: Tensor
    """[L] int64, one to three per token"""
    f0_hz: Tensor
    """[1, 2 T], voiced in between"""
    noise: Tensor
    """[1, 2 T hop_samples, harmonics]"""


class TextGraph(nn.Module):
    """See the module's docstring."""

    def __init__(self, parts: SynthesisParts) -> None:
        super().__init__()
        self.bert, self.bert_encoder = parts.bert, parts.bert_encoder
        self.predictor, self.text_encoder = parts.predictor, parts.text_encoder
        self.style_dim, self.trailing_frames = parts.style_dim, parts.trailing_frames

    def forward(self, tokens: Tensor, style: Tensor, speed: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """[1, L], [1, 2 style_dim], [1] -> frames [1, L] int64, the same before they are made whole and the
        last one's extra, prosody features [1, C + style_dim, L], text features [1, C, L].
        """
        prosodic = style[:, self.style_dim :]
        bert = self.bert(tokens, torch.ones_like(tokens, dtype=torch.bool))
        d = self.predictor.encode(self.bert_encoder(bert).transpose(1, 2), prosodic)
        durations = predicted_durations(self.predictor.duration_logits(d)) / speed
        whole = whole_frames(durations)
        frames = torch.cat((whole[:, :-1], whole[:, -1:] + self.trailing_frames), dim=1)
        return frames, durations, d.transpose(1, 2), self.text_encoder(tokens)


class ProsodyGraph(nn.Module):
    """See the module's docstring."""

    def __init__(self, parts: SynthesisParts) -> None:
        super().__init__()
        self.predictor = parts.predictor
        self.style_dim, self.delay = parts.style_dim, parts.frame_delay

    def forward(self, features: Tensor, style: Tensor) -> tuple[Tensor, Tensor]:
        """[1, C + style_dim, T] -> pitch in Hz and energy, [1, 2 T] each."""
        curves = self.predictor.pitch_and_energy(delayed(features, self.delay), style[:, self.style_dim :])
        return curves.f0_hz, curves.energy


class SourceGraph(nn.Module):
    """See the module's docstring."""

    def __init__(self, parts: SynthesisParts) -> None:
        super().__init__()
        self.decoder = parts.decoder

    def forward(self, f0_hz: Tensor, noise: Tensor) -> Tensor:
        """[1, 2 T], [1, 2 T hop_samples, harmonics] standard normal -> as `Decoder.har`."""
        return self.decoder.generator.har(f0_hz, noise)


class DecoderGraph(nn.Module):
    """See the module's docstring."""

    def __init__(self, parts: SynthesisParts) -> None:
        super().__init__()
        self.decoder = parts.decoder
        self.style_dim, self.delay = parts.style_dim, parts.frame_delay

    def forward(self, features: Tensor, f0_hz: Tensor, energy: Tensor, style: Tensor, har: Tensor) -> Tensor:
        """[1, C, T], [1, 2 T], [1, 2 T], [1, 2 style_dim], source features -> [1, 2 T hop_samples]."""
        text = delayed(features, self.delay)
        return self.decoder(text, f0_hz, energy, style[:, : self.style_dim], har=har)[:, 0]


def synthesis_graphs(parts: SynthesisParts) -> tuple[Graph, ...]:
    """The four, in the order in which they run."""
    tokens = torch.export.Dim("tokens", min=MIN_TOKENS, max=parts.bert.config.positions)
    frames = torch.export.Dim("frames", min=MIN_FRAMES)
    values = torch.export.Dim("values", min=2 * MIN_FRAMES)
    source = parts.decoder.generator.m_source
    return (
        Graph(
            "text",
            TextGraph(parts),
            ("tokens", "style", "speed"),
            ("frames", "durations", "prosody_features", "text_features"),
            ({1: tokens}, {}, {}),
        ),
        Graph("prosody", ProsodyGraph(parts), ("features", "style"), ("f0_hz", "energy"), ({2: frames}, {})),
        Graph(
            "source",
            SourceGraph(parts),
            ("f0_hz", "noise"),
            ("har",),
            ({1: values}, {1: source.frame_samples * values}),
        ),
        Graph(
            "decoder",
            DecoderGraph(parts),
            ("features", "f0_hz", "energy", "style", "har"),
            ("wave",),
            ({2: frames}, {1: 2 * frames}, {1: 2 * frames}, {}, {2: _source_values(parts.decoder, frames)}),
        ),
    )


def probe(parts: SynthesisParts, n_tokens: int) -> Probe:
    """Equal for equal arguments."""
    rng = torch.Generator().manual_seed(n_tokens)
    source = parts.decoder.generator.m_source
    frames = torch.randint(1, 4, (n_tokens,), generator=rng)
    n_values = 2 * max(int(frames.sum()), MIN_FRAMES)
    f0_hz = torch.linspace(90.0, 260.0, n_values)[None]
    f0_hz[:, : n_values // 5] = 0.0
    f0_hz[:, -(n_values // 7) :] = 0.0
    return Probe(
        torch.randint(1, parts.bert.config.n_symbols, (1, n_tokens), generator=rng),
        0.2 * torch.randn(1, 2 * parts.style_dim, generator=rng),
        torch.ones(1),
        frames,
        f0_hz,
        torch.randn(1, n_values * source.frame_samples, source.n_harmonics, generator=rng),
    )


@torch.no_grad()
def arguments(graphs: Sequence[Graph], probed: Probe) -> dict[str, tuple[Tensor, ...]]:
    """Inputs of each graph by its name: what the ones before it give in torch, but for timing and pitch.

    Those are the probe's own: an untrained model has neither short tokens nor a voice.
    """
    text, prosody, source, _ = (graph.module for graph in graphs)
    _, _, prosody_features, text_features = text(probed.tokens, probed.style, probed.speed)
    by_frame, text_by_frame = (
        x.repeat_interleave(probed.frames, dim=2) for x in (prosody_features, text_features)
    )
    _, energy = prosody(by_frame, probed.style)
    har = source(probed.f0_hz, probed.noise)
    return {
        "text": (probed.tokens, probed.style, probed.speed),
        "prosody": (by_frame, probed.style),
        "source": (probed.f0_hz, probed.noise),
        "decoder": (text_by_frame, probed.f0_hz, energy, probed.style, har),
    }


def traceable(module: nn.Module) -> nn.Module:
    """A copy whose recurrent layers are single ONNX nodes; it computes nothing itself.

    Traced, torch's own layer takes the length of what it was traced with for the length of everything.
    """
    copied = copy.deepcopy(module).eval().requires_grad_(False)
    for parent in list(copied.modules()):
        for name, child in list(parent.named_children()):
            if isinstance(child, BidirectionalLstm):
                setattr(parent, name, _LstmNode(child))
    return copied


class _LstmNode(nn.Module):
    """`BidirectionalLstm` as the operator LSTM of ONNX, whose gates come in another order."""

    weight: Tensor
    recurrence: Tensor
    bias: Tensor

    def __init__(self, lstm: BidirectionalLstm) -> None:
        super().__init__()
        self.hidden = lstm.hidden_size
        directions = ("_l0", "_l0_reverse")

        def stacked(*names: str) -> Tensor:
            rows = [
                torch.cat([_onnx_gates(getattr(lstm, name + direction)) for name in names])
                for direction in directions
            ]
            return torch.stack(rows).detach()

        self.register_buffer("weight", stacked("weight_ih"))
        self.register_buffer("recurrence", stacked("weight_hh"))
        self.register_buffer("bias", stacked("bias_ih", "bias_hh"))

    def forward(self, x: Tensor, lengths: Tensor | None = None) -> Tensor:
        """[1, L, C_in] -> [1, L, 2 hidden]; rows are full."""
        assert lengths is None, "padding is not exported"
        states = torch.onnx.ops.symbolic(
            "LSTM",
            (x.transpose(0, 1), self.weight, self.recurrence, self.bias),
            {"direction": "bidirectional", "hidden_size": self.hidden},
            dtype=x.dtype,
            shape=(x.shape[1], 2, x.shape[0], self.hidden),
        )
        return states.permute(2, 0, 1, 3).flatten(2)


def _onnx_gates(rows: Tensor) -> Tensor:
    """Input, forget, cell, output -> input, output, forget, cell."""
    entry, forget, cell, leave = rows.chunk(4)
    return torch.cat((entry, leave, forget, cell))


def _source_values(decoder: Decoder, frames: Any) -> Any:
    """Length of the source features of that many frames."""
    samples = 2 * decoder.generator.m_source.frame_samples
    if isinstance(decoder.generator, IstftGenerator):
        return samples // decoder.generator.stft.hop * frames + 1
    return samples * frames
