"""Which aligner each language gets, as the stages acoustic_model and align hand it on."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

from configs.align import AlignSettings
from configs.errors import UserError
from models.aligner import hmm_aligner, sphinx
from models.aligner.hmm_aligner import Utterance
from models.aligner.quality import Limits
from models.frontend.audio import decode_flac
from tasks.features import mfa

ALIGNERS = "aligners.json"


class Aligner(NamedTuple):
    """What aligns one language, and what its model was learned from (nothing where none had to be learned).

    trained_on_s, clips: what it was learned from; corpus_s: the language's speech when it was learned,
    seconds; learned: digest of the recording and text of each clip that taught it -> digest of its content.
    """

    language: str
    backend: str
    version: str
    model_digest: str = ""
    trained_on_s: float = 0.0
    clips: int = 0
    corpus_s: float = 0.0
    learned: Mapping[str, str] = {}


def read_aligners(path: Path) -> dict[str, Aligner]:
    """The aligner of each language, from the stage's file ALIGNERS."""
    table = json.loads(path.read_text("utf-8"))
    return {language: Aligner(**fields) for language, fields in table.items()}


def resolve(backend: str, language: str, ready_mfa: bool) -> str:
    """The aligner for a language: what the settings say, or the best there is for `auto`.

    ready_mfa: whether MFA runs and has a ready acoustic model that knows the language's phones. One that it
    would have to learn is no better than what is built in (docs/decisions/alignment.md).
    Raises UserError when pocketsphinx is wanted for another language than English.
    """
    english = language.split("-")[0].lower() == "en"
    if backend == "auto":
        if ready_mfa:
            return mfa.NAME
        return sphinx.NAME if english else hmm_aligner.NAME
    if backend == sphinx.NAME and not english:
        raise UserError(
            f"features.align.backend = pocketsphinx: the corpus holds language {language!r}, and "
            f"pocketsphinx aligns English only; set it to auto or hmm"
        )
    return backend


def model_file(language: str) -> str:
    """Name of a language's model among the stage's files."""
    return f"hmm-{language}.safetensors"


def phones_per_word(row: Mapping[str, Any]) -> list[list[str]]:
    """A row's phones by word. Raises ValueError when word2ph does not fit."""
    if sum(row["word2ph"]) != len(row["phones"]) or len(row["word2ph"]) != len(row["words"]):
        raise ValueError(f"{row['utterance_id']}: word2ph does not add up to the phones")
    groups = []
    position = 0
    for count in row["word2ph"]:
        groups.append(row["phones"][position : position + count])
        position += count
    return groups


def utterance_of(row: Mapping[str, Any]) -> Utterance:
    """A row's samples, words and phones. Raises ValueError when word2ph does not fit."""
    wave = decode_flac(row["audio"])
    return Utterance(wave.samples, wave.sample_rate, row["words"], phones_per_word(row))


def limits_of(settings: AlignSettings, backend: str) -> Limits:
    """What an alignment of this backend must keep."""
    min_score, shortest_s = {
        hmm_aligner.NAME: (settings.min_score_hmm, 0.015),
        sphinx.NAME: (settings.min_score_pocketsphinx, 0.03),
        mfa.NAME: (settings.mfa.min_score, 0.03),
    }[backend]
    return Limits(
        min_score,
        settings.min_match_hmm,
        settings.max_swallowed_ratio,
        settings.min_swallowed_s,
        settings.max_hasty_ratio,
        shortest_s,
    )
