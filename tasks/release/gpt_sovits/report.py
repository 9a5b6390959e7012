"""What the pages of a GPT-SoVITS voice tell beside the corpus."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from tasks.release import report
from tasks.release.report import ReportedFamily
from tasks.stage import ConfigView, Inputs, Produced, Work


def _remarks(cfg: ConfigView, trained: Mapping[str, Mapping[str, Any]], usable_s: float) -> Iterable[str]:
    sovits, t2s = trained["train_sovits"], trained["train_t2s"]
    if sovits["from_scratch"] and sovits["steps"] < cfg.release.export.machinery_below_steps:
        yield (
            f"Trained from scratch for {sovits['steps']:,} SoVITS and {t2s['steps']:,} text-to-semantic "
            f"steps on {usable_s / 60:.1f} minutes of speech. That proves that the machinery works, from "
            "recordings to a voice that speaks; it says nothing about how good a voice can be."
        )
    if cfg.features.content.backend == "mfcc":
        yield (
            "Content features are MFCCs, which need no downloaded weights and carry more of the speaker "
            "and less of the words than HuBERT's. For quality set features.content.backend to hubert."
        )


PAGES = ReportedFamily(
    networks={"train_sovits": "SoVITS", "train_t2s": "Text to semantic codes"},
    variant=lambda cfg: f"{cfg.family.name} {cfg.train.sovits.version}",
    remarks=_remarks,
)


def report_corpus(
    inputs: Inputs, cfg: ConfigView, work: Work, phases: Mapping[str, Sequence[str]]
) -> Produced:
    """The pages of a GPT-SoVITS voice."""
    return report.report_corpus(PAGES, inputs, cfg, work, phases)
