"""Published text-to-semantic checkpoints (`.ckpt`) to our decoder and back."""

from pathlib import Path
from typing import Any

from configs.errors import UserError
from models.published import PublishedFile, load_strictly, read_published, write_published
from models.t2s.config import T2SConfig
from models.t2s.model import TextToSemantic

PREFIX = "model."


def load_decoder(path: Path) -> TextToSemantic:
    """The decoder in a published file; sizes come from the weights, the number of heads from its config.

    Raises:
        UserError: the file cannot be read or is no such decoder.
    """
    published = read_published(path)
    weights = {name.removeprefix(PREFIX): tensor for name, tensor in published.weights.items()}
    needed = (
        "ar_text_embedding.word_embeddings.weight",
        "ar_predict_layer.weight",
        "bert_proj.weight",
        "h.layers.0.linear1.weight",
    )
    absent = [name for name in needed if name not in weights]
    if absent:
        raise UserError(f"{path}: {absent[0]} is missing; give a GPT-SoVITS s1 checkpoint")
    text, predict, bert, linear = (weights[name] for name in needed)
    sizes = published.config.get("model", {})
    config = T2SConfig(
        n_symbols=text.shape[0],
        n_codes=predict.shape[0] - 1,
        linguistic_channels=bert.shape[1],
        width=text.shape[1],
        n_heads=int(sizes.get("head", T2SConfig.n_heads)),
        n_layers=1 + max(int(name.split(".")[2]) for name in weights if name.startswith("h.layers.")),
        feed_forward=linear.shape[0],
        dropout=float(sizes.get("dropout", T2SConfig.dropout)),
    )
    decoder = TextToSemantic(config)
    load_strictly(decoder, weights, str(path))
    return decoder


def save_decoder(path: Path, decoder: TextToSemantic, info: str) -> None:
    """Write a file that GPT-SoVITS's own inference reads, in fp16."""
    weights = {f"{PREFIX}{name}": tensor for name, tensor in decoder.state_dict().items()}
    write_published(path, PublishedFile("PK", weights, upstream_config(decoder.config), info))


def upstream_config(config: T2SConfig) -> dict[str, Any]:
    """The settings under the names of GPT-SoVITS's `s1longer-v2.yaml`, as its loader wants them."""
    return {
        "data": {"max_sec": 54, "pad_val": config.end_id},
        "model": {
            "vocab_size": config.n_codes + 1,
            "phoneme_vocab_size": config.n_symbols,
            "embedding_dim": config.width,
            "hidden_dim": config.width,
            "head": config.n_heads,
            "linear_units": config.feed_forward,
            "n_layer": config.n_layers,
            "dropout": config.dropout,
            "EOS": config.end_id,
            "random_bert": 0,
        },
        "inference": {"top_k": 15},
    }
