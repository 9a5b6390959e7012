"""Which preset suits which recordings on which machine, and what keeps the others from it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from configs.errors import UserError
from configs.languages import language_name
from configs.loading import resolve
from tasks.advice.machine import Machine
from tasks.advice.recordings import Recordings
from tasks.stages import stages_of
from tasks.weights import missing_weights, with_local_weights

TONES = frozenset(["zh", "yue", "vi", "th", "my", "lo"])
"""Languages whose tones Kokoro's characters cannot write."""


@dataclass(frozen=True, kw_only=True)
class Purpose:
    """What a preset is for.

    Attributes:
        preset: Its name.
        least_s: Speech of one speaker below which it makes no sense, seconds: the page `choosing` has it too.
        run_to_s: The most speech that somebody has run it with here, seconds; None where `gives` says it.
        gpu: Whether it takes a GPU to end in hours, not days.
        languages: Codes that it speaks; None: whatever espeak speaks.
        tones: Whether tone languages are among them.
        words: Whether what comes out speaks words.
        gives: What comes out, as far as somebody has measured it.
    """

    preset: str
    least_s: float
    run_to_s: float | None = None
    gpu: bool = False
    languages: frozenset[str] | None = None
    tones: bool = False
    words: bool = True
    gives: str


PURPOSES = (
    Purpose(
        preset="tiny",
        least_s=5,
        tones=True,
        words=False,
        gives="proves in minutes that all stages run on these recordings; speaks no words",
    ),
    Purpose(
        preset="small",
        least_s=120,
        tones=True,
        words=False,
        gives="a voice's timbre and melody from scratch; new sentences come out badly",
    ),
    Purpose(
        preset="gpt-sovits-v2",
        least_s=10,
        gpu=True,
        languages=frozenset(["en", "zh", "ja", "ko", "yue"]),
        tones=True,
        gives="timbre from ten seconds, something of the way of speaking from a minute, all of it from ten; "
        "not measured by us with published weights",
    ),
    Purpose(
        preset="styletts2-finetune",
        least_s=600,
        gpu=True,
        languages=frozenset(["en"]),
        gives="a voice with styles; not measured by us with published weights",
    ),
    Purpose(
        preset="kokoro-fit",
        least_s=20,
        run_to_s=600,
        gives="a voice that is understood and that is like the speaker (measured in English, with 20 seconds "
        "to ten minutes of speech: a similarity of .85 to .90, where recordings have .91 to .99)",
    ),
    Purpose(
        preset="kokoro",
        least_s=3600,
        gpu=True,
        gives="model and voice trained together; a training of that length was not run by us",
    ),
)
"""From the plainest to the best, as far as that is known; presets for a single corpus, and those that train
published sizes from scratch for days, are for who knows what they want, and are not advised."""


class Choice(NamedTuple):
    """What a preset would need here.

    Attributes:
        purpose: The preset.
        lacks: What is not there and cannot be fetched, in words: speech, a GPU, a language.
        unproven: What of this was never run here, in words; empty where nothing is.
        to_fetch: Published weights that are not on this machine, by their names in `models list`.
        fetch_mb: Their size.
    """

    purpose: Purpose
    lacks: Sequence[str]
    unproven: str
    to_fetch: Sequence[str]
    fetch_mb: int


class Advice(NamedTuple):
    """What to take.

    Attributes:
        take: The preset that fits best; None where none does.
        better: A better one that speaks words in this language, and lacks least; None where there is none.
        all: Every preset, plainest first.
    """

    take: Choice | None
    better: Choice | None
    all: Sequence[Choice]


def advise(recordings: Recordings, machine: Machine, workspace: Path) -> Advice:
    """The best preset that these recordings and this machine are enough for.

    Raises:
        UserError: a preset cannot be read.
    """
    choices = [_choice(purpose, recordings, machine, workspace) for purpose in PURPOSES]
    fitting = [one for one in choices if not one.lacks]
    speaking = [one for one in fitting if one.purpose.words]
    # Whoever has no GPU gets words from a slow machine rather than a fast proof of the machinery.
    slow = [one for one in choices if one.purpose.words and one.lacks == [NO_GPU]]
    take = next((found[-1] for found in (speaking, slow, fitting) if found), None)
    at = choices.index(take) if take is not None else -1
    beyond = [one for one in choices[at + 1 :] if _wants_language(one.purpose, recordings) is None]
    speaking = [one for one in beyond if one.purpose.words]
    return Advice(take, min(speaking, key=lambda one: len(one.lacks), default=None), choices)


NO_GPU = "a GPU (without one it takes days)"


def _choice(purpose: Purpose, recordings: Recordings, machine: Machine, workspace: Path) -> Choice:
    speech_s = recordings.seconds * max(recordings.speakers.values()) / max(1, recordings.files)
    lacks = []
    if speech_s < purpose.least_s:
        lacks.append(f"{amount(purpose.least_s)} by one speaker (there is {amount(speech_s)})")
    if language := _wants_language(purpose, recordings):
        lacks.append(language)
    if purpose.gpu and not machine.gpu:
        lacks.append(NO_GPU)
    is_more = purpose.run_to_s is not None and speech_s > purpose.run_to_s
    unproven = f"not run by us with more than {amount(purpose.run_to_s or 0)}" if is_more else ""
    to_fetch, size_mb = weights_to_fetch(purpose.preset, workspace)
    return Choice(purpose, lacks, unproven, to_fetch, size_mb)


def _wants_language(purpose: Purpose, recordings: Recordings) -> str | None:
    """Which language it would take in place of the recordings' own; None where it speaks that."""
    language = recordings.language.partition("-")[0]
    if language and purpose.languages is not None and language not in purpose.languages:
        return f"another language ({', '.join(language_name(code) for code in sorted(purpose.languages))})"
    return "a language without tones" if language in TONES and not purpose.tones else None


def weights_to_fetch(preset: str, workspace: Path) -> tuple[list[str], int]:
    """Published weights that a preset needs and that are not on this machine, and their size in MB.

    Raises:
        UserError: the preset cannot be read.
    """
    settings = with_local_weights(resolve(preset).settings, workspace)
    names = [stage.name for stage in stages_of(settings).all]
    missing = missing_weights(settings, names)
    return [entry.name for entry in missing], sum(entry.size_mb for entry in missing)


class Workable(NamedTuple):
    """Whether a preset works here.

    Attributes:
        preset: Its name.
        state: `ok`, `fetch` (weights are missing) or `slow` (a GPU is).
        why: What is missing; empty where nothing is.
        remedy: How to get it.
    """

    preset: str
    state: str
    why: str
    remedy: str


def workable(preset: str, workspace: Path, has_gpu: bool) -> Workable:
    """Whether a preset works on this machine, whatever the recordings."""
    try:
        to_fetch, size_mb = weights_to_fetch(preset, workspace)
    except UserError as error:
        return Workable(preset, "broken", str(error), "mend the preset")
    purpose = next((one for one in PURPOSES if one.preset == preset), None)
    wants_gpu = purpose.gpu if purpose is not None else not preset.endswith("tiny")
    if to_fetch:
        why = f"{size_mb} MB of published weights are not here"
        return Workable(preset, "fetch", why, f"voicewright models fetch {' '.join(to_fetch)}")
    if wants_gpu and not has_gpu:
        return Workable(preset, "slow", "made for a GPU, a CPU takes days", "a machine with a CUDA device")
    return Workable(preset, "ok", "", "")


def amount(seconds: float) -> str:
    """An amount of speech as people say it."""
    if seconds < 90:
        return f"{seconds:.0f} s of speech"
    if seconds < 600:
        return f"{seconds / 60:.2g} min of speech"
    if seconds < 3600:
        return f"{seconds / 60:.0f} min of speech"
    return f"{seconds / 3600:.{0 if seconds >= 36_000 else 1}f} h of speech".replace(".0 ", " ")
