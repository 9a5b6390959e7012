"""BERT vectors per phone, on a tiny BERT with random weights."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from configs.errors import UserError
from models.linguistic.bert import bert_features, load_bert

VOCABULARY = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", ",", ".", "你", "好", "中", "国"]


@pytest.fixture(scope="module")
def tiny_bert(tmp_path_factory: pytest.TempPathFactory) -> Path:
    from transformers import BertConfig, BertModel

    torch.manual_seed(0)
    config = BertConfig(
        vocab_size=len(VOCABULARY),
        hidden_size=16,
        num_hidden_layers=4,
        num_attention_heads=2,
        intermediate_size=32,
        max_position_embeddings=512,
    )
    folder = tmp_path_factory.mktemp("bert")
    BertModel(config).save_pretrained(folder)
    (folder / "vocab.txt").write_text("\n".join(VOCABULARY) + "\n", encoding="utf-8")
    return folder


def test_vectors_are_the_third_hidden_state_from_the_end_without_special_tokens(
    tiny_bert: Path,
) -> None:
    encoder = load_bert(str(tiny_bert), "main", None, "features.linguistic.model")
    features = bert_features(encoder, ["你", "好", ","], [2, 2, 1])
    tokens = torch.tensor([[VOCABULARY.index(name) for name in ("[CLS]", "你", "好", ",", "[SEP]")]])
    with torch.no_grad():
        hidden = encoder.network(tokens, output_hidden_states=True).hidden_states
    expected = hidden[-3][0, 1:-1].T
    assert len(hidden) == 5
    assert features.shape == (16, 5)
    torch.testing.assert_close(features, expected[:, [0, 0, 1, 1, 2]])


def test_words_that_are_no_characters_get_zeros(tiny_bert: Path) -> None:
    encoder = load_bert(str(tiny_bert), "main", None, "features.linguistic.model")
    features = bert_features(encoder, ["你", "Python", "A", "好"], [2, 3, 1, 2])
    assert (features[:, 2:6] == 0).all()
    assert (features[:, :2] != 0).any()
    alone = bert_features(encoder, ["你", "好"], [2, 2])
    torch.testing.assert_close(features[:, [0, 1, 6, 7]], alone)


def test_texts_longer_than_berts_positions_are_read_in_stretches(tiny_bert: Path) -> None:
    features = bert_features(
        load_bert(str(tiny_bert), "main", None, "features.linguistic.model"), ["国"] * 1_100, [1] * 1_100
    )
    assert features.shape == (16, 1_100)
    assert (features.abs().sum(dim=0) > 0).all()


def test_words_and_counts_must_agree(tiny_bert: Path) -> None:
    with pytest.raises(ValueError, match="2 words"):
        bert_features(load_bert(str(tiny_bert), "main", None, "features.linguistic.model"), ["你", "好"], [2])


def test_missing_weights_are_named(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"features\.linguistic\.model"):
        load_bert(str(tmp_path), "main", None, "features.linguistic.model")
