"""From the training table to trained networks: the flow `finetune`."""

from __future__ import annotations

from prefect import flow

from flows.prefect_glue import StageRuns


@flow(
    name="finetune",
    flow_run_name="{runs.pipeline.voice} · finetune",
    persist_result=False,
    validate_parameters=False,
)
def finetune(runs: StageRuns) -> None:
    """Train the family's networks, one after the other."""
    runs.run(runs.stages.finetune)
