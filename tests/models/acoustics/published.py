"""The networks of the StyleTTS 2 goldens: sizes from the recorded shapes, weights by the rule."""

import functools
from collections.abc import Callable, Mapping
from pathlib import Path

from torch import nn

from models.acoustics.decoder import Decoder, DecoderConfig
from models.acoustics.plbert import PhonemeBert, PhonemeBertConfig
from models.acoustics.prosody import ProsodyPredictor
from models.acoustics.style_encoder import StyleEncoder
from models.acoustics.text_encoder import TextEncoder
from tests.models import styletts2_golden as golden

Shapes = Mapping[str, list[int]]


@functools.lru_cache(maxsize=16)
def network(goldens: Path, configuration: str, name: str) -> nn.Module:
    """Module `name` of `state_dict_<configuration>.json` in evaluation mode; callers leave it as it is."""
    built = BUILDERS[name](golden.shapes(goldens, configuration)[name]).eval()
    golden.fill(goldens, name, built)
    return built


def _count(shapes: Shapes, prefix: str, depth: int) -> int:
    """How many different entries follow `prefix` at `depth` of the dotted name."""
    return len({key.split(".")[depth] for key in shapes if key.startswith(prefix)})


def _text_encoder(shapes: Shapes) -> TextEncoder:
    n_symbols, channels = shapes["embedding.weight"]
    kernel = shapes["cnn.0.0.weight_v"][2]
    return TextEncoder(channels, kernel, _count(shapes, "cnn.", 1), n_symbols)


def _bert(shapes: Shapes) -> PhonemeBert:
    n_symbols, embedding = shapes["embeddings.word_embeddings.weight"]
    intermediate, hidden = shapes["encoder.albert_layer_groups.0.albert_layers.0.ffn.weight"]
    positions = shapes["embeddings.position_embeddings.weight"][0]
    return PhonemeBert(
        PhonemeBertConfig(
            n_symbols=n_symbols,
            embedding=embedding,
            hidden=hidden,
            intermediate=intermediate,
            positions=positions,
        )
    )


def _linear(shapes: Shapes) -> nn.Linear:
    n_out, n_in = shapes["weight"]
    return nn.Linear(n_in, n_out)


def _style_encoder(shapes: Shapes) -> StyleEncoder:
    style_dim, max_dim = shapes["unshared.weight"]
    return StyleEncoder(shapes["shared.0.bias"][0], style_dim, max_dim)


def _predictor(shapes: Shapes) -> ProsodyPredictor:
    max_dur, channels = shapes["duration_proj.linear_layer.weight"]
    style_dim = shapes["F0.0.norm1.fc.weight"][1]
    return ProsodyPredictor(style_dim, channels, _count(shapes, "text_encoder.lstms.", 2) // 2, max_dur, 0.2)


def _decoder(shapes: Shapes) -> Decoder:
    istft = "generator.alphas.0" not in shapes
    n_stages = _count(shapes, "generator.ups.", 2)
    kernels = tuple(shapes[f"generator.ups.{i}.weight_v"][2] for i in range(n_stages))
    n_blocks = _count(shapes, "generator.resblocks.", 2) // n_stages
    n_fft = shapes["generator.conv_post.bias"][0] - 2
    text_channels, channels, _ = shapes["asr_res.0.weight_v"]
    return Decoder(
        DecoderConfig(
            kind="istftnet" if istft else "hifigan",
            channels=channels,
            style_dim=shapes["encode.norm1.fc.weight"][1],
            hidden=shapes["encode.conv1.bias"][0],
            text_channels=text_channels,
            upsample_rates=tuple(kernel // 2 for kernel in kernels),
            upsample_kernels=kernels,
            upsample_initial=shapes["generator.ups.0.weight_v"][0],
            resblock_kernels=tuple(
                shapes[f"generator.resblocks.{i}.convs1.0.weight_v"][2] for i in range(n_blocks)
            ),
            istft_n_fft=n_fft if istft else 20,
            istft_hop=n_fft // 4 if istft else 5,
        )
    )


BUILDERS: dict[str, Callable[[Shapes], nn.Module]] = {
    "text_encoder": _text_encoder,
    "bert": _bert,
    "bert_encoder": _linear,
    "style_encoder": _style_encoder,
    "predictor_encoder": _style_encoder,
    "predictor": _predictor,
    "decoder": _decoder,
}
