"""The stages `train_styletts2_stage1`, `_stage2` and `_finetune`: a StyleTTS 2 voice, from the shards.

Stage 1 makes speech from recorded prosody, stage 2 goes on from it to prosody and styles from text, and
fine-tuning goes on from a voice that has been through both. All three are one loop with three recipes.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import NamedTuple

import torch
from torch import Tensor

from artifacts import schemas
from artifacts.manifest import Reject
from configs.errors import UserError
from configs.train_styletts2 import STAGES, StyleTTS2TrainSettings
from models.acoustics.batch import AcousticBatch
from models.frontend.text.character_tokens import character_table
from models.styletts2.config import StyleTTS2Config
from models.styletts2.step import SHORTEST_CLIP_FRAMES, reconstruct
from models.styletts2.training import Networks
from models.styletts2.upstream import Dropped, Part
from tasks.finetune.batches import Feed, epoch_batches
from tasks.finetune.character_examples import (
    Clips,
    FamilyOfCharacters,
    Shortest,
    collate,
    no_references,
    read_clips,
    references_among,
    refuse_unfit,
    unknown_characters,
)
from tasks.finetune.distributed import train_in_processes
from tasks.finetune.loop import Trained
from tasks.finetune.networks import sizes_as_json
from tasks.finetune.planner import NetworkPlan
from tasks.finetune.samples import ValidationSamples
from tasks.finetune.session import (
    Machine,
    arithmetic_threads,
    checkpoint_identity,
    choose_machine,
    curves_as_series,
    steps_of,
    summary,
    train_in_stage,
    write_outputs,
)
from tasks.finetune.styletts2_checks import check_adversary, check_sources, is_judged
from tasks.finetune.styletts2_earlier import (
    Earlier,
    earlier_files,
    earlier_part,
    earlier_voice,
    fits,
    load_earlier,
    require_same_characters,
    require_same_sizes,
    told,
)
from tasks.finetune.styletts2_phases import Schedule, schedule_of
from tasks.finetune.styletts2_recipe import JointRecipe, Stage1Recipe
from tasks.finetune.styletts2_start import (
    NO_QUIRKS,
    check_arrival,
    fresh_networks,
    model_config,
    on_device,
    read_wavlm,
)
from tasks.stage import ConfigView, CorpusStage, Inputs, Produced, Work

Files = Mapping[str, Mapping[str, Path]]

_FROM_STAGE1 = ("text_encoder", "style_encoder", "decoder", "text_aligner", "pitch_extractor")
_FROM_STAGE2 = (
    *("bert", "bert_encoder", "predictor", "decoder", "text_encoder", "predictor_encoder", "style_encoder"),
    *("diffusion", "text_aligner", "pitch_extractor", "mpd", "msd"),
)
_OWN_FILES = {
    "stage1": ("pretrained_aligner", "pretrained_pitch"),
    "stage2": ("pretrained_bert",),
    "finetune": ("pretrained",),
}
"""Settings of weights that each stage reads; the others are none of its business."""
_PARTS: Mapping[Part, str] = {
    "text_aligner": "train.styletts2.pretrained_aligner",
    "pitch_extractor": "train.styletts2.pretrained_pitch",
    "bert": "train.styletts2.pretrained_bert",
}
"""Settings of networks that have files of their own."""


def declared(stage: str) -> tuple[str, ...]:
    """The settings of a stage: another stage's do not make it run again."""
    others = {name for name in STAGES if name != stage} | {"max_steps", "max_epochs"}
    others |= {name for each, names in _OWN_FILES.items() if each != stage for name in names}
    own = [name for name in StyleTTS2TrainSettings.model_fields if name not in others]
    return tuple(f"train.styletts2.{name}" for name in own)


def settings_of(cfg: ConfigView, stage: str) -> StyleTTS2TrainSettings:
    """The declared settings of a stage as one section; the others are at their defaults."""
    names = [path.rsplit(".", 1)[1] for path in declared(stage)]
    return StyleTTS2TrainSettings(**{name: getattr(cfg.train.styletts2, name) for name in names})


class Fitted(NamedTuple):
    """What training leaves for the stage's record."""

    trained: Trained
    config: StyleTTS2Config
    clips: int
    rejects: list[Reject]
    digests: dict[str, str]
    warnings: tuple[str, ...]
    samples: dict[str, Path]
    dropped: list[Dropped]
    notes: list[str]


class _Begun(NamedTuple):
    """Networks with the weights that a stage starts from."""

    networks: Networks
    digests: dict[str, str]
    warnings: list[str]
    dropped: list[Dropped]
    notes: list[str]


def train_networks(stage: str, files: Files, cfg: ConfigView, work: Work) -> Fitted:
    """Train a stage's networks to the end, alone or as one of several processes.

    Args:
        stage: `stage1`, `stage2` or `finetune`.
        files: The files of `shard`, and for `stage2` those of stage 1.
        cfg: The stage's settings.
        work: The stage's surroundings.

    Raises:
        UserError: no usable clip, weights or sizes that do not fit, a plan that cannot work, no memory, or
            training that diverges.
        StoppedError: a stop was asked for.
    """
    settings, family = settings_of(cfg, stage), cfg.family
    frame_rate_hz = family.sample_rate / family.hop_samples
    shortest = Shortest(SHORTEST_CLIP_FRAMES, "the style encoder")
    clips, rejects = refuse_unfit(
        read_clips(files["shard"], "train", family, settings.cache_mb),
        "train.styletts2",
        settings,
        shortest,
        frame_rate_hz,
    )
    held_out, _ = refuse_unfit(
        read_clips(files["shard"], "validation", family, settings.cache_mb),
        "train.styletts2",
        settings,
        shortest,
        frame_rate_hz,
    )
    if not clips:
        reason = f"the first is refused because {rejects[0].reason}" if rejects else "the split is empty"
        raise UserError(f"train.styletts2: no training clip is usable; {reason}")
    machine = choose_machine(cfg.compute)
    feed = Feed(
        clips.frames,
        clips.__getitem__,
        collate,
        batch_size=settings.batch_size,
        seed=cfg.seed,
        loader_threads=cfg.compute.loader_threads,
    )
    length = _length(settings, stage)
    steps = steps_of(length, settings.accumulate, feed.batches_per_epoch())
    schedule = schedule_of(getattr(settings, stage), joint=True)
    per_epoch = feed.batches_per_epoch() / settings.accumulate
    judged = stage != "stage1" and is_judged(settings, schedule, steps, per_epoch)
    warnings: list[str] = []
    if judged:
        plan = epoch_batches(clips.frames, settings.batch_size, cfg.seed, 0)
        warnings += check_adversary(settings, [[clips.frames[i] for i in batch] for batch in plan])
    else:
        schedule = schedule_of(getattr(settings, stage), joint=False)
    validation = [collate([held_out[i]]) for i in range(min(len(held_out), settings.validation_clips))]
    with arithmetic_threads(cfg.compute.threads):
        begun = _begin(stage, settings, family, files, validation, judged, cfg.seed)
        networks = on_device(begun.networks, machine.device)
        heard = [machine.place(clip) for clip in validation[: settings.sample_clips]]
        render = partial(_render, networks, stage != "stage1")
        samples = ValidationSamples(work.dir / "samples", render, heard, cfg.seed, family.sample_rate)
        trained = train_in_stage(
            _recipe(stage, networks, settings, schedule, steps, machine, clips),
            feed,
            validation,
            settings,
            length,
            seed=cfg.seed,
            max_norms=_max_norms(settings),
            watched_loss="mel",
            validate_first=True,
            identity=checkpoint_identity(networks.config, settings, begun.digests),
            work=work,
            validated=samples,
        )
    return Fitted(
        trained,
        networks.config,
        len(clips),
        rejects,
        begun.digests,
        (*warnings, *begun.warnings, *unknown_characters(clips)),
        samples.files(),
        begun.dropped,
        begun.notes,
    )


def _length(settings: StyleTTS2TrainSettings, stage: str) -> NetworkPlan:
    own = getattr(settings, stage)
    return NetworkPlan(train=True, max_epochs=own.max_epochs, max_steps=own.max_steps)


def _max_norms(settings: StyleTTS2TrainSettings) -> dict[str, float]:
    clip = settings.optimiser.clip
    names = ("discriminator", "generator", "slm_discriminator", "slm")
    return {} if clip is None else dict.fromkeys(names, clip)


def _begin(
    stage: str,
    settings: StyleTTS2TrainSettings,
    family: FamilyOfCharacters,
    files: Files,
    validation: Sequence[AcousticBatch],
    judged: bool,
    seed: int,
) -> _Begun:
    wavlm = read_wavlm(settings, family.sample_rate)
    table = character_table(family.character_table or "styletts2")
    voice = _voice(stage, settings, files)
    quirks = NO_QUIRKS
    if stage == "finetune" and voice is not None:
        quirks = {name: voice.sizes[name] for name in NO_QUIRKS if name in voice.sizes}
    config = model_config(settings, table.n_symbols, wavlm, quirks)
    networks = fresh_networks(settings, config, wavlm, judged, seed)
    if voice is None:
        warnings = list(check_sources(settings))
        return _begun(networks, _read_parts(settings, networks), warnings)
    require_same_characters(voice, table.name)
    require_same_sizes(config, voice)
    needed = _FROM_STAGE1 if stage == "stage2" else _FROM_STAGE2
    if networks.wd is not None and "wd" in voice.weights and fits(networks.wd, voice.weights["wd"], "wd"):
        needed = (*needed, "wd")
    read = load_earlier(networks.named(), voice, needed)
    if stage == "stage2":
        networks.model.predictor_encoder.load_state_dict(networks.model.style_encoder.state_dict())
    warnings = check_arrival(networks, validation, voice.source)
    return _begun(networks, [read, *_read_parts(settings, networks)], warnings)


def _voice(stage: str, settings: StyleTTS2TrainSettings, files: Files) -> Earlier | None:
    """All the networks that a stage goes on from; None for the first."""
    if stage == "stage1":
        return None
    if stage == "stage2":
        name = "train_styletts2_stage1"
        return earlier_files(files[name], name, _FROM_STAGE1)
    if settings.pretrained is None:
        raise UserError(
            "train.styletts2.pretrained is null: fine-tuning goes on from a voice; give its name, its "
            "checkpoint or the folder of its weights, or train stage1 and stage2"
        )
    return earlier_voice(settings.pretrained, "train.styletts2.pretrained")


def _read_parts(settings: StyleTTS2TrainSettings, networks: Networks) -> list[Earlier]:
    """Load the single networks that the settings name; other stages' settings are null here."""
    parts: dict[Part, str | None] = {
        "text_aligner": settings.pretrained_aligner,
        "pitch_extractor": settings.pretrained_pitch,
        "bert": settings.pretrained_bert,
    }
    given = {name: value for name, value in parts.items() if value is not None}
    named = networks.named()
    return [
        load_earlier(named, earlier_part(value, _PARTS[name], name), (name,)) for name, value in given.items()
    ]


def _begun(networks: Networks, read: Sequence[Earlier], warnings: list[str]) -> _Begun:
    digests = {name: digest for each in read for name, digest in each.digests.items()}
    dropped = [entry for each in read for entry in each.dropped]
    return _Begun(networks, digests, warnings, dropped, [told(each) for each in read])


def _recipe(
    stage: str,
    networks: Networks,
    settings: StyleTTS2TrainSettings,
    schedule: Schedule,
    steps: int,
    machine: Machine,
    clips: Clips,
) -> Stage1Recipe | JointRecipe:
    if stage == "stage1":
        return Stage1Recipe(networks, settings, schedule, steps, machine)
    references = references_among(clips) if networks.config.multispeaker else no_references
    return JointRecipe(networks, settings, schedule, steps, machine, references)


@torch.no_grad()
def _render(
    networks: Networks, predicts: bool, clip: AcousticBatch, rng: torch.Generator
) -> dict[str, Tensor]:
    """A clip with recorded prosody and, once there is a predictor, from its text under its own style."""
    waves = {"recorded": reconstruct(networks, clip)[1][0, 0].float().cpu()}
    if predicts:
        style = networks.model.encode_reference(clip.mel, clip.mel_lengths)
        lengths = torch.tensor(clip.token_lengths)
        spoken = networks.model.synthesize(clip.tokens, lengths, style=style, rngs=[rng])
        waves["predicted"] = spoken.waves[0].float().cpu()
    return waves


def train_styletts2(stage: str, inputs: Inputs, cfg: ConfigView, work: Work) -> Produced:
    """Train a stage; see the module's docstring.

    Raises:
        UserError: see `train_networks`.
        StoppedError: a stop was asked for.
    """
    declaration = TRAININGS[stage]
    files = {name: inputs.files(name) for name in declaration.reads}
    if cfg.compute.processes > 1:
        # They leave the last checkpoint; from there this process has no step to go, only files to write.
        train_in_processes(declaration.name, cfg.compute.processes, files, cfg, work)
    fitted = train_networks(stage, files, cfg, work)
    state = fitted.trained.state
    description = {
        "network": "styletts2",
        "stage": stage,
        "sizes": sizes_as_json(fitted.config),
        "character_table": cfg.family.character_table,
        "steps": state.step,
        "best_step": state.best_step,
        "epochs": state.epoch,
        "clips": fitted.clips,
        "from_scratch": not fitted.digests,
        "pretrained": fitted.digests,
        "dropped": dict(fitted.dropped),
    }
    names = {name: name for name in fitted.trained.weights}
    return Produced(
        rejects=fitted.rejects,
        files=write_outputs(work.dir / "result", fitted.trained, description, names) | fitted.samples,
        metrics=summary(state, fitted.clips),
        series=curves_as_series(state),
        warnings=fitted.warnings,
        notes=fitted.notes,
    )


def train_styletts2_stage1(inputs: Inputs, cfg: ConfigView, work: Work) -> Produced:
    """Stage 1; raises as `train_styletts2`."""
    return train_styletts2("stage1", inputs, cfg, work)


def train_styletts2_stage2(inputs: Inputs, cfg: ConfigView, work: Work) -> Produced:
    """Stage 2; raises as `train_styletts2`."""
    return train_styletts2("stage2", inputs, cfg, work)


def train_styletts2_finetune(inputs: Inputs, cfg: ConfigView, work: Work) -> Produced:
    """Fine-tuning; raises as `train_styletts2`."""
    return train_styletts2("finetune", inputs, cfg, work)


def _stage(
    name: str,
    run: Callable[[Inputs, ConfigView, Work], Produced],
    about: str,
    reads: Mapping[str, Sequence[str]] | None = None,
) -> CorpusStage:
    return CorpusStage(
        name=f"train_styletts2_{name}",
        version=1,
        run=run,
        reads={"shard": ("*.parquet",), **(reads or {})},
        config=(
            *declared(name),
            "family",
            "seed",
            "compute.threads",
            "compute.device",
            "compute.precision",
            "compute.processes",
        ),
        machine=("compute.loader_threads",),
        schema=schemas.NOTHING,
        libraries=("torch", "numpy", "safetensors", "transformers"),
        about=about,
        uses_gpu=True,
    )


TRAIN_STYLETTS2_STAGE1 = _stage(
    "stage1", train_styletts2_stage1, "StyleTTS 2: text encoder, style encoder, decoder"
)
TRAIN_STYLETTS2_STAGE2 = _stage(
    "stage2",
    train_styletts2_stage2,
    "StyleTTS 2: prosody and style from text, then all of it",
    {"train_styletts2_stage1": ("*.safetensors", "config.json")},
)
TRAIN_STYLETTS2_FINETUNE = _stage(
    "finetune", train_styletts2_finetune, "StyleTTS 2: a published voice, to another speaker"
)
TRAININGS: Mapping[str, CorpusStage] = {
    "stage1": TRAIN_STYLETTS2_STAGE1,
    "stage2": TRAIN_STYLETTS2_STAGE2,
    "finetune": TRAIN_STYLETTS2_FINETUNE,
}
