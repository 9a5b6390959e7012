"""A recording from outside the corpus as a reference: whose timbre is taken without training."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Protocol

import numpy as np
import torch
from numpy.typing import NDArray

from configs.content import ContentSettings
from configs.naming import named_in
from configs.speaker_vector import SpeakerVectorSettings
from models.frontend.audio import Samples
from models.frontend.mel import SpectrogramParameters
from models.frontend.text.inline import without_phones
from models.frontend.text.lexicon import Lexicon
from models.frontend.text.phonemized import Phonemized
from models.sovits.model import SovitsGenerator
from models.speaker.eres2netv2 import embed_speaker_vector
from tasks.release.gpt_sovits.marks import with_marks
from tasks.release.gpt_sovits.prompt import prompt_codes
from tasks.release.gpt_sovits.reference import Reference
from tasks.release.reference_file import read_reference_file
from tasks.release.sentences import read_runs

MIN_S, MAX_S = 3.0, 10.0
"""Shorter clips tell too little of a voice; longer ones confuse decoders, which never saw such prompts."""


class Follower(Protocol):
    """What must be known of the voice that will follow a clip; see `GptSovitsVoice`."""

    @property
    def device(self) -> torch.device: ...

    @property
    def generator(self) -> SovitsGenerator: ...

    @property
    def frame(self) -> SpectrogramParameters: ...

    @property
    def symbol_table(self) -> str: ...

    @property
    def content(self) -> ContentSettings: ...

    @property
    def speaker_vector(self) -> SpeakerVectorSettings: ...

    @property
    def spoken_languages(self) -> tuple[str, ...]: ...

    @property
    def lexicon(self) -> Lexicon: ...

    def checked_language(self, language: str | None) -> str:
        """Raises UserError for one that it does not speak."""
        ...

    def linguistic_features(self, runs: Sequence[Phonemized]) -> NDArray[np.float32] | None:
        """float32 `[D, L]` for the phones, or None for zeros."""
        ...


def reference_from_file(
    voice: Follower, path: Path, text: str | None = None, language: str | None = None
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
    samples = read_reference_file(path, voice.frame.sample_rate, MIN_S, MAX_S)
    spoken_language = voice.checked_language(language)
    timbre = Reference(
        speaker=path.stem,
        utterance_id=path.stem,
        text="",
        language=spoken_language,
        samples=samples,
        phone_ids=(),
        codes=(),
        speaker_vector=_speaker_vector(samples, voice),
    )
    if text is None:
        return timbre
    runs = with_marks(
        read_runs(text, spoken_language, voice.spoken_languages, voice.symbol_table, voice.lexicon)
    )
    return replace(
        timbre,
        text=without_phones(text),
        phone_ids=tuple(phone_id for run in runs for phone_id in run.phone_ids),
        codes=prompt_codes(samples, voice.generator, voice.frame, voice.content, voice.device),
        linguistic=voice.linguistic_features(runs),
    )


def _speaker_vector(samples: Samples, voice: Follower) -> NDArray[np.float32] | None:
    if not voice.generator.config.uses_speaker_vector:
        return None
    with named_in("features.speaker_vector"):
        return embed_speaker_vector(
            samples, voice.frame.sample_rate, voice.speaker_vector.model, voice.device
        )
