"""Settings of what makes a new version of a voice its champion."""

from __future__ import annotations

from pydantic import Field

from configs.base import Section


class GatesSettings(Section):
    """When a new version goes live by itself. Nothing here enters a stage's key."""

    automatic: bool = Field(
        True,
        description="judge every new version against the champion and promote it if it passes; false leaves "
        "every promotion to `voicewright promote`",
    )
    not_worse: tuple[str, ...] = Field(
        ("word_error_rate", "speaker_similarity", "dnsmos", "warped_mel_distance_db"),
        description="metrics of the stage evaluate that may not be worse than the champion's by more than "
        "their interval, under every path that has them (`text/`, `sentences/`)",
    )
    improve: tuple[str, ...] = Field(
        ("word_error_rate", "speaker_similarity", "dnsmos", "warped_mel_distance_db"),
        description="metrics of which at least one must be better by more than its interval, unless the new "
        "version learned from more speech",
    )
    more_speech: float = Field(
        0.01,
        ge=0,
        description="a version that learned from more speech by this share is promoted when it is even",
    )
    forbidden: dict[str, float] = Field(
        {"clipped_share": 0.001, "clicks_per_minute": 6.0},
        description="metric -> most that a version may have to be promoted by itself",
    )
    base: str | None = Field(
        "auto",
        min_length=1,
        description="a published voice, `kokoro/af_heart`, that no new version may be harder to understand "
        "than, beyond the interval, on the sentences that come with the language: a fine-tuned model must "
        "not forget. `auto`: for models that published weights are trained on, the first published voice "
        "of the family in the language, where its weights are here; null: none",
    )
    confidence: float = Field(
        0.95, gt=0.5, lt=1, description="of the intervals, by bootstrap over utterances"
    )
