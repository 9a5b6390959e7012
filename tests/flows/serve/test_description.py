"""Whatever the server's own description allows, and more: no answer is one of the 500s."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from hypothesis.errors import Unsatisfiable

from tests.flows.serve.served import SETTINGS, served, write_voice, write_weights

EXAMPLES = 8


def check(case: Any) -> None:
    answer = case.call(timeout=60)
    assert answer.status_code < 500, answer.text
    if answer.status_code >= 400 and "application/json" in answer.headers.get("content-type", []):
        assert answer.json()["error"]["message"]


@pytest.mark.slow
def test_nothing_that_is_described_breaks_the_server(tmp_path: Path) -> None:
    write_voice(write_weights(tmp_path), "anna", "kokoro/bf_emma")
    short = SETTINGS.model_copy(update={"characters": 80})
    with served(tmp_path, short, command=("/bin/true",)) as server:
        schema = schemathesis.openapi.from_url(f"{server.url}/openapi.json")
        operations = [found.ok() for found in schema.get_all_operations()]
        assert {one.path for one in operations} >= {"/v1/audio/speech", "/v1/voices", "/v1/voices/{name}"}
        for operation in operations:
            for mode in schemathesis.GenerationMode:
                one = given(operation.as_strategy(generation_mode=mode))(check)
                few = settings(max_examples=EXAMPLES, deadline=None, suppress_health_check=list(HealthCheck))
                # What takes nothing cannot be asked wrongly.
                with suppress(Unsatisfiable):
                    few(one)()
