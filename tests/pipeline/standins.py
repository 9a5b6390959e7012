"""A `pretrained_models` folder of GPT-SoVITS, with small random networks of the same form."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
import yaml
from torch import nn

from configs.loading import PRESETS
from models.discriminators.multi_period import MultiPeriodDiscriminator
from models.published import PublishedFile, write_published
from models.sovits.config import SovitsConfig, sovits_config
from models.sovits.model import SovitsGenerator
from models.sovits.upstream import MARKS
from models.sovits.upstream import upstream_config as sovits_file_config
from models.speaker.eres2netv2 import ERes2NetV2
from models.t2s.config import t2s_config
from models.t2s.model import TextToSemantic
from models.t2s.upstream import upstream_config as t2s_file_config
from tests.models.tiny import TINY_SOVITS, TINY_T2S, speech_encoder_sizes

CONTENT, LINGUISTIC = 768, 1024
VOCABULARY = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", ",", "。", "你", "好", "中", "国"]
FILES = {
    "v2": ("gsv-v2final-pretrained/s2G2333k.pth", "gsv-v2final-pretrained/s2D2333k.pth"),
    "v2Pro": ("v2Pro/s2Gv2Pro.pth", "v2Pro/s2Dv2Pro.pth"),
}
DECODERS = {
    "v2": "gsv-v2final-pretrained/s1bert25hz-5kh-longer-epoch=12-step=369668.ckpt",
    "v2Pro": "s1v3.ckpt",
}


def write_pretrained_models(folder: Path, version: str) -> Path:
    """Everything that the preset of a version needs."""
    torch.manual_seed(0)
    _hubert(folder / "chinese-hubert-base")
    _roberta(folder / "chinese-roberta-wwm-ext-large")
    config = sovits_config(version, **TINY_SOVITS)
    generator_file, discriminator_file = FILES[version]
    generator = SovitsGenerator(config)
    generator.initialize_codebook([torch.randn(CONTENT, 600)], torch.Generator().manual_seed(0))
    _published(folder / generator_file, MARKS[version], generator, sovits_file_config(config))
    discriminator = MultiPeriodDiscriminator(config.discriminator_periods, config.discriminator_divisor)
    _published(folder / discriminator_file, MARKS[version], discriminator, sovits_file_config(config))
    decoder = TextToSemantic(t2s_config("v2", **TINY_T2S))
    # The official keys carry this prefix.
    holder = nn.ModuleDict({"model": decoder})
    _published(folder / DECODERS[version], "PK", holder, t2s_file_config(decoder.config))
    if config.uses_speaker_vector:
        path = folder / "sv/pretrained_eres2netv2w24s4ep4.ckpt"
        path.parent.mkdir(parents=True)
        torch.save(ERes2NetV2().state_dict(), path)
    return folder


def small_sizes() -> dict[str, Any]:
    """Settings that say the stand-in generator's sizes: those of the preset `tiny`."""
    tiny = yaml.safe_load((PRESETS / "tiny.yaml").read_text(encoding="utf-8"))
    return {"train": {"sovits": {"sizes": tiny["train"]["sovits"]["sizes"]}}}


def tiny_config(version: str) -> SovitsConfig:
    """The stand-in generator's sizes."""
    return sovits_config(version, **TINY_SOVITS)


def _published(path: Path, mark: str, network: nn.Module, config: dict[str, Any]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    write_published(path, PublishedFile(mark, network.state_dict(), config, "stand-in"))


def _hubert(folder: Path) -> None:
    from transformers import HubertConfig, HubertModel

    sizes = speech_encoder_sizes(hidden_size=CONTENT, num_attention_heads=4, num_conv_pos_embedding_groups=16)
    HubertModel(HubertConfig(**sizes)).save_pretrained(folder)


def _roberta(folder: Path) -> None:
    from transformers import BertConfig, BertModel

    BertModel(
        BertConfig(
            vocab_size=len(VOCABULARY),
            hidden_size=LINGUISTIC,
            num_hidden_layers=3,
            num_attention_heads=4,
            intermediate_size=32,
            max_position_embeddings=512,
        )
    ).save_pretrained(folder)
    (folder / "vocab.txt").write_text("\n".join(VOCABULARY) + "\n", encoding="utf-8")
