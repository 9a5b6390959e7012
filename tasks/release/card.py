"""The voice card: what a person must know before using a voice."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class CardFacts:
    """What the card states.

    Attributes:
        family: Family of models.
        sample_rate: Of the output, Hz.
        languages: Codes, most trained first.
        speakers: Names.
        name: The voice's name.
        clips: Training clips.
        hours: Hours of training speech.
        licence: Licence of the recordings.
        attribution: Who is to be credited, or empty.
        content_backend: What the semantic codes were made from.
        networks: `sovits` and `t2s` with `sizes`, `steps`, `epochs`, `from_scratch`.
        metrics: Name -> `mean`, `about`, `clips`.
        machinery_below_steps: Fewer SoVITS steps from scratch prove the machinery only.
        gpt_sovits_left_out: Why there are no files for GPT-SoVITS, or None.
    """

    family: str
    sample_rate: int
    languages: tuple[str, ...]
    speakers: tuple[str, ...]
    name: str
    clips: int
    hours: float
    licence: str
    attribution: str
    content_backend: str
    networks: Mapping[str, Mapping[str, Any]]
    metrics: Mapping[str, Mapping[str, Any]]
    machinery_below_steps: int
    gpt_sovits_left_out: str | None


def voice_card(facts: CardFacts) -> str:
    """The card as Markdown with a metadata header."""
    parts = [
        _header(facts),
        f"# {facts.name}",
        *_warning(facts),
        "\n".join(_table(("", ""), _summary(facts))),
        "## What it was measured to do",
        "Held-out clips, mean over clips. Each name starts with the path that made the audio: "
        "`posterior` hears the recording itself (a vocoder check), `codes` uses the recording's semantic "
        "codes, `text` is what a listener gets. `recording` is the yardstick.",
        "\n".join(_table(("metric", "mean", "clips", "what it is"), _metrics(facts))),
        "## Limits",
        "\n".join(f"- {limit}" for limit in _limits(facts)),
        "## Files",
        "`voice.json` describes the voice and holds every other file's SHA-256; `sovits.safetensors` and "
        "`t2s.safetensors` are the networks; `symbols.json` lists the phone symbols; `references/` holds "
        "one recorded clip per speaker, which gives the voice its timbre.",
        _for_gpt_sovits(facts),
    ]
    return "\n\n".join(parts) + "\n"


def _for_gpt_sovits(facts: CardFacts) -> str:
    if facts.gpt_sovits_left_out is None:
        return f"`gpt-sovits/{facts.name}.pth` and `.ckpt` are the same networks for GPT-SoVITS itself."
    return f"There are no files for GPT-SoVITS itself: {facts.gpt_sovits_left_out}."


def _header(facts: CardFacts) -> str:
    languages = ", ".join(facts.languages)
    lines = ["---", "pipeline_tag: text-to-speech", f"language: [{languages}]"]
    return "\n".join([*lines, f"license: {_as_yaml(facts.licence)}", "---"])


def _as_yaml(text: str) -> str:
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", " ") + '"'


def _warning(facts: CardFacts) -> Iterable[str]:
    sovits = facts.networks["sovits"]
    if sovits["from_scratch"] and sovits["steps"] < facts.machinery_below_steps:
        yield (
            f"> **This voice proves the machinery, not quality.** It was trained from scratch for "
            f"{sovits['steps']:,} SoVITS steps and {facts.networks['t2s']['steps']:,} text-to-semantic "
            f"steps on {60 * facts.hours:.1f} minutes of speech. A voice worth listening to takes "
            "published weights to start from, or many hours of speech and of training."
        )


def _summary(facts: CardFacts) -> Iterable[tuple[str, str]]:
    yield "family", facts.family
    yield "output", f"{facts.sample_rate:,} Hz, mono"
    yield "languages", ", ".join(facts.languages)
    yield "speakers", ", ".join(facts.speakers)
    yield "training speech", f"{facts.clips} clips, {facts.hours:.2f} hours"
    yield "licence of the recordings", facts.licence
    if facts.attribution:
        yield "attribution", facts.attribution
    for name, network in facts.networks.items():
        origin = "from scratch" if network["from_scratch"] else "from published weights"
        yield name, f"{network['steps']:,} steps, {network['epochs']} epochs, {origin}"
    yield "content features", facts.content_backend


def _metrics(facts: CardFacts) -> Iterable[tuple[str, str, str, str]]:
    for name, metric in facts.metrics.items():
        yield f"`{name}`", f"{metric['mean']:.3g}", str(metric["clips"]), metric["about"]


def _limits(facts: CardFacts) -> Iterable[str]:
    yield f"It reads {', '.join(facts.languages)} only; other languages are refused."
    if facts.content_backend == "mfcc":
        yield (
            "Its semantic codes come from MFCCs, which carry more of the speaker and less of the words "
            "than HuBERT features."
        )
    yield "The metrics come from few clips and no listener; a listening test decides."
    yield "Use it only for what the speaker agreed to, and say that the speech is synthetic."


def _table(head: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> Iterable[str]:
    yield _row(head)
    yield _row(tuple("---" for _ in head))
    for row in rows:
        yield _row(row)


def _row(cells: tuple[str, ...]) -> str:
    return "| " + " | ".join(cell.replace("|", "\\|").replace("\n", " ") for cell in cells) + " |"
