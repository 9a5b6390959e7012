"""The stages `train_styletts2_stage1`, `_stage2` and `_finetune`: a StyleTTS 2 voice, from the shards.

Stage 1 makes speech from recorded prosody, stage 2 goes on from it to prosody and styles from text, and
fine-tuning goes on from a voice that has been through both. All three are one loop with three recipes.

At validations they render held-out clips: `recorded`, on recorded prosody, tells of the decoder; `predicted`,
from text and the clip's own style, of the voice.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from functools import partial

import torch
from torch import Tensor

from configs.train_styletts2 import StyleTTS2TrainSettings
from models.acoustics.batch import AcousticBatch
from models.styletts2.step import SHORTEST_CLIP_FRAMES, reconstruct, say
from models.styletts2.training import Networks
from tasks.finetune.batches import epoch_batches
from tasks.finetune.characters.clips import (
    Clips,
    FamilyOfCharacters,
    collate,
    tokens_of,
    unknown_characters,
)
from tasks.finetune.characters.listening import ear_for
from tasks.finetune.characters.references import no_references, references_among
from tasks.finetune.characters.screening import Shortest, usable_clips
from tasks.finetune.choice import chosen_step
from tasks.finetune.length import TrainingLength
from tasks.finetune.listening import HEARD_FROM_TEXT, Ear
from tasks.finetune.loop import State
from tasks.finetune.pitch_rule import PitchRule
from tasks.finetune.styletts2.begin import begin
from tasks.finetune.styletts2.checks import check_adversary, is_judged
from tasks.finetune.styletts2.phases import Schedule, schedule_of
from tasks.finetune.styletts2.recipe import JointRecipe, Stage1Recipe
from tasks.finetune.styletts2.settings import settings_of
from tasks.finetune.styletts2.start import on_device
from tasks.finetune.training import Files, Memory, Run, Start, Training, lowered, train_stage
from tasks.outcome import ConfigView, Inputs, Produced, Work

OTHER_TOKENS = "other_tokens.json"
"""Among the files that a training is prepared from: token ids of texts that no clip says."""
_SECTION = "train.styletts2"
_REMEDY = "train stage 1 for longer, or start from published weights (train.styletts2.pretrained)"
_SHORTEST = Shortest(SHORTEST_CLIP_FRAMES, "the style encoder")


def train_stage1(inputs: Inputs, cfg: ConfigView, work: Work) -> Produced:
    """Stage 1; raises as `tasks.finetune.training.train_stage`."""
    return train_stage(prepare_stage1, {"shard": inputs.files("shard")}, cfg, work)


def train_stage2(inputs: Inputs, cfg: ConfigView, work: Work) -> Produced:
    """Stage 2; raises as `tasks.finetune.training.train_stage`."""
    files = {name: inputs.files(name) for name in ("shard", "train_styletts2_stage1")}
    return train_stage(prepare_stage2, {**files, **_other_texts(inputs, cfg, work)}, cfg, work)


def train_finetune(inputs: Inputs, cfg: ConfigView, work: Work) -> Produced:
    """Fine-tuning; raises as `tasks.finetune.training.train_stage`."""
    files = {"shard": inputs.files("shard"), **_other_texts(inputs, cfg, work)}
    return train_stage(prepare_finetune, files, cfg, work)


def _other_texts(inputs: Inputs, cfg: ConfigView, work: Work) -> Files:
    """Token ids of the texts of `other_phones`, as a file that every process of the training reads."""
    rows = inputs.table("other_phones", ["language", "words", "phones", "word2ph", "own_words"]).to_pylist()
    path = work.dir / OTHER_TOKENS
    path.write_text(json.dumps([list(map(int, tokens_of(row, cfg.family).ids)) for row in rows]))
    return {"other_phones": {OTHER_TOKENS: path}}


def prepare_stage1(files: Files, cfg: ConfigView) -> Training[AcousticBatch]:
    """Stage 1 out of the files of `shard`. Raises UserError if no clip is usable."""
    return _prepare("stage1", files, cfg)


def prepare_stage2(files: Files, cfg: ConfigView) -> Training[AcousticBatch]:
    """Stage 2 out of the files of `shard` and stage 1. Raises UserError if no clip is usable."""
    return _prepare("stage2", files, cfg)


def prepare_finetune(files: Files, cfg: ConfigView) -> Training[AcousticBatch]:
    """Fine-tuning out of the files of `shard`. Raises UserError if no clip is usable."""
    return _prepare("finetune", files, cfg)


def _prepare(stage: str, files: Files, cfg: ConfigView) -> Training[AcousticBatch]:
    settings = settings_of(cfg.train.styletts2, stage)
    family: FamilyOfCharacters = cfg.family
    own = getattr(settings, stage)
    clips = usable_clips(files["shard"], _SECTION, settings, _SHORTEST, family)
    clip = settings.optimiser.clip
    optimisers = ("discriminator", "generator", "slm_discriminator", "slm")
    return Training(
        section=_SECTION,
        settings=settings,
        length=TrainingLength(True, own.max_epochs, own.max_steps),
        clips=clips.training,
        lengths=clips.training.frames,
        held_out=clips.validation,
        collate=collate,
        start=partial(_start, stage, settings, family, files, clips.training, cfg.seed),
        watched=("mel", "length", *HEARD_FROM_TEXT),
        pitch_rule=PitchRule(_SECTION, settings.listening, _REMEDY),
        rejects=clips.rejects,
        max_norms={} if clip is None else dict.fromkeys(optimisers, clip),
        validate_first=True,
        sample_clips=settings.sample_clips,
        description={
            "network": "styletts2",
            "stage": stage,
            "character_table": family.character_table,
        },
        warnings=unknown_characters(clips.training),
    )


def _start(
    stage: str,
    settings: StyleTTS2TrainSettings,
    family: FamilyOfCharacters,
    files: Files,
    clips: Clips,
    seed: int,
    run: Run[AcousticBatch],
) -> Start[AcousticBatch]:
    schedule = schedule_of(getattr(settings, stage), joint=True)
    steps_per_epoch = run.batches_per_epoch / settings.accumulate
    judged = stage != "stage1" and is_judged(settings, schedule, run.steps, steps_per_epoch)
    warnings: list[str] = []
    if judged:
        plan = epoch_batches(clips.frames, settings.batch_size, seed, 0)
        warnings += check_adversary(settings, [[clips.frames[i] for i in batch] for batch in plan])
    else:
        schedule = schedule_of(getattr(settings, stage), joint=False)
    begun = begin(stage, settings, family, files, run.validation, judged, seed)
    networks = on_device(begun.networks, run.machine.device)
    ear = ear_for(settings.listening, run.validation, run.machine.device, files["shard"], family)
    others = _read_others(files, settings)
    recipe = _recipe(stage, networks, settings, schedule, run, clips, ear, others)
    return Start(
        recipe=recipe,
        sizes=networks.config,
        digests=begun.digests,
        render=partial(_render, networks, stage != "stage1"),
        measured=partial(measured_spread, settings=settings),
        memory=lambda: _memory(settings, recipe),
        description={"dropped": dict(begun.dropped)},
        warnings=(*warnings, *begun.warnings),
        notes=begun.notes,
    )


def measured_spread(state: State, settings: StyleTTS2TrainSettings) -> dict[str, float]:
    """`diffusion_sigma_data`, the mean spread of the styles that diffusion learnt from, as published.

    Args:
        state: Of a training that has ended.
        settings: Which weights are its result; what came after them has no part.

    Returns:
        Nothing where diffusion did not learn: the networks keep the spread that they came with.
    """
    last = chosen_step(state, settings)
    learnt = [point for point in state.train_curve if "sigma_data" in point and point["step"] <= last]
    if not learnt:
        return {}
    return {"diffusion_sigma_data": sum(point["sigma_data"] for point in learnt) / len(learnt)}


def _recipe(
    stage: str,
    networks: Networks,
    settings: StyleTTS2TrainSettings,
    schedule: Schedule,
    run: Run[AcousticBatch],
    clips: Clips,
    ear: Ear,
    other_texts: Sequence[Sequence[int]],
) -> Stage1Recipe | JointRecipe:
    if stage == "stage1":
        return Stage1Recipe(networks, settings, schedule, run.steps, run.machine, ear)
    references = references_among(clips) if networks.config.multispeaker else no_references
    return JointRecipe(networks, settings, schedule, run.steps, run.machine, references, ear, other_texts)


def _read_others(files: Files, settings: StyleTTS2TrainSettings) -> Sequence[Sequence[int]]:
    """Texts that no clip says, as token ids; none where the stages before have none."""
    path = files.get("other_phones", {}).get(OTHER_TOKENS)
    texts: list[list[int]] = [] if path is None else json.loads(path.read_text())
    return [text for text in texts if len(text) <= settings.max_tokens]


def _memory(settings: StyleTTS2TrainSettings, recipe: Stage1Recipe | JointRecipe) -> Memory:
    """What to lower in the phase that the recipe is in."""
    remedies = lowered("max_len_frames", settings.max_len_frames, 160)
    rule = settings.slm.adversary
    if recipe.phase.joint and rule is not None:
        share = rule.batch_percentage
        remedies.append(f"slm.adversary.batch_percentage from {share} to {share / 2:g}")
    return Memory(f" in phase {recipe.phase.name}", remedies)


@torch.no_grad()
def _render(
    networks: Networks, predicts: bool, clip: AcousticBatch, rng: torch.Generator
) -> dict[str, Tensor]:
    """A clip with recorded prosody and, once there is a predictor, from its text under its own style."""
    waves = {"recorded": reconstruct(networks, clip)[1][0, 0].float().cpu()}
    if predicts:
        waves["predicted"] = say(networks, clip, rng).float().cpu()
    return waves
