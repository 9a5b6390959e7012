"""Lets `prefect` in the checkout find the workspace's server and log in to it.

This plugin of Prefect's hook group `prefect.plugins` names the address that `voicewright up` chose, unless
the user has named another, and gives the login to that address alone.
"""

from __future__ import annotations

import os
from pathlib import Path

from prefect.plugins import HookContext, SetupResult, register_hook

WORKSPACE = "VOICEWRIGHT_WORKSPACE"
DEFAULT_WORKSPACE = "~/.voicewright"


@register_hook
def setup_environment(*, ctx: HookContext) -> SetupResult | None:
    """Called while Prefect starts, before it reads its settings."""
    del ctx
    workspace = Path(os.environ.get(WORKSPACE, DEFAULT_WORKSPACE)).expanduser()
    found = login_environment(workspace, os.environ.get("PREFECT_API_URL"))
    return SetupResult(env=found, note="login of the workspace's server") if found else None


def login_environment(workspace: Path, asked_url: str | None) -> dict[str, str]:
    """Address and login of a workspace's running server; nothing where it does not run or another is asked.

    Raises:
        UserError: the login file is damaged, or others can read it.
    """
    from flows.login import client_environment, login
    from flows.services import endpoints

    found = endpoints(workspace)
    if found is None or (asked_url is not None and asked_url.rstrip("/") not in found.aliases):
        return {}
    return {"PREFECT_API_URL": asked_url or found.api, **client_environment(login(workspace))}
