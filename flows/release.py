"""From trained networks to a voice that speaks: the flow `release`."""

from __future__ import annotations

from prefect import flow

from flows.prefect_glue import StageRuns, run_log
from tasks.release.publish import publish


@flow(name="release", persist_result=False, validate_parameters=False)
def release(runs: StageRuns) -> None:
    """Render held-out sentences, measure them, export the voice, draw its page, put both in its folder."""
    stages = runs.stages.release
    runs.run(stages)
    if {stage.name for stage in stages} <= set(runs.names):
        run_log().info("%s is in %s", runs.pipeline.voice, publish(runs.pipeline))
