"""The program without its checks of what is stored: what they cost is measured against it.

Usage: `python -m bench.measuring.trusting checking|trusting SECONDS COMMAND...` runs `voicewright COMMAND...`
and writes the processor time of its own process, imports included, to the file SECONDS.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext
from pathlib import Path
from typing import Any
from unittest.mock import patch

from pydantic_core import from_json

import voicewright
from artifacts import digest, records
from tasks.pipeline import Pipeline


@contextmanager
def trusting() -> Iterator[None]:
    """Records are parsed and believed, blobs are read and believed, nobody passes a gate.

    Parsed by what parses them when they are checked: the standard library's parser takes longer than the
    checking does.
    """

    def parsed(data: bytes, shape: object) -> Any:
        del shape
        found = from_json(data)
        found.pop("checksum", None)
        return found

    with (
        patch.object(records, "decode", parsed),
        patch.object(Pipeline, "using", lambda *_: nullcontext()),
        patch.object(Pipeline, "_pin", lambda *_: None),
        patch.object(digest, "of_unchanged_file", lambda path: path.name),
    ):
        yield


@contextmanager
def checking() -> Iterator[None]:
    """As it is, with nothing remembered of files that were read before."""
    digest._of_stamped.cache_clear()
    yield


WAYS: Mapping[str, Callable[[], AbstractContextManager[None]]] = {
    "checking": checking,
    "trusting": trusting,
}


def main() -> None:
    """Run the command one of both ways."""
    way, seconds, *command = sys.argv[1:]
    sys.argv = ["voicewright", *command]
    try:
        with WAYS[way]():
            voicewright.main()
    finally:
        Path(seconds).write_text(str(time.process_time()), encoding="ascii")


if __name__ == "__main__":
    main()
