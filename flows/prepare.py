"""From recordings to a training table: the flow `prepare`."""

from __future__ import annotations

from prefect import State, flow

from flows.prefect_glue import StageRuns, stoppable


@flow(
    name="prepare",
    flow_run_name="{runs.pipeline.voice} · prepare",
    persist_result=False,
    validate_parameters=False,
)
def prepare(runs: StageRuns) -> State[None] | None:
    """Recordings in; screened utterances with their features out, as one table."""
    return stoppable(lambda: runs.run(runs.stages.prepare))
