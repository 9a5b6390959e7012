"""What the pages of a Sketch voice tell beside the corpus."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from tasks.release import report
from tasks.release.report import ReportedFamily
from tasks.release.sketch.assembly import TRAINING
from tasks.stage import ConfigView, Inputs, Produced, Work

PAGES = ReportedFamily(
    networks={TRAINING: "Sounds and their lengths"},
    variant=lambda _: "Sketch",
    remarks=lambda *_: [
        "Average sounds without a learnt vocoder: it can be followed, and is no voice to use."
    ],
)


def report_corpus(
    inputs: Inputs, cfg: ConfigView, work: Work, phases: Mapping[str, Sequence[str]]
) -> Produced:
    """The pages of a Sketch voice."""
    return report.report_corpus(PAGES, inputs, cfg, work, phases)
