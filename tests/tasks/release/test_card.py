"""A voice's card says what validation heard of its sound."""

from __future__ import annotations

from typing import Any

from tasks.release.card import CardFacts, voice_card


def card(metrics: dict[str, Any] | None = None, **network: Any) -> str:
    return voice_card(
        CardFacts(
            family="sketch",
            sample_rate=24_000,
            languages=("de",),
            speakers=("a",),
            name="mine",
            clips=3,
            hours=0.1,
            licence="CC0",
            attribution="",
            networks={"sketch": {"steps": 5, "epochs": 1, "from_scratch": True, **network}},
            metrics=metrics or {},
            verdict="",
            warning="",
            paths="",
            files=(),
            limits=(),
            published={},
        )
    )


def test_an_interval_is_told_where_there_is_one() -> None:
    many = {"mean": 0.15, "low": 0.1, "high": 0.2, "clips": 9, "about": "errors"}
    told = card(metrics={"text/a": many, "text/b": {**many, "low": 0.15, "high": 0.15, "clips": 1}})
    assert "| `text/a` | 0.15 (0.1 to 0.2) | 9 |" in told
    assert "| `text/b` | 0.15 (one clip) | 1 |" in told


HEARD = {"f0_correlation": 0.91, "f0_cents": 31.2, "frame_line_db": 2.3}


def test_what_was_heard_is_told() -> None:
    told = card(heard=HEARD | {"misheard": 0.9, "misheard_recorded": 0.05}, ignores_pitch=False)
    assert (
        "| sound of sketch | pitch follows what is asked with correlation 0.91, 31 cents off; lines at the "
        "frame rate stand out by 2.3 dB; 90% of the words misheard by a recogniser, 5% in the recordings |"
    ) in told
    assert "does not follow" not in told


def test_without_a_recogniser_words_are_not_told_of() -> None:
    assert "stand out by 2.3 dB |" in card(heard=HEARD)


def test_a_voice_that_ignores_pitch_is_called_one_that_hums() -> None:
    assert "- Its sound does not follow the pitch that it is asked for" in card(ignores_pitch=True)


def test_nothing_is_told_of_voices_that_were_not_heard() -> None:
    assert "sound of" not in card() and "sound of" not in card(heard={})
