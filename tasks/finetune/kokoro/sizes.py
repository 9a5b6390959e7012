"""What a Kokoro model is: of this family, of the sizes of published weights or of the settings."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from artifacts.digest import of_file
from configs.errors import UserError
from configs.train_kokoro import KokoroTrainSettings
from models.frontend.text.character_tokens import character_table
from models.kokoro.config import TINY, KokoroConfig
from models.kokoro.published import PublishedFiles, published_files
from models.kokoro.upstream import read_config


def require_kokoro(family: str, stage: str) -> None:
    """Raises UserError where a run's clips are another family's."""
    if family != "kokoro":
        raise UserError(
            f"family.name = {family}: {stage} reads Kokoro's characters, and would learn nonsense from "
            "others; use a preset of Kokoro"
        )


def published_weights(settings: KokoroTrainSettings) -> PublishedFiles | None:
    """The files that `pretrained` names; None where it names none.

    Raises:
        UserError: they are not there, or a folder holds several.
    """
    if settings.pretrained is None:
        return None
    return published_files(Path(settings.pretrained), f"train.kokoro.pretrained = {settings.pretrained}")


def digests_of(published: PublishedFiles) -> dict[str, str]:
    """SHA-256 of the files, by what they hold."""
    own = {"weights": of_file(published.weights)}
    return own if published.config is None else own | {"config": of_file(published.config)}


def model_config(settings: KokoroTrainSettings) -> KokoroConfig:
    """The sizes of a run: those of the published weights, or Kokoro-82M's changed by the settings.

    Raises:
        UserError: sizes that contradict each other, or published weights of another vocabulary.
    """
    published = published_weights(settings)
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
