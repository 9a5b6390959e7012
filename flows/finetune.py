"""From the training table to trained networks: the flow `finetune`."""

from __future__ import annotations

from prefect import State, flow

from flows.prefect_glue import StageRuns, stoppable


@flow(
    name="finetune",
    flow_run_name="{runs.pipeline.voice} · finetune",
    persist_result=False,
    validate_parameters=False,
)
def finetune(runs: StageRuns) -> State[None] | None:
    """Train the family's networks, one after the other."""
    return stoppable(lambda: runs.run(runs.stages.finetune))
