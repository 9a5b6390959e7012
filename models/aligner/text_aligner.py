"""The text aligner of StyleTTS 2: a speech recogniser whose attention says which frame speaks which token.

Convolutions over cepstra at half the mel's frame rate, a CTC head, and a decoder with location-sensitive
attention (Chorowski et al. 2015) that is told every token and predicts it again. Source: StyleTTS 2's
`Utils/ASR/`; state-dict keys are those of its checkpoints' `text_aligner`.

The group norms see padding as well, so a clip's numbers depend a little on the length its batch is padded to.
That is how the published weights were trained.
"""

from typing import Any, Literal, NamedTuple

import torch
from scipy.fft import dct
from torch import Tensor, nn
from torch.nn import functional

START, UNKNOWN = 1, 3
"""Tokens that begin the decoder's sequence, and that stand for a hidden token."""

HIDE_PROBABILITY = 0.1
"""How often training hides a token from the decoder, so that it listens as well."""

_GROUPS, _DROPOUT = 8, 0.2
_DILATIONS = (1, 3, 9)
_HEAD_DROPOUT = 0.5


class Alignment(NamedTuple):
    """What the aligner makes of a batch; F = T / 2 frames, of 25 ms."""

    ppgs: Tensor
    """[B, F, n_symbols] logits of each frame's token, for a CTC loss."""
    logits: Tensor
    """[B, N + 1, n_symbols] of the decoder: row i, made of the tokens before it, predicts token i."""
    attention: Tensor
    """[B, N, F] over the frames, for each token once the decoder has been told it; 0 on padded frames."""


class TextAligner(nn.Module):
    """Mels [B, n_mels, T] and their tokens [B, N] -> `Alignment`.

    Args:
        hidden: width of the convolutions, a multiple of 8.
        attention: width of the encoding, of the decoder's state and of the attention.
        embedding: width of a token.
    """

    def __init__(
        self,
        n_symbols: int = 178,
        *,
        n_mels: int = 80,
        n_mfcc: int = 40,
        hidden: int = 256,
        n_layers: int = 6,
        attention: int = 128,
        embedding: int = 512,
        location_channels: int = 32,
        location_kernel: int = 63,
    ) -> None:
        super().__init__()
        self.to_mfcc = Cepstra(n_mels, n_mfcc)
        self.init_cnn = Convolution(n_mfcc, hidden, 7, stride=2, padding=3)
        self.cnns = nn.Sequential(
            *(nn.Sequential(DilatedBlock(hidden), nn.GroupNorm(1, hidden)) for _ in range(n_layers))
        )
        self.projection = Convolution(hidden, attention, 1)
        self.ctc_linear = nn.Sequential(Linear(attention, hidden), nn.ReLU(), Linear(hidden, n_symbols))
        self.asr_s2s = AttentionDecoder(n_symbols, attention, embedding, location_channels, location_kernel)

    def forward(
        self,
        mel: Tensor,
        frame_mask: Tensor,
        tokens: Tensor,
        *,
        hidden: Tensor | None = None,
        rng: torch.Generator | None = None,
    ) -> Alignment:
        """`frame_mask` [B, T / 2] bool, true on real frames.

        Args:
            hidden: [B, N] bool, true on tokens to hide. When None, training draws it and
                evaluation hides none.
            rng: where training draws from; torch's own when None.
        """
        if hidden is None and self.training:
            device = tokens.device if rng is None else rng.device
            drawn = torch.rand(tokens.shape, generator=rng, device=device)
            hidden = (drawn < HIDE_PROBABILITY).to(tokens.device)
        if hidden is not None:
            tokens = tokens.masked_fill(hidden, UNKNOWN)
        encoded = self.encode(mel).transpose(1, 2)
        return Alignment(self.ctc_linear(encoded), *self.asr_s2s(encoded, frame_mask, tokens))

    def encode(self, mel: Tensor) -> Tensor:
        """[B, n_mels, T] -> [B, attention, T / 2]."""
        return self.projection(self.cnns(self.init_cnn(self.to_mfcc(mel))))


class Cepstra(nn.Module):
    """[B, n_mels, T] -> [B, n_mfcc, T]: the first coefficients of an orthonormal DCT-II."""

    dct_mat: Tensor

    def __init__(self, n_mels: int, n_mfcc: int) -> None:
        super().__init__()
        basis = dct(torch.eye(n_mels, dtype=torch.float64).numpy(), axis=1, norm="ortho")[:, :n_mfcc]
        self.register_buffer("dct_mat", torch.from_numpy(basis).float())

    def forward(self, mel: Tensor) -> Tensor:
        return self.dct_mat.T @ mel


class DilatedBlock(nn.Module):
    """Three residual pairs of convolutions over [B, C, T], each reaching three times as far as the last."""

    def __init__(self, channels: int) -> None:
        super().__init__()

        def convolution(dilation: int) -> Convolution:
            return Convolution(channels, channels, 3, padding=dilation, dilation=dilation)

        self.blocks = nn.ModuleList(
            nn.Sequential(
                convolution(dilation),
                nn.ReLU(),
                nn.GroupNorm(_GROUPS, channels),
                nn.Dropout(_DROPOUT),
                convolution(1),
                nn.ReLU(),
                nn.Dropout(_DROPOUT),
            )
            for dilation in _DILATIONS
        )

    def forward(self, x: Tensor) -> Tensor:
        for block in self.blocks:
            x = x + block(x)
        return x


class AttentionDecoder(nn.Module):
    """An LSTM over the tokens that attends to the encoded frames.

    Only what the next token needs is computed token by token; the tokens' share of the gates and the heads
    are one product each for the whole batch.
    """

    def __init__(
        self, n_symbols: int, width: int, embedding: int, location_channels: int, location_kernel: int
    ) -> None:
        super().__init__()
        self.embedding = nn.Embedding(n_symbols, embedding)
        bound = (6 / width) ** 0.5
        nn.init.uniform_(self.embedding.weight, -bound, bound)
        self.project_to_n_symbols = nn.Linear(width, n_symbols)
        self.attention_layer = LocationAttention(width, location_channels, location_kernel)
        self.decoder_rnn = nn.LSTMCell(width + embedding, width)
        self.project_to_hidden = nn.Sequential(Linear(2 * width, width, "tanh"), nn.Tanh())

    def forward(self, memory: Tensor, frame_mask: Tensor, tokens: Tensor) -> tuple[Tensor, Tensor]:
        """Frames [B, F, C] and tokens [B, N] -> logits [B, N + 1, n_symbols], attention [B, N, F]."""
        cell, attend = self.decoder_rnn, self.attention_layer
        told = self.embedding(functional.pad(tokens, (1, 0), value=START))
        by_token, by_context = cell.weight_ih.split([told.shape[-1], memory.shape[-1]], 1)
        told_gates = functional.linear(told, by_token, cell.bias_ih + cell.bias_hh).unbind(1)
        by_state = torch.cat((by_context, cell.weight_hh), 1).T
        keys = attend.memory_layer(memory)

        state = memory.new_zeros(len(memory), memory.shape[-1])
        carry, context = state, state
        weights = memory.new_zeros(memory.shape[:2])
        total = weights
        outputs, attention = [], []
        for gates in told_gates:
            gates = gates + torch.cat((context, state), 1) @ by_state
            into, keep, new, out = gates.chunk(4, 1)
            carry = keep.sigmoid() * carry + into.sigmoid() * new.tanh()
            state = out.sigmoid() * carry.tanh()
            weights = attend(state, keys, torch.stack((weights, total), 1), frame_mask)
            total = total + weights
            context = torch.bmm(weights[:, None], memory)[:, 0]
            outputs.append(torch.cat((state, context), 1))
            attention.append(weights)
        heard = self.project_to_hidden(torch.stack(outputs, 1))
        logits = self.project_to_n_symbols(functional.dropout(heard, _HEAD_DROPOUT, self.training))
        return logits, torch.stack(attention[1:], 1)


class LocationAttention(nn.Module):
    """Weights over the frames by the decoder's state, the frames, and where attention has been."""

    def __init__(self, width: int, location_channels: int, location_kernel: int) -> None:
        super().__init__()
        self.query_layer = Linear(width, width, "tanh", bias=False)
        self.memory_layer = Linear(width, width, "tanh", bias=False)
        self.v = Linear(width, 1, bias=False)
        self.location_layer = Location(width, location_channels, location_kernel)

    def forward(self, state: Tensor, keys: Tensor, been: Tensor, frame_mask: Tensor) -> Tensor:
        """State [B, C], keys [B, F, C] of the frames, last and summed weights [B, 2, F] -> [B, F]."""
        query = self.query_layer(state)[:, None]
        energies = self.v(torch.tanh(query + self.location_layer(been) + keys))[..., 0]
        return energies.masked_fill(~frame_mask, -torch.inf).softmax(1)


class Location(nn.Module):
    """[B, 2, F] -> [B, F, C]."""

    def __init__(self, width: int, channels: int, kernel: int) -> None:
        super().__init__()
        self.location_conv = Convolution(2, channels, kernel, padding=kernel // 2, bias=False)
        self.location_dense = Linear(channels, width, "tanh", bias=False)

    def forward(self, been: Tensor) -> Tensor:
        return self.location_dense(self.location_conv(been).transpose(1, 2))


class Convolution(nn.Module):
    """A convolution under the name that the checkpoints give it, with Glorot's first weights."""

    def __init__(self, n_in: int, n_out: int, kernel: int, **options: Any) -> None:
        super().__init__()
        self.conv = nn.Conv1d(n_in, n_out, kernel, **options)
        nn.init.xavier_uniform_(self.conv.weight)

    def forward(self, x: Tensor) -> Tensor:
        return self.conv(x)


class Linear(nn.Module):
    """A linear layer under the name that the checkpoints give it, with Glorot's first weights."""

    def __init__(
        self, n_in: int, n_out: int, followed_by: Literal["linear", "tanh"] = "linear", bias: bool = True
    ) -> None:
        super().__init__()
        self.linear_layer = nn.Linear(n_in, n_out, bias)
        nn.init.xavier_uniform_(self.linear_layer.weight, nn.init.calculate_gain(followed_by))

    def forward(self, x: Tensor) -> Tensor:
        return self.linear_layer(x)
