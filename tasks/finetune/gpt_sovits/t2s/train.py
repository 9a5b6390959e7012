"""The stage `train_t2s`: the voice's prosody, a decoder from phones to semantic codes."""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import partial
from pathlib import Path

import numpy as np

from artifacts.store import write_atomically
from configs.train_t2s import T2sTrainSettings
from models.t2s.config import CODES_PER_S
from models.t2s.step import T2SBatch, T2SStep
from tasks.features.frames import spectrogram_parameters
from tasks.finetune.gpt_sovits.examples import Examples, read_split
from tasks.finetune.gpt_sovits.planned import planned_length
from tasks.finetune.gpt_sovits.reference_batches import t2s_plan
from tasks.finetune.gpt_sovits.t2s.batch import collate
from tasks.finetune.gpt_sovits.t2s.recipe import T2sRecipe
from tasks.finetune.gpt_sovits.t2s.start import starting_decoder
from tasks.finetune.shards import Refusal, refuse, require_clips
from tasks.finetune.trained import read_json
from tasks.finetune.training import Files, Run, Start, Training, train_stage
from tasks.outcome import ConfigView, Inputs, Produced, Work

_SECTION = "train.t2s"
_CODES = "codes.json"

Codes = Mapping[str, np.ndarray]
"""int64 [T] of each utterance."""


def train_t2s(inputs: Inputs, cfg: ConfigView, work: Work) -> Produced:
    """Train the decoder; see the module's docstring.

    Raises:
        UserError: see `prepare` and `tasks.finetune.training.train_stage`.
        StoppedError: a stop was asked for.
    """
    files = {name: inputs.files(name) for name in ("shard", "train_sovits", "plan")}
    files["semantic"] = {_CODES: _write_codes(inputs, work.dir / _CODES)}
    return train_stage(prepare, files, cfg, work)


def prepare(files: Files, cfg: ConfigView) -> Training[T2SBatch]:
    """Clips and settings of the training.

    Args:
        files: The files of `shard`, `train_sovits` and `plan`, and `codes.json` under `semantic`.
        cfg: The stage's settings.

    Raises:
        UserError: no usable clip.
    """
    settings: T2sTrainSettings = cfg.train.t2s
    frame = spectrogram_parameters(cfg.family)
    written = read_json(files["semantic"][_CODES])
    codes = {name: np.asarray(values, dtype=np.int64) for name, values in written.items()}
    n_codes = read_json(files["train_sovits"]["config.json"])["sizes"]["codebook_size"]
    table = read_split(files["shard"], "train", frame, settings.cache_mb, audio=False)
    examples, rejects = refuse(table, partial(_refusal, table, codes, settings))
    require_clips(_SECTION, examples, rejects)
    held_out = read_split(files["shard"], "validation", frame, settings.cache_mb, audio=False)
    lengths = [len(codes[name]) for name in examples.utterance_ids]
    order = None
    if settings.batching == "gpt-sovits":
        seconds = [length / CODES_PER_S for length in lengths]
        order = t2s_plan(seconds, examples.utterance_ids, settings.batch_size)
    return Training(
        section=_SECTION,
        settings=settings,
        length=planned_length(files, "t2s", settings),
        clips=examples,
        lengths=lengths,
        held_out=refuse(held_out, partial(_refusal, held_out, codes, settings))[0],
        collate=partial(collate, codes=codes, linguistic_channels=table.linguistic_channels),
        start=partial(_start, settings, examples, n_codes, cfg.seed),
        watched=("cross_entropy",),
        rejects=rejects,
        order=order.batches if order else None,
        # ScaledAdam clips by itself, by the gradients' recent lengths.
        max_norms={"decoder": settings.clip} if settings.optimizer == "adamw" else {},
        description={"network": "t2s", "symbol_table": table.symbol_table},
        warnings=order.warnings if order else (),
    )


def _start(
    settings: T2sTrainSettings, examples: Examples, n_codes: int, seed: int, run: Run[T2SBatch]
) -> Start[T2SBatch]:
    start = starting_decoder(settings, examples.symbol_table, n_codes, examples.linguistic_channels, seed)
    step = T2SStep(start.decoder.to(run.machine.device))
    return Start(
        recipe=T2sRecipe(step, settings, run.steps, run.machine),
        sizes=start.decoder.config,
        digests=start.digests,
    )


def _refusal(examples: Examples, codes: Codes, settings: T2sTrainSettings, index: int) -> Refusal | None:
    name, phones = examples.utterance_ids[index], examples.phone_counts[index]
    if name not in codes:
        return Refusal("no_codes", "codes", "none", "it has no semantic codes", "rerun semantic")
    seconds = len(codes[name]) / CODES_PER_S
    rate = phones / seconds if seconds else 0.0
    if seconds > settings.max_clip_s:
        return _too_long("max_clip_s", f"{seconds:.1f} s", f"more than {settings.max_clip_s} s")
    if phones > settings.max_phones:
        return _too_long("max_phones", f"{phones}", f"more than {settings.max_phones} phones")
    if not settings.min_phones_per_s <= rate <= settings.max_phones_per_s:
        return Refusal(
            "speaking_rate",
            "phones_per_s",
            f"{rate:.1f}",
            f"outside {settings.min_phones_per_s}-{settings.max_phones_per_s} phones per second",
            "check the transcript, or widen train.t2s.min_phones_per_s and max_phones_per_s",
        )
    return None


def _too_long(field: str, value: str, reason: str) -> Refusal:
    return Refusal("too_long", field, value, reason, f"segment it shorter, or raise {_SECTION}.{field}")


def _write_codes(inputs: Inputs, path: Path) -> Path:
    """The codes as a file: processes that train together read files alone."""
    rows = inputs.table("semantic", ["utterance_id", "codes"])
    names, codes = rows.column("utterance_id").to_pylist(), rows.column("codes").to_pylist()
    write_atomically(path, json.dumps(dict(zip(names, codes, strict=True))).encode())
    return path
