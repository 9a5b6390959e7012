"""Lets `prefect deployment run voice-finetune` mean `voice-finetune/default`, and `--watch` say what failed.

Prefect wants `<flow>/<deployment>`. This plugin of its hook group `prefect.plugins` adds the default
deployment's name where the flow's stands alone. The documented base form stays `voice-finetune/default`.
Prefect's own `--watch` ends with the name of the state that a run ended in, and leaves out its message.
"""

from __future__ import annotations

import functools
import re
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from prefect.plugins import HookContext, SetupResult, register_hook

FLOW = "voice-finetune"
DEFAULT = f"{FLOW}/default"

Read = Callable[..., Awaitable[Any]]


@register_hook
def setup_environment(*, ctx: HookContext) -> SetupResult | None:
    """Called while Prefect starts; changes nothing but the one look-up, and that only in its CLI."""
    del ctx
    # Under `python -m prefect` the hook runs while the module is still being found, when argv[0] is "-m".
    if Path(sys.argv[0]).name in ("prefect", "__main__.py", "-m") and "deployment" in sys.argv:
        from prefect.cli import flow_runs_watching
        from prefect.client.orchestration import PrefectClient

        watch = with_reason(flow_runs_watching.watch_flow_run)
        flow_runs_watching.watch_flow_run = watch  # type: ignore[assignment]
        if "prefect.cli.deployment" in sys.modules:
            sys.modules["prefect.cli.deployment"].watch_flow_run = watch  # type: ignore[attr-defined]
        PrefectClient.read_deployment_by_name = with_default(  # type: ignore[method-assign, assignment]
            PrefectClient.read_deployment_by_name
        )
    return None


def with_reason(watch: Read) -> Read:
    """Watching that says at its end why the run did not come to its own."""

    @functools.wraps(watch)
    async def watched(flow_run_id: Any, console: Any, timeout: int | None = None) -> Any:
        ended = await watch(flow_run_id, console, timeout=timeout)
        if ended.state is not None and not ended.state.is_completed() and ended.state.message:
            console.print(reason(ended.state.message), style="bold red", markup=False, soft_wrap=True)
        return ended

    return watched


def reason(message: str) -> str:
    """A state's message without what Prefect puts before an error that people can mend."""
    return re.sub(r"^Flow run encountered an exception: (UserError|MachineError): ", "error: ", message)


def with_default(read: Read) -> Read:
    """The look-up with the flow's bare name made whole."""

    @functools.wraps(read)
    async def read_named(client: Any, name: str) -> Any:
        return await read(client, DEFAULT if name == FLOW else name)

    return read_named
