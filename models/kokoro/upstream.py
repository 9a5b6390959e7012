"""Kokoro's released files to our networks and back: `<name>.pth`, `config.json`, `voices/<name>.pt`.

A quantised export, `<name>.onnx`, is read too; see `models.kokoro.int8_onnx`.

The weights are a dict of five state dicts, one per child of `Kokoro`, every name in them behind `module.`,
which distributed training put there. The official package (kokoro 0.9.4) needs that prefix: where a state
dict does not fit at once, it cuts seven letters off every name and takes what then fits, without a word.

Source: kokoro 0.9.4 (`kokoro/model.py`, `kokoro/pipeline.py`) and the released `config.json`.
"""

import json
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from configs.errors import UserError
from models.acoustics.decoder import DecoderConfig
from models.acoustics.plbert import PhonemeBertConfig
from models.frontend.text.character_tokens import CharacterTable, character_table
from models.kokoro.config import KokoroConfig
from models.kokoro.int8_onnx import SUFFIX, read_int8_onnx
from models.kokoro.model import Kokoro
from models.kokoro.voice_table import row_index
from models.published import build_strictly, is_table, read_content, require_finite, serialized, write_whole

CHILDREN = ("bert", "bert_encoder", "predictor", "decoder", "text_encoder")
"""State dicts of a file, in its order."""
OWN_SIZES = "voicewright"
"""Entry of `config.json` for sizes that the official package has no name for, where they are not its own."""
LARGEST_SIZE = 16_384
LARGEST_DEPTH = 64
"""Limits of what a file may claim: networks above them could not even be laid out."""

_PREFIX = "module."
_STYLE_ENCODER = {"dim_in": 64, "max_conv_dim": 512, "multispeaker": True}
"""Entries that describe networks outside the file; nothing reads them."""


def load_kokoro(weights: Path, config: Path | None) -> Kokoro:
    """The network of a released or an exported pair of files, on the CPU, in evaluation mode.

    Args:
        config: None where none lies beside the weights, as with a quantised export: Kokoro-82M's sizes.

    Raises:
        UserError: a file is missing, damaged, or not of this family; another vocabulary; other sizes.
    """
    sizes = KokoroConfig() if config is None else read_config(config)
    if weights.suffix == SUFFIX:
        with torch.device("meta"):
            wanted = {name: value.shape for name, value in Kokoro(sizes).state_dict().items()}
        found = read_int8_onnx(weights, wanted)
        require_finite(found, str(weights))
    else:
        found = read_weights(weights)
    model, _ = build_strictly(partial(Kokoro, sizes), found, str(weights))
    return model.eval()


def read_weights(path: Path) -> dict[str, Tensor]:
    """The weights of a file by the names that `Kokoro` gives them.

    Raises:
        UserError: the file is missing, damaged, or not five state dicts by the names of `CHILDREN`.
    """
    content = read_content(path)
    if not isinstance(content, dict) or set(content) != set(CHILDREN):
        found = (
            ", ".join(sorted(map(str, content))[:6]) if isinstance(content, dict) else type(content).__name__
        )
        raise UserError(
            f"{path}: holds {found or 'nothing'} where Kokoro has {', '.join(CHILDREN)}; give a file such as "
            "kokoro-v1_0.pth"
        )
    weights: dict[str, Tensor] = {}
    for child in CHILDREN:
        entries = content[child]
        if not is_table(entries):
            raise UserError(f"{path}: {child} is no table of weights; download the file again")
        weights |= {f"{child}.{name.removeprefix(_PREFIX)}": value for name, value in entries.items()}
    require_finite(weights, str(path))
    return weights


def save_kokoro(path: Path, model: Kokoro) -> None:
    """Write the weights as the official package reads them, whole or not at all; equal weights, equal bytes.

    Raises:
        UserError: a weight is not finite.
    """
    content: dict[str, dict[str, Tensor]] = {}
    for child in CHILDREN:
        state = getattr(model, child).state_dict()
        lost = [name for name, value in state.items() if not torch.isfinite(value).all()]
        if lost:
            raise UserError(f"{path}: {child}.{lost[0]} is not finite: training has diverged; train again")
        content[child] = {f"{_PREFIX}{name}": value.cpu() for name, value in state.items()}
    write_whole(path, serialized(content))


def read_config(path: Path) -> KokoroConfig:
    """The sizes in a `config.json`, whose vocabulary is Kokoro's own.

    Raises:
        UserError: the file cannot be read, lacks an entry, has sizes that are none, or another vocabulary.
    """
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise UserError(f"{path}: cannot be read ({error.strerror}); give Kokoro's config.json") from error
    except (ValueError, RecursionError) as error:
        raise UserError(f"{path}: is no JSON ({error}); give Kokoro's config.json") from error
    try:
        require_vocabulary(content["vocab"], character_table("kokoro"), str(path))
        istft, bert, own = content["istftnet"], content["plbert"], content.get(OWN_SIZES, {})
        dilations = istft["resblock_dilation_sizes"]
        if not isinstance(dilations, list) or not all(isinstance(each, list) for each in dilations):
            raise ValueError("resblock_dilation_sizes is no list of lists")
        if any(each != dilations[0] for each in dilations):
            raise UserError(f"{path}: istftnet.resblock_dilation_sizes differ; all blocks have the same ones")
        return KokoroConfig(
            bert=PhonemeBertConfig(
                n_symbols=_size(content, "n_token"),
                embedding=_size({"embedding_size": PhonemeBertConfig.embedding, **bert}, "embedding_size"),
                hidden=_size(bert, "hidden_size"),
                heads=_size(bert, "num_attention_heads"),
                intermediate=_size(bert, "intermediate_size"),
                layers=_size(bert, "num_hidden_layers", LARGEST_DEPTH),
                positions=_size(bert, "max_position_embeddings"),
            ),
            decoder=DecoderConfig(
                channels=_size(content, "hidden_dim"),
                style_dim=_size(content, "style_dim"),
                hidden=_size({"decoder_hidden": DecoderConfig.hidden, **own}, "decoder_hidden"),
                text_channels=_size({"decoder_text": DecoderConfig.text_channels, **own}, "decoder_text"),
                upsample_rates=_sizes(istft, "upsample_rates"),
                upsample_kernels=_sizes(istft, "upsample_kernel_sizes"),
                upsample_initial=_size(istft, "upsample_initial_channel"),
                resblock_kernels=_sizes(istft, "resblock_kernel_sizes"),
                resblock_dilations=_sizes({"dilations": dilations[0]}, "dilations"),
                istft_n_fft=_size(istft, "gen_istft_n_fft"),
                istft_hop=_size(istft, "gen_istft_hop_size"),
            ),
            text_kernel=_size(content, "text_encoder_kernel_size"),
            n_layers=_size(content, "n_layer", LARGEST_DEPTH),
            max_dur=_size(content, "max_dur"),
            n_mels=_size(content, "n_mels"),
            dropout=_share(content, "dropout"),
        )
    except KeyError as error:
        raise UserError(f"{path}: has no entry {error}; give Kokoro's config.json") from error
    except (TypeError, ValueError, IndexError, AttributeError) as error:
        raise UserError(f"{path}: is not Kokoro's config.json ({error}); download it again") from error


def require_vocabulary(found: Mapping[str, int], table: CharacterTable, source: str) -> None:
    """Refuse another table of characters: networks trained with one read nonsense by another.

    Raises:
        UserError: the first entries that differ.
    """
    wanted = dict(table.ids)
    differing = sorted(c for c in found.keys() | wanted.keys() if found.get(c) != wanted.get(c))
    if differing:
        shown = ", ".join(
            f"{c!r} is {found.get(c, 'missing')} there and {wanted.get(c, 'missing')} here"
            for c in differing[:3]
        )
        more = f" and {len(differing) - 3} more" if len(differing) > 3 else ""
        raise UserError(
            f"{source}: has another vocabulary than Kokoro v1.0: {shown}{more}; give files of Kokoro v1.0"
        )


def config_content(config: KokoroConfig) -> dict[str, Any]:
    """What `config.json` holds."""
    bert, decoder = config.bert, config.decoder
    content: dict[str, Any] = {
        "istftnet": {
            "upsample_kernel_sizes": list(decoder.upsample_kernels),
            "upsample_rates": list(decoder.upsample_rates),
            "gen_istft_hop_size": decoder.istft_hop,
            "gen_istft_n_fft": decoder.istft_n_fft,
            "resblock_dilation_sizes": [list(decoder.resblock_dilations) for _ in decoder.resblock_kernels],
            "resblock_kernel_sizes": list(decoder.resblock_kernels),
            "upsample_initial_channel": decoder.upsample_initial,
        },
        **_STYLE_ENCODER,
        "dropout": config.dropout,
        "hidden_dim": config.hidden,
        "max_dur": config.max_dur,
        "n_layer": config.n_layers,
        "n_mels": config.n_mels,
        "n_token": config.n_symbols,
        "style_dim": config.style_dim,
        "text_encoder_kernel_size": config.text_kernel,
        "plbert": {
            "hidden_size": bert.hidden,
            "num_attention_heads": bert.heads,
            "intermediate_size": bert.intermediate,
            "max_position_embeddings": bert.positions,
            "num_hidden_layers": bert.layers,
            "dropout": 0.1,
        },
        "vocab": dict(character_table("kokoro").ids),
    }
    if bert.embedding != PhonemeBertConfig.embedding:
        content["plbert"]["embedding_size"] = bert.embedding
    own = {"decoder_hidden": decoder.hidden, "decoder_text": decoder.text_channels}
    if own != {"decoder_hidden": DecoderConfig.hidden, "decoder_text": DecoderConfig.text_channels}:
        content[OWN_SIZES] = own
    return content


def save_config(path: Path, config: KokoroConfig) -> None:
    """Write a `config.json`, whole or not at all."""
    text = json.dumps(config_content(config), ensure_ascii=False, indent=1)
    write_whole(path, f"{text}\n".encode())


def official_problem(config: KokoroConfig) -> str | None:
    """Why the official package cannot speak a network of these sizes; None if it can."""
    fixed = {
        "decoder.channels": (config.decoder.channels, DecoderConfig.channels),
        "decoder.style_dim": (config.decoder.style_dim, DecoderConfig.style_dim),
        "decoder.hidden": (config.decoder.hidden, DecoderConfig.hidden),
        "decoder.text_channels": (config.decoder.text_channels, DecoderConfig.text_channels),
        "decoder.upsample_initial": (config.decoder.upsample_initial, DecoderConfig.upsample_initial),
        "decoder.hop_samples": (config.decoder.hop_samples, DecoderConfig.hop_samples),
        "decoder.sample_rate": (config.decoder.sample_rate, DecoderConfig.sample_rate),
    }
    differing = [f"{name} is {own}, not {its}" for name, (own, its) in fixed.items() if own != its]
    if not differing:
        return None
    return f"the kokoro package has no setting for it: {'; '.join(differing)}"


def read_voice(path: Path, config: KokoroConfig) -> Tensor:
    """The table [rows, 1, width] of a voice; row n - 1 speaks texts of n phonemes.

    Args:
        path: `<name>.pt`, or `<name>.bin` as kokoro-js has it, little-endian float32 row by row.

    Raises:
        UserError: the file is missing, damaged, of another shape, or holds numbers that are none.
    """
    content = _read_rows(path, config) if path.suffix == ".bin" else read_content(path)
    wanted = [config.voice_rows, 1, config.voice_width]
    if not isinstance(content, Tensor) or list(content.shape) != wanted:
        found = list(content.shape) if isinstance(content, Tensor) else type(content).__name__
        raise UserError(f"{path}: is {found} where a voice is a tensor {wanted}; give a voices/<name>.pt")
    if not content.is_floating_point() or not torch.isfinite(content).all():
        raise UserError(f"{path}: holds values that are no finite numbers; get the voice again")
    return content.float()


def _read_rows(path: Path, config: KokoroConfig) -> Tensor:
    expected = 4 * config.voice_rows * config.voice_width
    try:
        size = path.stat().st_size
        content = path.read_bytes() if size == expected else b""
    except OSError as error:
        raise UserError(f"{path}: cannot be read ({error.strerror}); get the voice again") from error
    if not content:
        raise UserError(f"{path}: has {size} bytes where a voice has {expected}; get the voice again")
    rows = np.frombuffer(content, dtype="<f4").astype(np.float32)
    return torch.from_numpy(rows).view(config.voice_rows, 1, config.voice_width)


def save_voice(path: Path, table: Tensor) -> None:
    """Write a voice's table [rows, 1, width], in float32, whole or not at all.

    Raises:
        UserError: a value is not finite.
    """
    if not torch.isfinite(table).all():
        raise UserError(f"{path}: the voice's table is not finite: training has diverged; train again")
    write_whole(path, serialized(table.detach().cpu().float()))


def voice_rows_of(table: Tensor, lengths: Tensor) -> Tensor:
    """The rows [B, width] of a table [rows, 1, width] for texts of `lengths` [B] tokens, pads included."""
    return table[row_index(lengths).to(table.device), 0]


def _size(content: Mapping[str, Any], name: str, largest: int = LARGEST_SIZE) -> int:
    value = content[name]
    if type(value) is not int or not 1 <= value <= largest:
        raise ValueError(f"{name} = {repr(value)[:40]} is no size from 1 to {largest}")
    return value


def _share(content: Mapping[str, Any], name: str) -> float:
    value = content[name]
    if type(value) not in (int, float) or not 0 <= value < 1:
        raise ValueError(f"{name} = {repr(value)[:40]} is no share from 0 to 1")
    return float(value)


def _sizes(content: Mapping[str, Any], name: str) -> tuple[int, ...]:
    values = content[name]
    if not isinstance(values, list) or not 1 <= len(values) <= LARGEST_DEPTH:
        raise ValueError(f"{name} = {repr(values)[:40]} is no list of sizes")
    return tuple(_size({name: value}, name) for value in values)
