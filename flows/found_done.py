"""A run that finds every stage done is told at once, without a server: there is nothing to orchestrate."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import closing
from pathlib import Path

from flows.tracked import tracked_outputs
from tasks.pipeline import Pipeline
from tasks.results import StageResult
from tasks.stages import check_stage_names
from tasks.versions.folders import PUBLISHED
from tasks.versions.holding import holding
from tasks.versions.settle import settle
from tasks.voice import Request, open_pipeline


def found_done(
    workspace: Path,
    request: Request,
    until: str | None,
    tell: Callable[[StageResult], None],
    say: Callable[[str], None],
    wait: bool,
    foresee: Callable[[Pipeline, Sequence[str]], None],
) -> bool:
    """Tell each stage that was found done, and put the voice into its folder again.

    Args:
        until: last stage of the request; all when None.
        tell: gets the stages one after the other, once it is known that none must run.
        say: gets a line for people: who is waited for, which version is live.
        wait: where another run works on the voice, wait for it instead of failing.
        foresee: gets the stages that must run, where some must.

    Returns:
        Whether that was all. False: a stage must run, or MLflow has no record of what there is; nothing was
        told.

    Raises:
        UserError: a setting, a stage or an input is wrong, or the voice is held and not to be waited for.
    """
    with (
        holding(workspace, request.voice, "finetune", wait, say),
        closing(open_pipeline(workspace, request)) as pipeline,
    ):
        names = list(pipeline.stages)
        check_stage_names(names, until, ())
        if until is not None:
            names = names[: names.index(until) + 1]
        waiting = [name for name in names if not pipeline.is_done(name)]
        if waiting:
            foresee(pipeline, waiting)
        if waiting or not _is_recorded(pipeline, names):
            return False
        for name in names:
            tell(pipeline.run_stage(name))
        if set(PUBLISHED) <= set(names):
            say(f"{request.voice}: {settle(pipeline)}")
    return True


def _is_recorded(pipeline: Pipeline, names: list[str]) -> bool:
    outputs = {name: found.output for name in names if (found := pipeline.known(name)) is not None}
    recorded = tracked_outputs(pipeline.workspace, pipeline.voice)
    return not pipeline.settings.tracking.enabled or recorded == outputs
