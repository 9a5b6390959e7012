"""From an exported folder, or a run's corpus, to speech."""

from __future__ import annotations

import difflib
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydantic import ValidationError
from safetensors import SafetensorError
from safetensors.numpy import load_file

from artifacts import digest
from configs.content import ContentSettings
from configs.errors import UserError
from configs.linguistic import LinguisticSettings
from configs.release import SynthesizeSettings
from configs.speaker_vector import SpeakerVectorSettings
from models.frontend.audio import decode_flac
from models.frontend.mel import SpectrogramParameters
from models.t2s.packed import Weights, prepare_for_decoding
from tasks.finetune.networks import load_decoder, load_generator, read_json
from tasks.pipeline import Pipeline
from tasks.release.assembly import clip_facts, clip_reference
from tasks.release.export import FORMAT
from tasks.release.voice import Reference, Voice

__all__ = ["Voice", "corpus_reference", "load_voice"]


def load_voice(folder: Path, decoder_weights: Weights | None = None) -> Voice:
    """Load a voice that `export` wrote; `voice.speak(text)` makes it speak.

    Args:
        folder: Holds voice.json.
        decoder_weights: Precision of the decoder's weights; the voice's own setting by default.

    Raises:
        UserError: the folder is no voice, a file is missing or changed, or another version wrote it.
    """
    described = folder / "voice.json"
    if not described.is_file():
        raise UserError(f"{folder}: holds no voice.json, so it is no exported voice")
    voice = read_json(described)
    if voice.get("format") != FORMAT:
        raise UserError(
            f"{described}: format {voice.get('format')!r} is not {FORMAT}; export the voice again"
        )
    try:
        _check_files(folder, voice["digests"])
        networks = voice["networks"]
        manner = SynthesizeSettings.model_validate(voice["synthesize"])
        decoder = load_decoder(folder / networks["t2s"]["file"], networks["t2s"]["sizes"])
        return Voice(
            generator=load_generator(folder / networks["sovits"]["file"], networks["sovits"]["sizes"]),
            decoder=prepare_for_decoding(decoder, decoder_weights or manner.decoder_weights),
            frame=SpectrogramParameters(**voice["frame"]),
            symbol_table=voice["symbol_table"],
            languages=tuple(voice["languages"]),
            references={n: _reference(folder, n, s) for n, s in voice["speakers"].items()},
            default_speaker=voice["default_speaker"],
            manner=manner,
            linguistic=LinguisticSettings.model_validate(voice["linguistic"]),
            content=ContentSettings.model_validate(voice["content"]),
            speaker_vector=SpeakerVectorSettings.model_validate(voice["speaker_vector"]),
            published=not any(network["from_scratch"] for network in networks.values()),
        )
    except (KeyError, TypeError, ValidationError) as error:
        raise UserError(f"{described}: is not complete ({error}); export the voice again") from error


def corpus_reference(pipeline: Pipeline, utterance_id: str) -> Reference:
    """A clip of a finished voice's corpus as a reference.

    Raises:
        UserError: the corpus has no such clip, or the stages that describe it have not been run.
    """
    shard = pipeline.known("shard")
    if shard is None:
        raise UserError(f"voice {pipeline.voice}: its corpus is not finished; run the pipeline first")
    clips = clip_facts({name: pipeline.store.local_path(ref) for name, ref in shard.files.items()})
    found = {clip.utterance_id: clip for clip in clips}
    if utterance_id not in found:
        near = difflib.get_close_matches(utterance_id, found, n=3, cutoff=0.0)
        raise UserError(
            f"--reference-clip: the corpus of {pipeline.voice} holds no clip {utterance_id!r}; there are, "
            f"for example, {', '.join(near)}"
        )
    table = pipeline.table("semantic", ["utterance_id", "codes"])
    codes = dict(zip(table["utterance_id"].to_pylist(), table["codes"].to_pylist(), strict=True))
    return clip_reference(found[utterance_id], {utterance_id: tuple(codes[utterance_id])})


def _check_files(folder: Path, digests: dict[str, str]) -> None:
    root = folder.resolve()
    for name, expected in digests.items():
        path = folder / name
        if not path.resolve().is_relative_to(root):
            raise UserError(f"{folder / 'voice.json'}: {name!r} points outside the voice's folder")
        if not path.is_file():
            raise UserError(f"{path}: is missing from the voice; export it again")
        if digest.of_file(path) != expected:
            raise UserError(f"{path}: is not the file that was exported (its SHA-256 differs)")


def _reference(folder: Path, name: str, speaker: dict[str, Any]) -> Reference:
    try:
        wave = decode_flac((folder / speaker["reference"]).read_bytes())
    except (OSError, ValueError) as error:
        raise UserError(f"{folder / speaker['reference']}: {error}; export the voice again") from error
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
    try:
        return load_file(path)
    except (OSError, SafetensorError) as error:
        raise UserError(f"{path}: cannot be read ({error}); export the voice again") from error
