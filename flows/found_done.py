"""A run that finds every stage done is told at once, without a server: there is nothing to orchestrate."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import NamedTuple

from flows.tracked import tracked_outputs
from tasks.pipeline import Pipeline
from tasks.recipe import keep_settings
from tasks.results import StageResult
from tasks.stages import check_stage_names
from tasks.versions.holding import holding
from tasks.versions.laid_out import PUBLISHED
from tasks.versions.settle import Settled, settle
from tasks.voice import Request, open_pipeline


class Found(NamedTuple):
    """A run that had nothing to do; settled: what speaks, None where it was to end before the export."""

    settled: Settled | None


def found_done(
    workspace: Path,
    request: Request,
    until: str | None,
    tell: Callable[[StageResult], None],
    say: Callable[[str], None],
    wait: bool,
) -> Found | None:
    """Tell each stage that was found done, and put the voice into its folder again.

    Args:
        until: last stage of the request; all when None.
        tell: gets the stages one after the other, once it is known that none must run.
        say: gets a line for people: who is waited for, which version is live.
        wait: where another run works on the voice, wait for it instead of failing.

    Returns:
        What there is to tell of it. None: a stage must run, or MLflow has no record of what there is; nothing
        was told.

    Raises:
        UserError: a setting, a stage or an input is wrong, or the voice is held and not to be waited for.
    """
    with (
        holding(workspace, request.voice, "finetune", wait, say),
        closing(open_pipeline(workspace, keep_settings(workspace, request))) as pipeline,
    ):
        names = list(pipeline.stages)
        check_stage_names(names, until, ())
        if until is not None:
            names = names[: names.index(until) + 1]
        waiting = [name for name in names if not pipeline.is_done(name)]
        if waiting or not _is_recorded(pipeline, names):
            return None
        for name in names:
            tell(pipeline.run_stage(name))
        settled = settle(pipeline) if set(PUBLISHED) <= set(names) else None
        if settled is not None:
            say(f"{request.voice}: {settled}")
    return Found(settled)


def _is_recorded(pipeline: Pipeline, names: list[str]) -> bool:
    outputs = {name: found.output for name in names if (found := pipeline.known(name)) is not None}
    recorded = tracked_outputs(pipeline.workspace, pipeline.voice)
    return not pipeline.settings.tracking.enabled or recorded == outputs
