"""Settings of the forced alignment."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from configs.base import Section


class MfaSettings(Section):
    """The Montreal Forced Aligner, which is installed outside this program (conda-forge or its container)."""

    executable: str | None = Field(
        default=None,
        min_length=1,
        description="Path of the `mfa` program; unset: MFA is not used. Install it with "
        "`conda create -n aligner -c conda-forge montreal-forced-aligner`.",
    )
    acoustic_model: str | None = Field(
        default=None,
        min_length=1,
        description="Ready acoustic model whose phones are the symbol table's: a zip file, or a name that "
        "`mfa model download acoustic` installed (below `MFA_ROOT_DIR`, else `~/Documents/MFA`); unset: "
        "trained on the corpus.",
    )
    max_training_s: float = Field(
        default=3600.0,
        gt=0,
        description="MFA trains on up to this many seconds of recordings.",
    )
    batch_clips: int = Field(
        default=64, ge=1, le=4096, description="Clips per call: a call takes seconds to start."
    )
    timeout_s: float = Field(default=3600.0, gt=0, description="Longest a call may take, seconds.")
    min_score: float = Field(
        default=-62.0,
        description="Clips whose speech_log_likelihood is lower are refused: measured -58 to -45 for right "
        "text, -77 to -60 for wrong.",
    )


class AlignSettings(Section):
    """When each phone is spoken."""

    backend: Literal["auto", "mfa", "pocketsphinx", "hmm"] = Field(
        "auto",
        description="`auto` takes MFA where it runs with a ready acoustic model (`mfa.acoustic_model`) that "
        "knows the phones, else `pocketsphinx` for English, else `hmm` (built in, learns from the recordings "
        "themselves, any language). `mfa` without a ready model trains one.",
    )
    max_phones_per_s: float = Field(
        30.0, gt=0, description="Clips whose text has more phones per second are refused unaligned."
    )
    max_training_s: float = Field(
        600.0,
        gt=0,
        description="The hmm learns from up to this many seconds of recordings, chosen by their content, "
        "speakers taking turns.",
    )
    min_training_s: float = Field(
        40.0,
        ge=0,
        description="With fewer seconds of recordings the hmm first learns from synthetic speech of the same "
        "texts, then adapts to the voice; with more that is worse.",
    )
    relearn_growth: float = Field(
        2.0,
        ge=1,
        description="A learned model (hmm or MFA) is kept, and with it all alignments, until the speech is "
        "so many times what it was, or a tenth of the clips that taught it are gone or changed; a warning "
        "says so.",
    )
    min_score_pocketsphinx: float = Field(
        -38.0,
        description="Clips whose score is lower are refused as text that is not what is spoken; right text "
        "scores -8 to -31, in noise down to -39, wrong text -43 to -87.",
    )
    min_score_hmm: float = Field(
        -5.0,
        description="The same for the hmm, where it is only a coarse check: right text scores -0.3 to -4.3.",
    )
    min_match_hmm: float = Field(
        0.25,
        ge=0,
        le=1,
        description="Clips whose text fits the hmm hardly better than the same phones in other orders are "
        "refused: 0 is no better, right text measured 0.23 to 0.85, swapped text around 0.",
    )
    max_swallowed_ratio: float = Field(
        0.15,
        gt=0,
        le=1,
        description="Alignments that call more of a clip's loud time silence than this are refused...",
    )
    min_swallowed_s: float = Field(
        0.15,
        ge=0,
        description="...if it is at least so many seconds: of a single word a breath is a large share.",
    )
    max_hasty_ratio: float = Field(
        0.5,
        gt=0,
        le=1,
        description="Alignments with a larger share of phones at the shortest possible length are refused.",
    )
    mfa: MfaSettings = MfaSettings()
