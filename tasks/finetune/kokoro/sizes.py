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
from models.kokoro.upstream import read_config


class Published(NamedTuple):
    """A pair of files of published weights."""

    weights: Path
    config: Path

    def digests(self) -> dict[str, str]:
        """Of both, by what they hold."""
        return {"weights": of_file(self.weights), "config": of_file(self.config)}


def published_files(settings: KokoroTrainSettings) -> Published | None:
    """The files that `pretrained` names; None where it names none.

    Raises:
        UserError: they are not there, or a folder holds several.
    """
    if settings.pretrained is None:
        return None
    where, path = f"train.kokoro.pretrained = {settings.pretrained}", Path(settings.pretrained)
    if path.is_dir():
        found = sorted(path.glob("*.pth"))
        if len(found) != 1:
            raise UserError(f"{where}: the folder holds {len(found)} .pth files; give the path of the one")
        path = found[0]
    published = Published(path, path.with_name("config.json"))
    for each in published:
        if not each.is_file():
            raise UserError(f"{where}: {each} is missing; put the .pth and its config.json into one folder")
    return published


def model_config(settings: KokoroTrainSettings) -> KokoroConfig:
    """The sizes of a run: those of the published weights, or Kokoro-82M's changed by the settings.

    Raises:
        UserError: sizes that contradict each other, or published weights of another vocabulary.
    """
    published = published_files(settings)
    if published is not None:
        return read_config(published.config)
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
