"""The stages of a run, family by family, in an order in which each follows what it reads."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

from configs.errors import UserError
from configs.nearest import did_you_mean
from configs.settings import Settings
from tasks.corpus import stages as corpus
from tasks.families import FAMILIES
from tasks.features import stages as features
from tasks.named import imported
from tasks.release.stages import report_stage
from tasks.stage import Stage, upstream

PREPARE = (
    corpus.INGEST,
    corpus.DIVISION,
    corpus.SEGMENT,
    corpus.MEASURE,
    corpus.ENHANCE,
    corpus.LANGUAGE,
    corpus.TRANSCRIBE,
    features.SPEAKER,
    features.PHONEMIZE,
    features.ACOUSTIC_MODEL,
    features.ALIGN,
    corpus.SCREEN,
    features.PITCH,
    features.SPECTROGRAM,
    features.CONTENT,
    features.LINGUISTIC,
    features.SPEAKER_VECTOR,
    features.SPEAKER_PROFILE,
)
"""From recordings to all that a model may learn from."""
PHASES = {"corpus": "Corpus", "features": "Features", "finetune": "Training", "release": "Release"}
"""The rooms of the stages' functions, and what people call these parts of the pipeline."""


@dataclass(frozen=True)
class Stages:
    """A run's stages.

    Attributes:
        prepare: From recordings to the family's training table: only what it reads is made.
        finetune: From the table to trained networks.
        release: From networks to a voice and its pages.
    """

    prepare: tuple[Stage, ...]
    finetune: tuple[Stage, ...]
    release: tuple[Stage, ...]

    @property
    def all(self) -> tuple[Stage, ...]:
        """The whole pipeline."""
        return (*self.prepare, *self.finetune, *self.release)


def stages_of(settings: Settings) -> Stages:
    """The stages that the settings call for.

    Raises:
        UserError: the family cannot be trained with this version.
    """
    name = settings.family.name
    if name not in FAMILIES:
        raise UserError(
            f"family.name = {name}: this version trains {', '.join(FAMILIES)} voices; choose one of them"
        )
    way = FAMILIES[name].way
    return _stages(name, way(settings) if way else "")


def check_stage_names(known: Sequence[str], until: str | None, force: Sequence[str]) -> None:
    """See that stages which a run is asked for are some of the voice's.

    Raises:
        UserError: one is not; the message has all names, and the nearest.
    """
    for option, name in [("until", until), *(("force", name) for name in force)]:
        if name is not None and name not in known:
            hint = did_you_mean(name, known)
            raise UserError(f"{option}: {name!r} is not a stage; the stages are {', '.join(known)}{hint}")


def every_way() -> dict[str, Stages]:
    """The stages of every way to a voice, by its family's name and what sets it apart."""
    return {
        f"{name}, {way}" if way else name: _stages(name, way)
        for name, family in FAMILIES.items()
        for way in family.ways
    }


@cache
def _stages(name: str, way: str) -> Stages:
    family = FAMILIES[name]
    finetune: tuple[Stage, ...] = imported(family.ways[way].finetune)
    release: tuple[Stage, ...] = imported(family.ways[way].release)
    prepare = _read_by((*finetune, *release), (*PREPARE, features.shard_stage(family.table)))
    told = (*prepare, *finetune, *release)
    phases = {phase: [s for s in told if s.run.split(".")[1] == room] for room, phase in PHASES.items()}
    return Stages(prepare, finetune, (*release, report_stage(family.pages, phases)))


def _read_by(readers: Sequence[Stage], known: Sequence[Stage]) -> tuple[Stage, ...]:
    """Those of the known stages, in their order, that the readers read, or that those do in turn."""
    wanted = {name for stage in readers for name in upstream(stage)}
    for stage in reversed(known):
        if stage.name in wanted:
            wanted.update(upstream(stage))
    return tuple(stage for stage in known if stage.name in wanted)
