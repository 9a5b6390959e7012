"""The stage `train_kokoro`: a Kokoro voice and its voice table, from the shards."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import NamedTuple

import torch
from safetensors.torch import save_file
from torch import Tensor

from artifacts import schemas
from artifacts.manifest import Reject
from configs.errors import UserError
from configs.train_kokoro import KokoroTrainSettings
from models.acoustics.batch import AcousticBatch
from models.discriminators.resolution import RESOLUTIONS
from models.kokoro.config import KokoroConfig
from models.kokoro.step import KokoroNetworks, KokoroStep
from models.losses.spectral import MultiResolutionMelLoss
from tasks.finetune.batches import Feed
from tasks.finetune.character_examples import (
    Shortest,
    collate,
    read_clips,
    refuse_unfit,
    unknown_characters,
)
from tasks.finetune.distributed import train_in_processes
from tasks.finetune.kokoro_recipe import KokoroRecipe
from tasks.finetune.kokoro_start import (
    check_arrival,
    fresh_judges,
    model_config,
    published_files,
    read_wavlm,
    starting_model,
)
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
from tasks.finetune.voice_table import VOICES, Voices, read_voices, spoken_voices
from tasks.stage import ConfigView, CorpusStage, Inputs, Produced, Work

Files = Mapping[str, Mapping[str, Path]]

_SHORTEST = Shortest(16, "the spectral distance")
"""Mel frames: the longest window of the distance is 2048 samples, and padding mirrors half of it."""


class Fitted(NamedTuple):
    """What training leaves for the stage's record."""

    trained: Trained
    config: KokoroConfig
    voices: dict[str, Tensor]
    clips: int
    rejects: list[Reject]
    digests: dict[str, str]
    warnings: tuple[str, ...]
    samples: dict[str, Path]


def train_networks(files: Files, cfg: ConfigView, work: Work) -> Fitted:
    """Train model and voice table to the end, alone or as one of several processes.

    Args:
        files: The files of `shard` and of `voice_table`.
        cfg: The stage's settings.
        work: The stage's surroundings.

    Raises:
        UserError: another family's data, no usable clip, weights or sizes that do not fit, no memory, or
            training that diverges.
        StoppedError: a stop was asked for.
    """
    settings, family = cfg.train.kokoro, cfg.family
    if family.name != "kokoro":
        raise UserError(
            f"family.name = {family.name}: train_kokoro reads Kokoro's characters, and would learn nonsense "
            "from others; use a preset of Kokoro"
        )
    frame_rate_hz = family.sample_rate / family.hop_samples
    clips, rejects = refuse_unfit(
        read_clips(files["shard"], "train", family, settings.cache_mb),
        "train.kokoro",
        settings,
        _SHORTEST,
        frame_rate_hz,
    )
    held_out, _ = refuse_unfit(
        read_clips(files["shard"], "validation", family, settings.cache_mb),
        "train.kokoro",
        settings,
        _SHORTEST,
        frame_rate_hz,
    )
    if not clips:
        reason = f"the first is refused because {rejects[0].reason}" if rejects else "the split is empty"
        raise UserError(f"train.kokoro: no training clip is usable; {reason}")
    voices = read_voices(files["voice_table"])
    _require_speakers(voices, {*clips.speakers, *held_out.speakers})
    machine = choose_machine(cfg.compute)
    feed = Feed(
        clips.frames,
        clips.__getitem__,
        collate,
        batch_size=settings.batch_size,
        seed=cfg.seed,
        loader_threads=cfg.compute.loader_threads,
    )
    length = NetworkPlan(train=True, max_epochs=settings.max_epochs, max_steps=settings.max_steps)
    steps = steps_of(length, settings.accumulate, feed.batches_per_epoch())
    validation = [collate([held_out[i]]) for i in range(min(len(held_out), settings.validation_clips))]
    published = published_files(settings)
    digests = {} if published is None else published.digests()
    with arithmetic_threads(cfg.compute.threads):
        step = _begin(settings, voices, machine, family.sample_rate, cfg.seed)
        networks = step.networks
        placed = [machine.place(clip) for clip in validation]
        source = f"train.kokoro.pretrained = {settings.pretrained}"
        warnings = [] if published is None else check_arrival(step, placed[:1], source)
        samples = ValidationSamples(
            work.dir / "samples",
            partial(_render, step),
            placed[: settings.sample_clips],
            cfg.seed,
            family.sample_rate,
        )
        clip = settings.optimiser.clip
        trained = train_in_stage(
            KokoroRecipe(step, settings, steps, machine),
            feed,
            validation,
            settings,
            length,
            seed=cfg.seed,
            max_norms={} if clip is None else dict.fromkeys(("discriminator", "generator"), clip),
            watched_loss="stft",
            identity=checkpoint_identity(networks.model.config, settings, digests),
            work=work,
            validated=samples,
            validate_first=True,
        )
        networks.voice_table.load_state_dict(dict(trained.weights["voice_table"]))
        made = spoken_voices(networks.voice_table, networks.embeddings, networks.speakers)
    return Fitted(
        trained,
        networks.model.config,
        made,
        len(clips),
        rejects,
        digests,
        (*warnings, *unknown_characters(clips)),
        samples.files(),
    )


def _require_speakers(voices: Voices, heard: set[str]) -> None:
    missing = sorted(heard - set(voices.speakers))
    if missing:
        raise UserError(
            f"voice_table: has no embedding of {', '.join(missing[:5])}; run the stage speaker_profile again"
        )


def _begin(
    settings: KokoroTrainSettings, voices: Voices, machine: Machine, sample_rate: int, seed: int
) -> KokoroStep:
    """Networks with their first weights on the machine's device, and the arithmetic between them."""
    config = model_config(settings)
    if settings.max_tokens > config.bert.positions:
        raise UserError(
            f"train.kokoro.max_tokens = {settings.max_tokens}: the model of train.kokoro.pretrained reads "
            f"{config.bert.positions} tokens; lower it to that"
        )
    table = voices.table.config
    if (table.rows, table.width) != (config.voice_rows, config.voice_width):
        raise UserError(
            f"voice_table: makes voices of {table.rows} x {table.width}, and the model reads "
            f"{config.voice_rows} x {config.voice_width}; run the stage voice_table again"
        )
    judges = fresh_judges(settings, seed)
    networks = KokoroNetworks(
        starting_model(settings, config, seed).to(machine.device),
        voices.table.to(machine.device),
        voices.embeddings.to(machine.device),
        voices.speakers,
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
    """A clip's text as the voice speaks it now, and with the recording's durations, pitch and energy."""
    networks, lengths = step.networks, torch.tensor(clip.token_lengths)
    row = networks.voice_table.rows(networks.embeddings_of(clip.speakers), lengths)
    predicted = networks.model.synthesize(clip.tokens, lengths, row, rngs=[rng])[0]
    recorded = step.speak(clip, taught=True).audio[0, 0]
    return {"predicted": predicted.float().cpu(), "recorded": recorded.float().cpu()}


def train_kokoro(inputs: Inputs, cfg: ConfigView, work: Work) -> Produced:
    """Train; see the module's docstring.

    Raises:
        UserError: see `train_networks`.
        StoppedError: a stop was asked for.
    """
    files = {name: inputs.files(name) for name in TRAIN_KOKORO.reads}
    if cfg.compute.processes > 1:
        # They leave the last checkpoint; from there this process has no step to go, only files to write.
        train_in_processes(TRAIN_KOKORO.name, cfg.compute.processes, files, cfg, work)
    fitted = train_networks(files, cfg, work)
    state = fitted.trained.state
    description = {
        "network": "kokoro",
        "sizes": sizes_as_json(fitted.config),
        "character_table": cfg.family.character_table,
        "speakers": sorted(fitted.voices),
        "steps": state.step,
        "best_step": state.best_step,
        "epochs": state.epoch,
        "clips": fitted.clips,
        "from_scratch": not fitted.digests,
        "pretrained": fitted.digests,
    }
    names = {name: name for name in fitted.trained.weights}
    folder = work.dir / "result"
    written = write_outputs(folder, fitted.trained, description, names)
    save_file(fitted.voices, folder / VOICES)
    return Produced(
        rejects=fitted.rejects,
        files=written | {VOICES: folder / VOICES} | fitted.samples,
        metrics=summary(state, fitted.clips),
        series=curves_as_series(state),
        warnings=fitted.warnings,
    )


TRAIN_KOKORO = CorpusStage(
    name="train_kokoro",
    version=1,
    run=train_kokoro,
    reads={"shard": ("*.parquet",), "voice_table": ("*.safetensors", "config.json")},
    config=(
        "train.kokoro",
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
    about="Kokoro: model and voice table, together",
    uses_gpu=True,
)
