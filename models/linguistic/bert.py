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
from torch.nn.utils.rnn import pad_sequence

from models.batches import by_length
from models.frontend.pretrained import load_pretrained, load_tokenizer
from models.layers.masking import sequence_mask

# BERT's 512 positions less the two special tokens.
_MAX_CHARACTERS = 510
_ROOM_CHARACTERS = 8192
"""Read at once on a GPU, padding included."""
CPU = torch.device("cpu")


class BertEncoder(NamedTuple):
    """A frozen network and the identifiers of its characters."""

    network: Any
    vocabulary: dict[str, int]
    first: int
    last: int
    unknown: int


@functools.lru_cache(maxsize=1)
def load_bert(
    model: str, revision: str, weights_digest: str | None, setting: str, device: torch.device = CPU
) -> BertEncoder:
    """A frozen BertModel on a device, and its vocabulary; other arguments and errors of `load_pretrained`."""
    from transformers import BertModel, BertTokenizer

    network = load_pretrained(BertModel, model, revision, setting, weights_digest, add_pooling_layer=False)
    tokenizer = load_tokenizer(BertTokenizer, model, revision, setting)
    return BertEncoder(
        network.requires_grad_(False).to(device),
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
    return bert_features_together(encoder, [(words, word2ph)], layer)[0]


@torch.no_grad()
def bert_features_together(
    encoder: BertEncoder, texts: Sequence[tuple[Sequence[str], Sequence[int]]], layer: int = -3
) -> list[Tensor]:
    """As `bert_features`, of several texts' words and phone counts, on the CPU.

    On a GPU stretches of about the same length are read at once, with their padding hidden.
    """
    vectors = []
    stretches: list[tuple[int, list[int]]] = []
    for number, (words, word2ph) in enumerate(texts):
        if len(words) != len(word2ph):
            raise ValueError(f"{len(words)} words but {len(word2ph)} phone counts")
        places = [index for index, word in enumerate(words) if len(word) == 1 and not _is_latin(word)]
        vectors.append(torch.zeros(len(words), encoder.network.config.hidden_size))
        stretches += [
            (number, places[at : at + _MAX_CHARACTERS]) for at in range(0, len(places), _MAX_CHARACTERS)
        ]
    sizes = [len(places) for _, places in stretches]
    for group in by_length(sizes, encoder.network.device, _ROOM_CHARACTERS):
        rows = [_tokens(encoder, texts[stretches[at][0]][0], stretches[at][1]) for at in group]
        for at, hidden in zip(group, _hidden(encoder, rows, layer), strict=True):
            number, places = stretches[at]
            vectors[number][places] = hidden
    return [
        own.repeat_interleave(torch.tensor(list(word2ph)), dim=0).transpose(0, 1)
        for own, (_, word2ph) in zip(vectors, texts, strict=True)
    ]


def _tokens(encoder: BertEncoder, words: Sequence[str], places: Sequence[int]) -> Tensor:
    ids = [encoder.vocabulary.get(words[place], encoder.unknown) for place in places]
    return torch.tensor([encoder.first, *ids, encoder.last])


def _hidden(encoder: BertEncoder, rows: Sequence[Tensor], layer: int) -> list[Tensor]:
    """Vectors [N, D] of each row's characters, without its two special tokens, on the CPU."""
    device = encoder.network.device
    lengths = torch.tensor([len(row) for row in rows], device=device)
    mask = None if len(rows) == 1 else sequence_mask(lengths, int(lengths.max())).long()
    tokens = pad_sequence(list(rows), batch_first=True).to(device)
    hidden = encoder.network(tokens, attention_mask=mask, output_hidden_states=True).hidden_states[layer]
    return [own[1 : len(row) - 1] for own, row in zip(hidden.cpu(), rows, strict=True)]


def _is_latin(word: str) -> bool:
    return word.isascii() and word.isalnum()
