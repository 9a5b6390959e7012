"""From trained networks to a voice that speaks: the flow `release`."""

from __future__ import annotations

from prefect import flow

from flows.prefect_glue import StageRuns


@flow(
    name="release",
    flow_run_name="{runs.pipeline.voice} · release",
    persist_result=False,
    validate_parameters=False,
)
def release(runs: StageRuns) -> None:
    """Render held-out sentences, measure them, export the voice, draw its page."""
    runs.run(runs.stages.release)
