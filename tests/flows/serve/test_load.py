"""Many clients at once: places, turns, champions that change, clients that go."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import pytest

from tests.flows.serve.served import SETTINGS, Served, opener, served, write_voice, write_weights

PATIENCE_S = 60.0
LONG = "One, two, three. " * 40


@pytest.fixture
def own(tmp_path: Path) -> Path:
    write_voice(write_weights(tmp_path), "anna", "kokoro/af_heart")
    return tmp_path


@pytest.mark.slow
def test_the_same_request_is_the_same_bytes_whoever_else_asks(server: Served) -> None:
    texts = ["One.", "Two three, four.", "Five six seven. Eight!", LONG[:200]] * 3
    alone = {text: server.say(text, seed=5).content for text in set(texts)}
    with ThreadPoolExecutor(12) as clients:
        together = list(clients.map(lambda text: server.say(text, seed=5).content, texts))
    assert together == [alone[text] for text in texts]
    assert server.say(texts[1], seed=6).content != alone[texts[1]]


@pytest.mark.slow
def test_a_full_server_says_when_to_come_again_and_a_client_that_goes_frees_its_place(own: Path) -> None:
    with served(own, SETTINGS.model_copy(update={"queue": 2})) as server:
        server.say()
        request = {"model": "tts-1", "voice": "anna", "input": LONG, "response_format": "pcm"}
        url = f"{server.url}/v1/audio/speech"
        with (
            httpx.stream("POST", url, json=request, timeout=PATIENCE_S) as one,
            httpx.stream("POST", url, json=request, timeout=PATIENCE_S) as two,
        ):
            assert (one.status_code, two.status_code) == (200, 200)
            refused = server.say()
            assert refused.status_code == 429
            assert 1 <= int(refused.headers["retry-after"]) <= 60
        server.wait(lambda: server.service.places == 0)
        server.wait(lambda: server.service.turns.present == 0)
        assert server.say().status_code == 200
        assert b"voicewright_given_up_total 2.0" in httpx.get(f"{server.url}/metrics").content


@pytest.mark.slow
def test_a_client_that_goes_before_the_first_sound_frees_its_place(own: Path) -> None:
    begun, may_open = threading.Event(), threading.Event()
    really = opener(own)

    def slowly(name: str) -> object:
        begun.set()
        assert may_open.wait(30)
        return really(name)

    with served(own, open_voice=slowly) as server:  # type: ignore[arg-type]
        with pytest.raises(httpx.ReadTimeout):
            httpx.post(f"{server.url}/v1/audio/speech", json={"input": "One.", "voice": "anna"}, timeout=0.5)
        assert begun.is_set()
        server.wait(lambda: server.service.places == 0)
        may_open.set()
        assert server.say(voice="anna").status_code == 200


@pytest.mark.slow
def test_a_champion_changes_under_load_without_a_failed_request(own: Path) -> None:
    sounds: dict[str, bytes] = {}
    with served(own) as server:
        for name in ("kokoro/af_heart", "kokoro/am_michael"):
            sounds[name] = server.say(voice=name).content
        assert server.say(voice="anna").content == sounds["kokoro/af_heart"]
        stop = threading.Event()
        answers: list[tuple[int, bytes]] = []

        def ask() -> None:
            while not stop.is_set():
                answer = server.say(voice="anna")
                answers.append((answer.status_code, answer.content))

        with ThreadPoolExecutor(6) as clients:
            asking = [clients.submit(ask) for _ in range(6)]
            for number, official in (
                (2, "kokoro/am_michael"),
                (3, "kokoro/af_heart"),
                (4, "kokoro/am_michael"),
            ):
                write_voice(own, "anna", official, number)
                server.wait(lambda number=number: server.service.shelf.swaps == number - 1)  # type: ignore[misc]
            stop.set()
            for one in asking:
                one.result()
        assert {status for status, _ in answers} == {200}
        # Whole, and of one of the two: none begins with one voice and ends with another.
        assert {content for _, content in answers} == set(sounds.values())
        assert server.say(voice="anna").content == sounds["kokoro/am_michael"]


@pytest.mark.slow
def test_a_champion_that_cannot_be_opened_changes_nothing(own: Path) -> None:
    with served(own) as server:
        before = server.say(voice="anna").content
        folder = own / "voices" / "anna"
        (folder / "fresh").write_text('{"official": "kokoro/nobody"}')
        (folder / "fresh").replace(folder / "voice.json")
        server.service.shelf.refresh()
        assert server.service.shelf.swaps == 0
        assert server.say(voice="anna").content == before


@pytest.mark.slow
def test_voices_that_are_not_asked_for_leave_memory(own: Path) -> None:
    with served(own, SETTINGS.model_copy(update={"voices_kept": 2})) as server:
        for voice in ("anna", "af_heart", "kokoro/bf_emma", "af_heart"):
            assert server.say(voice=voice).status_code == 200
        assert server.service.shelf.names == ["kokoro/bf_emma", "kokoro/af_heart"]


@pytest.mark.slow
def test_short_texts_do_not_wait_for_a_long_one(own: Path) -> None:
    with served(own, SETTINGS.model_copy(update={"lanes": 1})) as server:
        server.say()
        url = f"{server.url}/v1/audio/speech"
        with httpx.stream(
            "POST", url, json={"voice": "anna", "input": LONG, "response_format": "pcm"}, timeout=PATIENCE_S
        ) as long:
            parts = long.iter_raw()
            next(parts)
            assert server.say("One.").status_code == 200
            server.wait(lambda: server.service.places == 1)
            assert sum(map(len, parts)) > 0


@pytest.mark.slow
def test_what_nobody_takes_is_not_made(own: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[int] = []
    voice = opener(own)("anna")
    really: Callable = type(voice).pieces

    def counted(self: object, *arguments: object) -> object:
        for piece in really(self, *arguments):
            made.append(1)
            yield piece

    monkeypatch.setattr(type(voice), "pieces", counted)
    with served(own) as server:
        server.say(voice="anna")
        made.clear()
        url = f"{server.url}/v1/audio/speech"
        request = {"voice": "anna", "input": "One, two, three, four, five. " * 100, "response_format": "wav"}
        with httpx.stream("POST", url, json=request, timeout=PATIENCE_S):
            server.wait(lambda: len(made) > 4)
            threading.Event().wait(1.5)
            assert len(made) < 90
