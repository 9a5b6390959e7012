"""The stage `train_kokoro`: a Kokoro voice and its voice table, from the shards.

At validations it renders held-out clips in two ways: `recorded`, with the recording's durations, pitch and
energy, tells of the decoder; `predicted`, from text and voice as synthesis has them, of the voice.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

import torch
from torch import Tensor

from configs.errors import UserError
from configs.train_kokoro import KokoroTrainSettings
from models.acoustics.batch import AcousticBatch
from models.discriminators.resolution import RESOLUTIONS
from models.kokoro.step import KokoroNetworks, KokoroStep
from models.losses.spectral import MultiResolutionMelLoss
from tasks.finetune.characters.clips import FamilyOfCharacters, collate, unknown_characters
from tasks.finetune.characters.listening import ear_for
from tasks.finetune.characters.screening import Shortest, usable_clips
from tasks.finetune.kokoro.recipe import KokoroRecipe
from tasks.finetune.kokoro.sizes import digests_of, model_config, published_weights, require_kokoro
from tasks.finetune.kokoro.start import (
    begin_as_fitted,
    check_arrival,
    fresh_judges,
    read_wavlm,
    starting_model,
)
from tasks.finetune.kokoro.trained import DECODER_FILE, VOICES
from tasks.finetune.kokoro.voice_table import VoiceTableFiles, read_voice_table, voices_of
from tasks.finetune.length import TrainingLength
from tasks.finetune.listening import HEARD_FROM_TEXT, Ear
from tasks.finetune.loop import Trained
from tasks.finetune.machine import Machine
from tasks.finetune.pitch_rule import PitchRule
from tasks.finetune.training import Files, Memory, Run, Start, Training, lowered, train_stage
from tasks.outcome import ConfigView, Inputs, Produced, Work

_SECTION = "train.kokoro"
_FITTED = "fitted"
_REMEDY = (
    "train longer, let the decoder hear recorded pitch for longer (train.kokoro.teacher_steps and "
    "teacher_final), or start from published weights (train.kokoro.pretrained)"
)
_SHORTEST = Shortest(16, "the spectral distance")
"""Mel frames: the longest window of the distance is 2048 samples, and padding mirrors half of it."""


def train_kokoro(inputs: Inputs, cfg: ConfigView, work: Work, *, fitted: str | None = None) -> Produced:
    """Train; see the module's docstring.

    Args:
        inputs, cfg, work: Of the stage.
        fitted: The stage that fitted voices, where one did.

    Raises:
        UserError: see `prepare` and `tasks.finetune.training.train_stage`.
        StoppedError: a stop was asked for.
    """
    files = {name: inputs.files(name) for name in ("shard", "voice_table")}
    if fitted is not None:
        files[_FITTED] = inputs.files(fitted)
    return train_stage(prepare, files, cfg, work)


def prepare(files: Files, cfg: ConfigView) -> Training[AcousticBatch]:
    """Clips and settings of the training.

    Args:
        files: The files of `shard` and of `voice_table`, and of `fitted` where voices were fitted.
        cfg: The stage's settings.

    Raises:
        UserError: another family's data, no usable clip, or a speaker without embedding.
    """
    settings: KokoroTrainSettings = cfg.train.kokoro
    family: FamilyOfCharacters = cfg.family
    require_kokoro(cfg.family.name, "train_kokoro")
    clips = usable_clips(files["shard"], _SECTION, settings, _SHORTEST, family)
    table = read_voice_table(files["voice_table"])
    _require_speakers(table, {*clips.training.speakers, *clips.validation.speakers})
    clip = settings.optimiser.clip
    fitted = files.get(_FITTED) if settings.table.voices is None else None
    return Training(
        section=_SECTION,
        settings=settings,
        length=TrainingLength(True, settings.max_epochs, settings.max_steps),
        clips=clips.training,
        lengths=clips.training.frames,
        held_out=clips.validation,
        collate=collate,
        start=partial(
            _start,
            settings,
            table,
            None if fitted is None else fitted[DECODER_FILE],
            partial(ear_for, settings.listening, files=files["shard"], family=family),
            family.sample_rate,
            cfg.seed,
        ),
        watched=("stft", "length", *HEARD_FROM_TEXT),
        pitch_rule=PitchRule(_SECTION, settings.listening, _REMEDY),
        rejects=clips.rejects,
        max_norms={} if clip is None else dict.fromkeys(("discriminator", "generator"), clip),
        validate_first=True,
        sample_clips=settings.sample_clips,
        description={
            "network": "kokoro",
            "character_table": family.character_table,
            "speakers": sorted(table.speakers),
        },
        warnings=unknown_characters(clips.training),
    )


def _require_speakers(table: VoiceTableFiles, speakers: set[str]) -> None:
    missing = sorted(speakers - set(table.speakers))
    if missing:
        raise UserError(
            f"voice_table: has no embedding of {', '.join(missing[:5])}; run the stage speaker_profile again"
        )


def _start(
    settings: KokoroTrainSettings,
    table: VoiceTableFiles,
    fitted_decoder: Path | None,
    ear_of: Callable[[Sequence[AcousticBatch], torch.device], Ear],
    sample_rate: int,
    seed: int,
    run: Run[AcousticBatch],
) -> Start[AcousticBatch]:
    published = published_weights(settings)
    step = _first_step(settings, table, fitted_decoder, run.machine, sample_rate, seed)
    networks = step.networks

    def voices(trained: Trained) -> dict[str, dict[str, Tensor]]:
        networks.voice_table.load_state_dict(dict(trained.weights["voice_table"]))
        return {VOICES: voices_of(networks.voice_table, networks.embeddings, networks.speakers)}

    warnings: list[str] = []
    if published is not None:
        source = f"train.kokoro.pretrained = {settings.pretrained}"
        warnings = check_arrival(step, [run.machine.place(clip) for clip in run.validation[:1]], source)
    return Start(
        recipe=KokoroRecipe(
            step, settings, run.steps, run.machine, ear_of(run.validation, run.machine.device)
        ),
        sizes=networks.model.config,
        digests={} if published is None else digests_of(published),
        render=partial(_render, step),
        derived=voices,
        memory=lambda: Memory(remedies=lowered("max_len_frames", settings.max_len_frames, 160)),
        description={"dequantised": published is not None and published.is_dequantised},
        warnings=warnings,
    )


def _first_step(
    settings: KokoroTrainSettings,
    table: VoiceTableFiles,
    fitted_decoder: Path | None,
    machine: Machine,
    sample_rate: int,
    seed: int,
) -> KokoroStep:
    """Networks with their first weights on the machine's device, and the arithmetic between them."""
    config = model_config(settings)
    if settings.max_tokens > config.bert.positions:
        raise UserError(
            f"train.kokoro.max_tokens = {settings.max_tokens}: the model of train.kokoro.pretrained reads "
            f"{config.bert.positions} tokens; lower it to that"
        )
    sizes = table.table.config
    if (sizes.rows, sizes.width) != (config.voice_rows, config.voice_width):
        raise UserError(
            f"voice_table: makes voices of {sizes.rows} x {sizes.width}, and the model reads "
            f"{config.voice_rows} x {config.voice_width}; run the stage voice_table again"
        )
    judges = fresh_judges(settings, seed)
    model = starting_model(settings, config, seed)
    if fitted_decoder is not None:
        begin_as_fitted(model, fitted_decoder)
    networks = KokoroNetworks(
        model.to(machine.device),
        table.table.to(machine.device),
        table.embeddings.to(machine.device),
        table.speakers,
        None if judges is None else judges.mpd.to(machine.device),
        None if judges is None else judges.msd.to(machine.device),
        read_wavlm(settings, sample_rate),
    )
    if networks.wavlm is not None:
        networks.wavlm.to(machine.device)
    distance = MultiResolutionMelLoss(sample_rate, RESOLUTIONS).to(machine.device)
    return KokoroStep(networks, distance, settings.max_len_frames)


@torch.no_grad()
def _render(step: KokoroStep, clip: AcousticBatch, rng: torch.Generator) -> dict[str, Tensor]:
    """A clip's text by the voice as it is now, and with the recording's durations, pitch and energy."""
    recorded = step.speak(clip, taught=True).audio[0, 0]
    return {"predicted": step.say(clip, rng).float().cpu(), "recorded": recorded.float().cpu()}
