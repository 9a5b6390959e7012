"""From the training table to trained networks: the flow `finetune`."""

from __future__ import annotations

from prefect import flow

from flows.prefect_glue import StageRuns
from tasks.registry import FINETUNE


@flow(name="finetune", persist_result=False, validate_parameters=False)
def finetune(runs: StageRuns) -> None:
    """Train the sound model, read its codes off the corpus, train the text model on them."""
    runs.run(FINETUNE)
