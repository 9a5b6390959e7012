"""PL-BERT (Li et al. 2023): an ALBERT over phonemes, which knows of the text what prosody needs.

Source: StyleTTS 2 `Utils/PLBERT`; the network is transformers' ALBERT, the names are its own.
"""

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from configs.errors import UserError


@dataclass(frozen=True)
class PhonemeBertConfig:
    """Sizes; the defaults are the published ones. Dropout is off, as published."""

    n_symbols: int = 178
    embedding: int = 128
    hidden: int = 768
    heads: int = 12
    intermediate: int = 2048
    layers: int = 12
    positions: int = 512
    """Longest sequence."""


class PhonemeBert(nn.Module):
    """Tokens [B, L] -> features [B, L, hidden] of the last layer."""

    def __init__(self, config: PhonemeBertConfig) -> None:
        super().__init__()
        # Imported where it is needed: it takes seconds, and every command names this family.
        from transformers import AlbertConfig, AlbertModel

        network = AlbertModel(
            AlbertConfig(
                vocab_size=config.n_symbols,
                embedding_size=config.embedding,
                hidden_size=config.hidden,
                num_attention_heads=config.heads,
                intermediate_size=config.intermediate,
                num_hidden_layers=config.layers,
                max_position_embeddings=config.positions,
                hidden_dropout_prob=0.0,
                attention_probs_dropout_prob=0.0,
            )
        )
        network.set_attn_implementation("sdpa")
        self.config = config
        self.embeddings, self.encoder, self.pooler = network.embeddings, network.encoder, network.pooler
        # The published files hold a pooler; nothing reads it.
        self.pooler.requires_grad_(False)

    def forward(self, tokens: Tensor, mask: Tensor) -> Tensor:
        """`tokens` int64; `mask` [B, L] bool, true on real tokens.

        Raises:
            UserError: more tokens than the network has positions.
        """
        if tokens.shape[1] > self.config.positions:
            raise UserError(
                f"a text of {tokens.shape[1]} tokens is longer than the {self.config.positions} that PL-BERT "
                "reads. Cut it into sentences."
            )
        positions = torch.arange(tokens.shape[1], device=tokens.device)[None]
        embedded = self.embeddings(tokens, position_ids=positions, token_type_ids=torch.zeros_like(tokens))
        features: Tensor = self.encoder(embedded, mask[:, None, None]).last_hidden_state
        return features
