"""The studio's routes: who gets in, what is escaped, what a name out of a request can do."""

from __future__ import annotations

import errno
import html
import json
import re
import socket
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from configs.errors import MachineError
from flows.serve.faults import ApiError
from flows.serve.keys import Keys
from flows.serve.studio.door import COOKIE
from flows.serve.studio.errands import KEPT, WAITING, Errands
from flows.serve.studio.taking_in import MOST_MB
from tasks.versions.record import read_versions, write_versions
from tests.flows.serve.command import ASKED
from tests.flows.serve.served import Served, served, write_voice, write_weights

KEY = "a-key-of-some-length-0123456789"
HOSTILE = "<script>alert('x')</script>\"&"
COMMAND = (sys.executable, str(Path(__file__).with_name("command.py")))
HTML = {"accept": "text/html"}


@pytest.fixture(scope="module")
def studio(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """Without keys; two voices, one of whose verdicts is hostile."""
    workspace = write_weights(tmp_path_factory.mktemp("studio"))
    write_voice(workspace, "anna", "kokoro/bf_emma", number=2)
    write_voice(workspace, "bruno", "kokoro/am_michael")
    record = read_versions(workspace, "anna")
    record["versions"][1]["verdict"] = record["versions"][0]["decision"] = HOSTILE
    record["changes"] = [
        {"at": "2026-01-01T00:00:00+00:00", "champion": number, "by": "hand", "why": "a test"}
        for number in (1, 2)
    ]
    write_versions(workspace, "anna", record)
    (workspace / "voices" / "anna" / "report.html").write_text("<h1>The report</h1>")
    with served(workspace, command=COMMAND) as running:
        yield running


@pytest.fixture(scope="module")
def locked(studio: Served) -> Iterator[Served]:
    """The same voices behind a key."""
    with served(studio.service.workspace, keys=(KEY,), command=COMMAND) as running:
        yield running


@pytest.fixture
def asked(studio: Served) -> Path:
    """What the command line was asked for; nothing yet."""
    path = studio.service.workspace / ASKED
    path.unlink(missing_ok=True)
    return path


def _post(server: Served, path: str, **fields: str) -> httpx.Response:
    headers = {"origin": server.url, "sec-fetch-site": "same-origin", **HTML}
    return httpx.post(server.url + path, data=fields, headers=headers)


def _ended(server: Served, answer: httpx.Response) -> dict[str, str]:
    """What became of what a page began."""
    assert answer.status_code == 303, answer.text
    state: dict[str, str] = {}

    def is_over() -> bool:
        nonlocal state
        state = httpx.get(f"{server.url}{answer.headers['location']}/state").json()
        return state["state"] in ("finished", "failed")

    server.wait(is_over)
    return state


# -- pages


def test_the_address_alone_leads_to_the_studio(studio: Served) -> None:
    answer = httpx.get(studio.url)
    assert (answer.status_code, answer.headers["location"]) == (303, "/studio")


@pytest.mark.parametrize("path", ["/studio", "/studio/voices/anna"])
def test_what_a_page_says_is_escaped_and_it_runs_its_own_files_alone(studio: Served, path: str) -> None:
    answer = httpx.get(studio.url + path)
    assert answer.status_code == 200
    assert "&lt;script&gt;alert(" in answer.text
    assert HOSTILE not in answer.text
    assert all(
        found.startswith(("/studio", "#", "data:,"))
        for found in re.findall(r'(?:src|href)="([^"]*)', answer.text)
    )
    assert " style=" not in answer.text and "onclick" not in answer.text
    policy = answer.headers["content-security-policy"]
    assert "default-src 'none'" in policy and "unsafe" not in policy and "frame-ancestors 'none'" in policy


def test_the_form_knows_what_voices_there_are_and_what_they_learned_from(studio: Served) -> None:
    found = re.search(r'data-known="([^"]*)"', httpx.get(f"{studio.url}/studio").text)
    assert found is not None
    known = json.loads(html.unescape(found[1]))
    assert known["anna"] == ["kokoro-fit", "9 clips of 6.0 minutes"]
    assert "kokoro/af_heart" not in known


def test_every_file_that_pages_load_is_there(studio: Served) -> None:
    seen: set[str] = set()
    waiting = {"/studio", "/studio/voices/anna"}
    while waiting:
        path = waiting.pop()
        answer = httpx.get(studio.url + path)
        assert answer.status_code == 200, path
        seen.add(path)
        found = set(re.findall(r'["\'](/studio/files/[a-z.]+)["\']', answer.text))
        waiting |= found - seen
    assert "/studio/files/speaking.js" in seen


def test_a_report_is_shut_off_from_the_studio(studio: Served) -> None:
    answer = httpx.get(f"{studio.url}/studio/voices/anna/report")
    assert answer.text == "<h1>The report</h1>"
    assert "sandbox" in answer.headers["content-security-policy"]
    assert "allow-same-origin" not in answer.headers["content-security-policy"]
    assert httpx.get(f"{studio.url}/studio/voices/bruno/report").status_code == 404


@pytest.mark.parametrize(
    "path",
    [
        "/studio/voices/nobody",
        "/studio/voices/%2e%2e",
        "/studio/voices/..%2f..%2fetc",
        "/studio/voices/%00",
        "/studio/voices/anna@1",
        "/studio/voices/nobody/report",
        "/studio/voices/..%2fanna/report",
        "/studio/voices/anna/promote/99",
        "/studio/voices/anna/promote/one",
        "/studio/voices/bruno/rollback",
        "/studio/errands/nothing",
        "/studio/errands/..%2f..%2fkeys/page",
        "/studio/files/..%2fpages.py",
        "/studio/files/voice.html.j2",
    ],
)
def test_what_is_not_there_is_refused(studio: Served, path: str) -> None:
    assert httpx.get(studio.url + path, headers=HTML).status_code in (400, 404)
    assert httpx.get(studio.url + path).status_code in (400, 404)


def test_a_fault_is_a_page_for_people_and_json_for_programs(studio: Served) -> None:
    path = f"{studio.url}/studio/voices/no-one/report"
    shown = httpx.get(path, headers=HTML)
    assert "That did not work" in shown.text and "no-one" in shown.text
    assert httpx.get(path).json()["error"]["code"] == "voice_not_found"


# -- changes


def test_promoting_asks_first_and_is_done_by_the_command(studio: Served, asked: Path) -> None:
    question = httpx.get(f"{studio.url}/studio/voices/anna/promote/1")
    assert "Let version 1 of anna speak?" in question.text and not asked.exists()
    state = _ended(studio, _post(studio, "/studio/voices/anna/promote/1"))
    assert state == {"state": "finished", "message": "done as asked"}
    assert json.loads(asked.read_text()) == ["promote", "anna@1", "--why", "promoted in the studio"]


def test_going_back_names_the_version_before(studio: Served, asked: Path) -> None:
    assert "Go back to version 1" in httpx.get(f"{studio.url}/studio/voices/anna/rollback").text
    _ended(studio, _post(studio, "/studio/voices/anna/rollback"))
    assert json.loads(asked.read_text()) == ["rollback", "anna"]


@pytest.mark.parametrize(
    ("action", "words", "fields"),
    [
        ("compare", ["compare", "anna@2", "anna@1"], {"first": "anna@2", "second": "anna@1"}),
        ("listening", ["listening", "make", "anna@2", "bruno@1"], {"first": "anna@2", "second": "bruno@1"}),
        ("review", ["corpus", "review", "anna"], {}),
    ],
)
def test_a_page_is_made_on_request_and_shut_off(
    studio: Served, asked: Path, action: str, words: list[str], fields: dict[str, str]
) -> None:
    begun = _post(studio, f"/studio/voices/anna/{action}", **fields)
    assert _ended(studio, begun)["state"] == "finished"
    said = json.loads(asked.read_text())
    assert said[:-1] == [*words, "--output"] and Path(said[-1]).name != "anna.html"
    page = httpx.get(f"{studio.url}{begun.headers['location']}/page")
    assert "Side by side" in page.text and "sandbox" in page.headers["content-security-policy"]


def _send(server: Served, action: str, *files: tuple[str, bytes]) -> httpx.Response:
    headers = {"origin": server.url, "sec-fetch-site": "same-origin", **HTML}
    url = f"{server.url}/studio/voices/anna/{action}"
    return httpx.post(url, files=[("files", file) for file in files], headers=headers)


@pytest.mark.parametrize(
    ("action", "words", "files"),
    [
        ("answers", ["listening", "import"], [("one.json", b"{}"), ("../Zoë.json", b"[]")]),
        ("corrections", ["corpus", "correct", "anna"], [("anna-corrections.tsv", b"a\tdrop\n")]),
    ],
)
def test_what_people_saved_is_read_by_the_command_and_not_kept(
    studio: Served, asked: Path, action: str, words: list[str], files: list[tuple[str, bytes]]
) -> None:
    state = _ended(studio, _send(studio, action, *files))
    assert state["state"] == "finished" and state["message"].startswith("done as asked")
    said = json.loads(asked.read_text())
    paths = [Path(word) for word in said[len(words) :]]
    assert said[: len(words)] == words
    assert [path.name for path in paths] == [
        name if "/" not in name else "file-0002.json" for name, _ in files
    ]
    assert state["message"] == "; ".join(
        [
            "done as asked",
            *(f"{p.name}: {c.decode().strip()}" for p, (_, c) in zip(paths, files, strict=True)),
        ]
    )
    assert not any(path.exists() or path.parent.exists() for path in paths)


@pytest.mark.parametrize(
    ("action", "files"),
    [
        ("answers", []),
        ("answers", [("one.tsv", b"x")]),
        ("answers", [("one.json.exe", b"x")]),
        ("answers", [("one.json", b"{}")] * 51),
        ("corrections", [("a.tsv", b"x"), ("b.tsv", b"x")]),
        ("corrections", [("a.json", b"x")]),
    ],
)
def test_other_files_than_pages_save_run_no_command(
    studio: Served, asked: Path, action: str, files: list[tuple[str, bytes]]
) -> None:
    assert _send(studio, action, *files).status_code == 400
    assert not asked.exists()


def test_larger_files_than_the_server_takes_are_refused(studio: Served, asked: Path) -> None:
    head = f"Host: 127.0.0.1:{studio.port}\r\nOrigin: {studio.url}\r\nContent-Length: {(MOST_MB + 2) * 10**6}"
    for action in ("answers", "corrections"):
        with socket.create_connection(("127.0.0.1", studio.port), 30) as connection:
            connection.sendall(f"POST /studio/voices/anna/{action} HTTP/1.1\r\n{head}\r\n\r\n".encode())
            assert b" 413 " in connection.recv(4096).partition(b"\r\n")[0]
    assert not asked.exists()


def test_a_command_that_fails_tells_its_error_alone(studio: Served) -> None:
    begun = _post(studio, "/studio/voices/anna/compare", first="anna@1", second="bruno@1")
    assert _ended(studio, begun) == {"state": "failed", "message": "bruno@1: its results are damaged"}
    assert httpx.get(f"{studio.url}{begun.headers['location']}/page").status_code == 404


def test_the_oldest_are_forgotten_and_no_others(tmp_path: Path, studio: Served) -> None:
    errands = Errands(tmp_path, ("true",))
    keys: list[str] = []
    try:
        for _ in range(KEPT + 2):
            keys.append(errands.add("one", "/studio", ("rollback",), writes_page=False).key)
            studio.wait(lambda: getattr(errands.find(keys[-1]), "state", "") == "finished")
        assert [errands.find(key) is None for key in keys] == [True, True] + KEPT * [False]
    finally:
        errands.end()


def test_a_command_that_dies_tells_nothing_that_it_said_before(tmp_path: Path, studio: Served) -> None:
    dying = "import os; print('one voice speaks', flush=True); os.abort()"
    errands = Errands(tmp_path, (sys.executable, "-c", dying))
    try:
        key = errands.add("one", "/studio", ("compare",), writes_page=True).key
        studio.wait(lambda: getattr(errands.find(key), "state", "") == "failed")
        assert getattr(errands.find(key), "message", "") == "it ended without saying why"
    finally:
        errands.end()


def test_a_command_that_cannot_be_run_fails(tmp_path: Path, studio: Served) -> None:
    errands = Errands(tmp_path, (str(tmp_path / "no such program"),))
    try:
        for _ in range(WAITING + 1):
            key = errands.add("one", "/studio", ("compare",), writes_page=True).key
            studio.wait(lambda key=key: getattr(errands.find(key), "state", "") == "failed")  # type: ignore[misc]
        assert "No such file" in getattr(errands.find(key), "message", "")
    finally:
        errands.end()


def test_files_that_cannot_be_written_leave_nothing_waiting(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(_path: Path, _content: bytes) -> int:
        raise OSError(errno.ENOSPC, "No space left on device")

    errands = Errands(tmp_path, ("true",))
    monkeypatch.setattr(Path, "write_bytes", full)
    try:
        for _ in range(WAITING + 1):
            with pytest.raises(MachineError, match="no space is left"):
                errands.add("one", "/studio", ("corpus",), False, {"file-0001.tsv": b"x"})
    finally:
        errands.end()


@pytest.mark.parametrize(
    ("first", "second"),
    [("anna@1", "anna@1"), ("--help", "anna@1"), ("anna@1", "../x"), ("anna@9", "anna@1"), ("", "anna@1")],
)
def test_names_that_nobody_has_run_no_command(studio: Served, asked: Path, first: str, second: str) -> None:
    answer = _post(studio, "/studio/voices/anna/compare", first=first, second=second)
    assert answer.status_code in (400, 404) and not asked.exists()


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"origin": "https://elsewhere.example"},
        {"origin": "null"},
        {"sec-fetch-site": "cross-site"},
        {"sec-fetch-site": "none"},
        {"origin": "http://127.0.0.1:1", "sec-fetch-site": "same-site"},
    ],
)
def test_only_the_studios_own_pages_change_something(
    studio: Served, asked: Path, headers: dict[str, str]
) -> None:
    for path in (
        *("promote/1", "rollback", "compare", "review", "listening", "stop"),
        *("answers", "corrections"),
    ):
        answer = httpx.post(f"{studio.url}/studio/voices/anna/{path}", headers=headers)
        assert answer.status_code == 403, path
    assert not asked.exists()


def test_only_so_much_is_made_at_once(tmp_path: Path) -> None:
    errands = Errands(tmp_path, (sys.executable, "-c", "import time; time.sleep(30)"))
    began_s = time.monotonic()
    try:
        for _ in range(WAITING):
            errands.add("one", "/studio", ("compare",), writes_page=True)
        with pytest.raises(ApiError) as refused:
            errands.add("one more", "/studio", ("compare",), writes_page=True)
        assert refused.value.status == 429
    finally:
        errands.end()
    assert time.monotonic() - began_s < 20


# -- keys


def test_without_a_pass_pages_lead_to_the_key_and_the_api_refuses(locked: Served) -> None:
    for path in ("/", "/studio", "/studio/voices/anna", "/studio/voices/anna/report"):
        answer = httpx.get(locked.url + path)
        assert (answer.status_code, answer.headers["location"]) == (303, "/studio/key")
    assert httpx.get(f"{locked.url}/v1/audio/voices").status_code == 401
    assert _post(locked, "/studio/voices/anna/promote/1").status_code == 401
    assert httpx.get(f"{locked.url}/studio/key").status_code == 200


@pytest.mark.slow
def test_a_key_is_entered_once(locked: Served) -> None:
    wrong = _post(locked, "/studio/key", key=KEY[:-1])
    assert wrong.status_code == 401 and "opens nothing" in wrong.text and "set-cookie" not in wrong.headers
    right = _post(locked, "/studio/key", key=f" {KEY} ")
    cookie = right.headers["set-cookie"]
    assert right.headers["location"] == "/studio"
    assert "HttpOnly" in cookie and "SameSite=strict" in cookie and KEY not in cookie
    with httpx.Client(base_url=locked.url, cookies={COOKIE: right.cookies[COOKIE]}) as browser:
        assert browser.get("/studio").status_code == 200
        assert browser.get("/v1/audio/voices").status_code == 200
        wish = {"input": "One.", "voice": "anna", "response_format": "pcm"}
        assert browser.post("/v1/audio/speech", json=wish).status_code == 401
        foreign = {"origin": "https://elsewhere.example"}
        assert browser.post("/v1/audio/speech", json=wish, headers=foreign).status_code == 401
        assert browser.get("/v1/audio/voices", headers={"sec-fetch-site": "cross-site"}).status_code == 401
        own = {"origin": locked.url}
        assert browser.post("/v1/audio/speech", json=wish, headers=own, timeout=60).status_code == 200


def test_a_key_is_taken_from_the_studios_own_page_alone(locked: Served) -> None:
    for headers in ({}, {"origin": "https://elsewhere.example"}):
        answer = httpx.post(f"{locked.url}/studio/key", data={"key": KEY}, headers=headers)
        assert answer.status_code == 403 and "set-cookie" not in answer.headers


def test_leaving_forgets_the_pass(locked: Served) -> None:
    passed = _post(locked, "/studio/key", key=KEY).cookies[COOKIE]
    answer = httpx.post(
        f"{locked.url}/studio/leave", headers={"origin": locked.url}, cookies={COOKIE: passed}
    )
    assert (
        'voicewright_pass=""' in answer.headers["set-cookie"] and "Max-Age=0" in answer.headers["set-cookie"]
    )


def test_a_pass_ends_and_goes_with_its_key() -> None:
    keys, other = Keys([KEY]), Keys([KEY[::-1]])
    passed = keys.pass_for(KEY, 1000)
    assert passed is not None and other.pass_for(KEY, 1000) is None
    assert keys.holder_of_pass(passed, 999) == "key-1"
    assert keys.holder_of_pass(passed, 1000) is None
    assert other.holder_of_pass(passed, 999) is None
    until, _, seal = passed.partition(".")
    for forged in (
        "",
        ".",
        "1000",
        f"2000.{seal}",
        f"{until}.",
        f"{until}.{seal[:-1]}",
        "²." + seal,
        f"{until}.é",
    ):
        assert keys.holder_of_pass(forged, 999) is None


def test_a_pass_is_no_key(locked: Served) -> None:
    passed = _post(locked, "/studio/key", key=KEY).cookies[COOKIE]
    answer = httpx.get(f"{locked.url}/v1/audio/voices", headers={"authorization": f"Bearer {passed}"})
    assert answer.status_code == 401
