"""Text-to-semantic decoder: a transformer that reads phones and continues a sequence of semantic codes.

Source: GPT-SoVITS `AR/models/t2s_model.py` (Text2SemanticDecoder). Phones attend to each other in both
directions, codes to all phones and to earlier codes. Module names are those of published weights.
"""

import math
from enum import Enum

import torch
from torch import Tensor, nn
from torch.nn import functional

from models.layers.masking import sequence_mask
from models.t2s.config import T2SConfig
from models.t2s.kv_cache import KeyValueCache


class TextMask(Enum):
    """Which phones of a padded row are hidden."""

    RIGHT = "right"
    """The padding, which is on the right."""
    REFERENCE_LEFT = "reference-left"
    """As many on the left: GPT-SoVITS's training hides a shorter row's first phones and shows its padding."""


class TokenEmbedding(nn.Module):
    """Ids [B, T] -> [B, T, W]."""

    def __init__(self, n_tokens: int, width: int) -> None:
        super().__init__()
        self.word_embeddings = nn.Embedding(n_tokens, width)

    def forward(self, ids: Tensor) -> Tensor:
        return self.word_embeddings(ids)


class SinePosition(nn.Module):
    """Adds sine and cosine positions, scaled by the learned `alpha`, to [B, T, W]."""

    def __init__(self) -> None:
        super().__init__()
        self.alpha = nn.Parameter(torch.ones(1))

    def forward(self, x: Tensor) -> Tensor:
        return x + self.alpha * sine_positions(x.shape[1], x.shape[2], x.device).to(x.dtype)


class CachedSelfAttention(nn.Module):
    """Multi-head self-attention of [B, T, W] under the parameter names of `nn.MultiheadAttention`."""

    def __init__(self, width: int, n_heads: int) -> None:
        super().__init__()
        self.n_heads = n_heads
        self.in_proj_weight = nn.Parameter(torch.empty(3 * width, width))
        self.in_proj_bias = nn.Parameter(torch.zeros(3 * width))
        self.out_proj = nn.Linear(width, width)
        nn.init.xavier_uniform_(self.in_proj_weight)
        nn.init.zeros_(self.out_proj.bias)

    def forward(self, x: Tensor, allowed: Tensor | None, cache: KeyValueCache | None, layer: int) -> Tensor:
        projected = functional.linear(x, self.in_proj_weight, self.in_proj_bias)
        return self.out_proj(attend(projected, self.n_heads, allowed, cache, layer))


def attend(
    projected: Tensor, n_heads: int, allowed: Tensor | None, cache: KeyValueCache | None, layer: int
) -> Tensor:
    """Queries, keys and values [B, T, 3 W] -> what the heads gather, [B, T, W]."""
    split = projected.unflatten(2, (3, n_heads, -1)).permute(2, 0, 3, 1, 4)
    query, key, value = split
    if cache is not None:
        key, value = cache.extend(layer, split[1:])
        query = query.to(key.dtype)
    out = functional.scaled_dot_product_attention(query, key, value, attn_mask=allowed)
    return out.transpose(1, 2).flatten(2)


class DecoderLayer(nn.Module):
    """Post-norm transformer layer with a ReLU feed-forward part."""

    def __init__(self, config: T2SConfig) -> None:
        super().__init__()
        self.self_attn = CachedSelfAttention(config.width, config.n_heads)
        self.linear1 = nn.Linear(config.width, config.feed_forward)
        self.linear2 = nn.Linear(config.feed_forward, config.width)
        self.norm1 = nn.LayerNorm(config.width)
        self.norm2 = nn.LayerNorm(config.width)
        self.dropout = nn.Dropout(config.dropout)

    def forward(self, x: Tensor, allowed: Tensor | None, cache: KeyValueCache | None, layer: int) -> Tensor:
        x = self.norm1(x + self.dropout(self.self_attn(x, allowed, cache, layer)))
        hidden = self.linear2(self.dropout(torch.relu(self.linear1(x))))
        return self.norm2(x + self.dropout(hidden))


class DecoderStack(nn.Module):
    """The layers, [B, T, W] -> [B, T, W]."""

    def __init__(self, config: T2SConfig) -> None:
        super().__init__()
        self.layers = nn.ModuleList(DecoderLayer(config) for _ in range(config.n_layers))

    def forward(self, x: Tensor, allowed: Tensor | None, cache: KeyValueCache | None = None) -> Tensor:
        """`allowed` to [B, H, T, all positions], bool or added to the scores; None: all see all."""
        for index, layer in enumerate(self.layers):
            x = layer(x, allowed, cache, index)
        if cache is not None:
            cache.advance(x.shape[1])
        return x


class TextToSemantic(nn.Module):
    """See the module's docstring; `config` gives every size."""

    def __init__(self, config: T2SConfig) -> None:
        super().__init__()
        self.config = config
        n_tokens = config.n_codes + 1
        self.bert_proj = nn.Linear(config.linguistic_channels, config.width)
        self.ar_text_embedding = TokenEmbedding(config.n_symbols, config.width)
        self.ar_text_position = SinePosition()
        self.ar_audio_embedding = TokenEmbedding(n_tokens, config.width)
        self.ar_audio_position = SinePosition()
        self.h = DecoderStack(config)
        self.ar_predict_layer = nn.Linear(config.width, n_tokens, bias=False)

    def forward(
        self,
        phone_ids: Tensor,
        phone_lengths: Tensor,
        bert: Tensor,
        codes: Tensor,
        code_lengths: Tensor,
        text_mask: TextMask = TextMask.RIGHT,
        cache: KeyValueCache | None = None,
    ) -> Tensor:
        """Hidden states [B, T + 1, W] from which `ar_predict_layer` predicts codes 0..T.

        Args:
            phone_ids: [B, L]; phone_lengths: [B], at least 1.
            bert: [B, D, L] linguistic features, zeros where there are none.
            codes: [B, T] given codes (T may be 0), the end id beyond a row's length; code_lengths: [B].
            cache: empty; filled with the L + T positions for `next_hidden`.
        """
        n_phones, n_codes = phone_ids.shape[1], codes.shape[1]
        text = self.embed_text(phone_ids, bert)
        audio = self.ar_audio_position(self.ar_audio_embedding(codes))
        phones_seen = text_visible(phone_lengths, n_phones, text_mask)
        allowed = _allowed(phones_seen, sequence_mask(code_lengths, n_codes))
        hidden = self.h(torch.cat((text, audio), dim=1), allowed, cache)
        # The first code follows a row's last phone, which in a padded row is not the last column.
        last = phone_lengths - 1
        if text_mask is TextMask.REFERENCE_LEFT:
            last = torch.full_like(last, n_phones - 1)
        first = hidden.gather(1, last[:, None, None].expand(-1, 1, hidden.shape[2]))
        return torch.cat((first, hidden[:, n_phones:]), dim=1)

    def next_hidden(
        self, codes: Tensor, place: Tensor, cache: KeyValueCache, allowed: Tensor | None
    ) -> Tensor:
        """Hidden state [B, W] after one more code per row.

        Args:
            codes: [B] the codes just chosen; place: [1, W] `sine_positions` of how many codes precede them.
            allowed: as `DecoderStack.forward` takes it, for the positions that the cache answers with.
        """
        audio = self.ar_audio_embedding(codes) + self.ar_audio_position.alpha * place
        return self.h(audio[:, None], allowed, cache)[:, 0]

    def embed_text(self, phone_ids: Tensor, bert: Tensor) -> Tensor:
        """[B, L] and [B, D, L] -> [B, L, W]."""
        text = self.ar_text_embedding(phone_ids) + self.bert_proj(bert.transpose(1, 2))
        return self.ar_text_position(text)

    def empty_cache(self, n_rows: int, capacity: int) -> KeyValueCache:
        """Room for `capacity` positions (phones and codes together) of `n_rows` sequences."""
        config, like = self.config, self.bert_proj.weight
        return KeyValueCache(
            config.n_layers,
            n_rows,
            config.n_heads,
            capacity,
            config.width // config.n_heads,
            dtype=self.cache_dtype,
            device=like.device,
        )

    @property
    def cache_dtype(self) -> torch.dtype:
        """What keys and values are computed in."""
        return self.bert_proj.weight.dtype


def text_visible(phone_lengths: Tensor, n_phones: int, text_mask: TextMask) -> Tensor:
    """[B, L] bool: the phones that may be attended to."""
    visible = sequence_mask(phone_lengths, n_phones)
    return visible.flip(1) if text_mask is TextMask.REFERENCE_LEFT else visible


def sine_positions(n_positions: int, width: int, device: torch.device) -> Tensor:
    """[T, W] fp32: sine in the even and cosine in the odd channels (Vaswani et al. 2017)."""
    position = torch.arange(n_positions, device=device, dtype=torch.float32)
    even = torch.arange(0, width, 2, device=device, dtype=torch.float32)
    angle = position[:, None] * torch.exp(even * (-math.log(10000.0) / width))
    return torch.stack((angle.sin(), angle.cos()), dim=-1).flatten(1)


def _allowed(phones_seen: Tensor, codes_seen: Tensor) -> Tensor:
    """[B, L] and [B, T] bool -> [B, 1, L + T, L + T] bool: query by key."""
    (n_rows, n_phones), n_codes = phones_seen.shape, codes_seen.shape[1]
    n = n_phones + n_codes
    position = torch.arange(n, device=phones_seen.device)
    # A phone sees all phones; a code sees all phones, earlier codes and itself.
    horizon = position.clamp(min=n_phones - 1)
    ordered = position <= horizon[:, None]
    exists = torch.cat((phones_seen, codes_seen), dim=1)
    return (ordered & exists[:, None]).view(n_rows, 1, n, n)
