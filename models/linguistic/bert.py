"""BERT features per phone for Chinese, as GPT-SoVITS uses them (`GPT_SoVITS/prepare_datasets/1-get-text.py`).

The third hidden state from the end, without the two special tokens, each character's vector repeated for
every phone of the character. Characters are looked up one by one, so vectors and characters cannot fall out
of step; words that are not single Chinese characters or marks get zeros.
"""

from __future__ import annotations

import functools
from collections.abc import Sequence
from typing import Any, NamedTuple

import torch
from torch import Tensor

from models.frontend.pretrained import load_pretrained, load_tokenizer

# BERT's 512 positions less the two special tokens.
_MAX_CHARACTERS = 510


class BertEncoder(NamedTuple):
    """A frozen network and the identifiers of its characters."""

    network: Any
    vocabulary: dict[str, int]
    first: int
    last: int
    unknown: int


@functools.lru_cache(maxsize=1)
def load_bert(model: str, revision: str, weights_digest: str | None, setting: str) -> BertEncoder:
    """A frozen BertModel and its vocabulary; arguments and errors of `load_pretrained`."""
    from transformers import BertModel, BertTokenizer

    network = load_pretrained(BertModel, model, revision, setting, weights_digest, add_pooling_layer=False)
    tokenizer = load_tokenizer(BertTokenizer, model, revision, setting)
    return BertEncoder(
        network.requires_grad_(False),
        dict(tokenizer.get_vocab()),
        tokenizer.cls_token_id,
        tokenizer.sep_token_id,
        tokenizer.unk_token_id,
    )


@torch.no_grad()
def bert_features(
    encoder: BertEncoder, words: Sequence[str], word2ph: Sequence[int], layer: int = -3
) -> Tensor:
    """Features [D, sum(word2ph)]; words: Chinese characters, marks, and others (zeros).

    Raises ValueError when words and word2ph differ in length.
    """
    if len(words) != len(word2ph):
        raise ValueError(f"{len(words)} words but {len(word2ph)} phone counts")
    places = [index for index, word in enumerate(words) if len(word) == 1 and not _is_latin(word)]
    vectors = torch.zeros(len(words), encoder.network.config.hidden_size)
    for start in range(0, len(places), _MAX_CHARACTERS):
        stretch = places[start : start + _MAX_CHARACTERS]
        ids = [encoder.vocabulary.get(words[place], encoder.unknown) for place in stretch]
        tokens = torch.tensor([[encoder.first, *ids, encoder.last]])
        hidden = encoder.network(tokens, output_hidden_states=True).hidden_states[layer]
        vectors[stretch] = hidden[0, 1:-1]
    return vectors.repeat_interleave(torch.tensor(list(word2ph)), dim=0).transpose(0, 1)


def _is_latin(word: str) -> bool:
    return word.isascii() and word.isalnum()
