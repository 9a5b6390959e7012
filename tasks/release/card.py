"""The voice card: what a person must know before using a voice."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from models.metrics.intervals import Interval
from tasks.release.clips import ClipFacts
from tasks.release.voice import Voice
from tasks.stage import ConfigView
from tasks.weights import licences_of

REFERENCES = "`references/` holds one recorded clip per speaker, which gives the voice its timbre."
"""Of the files, in families whose voices hear a clip."""


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
        networks: By name, each with `steps`, `epochs`, `from_scratch`, `dequantised` where its published
            weights were those of an export to int8, `heard` and `ignores_pitch` where validations listened.
        metrics: Name -> `mean`, `low`, `high`, `about`, `clips`.
        verdict: What they come to, in words.
        warning: What must be read before anything else, or empty.
        paths: What the paths are that metrics are named after.
        files: What lies in the folder.
        limits: What the family's voices cannot do, or do badly, beyond what holds for all.
        published: Licences of the published weights that it was made from, by their names.
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
    networks: Mapping[str, Mapping[str, Any]]
    metrics: Mapping[str, Mapping[str, Any]]
    verdict: str
    warning: str
    paths: str
    files: Sequence[str]
    limits: Sequence[str]
    published: Mapping[str, str]

    @property
    def training_data(self) -> dict[str, Any]:
        """The part that `voice.json` repeats."""
        return {
            "clips": self.clips,
            "hours": self.hours,
            "licence": self.licence,
            "attribution": self.attribution,
            "published_weights": dict(self.published),
        }


def card_facts(
    voice: Voice[Any],
    clips: Sequence[ClipFacts],
    evaluation: Mapping[str, Any],
    cfg: ConfigView,
    *,
    networks: Mapping[str, Mapping[str, Any]],
    warning: str,
    paths: str,
    files: Sequence[str],
    limits: Sequence[str] = (),
    published: Iterable[str | None] = (),
) -> CardFacts:
    """The facts of a run; the family gives what is its own.

    Args:
        voice: As it speaks.
        clips: Of the training table, those of the training part among them.
        evaluation: What the stage `evaluate` wrote.
        cfg: `family`, `voice`, `corpus.licence` and `release.export`.
        networks, warning, paths, files, limits: See `CardFacts`.
        published: Settings' values that name published weights, which the stage declares.
    """
    return CardFacts(
        family=cfg.family.name,
        sample_rate=voice.sample_rate,
        languages=voice.languages,
        speakers=tuple(sorted(voice.references)),
        name=cfg.voice,
        clips=sum(clip.split == "train" for clip in clips),
        hours=training_hours(clips),
        licence=cfg.corpus.licence,
        attribution=cfg.release.export.attribution,
        networks=networks,
        metrics=evaluation["metrics"],
        verdict=evaluation.get("verdict", ""),
        warning=warning,
        paths=paths,
        files=files,
        limits=limits,
        published=licences_of(published),
    )


def training_hours(clips: Sequence[ClipFacts]) -> float:
    """Hours of speech in the training part."""
    return sum(clip.duration_s for clip in clips if clip.split == "train") / 3600.0


def scratch_warning(steps: int, hours: float) -> str:
    """What a voice must say first whose networks all began with random weights, trained for few steps."""
    return (
        f"It was trained from scratch, {steps:,} steps in its last stage, on {60 * hours:.1f} minutes of "
        "speech. A voice worth listening to takes published weights to start from, or many hours of speech "
        "and of training."
    )


def voice_card(facts: CardFacts) -> str:
    """The card as Markdown with a metadata header."""
    parts = [
        _header(facts),
        f"# {facts.name}",
        *([f"> {facts.verdict}"] if facts.verdict else []),
        *([f"> **This voice proves the machinery, not quality.** {facts.warning}"] if facts.warning else []),
        "\n".join(_table(("", ""), _summary(facts))),
        "## What it was measured to do",
        "Held-out clips and sentences: mean, and 95 % interval over them. Each name starts with the path "
        f"that made the audio: {facts.paths}",
        "\n".join(_table(("metric", "mean", "clips", "what it is"), _metrics(facts))),
        "## Limits",
        "\n".join(f"- {limit}" for limit in _limits(facts)),
        "## Files",
        "`voice.json` describes the voice and holds every other file's SHA-256.",
        *facts.files,
    ]
    return "\n\n".join(parts) + "\n"


def _header(facts: CardFacts) -> str:
    languages = ", ".join(facts.languages)
    lines = ["---", "pipeline_tag: text-to-speech", f"language: [{languages}]"]
    return "\n".join([*lines, f"license: {_as_yaml(facts.licence)}", "---"])


def _as_yaml(text: str) -> str:
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", " ") + '"'


def _summary(facts: CardFacts) -> Iterable[tuple[str, str]]:
    yield "family", facts.family
    yield "output", f"{facts.sample_rate:,} Hz, mono"
    yield "languages", ", ".join(facts.languages)
    yield "speakers", ", ".join(facts.speakers)
    yield "training speech", f"{facts.clips} clips, {facts.hours:.2f} hours"
    yield "licence of the recordings", facts.licence
    if facts.attribution:
        yield "attribution", facts.attribution
    for name, licence in facts.published.items():
        yield f"licence of {name}", licence
    for name, network in facts.networks.items():
        origin = "from scratch" if network["from_scratch"] else "from published weights"
        if network.get("dequantised"):
            origin += ", dequantised from int8"
        yield name, f"{_steps(network)}, {network['epochs']} epochs, {origin}"
        if sound := _heard(network.get("heard", {})):
            yield f"sound of {name}", sound


def _steps(network: Mapping[str, Any]) -> str:
    """How long a network trained, and which of its versions this is."""
    steps, chosen = network["steps"], network.get("chosen_step")
    if chosen is None or chosen == steps:
        return f"{steps:,} steps"
    return f"{steps:,} steps, of which step {chosen:,} was best to validation"


def _heard(heard: Mapping[str, float]) -> str:
    """What the last validation heard of a network, in words; empty where nothing was."""
    parts = []
    if "f0_correlation" in heard:
        parts.append(
            f"pitch follows what is asked with correlation {heard['f0_correlation']:.2f}, "
            f"{heard['f0_cents']:.0f} cents off"
        )
    if "frame_line_db" in heard:
        parts.append(f"lines at the frame rate stand out by {heard['frame_line_db']:.1f} dB")
    if "misheard" in heard:
        parts.append(
            f"{heard['misheard']:.0%} of the words misheard by a recogniser, "
            f"{heard['misheard_recorded']:.0%} in the recordings"
        )
    return "; ".join(parts)


def _metrics(facts: CardFacts) -> Iterable[tuple[str, str, str, str]]:
    for name, metric in facts.metrics.items():
        mean = f"{metric['mean']:.3g}"
        if "low" in metric:
            interval = Interval(metric["mean"], metric["low"], metric["high"], metric["clips"])
            mean += f" ({interval.ends('{:.3g}'.format)})"
        yield f"`{name}`", mean, str(metric["clips"]), metric["about"]


def _limits(facts: CardFacts) -> Iterable[str]:
    yield f"It reads {', '.join(facts.languages)} only; other languages are refused."
    yield from facts.limits
    if any(network.get("ignores_pitch") for network in facts.networks.values()):
        yield "Its sound does not follow the pitch that it is asked for: it hums one of its own."
    yield "The metrics come from few clips and no listener; a listening test decides."
    yield "Use it only for what the speaker agreed to, and say that the speech is synthetic."


def _table(head: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> Iterable[str]:
    yield _row(head)
    yield _row(tuple("---" for _ in head))
    for row in rows:
        yield _row(row)


def _row(cells: tuple[str, ...]) -> str:
    return "| " + " | ".join(cell.replace("|", "\\|").replace("\n", " ") for cell in cells) + " |"
