"""A GPT-SoVITS voice out of its exported folder."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from configs.content import ContentSettings
from configs.linguistic import LinguisticSettings
from configs.release import SynthesizeSettings
from configs.speaker_vector import SpeakerVectorSettings
from models.frontend.mel import SpectrogramParameters
from models.published import read_table
from models.t2s.packed import prepare_for_decoding
from tasks.finetune.gpt_sovits.trained import load_decoder, load_generator
from tasks.release.gpt_sovits.reference import Reference
from tasks.release.gpt_sovits.voice import GptSovitsVoice
from tasks.release.voice_folder import read_reference


def load_gpt_sovits(folder: Path, described: Mapping[str, Any]) -> GptSovitsVoice:
    """The voice that `voice.json` describes.

    Raises:
        UserError: a file is damaged.
        KeyError, TypeError, ValidationError: the description is not complete.
    """
    networks = described["networks"]
    manner = SynthesizeSettings.model_validate(described["synthesize"])
    decoder = load_decoder(folder / networks["t2s"]["file"], networks["t2s"]["sizes"])
    return GptSovitsVoice(
        generator=load_generator(folder / networks["sovits"]["file"], networks["sovits"]["sizes"]),
        decoder=prepare_for_decoding(decoder, manner.decoder_weights),
        frame=SpectrogramParameters(**described["frame"]),
        symbol_table=described["symbol_table"],
        languages=tuple(described["languages"]),
        references={n: _reference(folder, n, s) for n, s in described["speakers"].items()},
        default_speaker=described["default_speaker"],
        manner=manner,
        linguistic=LinguisticSettings.model_validate(described["linguistic"]),
        content=ContentSettings.model_validate(described["content"]),
        speaker_vector=SpeakerVectorSettings.model_validate(described["speaker_vector"]),
        published=not any(network["from_scratch"] for network in networks.values()),
    )


def _reference(folder: Path, name: str, speaker: dict[str, Any]) -> Reference:
    wave = read_reference(folder, speaker["reference"])
    vectors = _vectors(folder / speaker["vectors"]) if speaker["vectors"] else {}
    return Reference(
        speaker=name,
        utterance_id=speaker["utterance_id"],
        text=speaker["text"],
        language=speaker["language"],
        samples=np.asarray(wave.samples, dtype=np.float32),
        phone_ids=tuple(speaker["phone_ids"]),
        codes=tuple(speaker["codes"]),
        linguistic=vectors.get("linguistic"),
        speaker_vector=vectors.get("speaker_vector"),
    )


def _vectors(path: Path) -> dict[str, NDArray[np.float32]]:
    table = read_table(path, "export the voice again")
    return {name: tensor.float().numpy() for name, tensor in table.items()}
