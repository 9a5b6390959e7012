"""Sizes of a Kokoro model: those of published weights, or of the settings."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

from artifacts.digest import of_file
from configs.errors import UserError
from configs.train_kokoro import KokoroTrainSettings
from models.frontend.text.character_tokens import character_table
from models.kokoro.config import TINY, KokoroConfig
from models.kokoro.int8_onnx import SUFFIX
from models.kokoro.upstream import read_config


class Published(NamedTuple):
    """Files of published weights.

    Attributes:
        weights: A .pth file, or a quantised export.
        config: Beside it; None where a quantised export stands alone.
    """

    weights: Path
    config: Path | None

    @property
    def is_dequantised(self) -> bool:
        """Whether the weights are those of an export to int8."""
        return self.weights.suffix == SUFFIX

    def digests(self) -> dict[str, str]:
        """Of the files, by what they hold."""
        own = {"weights": of_file(self.weights)}
        return own if self.config is None else own | {"config": of_file(self.config)}


def published_files(settings: KokoroTrainSettings) -> Published | None:
    """The files that `pretrained` names; None where it names none.

    Raises:
        UserError: they are not there, or a folder holds several.
    """
    if settings.pretrained is None:
        return None
    return published_in(Path(settings.pretrained), f"train.kokoro.pretrained = {settings.pretrained}")


def published_in(path: Path, where: str) -> Published:
    """The files in a folder, or those that belong to one of them; .pth is preferred to a quantised export.

    Args:
        path: A .pth or .onnx file, or a folder of one.
        where: For messages.

    Raises:
        UserError: they are not there, or a folder holds several.
    """
    if path.is_dir():
        found = sorted(path.glob("*.pth")) or sorted(path.glob(f"*{SUFFIX}"))
        if len(found) != 1:
            raise UserError(
                f"{where}: the folder holds {len(found)} files of weights (.pth, {SUFFIX}); give the path of "
                "the one"
            )
        path = found[0]
    if not path.is_file():
        raise UserError(f"{where}: {path} is missing; put the .pth and its config.json into one folder")
    config = path.with_name("config.json")
    if config.is_file():
        return Published(path, config)
    if path.suffix != SUFFIX:
        raise UserError(f"{where}: {config} is missing; put the .pth and its config.json into one folder")
    return Published(path, None)


def model_config(settings: KokoroTrainSettings) -> KokoroConfig:
    """The sizes of a run: those of the published weights, or Kokoro-82M's changed by the settings.

    Raises:
        UserError: sizes that contradict each other, or published weights of another vocabulary.
    """
    published = published_files(settings)
    if published is not None:
        return KokoroConfig() if published.config is None else read_config(published.config)
    base = TINY if settings.tiny else KokoroConfig()
    own = {name: value for name, value in settings.sizes.model_dump().items() if value is not None}
    bert = {name.removeprefix("bert_"): own.pop(name) for name in list(own) if name.startswith("bert_")}
    renamed = {"hidden": "channels", "decoder_hidden": "hidden", "decoder_text": "text_channels"}
    in_decoder = (*renamed, "style_dim", "upsample_initial", "resblock_kernels")
    decoder = {renamed.get(name, name): own.pop(name) for name in list(own) if name in in_decoder}
    n_symbols = character_table("kokoro").n_symbols
    return replace(
        base,
        bert=replace(base.bert, n_symbols=n_symbols, **bert),
        decoder=replace(base.decoder, **decoder),
        **own,
    )
