"""Lets `prefect deployment run voice-finetune` mean `voice-finetune/default`.

Prefect wants `<flow>/<deployment>`. This plugin of its hook group `prefect.plugins` adds the default
deployment's name where the flow's stands alone. The documented base form stays `voice-finetune/default`.
"""

from __future__ import annotations

import functools
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
        from prefect.client.orchestration import PrefectClient

        PrefectClient.read_deployment_by_name = with_default(  # type: ignore[method-assign, assignment]
            PrefectClient.read_deployment_by_name
        )
    return None


def with_default(read: Read) -> Read:
    """The look-up with the flow's bare name made whole."""

    @functools.wraps(read)
    async def read_named(client: Any, name: str) -> Any:
        return await read(client, DEFAULT if name == FLOW else name)

    return read_named
