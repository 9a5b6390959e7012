"""What the pages of a Kokoro voice tell beside the corpus."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from tasks.release import report
from tasks.release.report import ReportedFamily
from tasks.stage import ConfigView, Inputs, Produced, Work

_NAMES = {"fit_kokoro": "Voice", "train_kokoro": "Model and voice table"}


def _remarks(cfg: ConfigView, trained: Mapping[str, Mapping[str, Any]], usable_s: float) -> Iterable[str]:
    # The last one made the voice; where it was trained, what was fitted is its beginning.
    *_, network = trained.values()
    if network["from_scratch"] and network["steps"] < cfg.release.export.machinery_below_steps:
        yield (
            f"Trained from scratch for {network['steps']:,} steps on {usable_s / 60:.1f} minutes of speech. "
            "That proves the machinery, not quality: for a voice worth listening to, start from published "
            "weights (the preset kokoro)."
        )

    if network.get("dequantised"):
        yield (
            "The published weights it began with were dequantised from an export to int8: Kokoro-82M less "
            "what that took."
        )


def _variant(cfg: ConfigView) -> str:
    if cfg.train.kokoro.method == "fit":
        return "published Kokoro with a fitted voice"
    start = cfg.train.kokoro.pretrained
    return "Kokoro, from scratch" if start is None else "Kokoro, fine-tuned"


def report_corpus(
    inputs: Inputs, cfg: ConfigView, work: Work, phases: Mapping[str, Sequence[str]]
) -> Produced:
    """The pages of a Kokoro voice, which was fitted, trained, or fitted and then trained."""
    made = [name for name in phases["Training"] if name in _NAMES]
    pages = ReportedFamily(networks={name: _NAMES[name] for name in made}, variant=_variant, remarks=_remarks)
    return report.report_corpus(pages, inputs, cfg, work, phases)
