"""The families of models: one record each, from which every other list of families is derived.

Whatever a record needs it names (`module:name`), so knowing the families imports nothing of them: neither
networks to ask what would run, nor stages and a store to speak.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from tasks.named import imported


@dataclass(frozen=True, kw_only=True)
class Way:
    """One way to a voice of a family.

    Attributes:
        finetune: Stages from the training table to trained networks.
        release: Stages from networks to an exported voice, its pages apart.
        preset: The smallest preset that takes this way.
        begins: Settings of the training, and the exported file or folder that each of them names where it
            goes on from an earlier version; empty where it cannot.
    """

    finetune: str
    release: str
    preset: str
    begins: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Family:
    """A family of models.

    Attributes:
        models: Its rooms under `models`, which no other family enters.
        table: What its models learn from beside text, timing, pitch and spectrograms: stages of
            `tasks.features` that add columns to its training table.
        ways: The ways to a voice, by what sets them apart in words.
        way: Which of them the settings call for, where there are several.
        expected_steps: The function that tells about how many steps each training stage will take, given the
            settings, seconds of recordings, clips to train on and speakers; None where nobody can say.
        pages: The function that draws the pages about a voice.
        load_voice: The function that makes a voice out of an exported folder and what `voice.json` says.
        corpus_reference: The function that makes what a voice speaks like out of a clip of its own corpus,
            given the voice, its pipeline and the clip's id.
        published: The function that makes a voice of published weights, given its name, the weights that are
            here and settings of speaking; None where nothing is published that speaks by a name.
        published_names: The function that tells the names of those that are here, with their languages.
    """

    models: tuple[str, ...]
    table: tuple[str, ...] = ()
    ways: Mapping[str, Way]
    way: Callable[[Any], str] | None = None
    expected_steps: str | None = None
    pages: str
    load_voice: str
    corpus_reference: str
    published: str | None = None
    published_names: str | None = None


_KOKORO_BEGINS = {
    "train.kokoro.pretrained": "*.pth",
    "train.kokoro.table.voices": "networks/voices.safetensors",
}

FAMILIES: Mapping[str, Family] = {
    "gpt-sovits": Family(
        models=("models.sovits", "models.t2s"),
        table=("content", "linguistic", "speaker_vector"),
        ways={
            "": Way(
                finetune="tasks.finetune.gpt_sovits.stages:STAGES",
                release="tasks.release.gpt_sovits.stages:STAGES",
                preset="tiny",
                begins={
                    "train.sovits.pretrained": "sovits.safetensors",
                    "train.t2s.pretrained": "t2s.safetensors",
                },
            )
        },
        expected_steps="tasks.finetune.gpt_sovits.expected:expected_steps",
        pages="tasks.release.gpt_sovits.report:report_corpus",
        load_voice="tasks.release.gpt_sovits.voice_files:load_gpt_sovits",
        corpus_reference="tasks.release.gpt_sovits.assembly:corpus_reference",
    ),
    "styletts2": Family(
        models=("models.styletts2",),
        ways={
            "": Way(
                finetune="tasks.finetune.styletts2.stages:FROM_SCRATCH",
                release="tasks.release.styletts2.stages:FROM_SCRATCH",
                preset="styletts2-tiny",
            ),
            "fine-tuned": Way(
                finetune="tasks.finetune.styletts2.stages:FINE_TUNED",
                release="tasks.release.styletts2.stages:FINE_TUNED",
                preset="styletts2-finetune",
                begins={"train.styletts2.pretrained": "networks"},
            ),
        },
        way=lambda settings: "" if settings.train.styletts2.pretrained is None else "fine-tuned",
        expected_steps="tasks.finetune.styletts2.expected:expected_steps",
        pages="tasks.release.styletts2.report:report_corpus",
        load_voice="tasks.release.styletts2.voice_files:load_styletts2",
        corpus_reference="tasks.release.styletts2.assembly:corpus_reference",
        published="tasks.release.styletts2.published:load_published",
        published_names="tasks.release.styletts2.published_names:published_names",
    ),
    "kokoro": Family(
        models=("models.kokoro",),
        ways={
            "": Way(
                finetune="tasks.finetune.kokoro.stages:TRAINED",
                release="tasks.release.kokoro.stages:TRAINED",
                preset="kokoro-tiny",
                begins=_KOKORO_BEGINS,
            ),
            "fitted": Way(
                finetune="tasks.finetune.kokoro.stages:FITTED",
                release="tasks.release.kokoro.stages:FITTED",
                preset="kokoro-fit",
                begins={"train.kokoro_fit.pretrained_voices": "networks/voices.safetensors"},
            ),
            "fine-tuned": Way(
                finetune="tasks.finetune.kokoro.stages:FINE_TUNED",
                release="tasks.release.kokoro.stages:TRAINED",
                preset="kokoro",
                begins=_KOKORO_BEGINS,
            ),
        },
        way=lambda settings: (
            "fitted"
            if settings.train.kokoro.method == "fit"
            else "fine-tuned"
            if settings.train.kokoro.table.start == "fitted"
            else ""
        ),
        expected_steps="tasks.finetune.kokoro.expected:expected_steps",
        pages="tasks.release.kokoro.report:report_corpus",
        load_voice="tasks.release.kokoro.voice_files:load_kokoro_voice",
        corpus_reference="tasks.release.kokoro.assembly:corpus_reference",
        published="tasks.release.kokoro.published:load_published",
        published_names="tasks.release.kokoro.published_names:published_names",
    ),
}
"""By the name that `family.name` takes."""


def rooms_of(family: str) -> tuple[str, ...]:
    """Packages that are the family's own; KeyError for a family we do not know."""
    own = family.replace("-", "_")
    return (*FAMILIES[family].models, f"tasks.finetune.{own}", f"tasks.release.{own}")


def begins_of(settings: Any) -> Mapping[str, str]:
    """See `Way.begins`; KeyError for a family we do not know."""
    family = FAMILIES[settings.family.name]
    return family.ways[family.way(settings) if family.way else ""].begins


def voice_loader(family: str) -> Callable[..., Any]:
    """The function that makes a voice of a family out of its folder; KeyError for a family we do not know."""
    found: Callable[..., Any] = imported(FAMILIES[family].load_voice)
    return found


def corpus_reference_of(family: str) -> Callable[..., Any]:
    """The function that makes a reference out of a clip of a voice's own corpus; KeyError as above."""
    found: Callable[..., Any] = imported(FAMILIES[family].corpus_reference)
    return found
