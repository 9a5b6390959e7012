"""The stage `train_sketch`: what the training skeleton is told of this family."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial

import torch
from torch import Tensor, nn

from configs.train_sketch import SketchTrainSettings
from models.acoustics.batch import AcousticBatch
from models.frontend.text.character_tokens import character_table
from models.seeds import derive_seed
from models.sketch.losses import WEIGHTS, sketch_losses
from models.sketch.model import Sketch, SketchConfig
from models.sketch.vocoder import waveform
from tasks.finetune.characters.clips import collate, unknown_characters
from tasks.finetune.characters.screening import Shortest, usable_clips
from tasks.finetune.length import TrainingLength
from tasks.finetune.machine import Machine
from tasks.finetune.recipe import Updater
from tasks.finetune.training import Files, Run, Start, Training, train_stage
from tasks.outcome import ConfigView, Inputs, Produced, Work

_SECTION = "train.sketch"
_SHORTEST = Shortest(2, "a sound")


def train_sketch(inputs: Inputs, cfg: ConfigView, work: Work) -> Produced:
    """Train; raises as `tasks.finetune.training.train_stage`."""
    return train_stage(prepare, {"shard": inputs.files("shard")}, cfg, work)


def prepare(files: Files, cfg: ConfigView) -> Training[AcousticBatch]:
    """Clips and settings of the training.

    Raises:
        UserError: no usable clip.
    """
    settings: SketchTrainSettings = cfg.train.sketch
    clips = usable_clips(files["shard"], _SECTION, settings, _SHORTEST, cfg.family)
    return Training(
        section=_SECTION,
        settings=settings,
        length=TrainingLength(True, settings.max_epochs, settings.max_steps),
        clips=clips.training,
        lengths=clips.training.frames,
        held_out=clips.validation,
        collate=collate,
        start=partial(_start, settings, cfg.family.character_table, cfg.seed),
        watched=("mel",),
        rejects=clips.rejects,
        sample_clips=settings.sample_clips,
        description={"network": "sketch", "speakers": sorted(set(clips.training.speakers))},
        warnings=unknown_characters(clips.training),
    )


def _start(
    settings: SketchTrainSettings, characters: str, seed: int, run: Run[AcousticBatch]
) -> Start[AcousticBatch]:
    config = SketchConfig(character_table(characters, "en").n_symbols, settings.width)
    torch.manual_seed(derive_seed(seed, "sketch"))
    model = Sketch(config).to(run.machine.device)
    return Start(
        recipe=SketchRecipe(model, settings, run.machine),
        sizes=config,
        digests={},
        render=partial(_render, model),
    )


class SketchRecipe:
    """One network, one optimiser."""

    def __init__(self, model: Sketch, settings: SketchTrainSettings, machine: Machine) -> None:
        self.model, self.lr, self.machine = model, settings.lr, machine
        self.modules: Mapping[str, nn.Module] = {"sketch": model}
        self.averaged: Sequence[str] = ("sketch",)
        self.optimisers = {"sketch": torch.optim.AdamW(model.parameters(), lr=settings.lr)}

    def set_learning_rates(self, step: int, epoch: int) -> None:
        """It stays as it is."""
        del step, epoch
        self.model.train()

    def train_step(self, batch: AcousticBatch, update: Updater, rng: torch.Generator) -> None:
        """The one update."""
        del rng
        with self.machine.autocast():
            losses = sketch_losses(self.model, self.machine.place(batch))
        update.apply("sketch", losses, WEIGHTS)

    def validate(self, batch: AcousticBatch) -> dict[str, Tensor]:
        """As in training."""
        return sketch_losses(self.model, self.machine.place(batch))

    def utterances(self, batch: AcousticBatch) -> Sequence[str]:
        """Ids of the batch's clips."""
        return batch.utterance_ids


@torch.no_grad()
def _render(model: Sketch, clip: AcousticBatch, rng: torch.Generator) -> dict[str, Tensor]:
    """A held-out clip in its own timing."""
    mel, _ = model(clip.tokens, clip.durations)
    return {"timed": waveform(mel[0].float().cpu(), rng)}
