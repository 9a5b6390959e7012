"""Keys, rates, sizes, pace, hostile requests: an answer that says what is wrong, and none of the 500s."""

from __future__ import annotations

import json
import socket
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from configs.errors import UserError
from flows.serve import limits, protocol, speech
from flows.serve.keys import Keys, read_keys
from flows.serve.limits import Rates
from flows.serve.run import serve
from tests.flows.serve.served import SETTINGS, Served, served

KEY, OTHER = "a" * 24, "b" * 24


@pytest.mark.slow
def test_a_key_opens_and_nothing_else_does(workspace: Path, caplog: pytest.LogCaptureFixture) -> None:
    with served(workspace, keys=(OTHER, KEY)) as server:
        for path in ("/v1/models", "/v1/audio/voices", "/metrics", "/openapi.json", "/nothing"):
            for header in ({}, {"Authorization": f"Basic {KEY}"}, {"Authorization": f"Bearer {KEY}x"}):
                refused = httpx.get(server.url + path, headers=header)
                assert refused.status_code == 401, path
                assert refused.json()["error"]["code"] == "invalid_api_key"
        opened = httpx.get(f"{server.url}/v1/models", headers={"Authorization": f"Bearer {KEY}"})
        assert opened.status_code == 200
        # Other sites' pages and host names do no harm where a key is asked for.
        far = httpx.get(
            f"{server.url}/v1/models", headers={"Authorization": f"bearer {KEY}", "Host": "a.example"}
        )
        assert far.status_code == 200
        assert "access-control-allow-origin" not in far.headers
        assert {httpx.get(server.url + path).status_code for path in ("/health", "/ready")} == {200}
    assert KEY not in caplog.text


def test_without_a_key_other_hosts_and_sites_are_refused(server: Served) -> None:
    for headers in (
        {"Host": "evil.example"},
        {"Origin": "https://evil.example"},
        {"Sec-Fetch-Site": "cross-site"},
    ):
        assert httpx.get(f"{server.url}/v1/models", headers=headers).status_code == 403
    with pytest.raises(UserError, match="--keys"):
        serve(Path("/nowhere"), SETTINGS, [], Keys(), "0.0.0.0", 0, print)


def test_keys_are_read_from_a_private_file(tmp_path: Path) -> None:
    path = tmp_path / "keys"
    path.write_text(f"# mine\n{KEY}\n\n{OTHER}\n")
    path.chmod(0o644)
    with pytest.raises(UserError, match="chmod 600"):
        read_keys(path)
    path.chmod(0o600)
    assert read_keys(path) == [KEY, OTHER]
    assert Keys(read_keys(path)).holder(f"Bearer {OTHER}") == "key-2"
    with pytest.raises(UserError, match="16"):
        Keys(["short"])


def test_rates_are_counted_for_each_holder() -> None:
    now = [0.0]
    rates = Rates(6, lambda: now[0])
    assert [rates.wait_s("a") for _ in range(6)] == [0] * 6
    assert rates.wait_s("a") == 10
    assert rates.wait_s("b") == 0
    now[0] = 10.0
    assert rates.wait_s("a") == 0


def test_too_many_requests_are_told_when_to_come_again(workspace: Path) -> None:
    with served(workspace, SETTINGS.model_copy(update={"rate_per_minute": 2})) as server:
        answers = [httpx.get(f"{server.url}/v1/models") for _ in range(3)]
        assert [answer.status_code for answer in answers] == [200, 200, 429]
        assert int(answers[2].headers["retry-after"]) >= 1
        assert answers[2].json()["error"]["type"] == "rate_limit_error"
        assert httpx.get(f"{server.url}/health").status_code == 200


@pytest.mark.parametrize("path", ["/v1/audio/speech", "/v1/audio/references", "/v1/voices"])
def test_too_large_requests_are_refused_announced_or_not(workspace: Path, path: str) -> None:
    small = SETTINGS.model_copy(update={"characters": 100, "reference_mb": 0.1, "upload_mb": 0.1})

    kind = {"Content-Type": "multipart/form-data; boundary=x"}

    def parts() -> Iterator[bytes]:
        yield b'--x\r\nContent-Disposition: form-data; name="file"; filename="a.wav"\r\n\r\n'
        for _ in range(40):
            yield b"x" * 10_000

    with served(workspace, small) as server:
        announced = httpx.post(server.url + path, content=b"".join(parts()), headers=kind)
        streamed = httpx.post(server.url + path, content=parts(), headers=kind)
        for answer in (announced, streamed):
            assert answer.status_code == 413
            assert answer.json()["error"]["code"] == "too_large"


def test_slow_clients_are_hung_up_on(server: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "BODY_WAIT_S", 0.3)
    monkeypatch.setattr(protocol, "HEAD_WAIT_S", 0.3)
    host = f"Host: 127.0.0.1:{server.port}\r\n"
    begun = f"POST /v1/audio/speech HTTP/1.1\r\n{host}Content-Length: 50\r\n\r\n" + '{"model"'
    for sent, expected in ((b"GET /health HT", b""), (begun.encode(), b"408")):
        with socket.create_connection(("127.0.0.1", server.port), 10) as connection:
            began_s = time.monotonic()
            connection.sendall(sent)
            answer = b"".join(iter(lambda: connection.recv(4096), b""))
            assert time.monotonic() - began_s < 8
            assert expected in answer


BODIES = [
    b"",
    b"{",
    b"\xff\xfe\x00",
    b"null",
    b"[]",
    b'"text"',
    b"[" * 100_000,
    b'{"input": "\\ud800", "voice": "anna"}',
    b'{"input": "one", "voice": {"id": {}}}',
    b'{"input": "one", "voice": "anna", "speed": NaN}',
    b'{"input": "one", "voice": "anna", "speed": 1e999}',
    b'{"input": "one", "voice": "anna", "seed": ' + b"9" * 5000 + b"}",
    b'{"input": "one", "voice": "anna", "seed": -1}',
    b'{"input": 7, "voice": "anna"}',
    b'{"input": "one", "voice": "\\u0000"}',
    b'{"input": "one", "voice": "anna", "language": "\\ud800"}',
]


@pytest.mark.slow
@pytest.mark.parametrize("body", BODIES)
def test_malformed_bodies_are_told(server: Served, body: bytes) -> None:
    for path in ("/v1/audio/speech", "/v1/audio/speech/timestamps", "/v1/voices"):
        for kind in ("application/json", "text/plain", "multipart/form-data; boundary=x"):
            answer = httpx.post(server.url + path, content=body, headers={"Content-Type": kind}, timeout=30)
            assert 400 <= answer.status_code < 500, (path, kind, answer.text)
            assert answer.json()["error"]["message"]


@pytest.mark.parametrize(
    "voice",
    [
        "/etc/passwd",
        "../../etc",
        "anna/../anna",
        "anna@../1",
        "kokoro/../../etc",
        "kokoro/af_heart:../../x",
        "kokoro/af_heart+/etc/passwd",
        "http://169.254.169.254/latest",
        "file:///etc/passwd",
        "\\\\host\\share",
        "ref_../../x",
        "." * 500,
    ],
)
def test_no_path_or_address_is_followed(server: Served, voice: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise AssertionError("an address was asked for")

    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    with httpx.Client(transport=httpx.HTTPTransport()) as client:
        monkeypatch.undo()
        for asked in (voice, {"id": voice}):
            answer = client.post(
                f"{server.url}/v1/audio/speech", json={"model": "x", "input": "one", "voice": asked}
            )
            assert answer.status_code in (400, 404)
            assert "root:" not in answer.text
        made = client.post(f"{server.url}/v1/voices", json={"voice": voice, "folder": voice})
        assert made.status_code in (400, 404)


LONG_SILENCES = [
    {"input": "a[pause 60s]" * 11},
    {"input": "<speak>" + 'a<break time="60s"/>' * 11 + "</speak>"},
    {"input": "We go. " * 130, "instructions": "pause_s=5"},
]


@pytest.mark.parametrize("asked", LONG_SILENCES)
@pytest.mark.parametrize("path", ["/v1/audio/speech", "/v1/audio/speech/timestamps"])
def test_hours_of_silence_are_not_made(server: Served, asked: dict[str, str], path: str) -> None:
    answer = httpx.post(server.url + path, json={"voice": "anna", **asked}, timeout=60)
    error = answer.json()["error"]
    assert (answer.status_code, error["param"]) == (400, "input")
    assert "at most 600 s" in error["message"]


@pytest.mark.slow
def test_pauses_of_a_few_minutes_are_made(server: Served) -> None:
    answer = server.say("a[pause 60s]b[pause 60s]c")
    assert answer.status_code == 200
    assert len(answer.content) > 120 * 2 * 24_000


@pytest.mark.slow
def test_sound_that_comes_with_times_has_a_limit(server: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(speech, "TIMED_BYTES", 1_000_000)
    asked = {"voice": "anna", "input": "One. [pause 30s] Two.", "response_format": "pcm"}
    url = f"{server.url}/v1/audio/speech/timestamps"
    refused = httpx.post(url, json=asked, timeout=60)
    assert (refused.status_code, refused.json()["error"]["code"]) == (400, "too_long")
    assert httpx.post(url, json={**asked, "audio": False}, timeout=60).status_code == 200
    server.wait(lambda: server.service.places == 0)


TEXTS = st.text(st.characters(exclude_categories=("Cs",)), min_size=1, max_size=30)
HOSTILE = [
    "\u0000one",
    "\u202eone two\u202d",
    "o\u0301\u0302\u0303" * 40 + "ne",
    "\U0001f469\u200d\U0001f469\u200d\U0001f467" * 20,
    "\ufffe\uffff one",
    "one\u2028two\u2029three",
    "<speak><break/></speak>",
    "<speak>&lt;</speak>",
    "[" * 500 + "one",
    "[one](/" + "x" * 200 + "/)",
    "1" * 40,
    "a" * 600,
    "😀",
]


@pytest.mark.slow
@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_texts_are_spoken_or_refused(server: Served, text: str) -> None:
    request = {"voice": "anna", "input": text, "response_format": "pcm"}
    with httpx.stream("POST", f"{server.url}/v1/audio/speech", json=request, timeout=60) as answer:
        assert answer.status_code in (200, 400)


@pytest.mark.slow
@settings(max_examples=10)
@given(TEXTS)
def test_any_text_is_spoken_or_refused(server: Served, text: str) -> None:
    answer = server.say(text)
    assert answer.status_code in (200, 400)
    if answer.status_code == 400:
        assert json.loads(answer.content)["error"]["param"] in ("input", None)


@pytest.mark.slow
def test_unknown_fields_are_ignored_or_refused(workspace: Path, server: Served) -> None:
    assert server.say(nobody_knows=1).status_code == 200
    with served(workspace, SETTINGS.model_copy(update={"unknown_fields": "refuse"})) as strict:
        refused = strict.say(nobody_knows=1)
        assert refused.status_code == 400
        assert refused.json()["error"]["param"] == "nobody_knows"
        assert strict.say(seed=3).status_code == 200
