"""The stage `train_sovits`: the voice's timbre, trained from the shards.

At validations it renders held-out clips in two ways: `posterior`, through the recording's latent, tells of
the vocoder; `prior`, from codes and phones as synthesis has them, of the voice.
"""

from __future__ import annotations

from functools import partial

import torch
from torch import Tensor
from torch.nn import functional

from configs.errors import UserError
from configs.train_sovits import SovitsTrainSettings
from models.frontend.mel import SpectrogramParameters
from models.frontend.text.symbols import load_symbol_table
from models.sovits.config import SovitsConfig
from models.sovits.model import SovitsGenerator
from models.sovits.step import SovitsBatch, SovitsStep, reconstructed
from tasks.features.frames import spectrogram_parameters
from tasks.finetune.gpt_sovits.examples import Examples, read_split
from tasks.finetune.gpt_sovits.planned import planned_length
from tasks.finetune.gpt_sovits.reference_batches import sovits_plan
from tasks.finetune.gpt_sovits.sovits.batch import collate
from tasks.finetune.gpt_sovits.sovits.recipe import SovitsRecipe, loss_weights
from tasks.finetune.gpt_sovits.sovits.start import model_config, start_networks
from tasks.finetune.shards import Refusal, refuse, require_clips
from tasks.finetune.training import Files, Memory, Run, Start, Training, lowered, train_stage
from tasks.outcome import ConfigView, Inputs, Produced, Work

_SECTION = "train.sovits"


def train_sovits(inputs: Inputs, cfg: ConfigView, work: Work) -> Produced:
    """Train generator and discriminators; see the module's docstring.

    Raises:
        UserError: see `prepare` and `tasks.finetune.training.train_stage`.
        StoppedError: a stop was asked for.
    """
    return train_stage(prepare, {name: inputs.files(name) for name in ("shard", "plan")}, cfg, work)


def prepare(files: Files, cfg: ConfigView) -> Training[SovitsBatch]:
    """Clips and settings of the training.

    Args:
        files: The files of `shard` and `plan`.
        cfg: The stage's settings.

    Raises:
        UserError: no usable clip, or several processes are to train a quantiser.
    """
    settings: SovitsTrainSettings = cfg.train.sovits
    frame = spectrogram_parameters(cfg.family)
    length = planned_length(files, "sovits", settings)
    if cfg.compute.processes > 1 and length.train and not settings.freeze_quantizer:
        raise UserError(
            f"train.sovits.freeze_quantizer = false with compute.processes = {cfg.compute.processes}: "
            "a codebook that follows the features follows those of one process; set processes to 1, or "
            "freeze it"
        )
    table = read_split(files["shard"], "train", frame, settings.cache_mb)
    examples, rejects = refuse(table, partial(_refusal, table, frame, settings.max_clip_s))
    require_clips(_SECTION, examples, rejects)
    order = None
    if settings.batching == "gpt-sovits":
        order = sovits_plan(examples.frames, examples.utterance_ids, settings.batch_size)
    n_symbols = len(load_symbol_table(table.symbol_table).symbols)
    config = model_config(settings, frame, n_symbols, content_channels=examples[0].content.shape[0])
    norms = {"generator": settings.clip_generator, "discriminator": settings.clip_discriminator}
    return Training(
        section=_SECTION,
        settings=settings,
        length=length,
        clips=examples,
        lengths=examples.frames,
        held_out=read_split(files["shard"], "validation", frame, settings.cache_mb),
        collate=partial(
            collate, hop_samples=frame.hop_samples, uses_speaker_vector=config.uses_speaker_vector
        ),
        start=partial(_start, settings, config, examples, cfg.seed),
        watched=("mel",),
        rejects=rejects,
        order=order.batches if order else None,
        max_norms={name: norm for name, norm in norms.items() if norm is not None},
        sample_clips=settings.sample_clips,
        description={"network": "sovits", "symbol_table": table.symbol_table},
        warnings=order.warnings if order else (),
    )


def _refusal(table: Examples, frame: SpectrogramParameters, max_clip_s: float, index: int) -> Refusal | None:
    frames = table.frames[index]
    if frames <= int(max_clip_s * frame.frame_rate_hz):
        return None
    reason = f"longer than train.sovits.max_clip_s = {max_clip_s} s"
    return Refusal("too_long", "n_frames", str(frames), reason, "segment it shorter, or raise the limit")


def _start(
    settings: SovitsTrainSettings,
    config: SovitsConfig,
    examples: Examples,
    seed: int,
    run: Run[SovitsBatch],
) -> Start[SovitsBatch]:
    def content(index: int) -> Tensor:
        return torch.from_numpy(examples[index].content).float()

    start = start_networks(settings, config, len(examples), content, seed)
    generator = start.generator.to(run.machine.device)
    step = SovitsStep(generator, start.discriminator.to(run.machine.device), loss_weights(settings))
    return Start(
        recipe=SovitsRecipe(step, settings, run.machine),
        sizes=config,
        digests=start.digests,
        render=partial(_render, generator),
        memory=lambda: Memory(remedies=lowered("sizes.segment_frames", config.segment_frames, 16)),
        warnings=start.warnings,
    )


@torch.no_grad()
def _render(generator: SovitsGenerator, batch: SovitsBatch, rng: torch.Generator) -> dict[str, Tensor]:
    """One clip's waveform `[S]` on the CPU through the posterior's mean and through a sample of the prior."""
    resynthesis = reconstructed(generator, batch)
    # An odd last frame makes a code of its own, as in training.
    even = functional.pad(batch.ssl, (0, batch.ssl.shape[-1] % 2), mode="replicate")
    synthesis = generator.decode(
        generator.extract_codes(even),
        batch.phone_ids,
        [batch.spec],
        speaker_vectors=None if batch.speaker_vector is None else [batch.speaker_vector],
        rng=rng,
    )
    return {"posterior": resynthesis.wave[0, 0].float().cpu(), "prior": synthesis[0, 0].float().cpu()}
