"""A recording from outside the corpus as a reference: whose timbre is taken without training."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from configs.errors import UserError
from models.frontend.audio import Samples, decode_flac, resample
from models.frontend.codecs import AudioError
from models.frontend.recordings import DecodePolicy, decode_file
from models.frontend.text.g2p import phonemize
from models.frontend.text.mixing import stretches
from tasks.features.content import encode_content
from tasks.finetune.semantic import semantic_codes
from tasks.release.voice import Reference, Voice

MIN_S, MAX_S = 3.0, 10.0
"""Shorter clips tell too little of a voice; longer ones confuse decoders, which never saw such prompts."""


def reference_from_file(
    voice: Voice, path: Path, text: str | None = None, language: str | None = None
) -> Reference:
    """A clip of 3 to 10 s of one speaker.

    Args:
        voice: Whose networks will follow the clip.
        path: A recording of any kind that the pipeline reads.
        text: What is said in it; the decoder then continues the clip. Without it only the timbre is taken,
            and the decoder starts from the text to speak alone.
        language: Code of the text's language; the voice's first by default.

    Raises:
        UserError: the clip cannot be used, or the text cannot be read.
    """
    samples = _read(path, voice)
    spoken_language = voice.checked_language(language)
    name = path.stem
    if text is None:
        return Reference(name, name, "", spoken_language, samples, phone_ids=(), codes=())
    runs = [
        phonemize(part.text, part.language, voice.symbol_table)
        for part in stretches(text, spoken_language, voice.spoken_languages)
    ]
    features, _ = encode_content(samples, voice.frame, voice.content)
    # Half precision as in the shards, so that a clip of the corpus gets the codes it has there.
    stored = np.ascontiguousarray(features.numpy().T).astype(np.float16)
    return Reference(
        speaker=name,
        utterance_id=name,
        text=text,
        language=spoken_language,
        samples=samples,
        phone_ids=tuple(phone_id for run in runs for phone_id in run.phone_ids),
        codes=tuple(semantic_codes(stored, voice.generator)),
        linguistic=voice.linguistic_features(runs),
    )


def _read(path: Path, voice: Voice) -> Samples:
    """Samples at the voice's rate."""
    if not path.is_file():
        raise UserError(f"--reference: {path} is no file")
    try:
        decoded = decode_file(path, DecodePolicy())
    except AudioError as error:
        raise UserError(f"--reference: {path}: {error}") from error
    duration_s = decoded.n_samples / decoded.sample_rate
    if not MIN_S <= duration_s <= MAX_S:
        advice = "cut one clear sentence out of it" if duration_s > MAX_S else "record a longer sentence"
        raise UserError(
            f"--reference: {path} lasts {duration_s:.2f} s, and a reference {MIN_S:g} to {MAX_S:g} s; "
            f"{advice}"
        )
    wave = decode_flac(decoded.flac)
    return resample(wave.samples, wave.sample_rate, voice.frame.sample_rate)
