"""From trained networks to a voice that speaks: the flow `release`."""

from __future__ import annotations

from prefect import State, flow

from flows.prefect_glue import StageRuns, stoppable


@flow(
    name="release",
    flow_run_name="{runs.pipeline.voice} · release",
    persist_result=False,
    validate_parameters=False,
)
def release(runs: StageRuns) -> State[None] | None:
    """Render held-out sentences, measure them, export the voice, draw its page."""
    return stoppable(lambda: runs.run(runs.stages.release))
