"""The stage `plan`: decides what to train on this corpus, and says so before it starts."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

from tasks.finetune.gpt_sovits.planned import PLAN_FILE, REASONS_FILE
from tasks.finetune.gpt_sovits.planner import Network, plan_training, reasons, t2s_passes
from tasks.finetune.shards import is_of_split
from tasks.outcome import ConfigView, Inputs, Produced, Work


def plan_corpus(inputs: Inputs, cfg: ConfigView, work: Work) -> Produced:
    """Write the decisions and the reasons, each into a file of its own.

    Raises:
        UserError: a network is to be kept that has no published weights.
    """
    screened = inputs.table("screen", ["utterance_id", "speech_s"])
    speech_s = sum(screened.column("speech_s").to_pylist())
    trained = sum(
        pq.read_metadata(path).num_rows
        for name, path in inputs.files("shard").items()
        if is_of_split(name, "train")
    )
    networks = networks_of(cfg.train, trained)
    plan = plan_training(speech_s, networks)
    why = reasons(plan, speech_s, len(screened), networks)
    files = {
        PLAN_FILE: _write(work.dir / PLAN_FILE, plan.lengths()),
        REASONS_FILE: _write(work.dir / REASONS_FILE, why),
    }
    return Produced(
        files=files,
        metrics={"speech_s": speech_s, "clips": float(len(screened)), "training_clips": float(trained)},
    )


def networks_of(train: Any, clips: int) -> dict[str, Network]:
    """What the planner knows of both networks.

    Args:
        train: `train` of the settings.
        clips: That are trained on.
    """
    return {
        name: Network(
            pretrained=settings.pretrained is not None,
            choice=getattr(train.plan, name),
            max_epochs=settings.max_epochs,
            max_steps=settings.max_steps,
            steps_per_epoch=max(1, -(-clips // settings.batch_size)) / settings.accumulate,
            passes=t2s_passes(clips) if name == "t2s" else 1,
        )
        for name, settings in (("sovits", train.sovits), ("t2s", train.t2s))
    }


def _write(path: Path, content: Mapping[str, Any]) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(content, indent=1, sort_keys=True) + "\n", encoding="utf-8")
    return path
