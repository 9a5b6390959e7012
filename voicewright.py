"""The `voicewright` command: puts the application's root first on the path and hands over.

The application runs from its checkout (Prefect loads flows by path), and its top-level packages have
generic names; being first on the path keeps a stray installed package from shadowing them.
"""

from __future__ import annotations

import importlib
import os
import sys
from pathlib import Path

COMPLETING = "_VOICEWRIGHT_COMPLETE"
"""Set by a shell that asks what may follow."""
ROOT = Path(__file__).resolve().parent
PREFECT_PLUGINS = ("deployment_alias", "server_login")
# No library reports to anyone unless the user has said otherwise.
TELEMETRY_OFF = {
    "DO_NOT_TRACK": "1",
    "HF_HUB_DISABLE_TELEMETRY": "1",
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "ORT_DISABLE_TELEMETRY": "1",
    "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
    "RAY_USAGE_STATS_ENABLED": "0",
}


def main() -> None:
    """Run the command line."""
    for name, value in TELEMETRY_OFF.items():
        os.environ.setdefault(name, value)
    _root_first()
    if COMPLETING in os.environ:
        from flows.completion import complete

        complete()
    from flows.interrupts import SAID, Interrupts

    interrupts = Interrupts()
    interrupts.install()
    try:
        from flows.__main__ import run
    except KeyboardInterrupt:
        sys.stderr.write(f"{SAID}\n")
        sys.exit(interrupts.status)
    run(interrupts)


def __getattr__(name: str) -> object:
    """The plugins that Prefect loads in every process, when it asks for them."""
    if name not in PREFECT_PLUGINS:
        raise AttributeError(name)
    _root_first()
    return importlib.import_module(f"flows.{name}")


def _root_first() -> None:
    root = str(ROOT)
    sys.path[:] = [root, *(entry for entry in sys.path if entry != root)]


if __name__ == "__main__":
    main()
