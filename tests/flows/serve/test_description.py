"""Whatever the server's own description allows, and more: no answer is one of the 500s."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, settings

from tests.flows.serve.served import SETTINGS, served, write_voice, write_weights

EXAMPLES = 8


@pytest.fixture(scope="module")
def description(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    folder = write_weights(tmp_path_factory.mktemp("described"))
    write_voice(folder, "anna", "kokoro/bf_emma")
    with served(folder, SETTINGS.model_copy(update={"characters": 80}), command=("/bin/true",)) as server:
        yield schemathesis.openapi.from_url(f"{server.url}/openapi.json")


schema = schemathesis.pytest.from_fixture("description")


@pytest.mark.slow
@schema.parametrize()
@settings(max_examples=EXAMPLES, deadline=None, suppress_health_check=list(HealthCheck))
def test_nothing_that_is_described_breaks_the_server(case: Any) -> None:
    answer = case.call(timeout=60)
    assert answer.status_code < 500, answer.text
    if answer.status_code >= 400 and answer.headers.get("content-type", "").startswith("application/json"):
        assert answer.json()["error"]["message"]
