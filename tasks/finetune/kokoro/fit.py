"""The stage `fit_kokoro`: a voice for Kokoro as it is published, from the shards.

A voice begins as the mix of official voices that is nearest to the recordings, and is fitted to them by
gradient: first the shares of the mix, then a vector beside it and, for a single speaker, the biases of the
decoder's styled norms, as far as the amount of speech carries it. The rest of the model stays as published.
Held-out clips decide which version becomes the voice.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path

import torch
from torch import Tensor
from torch.nn import functional

from configs.errors import UserError
from configs.train_kokoro_fit import KokoroFitSettings
from models.acoustics.batch import AcousticBatch
from models.kokoro.decoder_biases import DecoderBiases
from models.kokoro.fit_step import FitNetworks, FitStep, nearest_mix, renderings
from models.kokoro.fitted_voice import FittedVoices
from models.kokoro.model import Kokoro
from models.kokoro.official_voices import OfficialVoices
from models.kokoro.published import published_files
from models.kokoro.upstream import CHILDREN, load_kokoro
from models.layers.conv import fold_weight_norm
from models.layers.recurrent import let_gradients_pass
from models.losses.spectral import RESOLUTIONS, MultiResolutionMelLoss
from models.seeds import derive_seed
from models.speaker.ge2e import load_ge2e
from models.speaker.likeness import SpeakerLikeness
from tasks.finetune.characters.clips import Clips, FamilyOfCharacters, collate, unknown_characters
from tasks.finetune.characters.screening import Shortest, usable_clips
from tasks.finetune.kokoro.fit_earlier import (
    begin_as_earlier,
    digests_of_earlier,
    earlier_voices,
)
from tasks.finetune.kokoro.fit_plan import FitPlan, fit_plan
from tasks.finetune.kokoro.fit_recipe import DECODER, KokoroFitRecipe
from tasks.finetune.kokoro.sizes import digests_of, require_kokoro
from tasks.finetune.kokoro.trained import DECODER_FILE, VOICES
from tasks.finetune.length import TrainingLength
from tasks.finetune.listener import Listener, listener
from tasks.finetune.loop import Trained
from tasks.finetune.training import Files, Run, Start, Training, train_stage
from tasks.outcome import ConfigView, Inputs, Produced, Work

_SECTION = "train.kokoro_fit"
_FRAME_S = 0.025


def fit_kokoro(inputs: Inputs, cfg: ConfigView, work: Work) -> Produced:
    """Fit; see the module's docstring.

    Raises:
        UserError: see `prepare` and `tasks.finetune.training.train_stage`.
        StoppedError: a stop was asked for.
    """
    return train_stage(prepare, {"shard": inputs.files("shard")}, cfg, work)


def prepare(files: Files, cfg: ConfigView) -> Training[AcousticBatch]:
    """Clips and settings of the fitting.

    Args:
        files: The files of `shard`.
        cfg: The stage's settings.

    Raises:
        UserError: another family's data, or no usable clip.
    """
    settings: KokoroFitSettings = cfg.train.kokoro_fit
    family: FamilyOfCharacters = cfg.family
    require_kokoro(cfg.family.name, "fit_kokoro")
    crop_frames = round(settings.crop_s / _FRAME_S)
    shortest = Shortest(2 * crop_frames, "what the decoder says of it in a step (crop_s)")
    clips = usable_clips(files["shard"], _SECTION, settings, shortest, family)
    seconds = sum(clips.training.frames) * family.hop_samples / family.sample_rate
    plan = fit_plan(settings, seconds, len(set(clips.training.speakers)))
    hears = listener(settings.recogniser, files["shard"], "validation", family.sample_rate)
    return Training(
        section=_SECTION,
        settings=settings,
        length=TrainingLength(plan.steps > 0, settings.max_epochs, plan.steps),
        clips=clips.training,
        lengths=clips.training.frames,
        held_out=clips.validation,
        collate=collate,
        start=partial(
            _start, settings, clips.training, plan, crop_frames, family.sample_rate, cfg.seed, hears
        ),
        watched=("score",),
        rejects=clips.rejects,
        validate_first=True,
        sample_clips=settings.sample_clips,
        description={
            "network": "kokoro",
            "character_table": family.character_table,
            "speakers": sorted(set(clips.training.speakers)),
        },
        warnings=unknown_characters(clips.training),
        bf16_on_cpu=True,
    )


def _start(
    settings: KokoroFitSettings,
    clips: Clips,
    plan: FitPlan,
    crop_frames: int,
    sample_rate: int,
    seed: int,
    hears: Listener | None,
    run: Run[AcousticBatch],
) -> Start[AcousticBatch]:
    published = published_files(Path(settings.pretrained), f"{_SECTION}.pretrained = {settings.pretrained}")
    model = load_kokoro(published.weights, published.config).requires_grad_(False)
    let_gradients_pass(model)
    # As published, before folding: what is exported is not changed in a bit.
    children = {f"{child}.safetensors": dict(getattr(model, child).state_dict()) for child in CHILDREN}
    fold_weight_norm(model, for_gradients=True)
    official = OfficialVoices(_voices_folder(settings), model.config)
    device = run.machine.device
    speakers = tuple(sorted(set(clips.speakers)))
    likeness = SpeakerLikeness(load_ge2e(), sample_rate).to(device)
    step = _first_step(
        settings, clips, plan, model.to(device), official, likeness, speakers, crop_frames, sample_rate,
        seed, run,
    )  # fmt: skip
    voices, biases = step.networks.voices, step.networks.biases

    def derived(trained: Trained) -> dict[str, dict[str, Tensor]]:
        voices.load_state_dict(dict(trained.weights["fit"]), strict=False)
        tables = voices().detach().float().cpu()[:, :, None]
        found = {name: table.contiguous() for name, table in zip(speakers, tables, strict=True)}
        whole = {
            name: {key: value.contiguous() for key, value in of.items()} for name, of in children.items()
        }
        if biases is not None:
            biases.load_state_dict(dict(trained.weights[DECODER]))
            whole[DECODER_FILE] |= biases.named()
        return {**whole, VOICES: found}

    recipe = KokoroFitRecipe(step, settings, plan, run.machine, hears)
    return Start(
        recipe=recipe,
        sizes=model.config,
        digests=digests_of(published) | digests_of_earlier(settings),
        render=recipe.render,
        derived=derived,
        description={
            "dequantised": published.is_dequantised,
            "mix": _named(official.names, voices, speakers),
            "plan": plan._asdict(),
            "had_listener": hears is not None,
        },
    )


def _first_step(
    settings: KokoroFitSettings,
    clips: Clips,
    plan: FitPlan,
    model: Kokoro,
    official: OfficialVoices,
    likeness: SpeakerLikeness,
    speakers: tuple[str, ...],
    crop_frames: int,
    sample_rate: int,
    seed: int,
    run: Run[AcousticBatch],
) -> FitStep:
    """Voices at the mixes that are nearest to the recordings."""
    device = run.machine.device
    tables = torch.stack([official.table(name)[:, 0] for name in official.names]).to(device)
    own = {name: [index for index, of in enumerate(clips.speakers) if of == name] for name in speakers}
    count = _Counted(partial(run.phase, "hearing recordings"), len(clips))
    targets = torch.stack([_target(clips, own[name], likeness, device, count) for name in speakers])
    distance = MultiResolutionMelLoss(sample_rate, RESOLUTIONS).to(device)

    def step_of(shares: Tensor, biases: DecoderBiases | None = None) -> FitStep:
        voices = FittedVoices(tables, shares.to(device)).to(device)
        networks = FitNetworks(model, voices, likeness, speakers, targets, biases)
        return FitStep(networks, distance, crop_frames, settings.cache_mb)

    even = step_of(torch.full((len(speakers), len(tables)), 1.0 / len(tables)))
    earlier = earlier_voices(settings, even.networks.voices)
    compared = {
        name: min(len(own[name]), settings.compared_clips) for name in speakers if name not in earlier
    }
    tried = _Counted(
        partial(run.phase, "trying official voices"),
        sum(renderings(len(tables), count) for count in compared.values()),
    )
    found = []
    for name in speakers:
        if name in earlier:
            found.append(torch.full((len(tables),), 1.0 / len(tables)))
            continue
        longest = sorted(own[name], key=lambda index: -clips.frames[index])[: compared[name]]
        batches = [run.machine.place(collate([clips[index]])) for index in longest]
        rng = torch.Generator().manual_seed(derive_seed(seed, "kokoro nearest voices", name))
        with run.machine.autocast():
            found.append(nearest_mix(even, batches, tables, rng, tried))
    biases = DecoderBiases(model.decoder) if plan.decoder else None
    if biases is not None:
        begin_as_earlier(settings, biases)
    step = step_of(torch.stack(found), biases)
    for name in earlier.keys() & {*speakers}:
        step.networks.voices.begin_as(speakers.index(name), earlier[name][:, 0])
    return step


class _Counted:
    """Tells how many are done of how many."""

    def __init__(self, tell: Callable[[int, int], None], total: int) -> None:
        self._tell, self._done, self._total = tell, 0, total
        if total:
            tell(0, total)

    def __call__(self, more: int) -> None:
        self._done += more
        self._tell(self._done, self._total)


@torch.no_grad()
def _target(
    clips: Clips, own: list[int], likeness: SpeakerLikeness, device: torch.device, count: _Counted
) -> Tensor:
    """[256] of unit length: what the speaker's recordings sound like."""
    found = []
    for index in own:
        found.append(likeness(torch.from_numpy(clips[index].wave)[None].to(device)))
        count(1)
    return functional.normalize(torch.cat(found).mean(0), dim=0)


def _voices_folder(settings: KokoroFitSettings) -> Path | None:
    """The folder of voices that the setting names, or the one inside it.

    Raises:
        UserError: it is not there.
    """
    if settings.voices is None:
        return None
    folder = Path(settings.voices)
    if not folder.is_dir():
        raise UserError(
            f"{_SECTION}.voices = {folder}: is no folder; `voicewright models fetch kokoro-voices` gets the "
            "voices, and null mixes the six that come along"
        )
    inside = folder / "voices"
    return inside if inside.is_dir() else folder


def _named(
    names: tuple[str, ...], voices: FittedVoices, speakers: tuple[str, ...]
) -> dict[str, dict[str, float]]:
    """Each speaker's first mix by the official voices' names."""
    shares = voices.first_shares.tolist()
    return {
        speaker: {name: round(share, 3) for name, share in zip(names, own, strict=True) if share}
        for speaker, own in zip(speakers, shares, strict=True)
    }
