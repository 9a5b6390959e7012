"""The stage `plan`: decides what to train on this corpus, and says so before it starts."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import pyarrow.parquet as pq

from artifacts import schemas
from configs.train import TrainSettings
from tasks.finetune.examples import is_of_split
from tasks.finetune.planner import Network, NetworkPlan, plan_training
from tasks.stage import ConfigView, CorpusStage, Inputs, Produced, Work

FILE = "plan.json"


def plan_corpus(inputs: Inputs, cfg: ConfigView, work: Work) -> Produced:
    """Write the decisions; the explanation is a note, so that its wording retrains nothing.

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
    networks = {
        name: Network(
            pretrained=settings.pretrained is not None,
            choice=getattr(cfg.train.plan, name),
            max_epochs=settings.max_epochs,
            max_steps=settings.max_steps,
            steps_per_epoch=max(1, -(-trained // settings.batch_size)) / settings.accumulate,
        )
        for name, settings in (("sovits", cfg.train.sovits), ("t2s", cfg.train.t2s))
    }
    plan = plan_training(speech_s, len(screened), networks)
    work.dir.mkdir(parents=True, exist_ok=True)
    path = work.dir / FILE
    path.write_text(json.dumps(plan.as_json(), indent=1, sort_keys=True) + "\n", encoding="utf-8")
    return Produced(
        files={FILE: path},
        metrics={"speech_s": speech_s, "clips": float(len(screened)), "training_clips": float(trained)},
        notes=plan.explanation,
    )


def planned_length(
    files: Mapping[str, Mapping[str, Path]], network: str, settings: TrainSettings
) -> NetworkPlan:
    """How long a stage that reads `plan.json` trains; limits in the settings hold whatever the plan says."""
    decisions = json.loads(files["plan"][FILE].read_text(encoding="utf-8"))
    plan = NetworkPlan(**decisions[network])
    if plan.train and (settings.max_steps is not None or settings.max_epochs is not None):
        return replace(plan, max_steps=settings.max_steps, max_epochs=settings.max_epochs)
    return plan


PLAN = CorpusStage(
    name="plan",
    version=1,
    run=plan_corpus,
    reads={"screen": ("utterance_id", "speech_s"), "shard": ("*.parquet",)},
    config=("train.plan", "train.sovits", "train.t2s"),
    schema=schemas.NOTHING,
    about="what to train, and for how long, on this much speech",
)
