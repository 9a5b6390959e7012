"""What a fitting goes on from: an earlier voice, and the decoder that it was fitted with."""

from __future__ import annotations

from pathlib import Path

from torch import Tensor

from artifacts.digest import of_file
from configs.errors import UserError
from configs.train_kokoro_fit import KokoroFitSettings
from models.kokoro.decoder_biases import DecoderBiases
from models.kokoro.fitted_voice import FittedVoices
from models.published import read_table
from tasks.finetune.kokoro.trained import DECODER_FILE

_SETTING = "train.kokoro_fit.pretrained_voices"


def earlier_voices(settings: KokoroFitSettings, voices: FittedVoices) -> dict[str, Tensor]:
    """[rows, 1, width] by speaker, of the voice that fitting goes on from; empty where it begins afresh.

    Raises:
        UserError: the file cannot be read, or holds voices of another model.
    """
    if settings.pretrained_voices is None:
        return {}
    earlier = read_table(Path(settings.pretrained_voices), "give `networks/voices.safetensors` of a voice")
    rows, width = voices.tables.shape[1:]
    for name, table in earlier.items():
        if list(table.shape) != [rows, 1, width]:
            raise UserError(
                f"{_SETTING} = {settings.pretrained_voices}: {name} is {list(table.shape)} where this "
                f"model's voices are {[rows, 1, width]}; give a voice of the same model, or null"
            )
    return earlier


def begin_as_earlier(settings: KokoroFitSettings, biases: DecoderBiases) -> None:
    """Let the decoder's biases begin as they are beside the earlier voice, where there is one.

    Raises:
        UserError: the file cannot be read, or is another model's.
    """
    file = _earlier_decoder(settings)
    if file is None:
        return
    try:
        biases.begin_as(read_table(file, "give `networks/voices.safetensors` of a whole voice"))
    except (KeyError, ValueError) as error:
        raise UserError(
            f"{_SETTING} = {settings.pretrained_voices}: {file} is not this model's decoder ({error}); give "
            "a voice of the same model, or null"
        ) from error


def digests_of_earlier(settings: KokoroFitSettings) -> dict[str, str]:
    """SHA-256 of what fitting goes on from."""
    if settings.pretrained_voices is None:
        return {}
    decoder = _earlier_decoder(settings)
    beside = {} if decoder is None else {"decoder of the voices": of_file(decoder)}
    return {"voices": of_file(Path(settings.pretrained_voices)), **beside}


def _earlier_decoder(settings: KokoroFitSettings) -> Path | None:
    """The decoder beside the earlier voice; a table that lies alone was spoken by the published one."""
    if settings.pretrained_voices is None:
        return None
    file = Path(settings.pretrained_voices).with_name(DECODER_FILE)
    return file if file.is_file() else None
