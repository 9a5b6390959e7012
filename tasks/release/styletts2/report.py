"""What the pages of a StyleTTS 2 voice tell beside the corpus."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from tasks.release import report
from tasks.release.report import ReportedFamily
from tasks.stage import ConfigView, Inputs, Produced, Work

NAMES = {
    "train_styletts2_stage1": "Stage 1: decoder",
    "train_styletts2_stage2": "Stage 2: prosody and style",
    "train_styletts2_finetune": "Fine-tuning",
}


def report_corpus(
    inputs: Inputs, cfg: ConfigView, work: Work, phases: Mapping[str, Sequence[str]]
) -> Produced:
    """The pages of a StyleTTS 2 voice, which one or two training stages made."""
    pages = ReportedFamily(
        networks={name: NAMES[name] for name in phases["Training"] if name in NAMES},
        variant=lambda cfg: f"StyleTTS 2 {cfg.train.styletts2.version}",
        remarks=_remarks,
    )
    return report.report_corpus(pages, inputs, cfg, work, phases)


def _remarks(cfg: ConfigView, trained: Mapping[str, Mapping[str, Any]], usable_s: float) -> Iterable[str]:
    steps = [network["steps"] for network in trained.values()]
    if cfg.train.styletts2.pretrained is None and steps[-1] < cfg.release.export.machinery_below_steps:
        counted = " and ".join(f"{count:,}" for count in steps)
        yield (
            f"Trained from scratch for {counted} steps on {usable_s / 60:.1f} minutes of speech. That proves "
            "that the machinery works, from recordings to a voice that speaks; it says nothing about how "
            "good a voice can be."
        )
    if cfg.train.styletts2.slm.model is None:
        yield (
            "No speech language model judged this training (train.styletts2.slm.model is null): neither its "
            "feature loss nor its adversary was at work."
        )
