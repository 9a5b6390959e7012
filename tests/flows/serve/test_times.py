"""Times of words over the API, and voices that speak like a recording that comes along."""

from __future__ import annotations

import base64
from dataclasses import fields
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest

from configs.errors import UserError
from tasks.release.kokoro.voice import KokoroVoice, SpeakerTable
from tests.flows.serve.served import Served, opener, served

TEXT = "One 23, two! Three four."


@pytest.mark.slow
def test_words_and_phones_lie_in_the_sound(server: Served) -> None:
    request = {"voice": "anna", "input": TEXT, "response_format": "pcm"}
    answer = httpx.post(f"{server.url}/v1/audio/speech/timestamps", json=request, timeout=60)
    timed = answer.json()
    samples = np.frombuffer(base64.b64decode(timed["audio"]), "<i2")
    assert samples.tobytes() == server.say(TEXT, voice="anna").content
    assert timed["duration_s"] == pytest.approx(len(samples) / timed["sample_rate"], abs=1e-4)
    words = [word for sentence in timed["sentences"] for word in sentence["words"]]
    assert [word["text"] for word in words] == ["One", "23,", "two!", "Three", "four."]
    assert words[1]["read"] == "twenty three"
    edges = [at for word in words for at in (word["start_s"], word["end_s"])]
    assert edges == sorted(edges) and edges[0] >= 0 and edges[-1] <= timed["duration_s"]
    assert all(word["phones"][0]["start_s"] == word["start_s"] for word in words)
    silent = httpx.post(
        f"{server.url}/v1/audio/speech/timestamps", json={**request, "audio": False}, timeout=60
    )
    assert silent.json() == {name: timed[name] for name in ("sample_rate", "duration_s", "sentences")}


class Listening(KokoroVoice):
    """A voice that takes a table from a recording: its first byte says which."""

    def reference_from_file(
        self, path: Path, text: str | None = None, language: str | None = None
    ) -> SpeakerTable:
        data = path.read_bytes()
        if not data.startswith(b"RIFF"):
            raise UserError(f"--reference: {path}: is no recording")
        table = self.reference_of(None).table
        return SpeakerTable("brought", "", table * (1 + data[4] / 1000))


@pytest.mark.slow
def test_a_recording_that_comes_along_is_spoken_like(workspace: Path) -> None:
    really = opener(workspace)

    def listening(name: str) -> Any:
        voice = really(name)
        return Listening(**{one.name: getattr(voice, one.name) for one in fields(voice)})

    with served(workspace, open_voice=listening) as server:

        def bring(data: bytes, voice: str = "anna") -> httpx.Response:
            files = {"file": ("../../x.wav", data)}
            return httpx.post(
                f"{server.url}/v1/audio/references", files=files, data={"voice": voice}, timeout=60
            )

        first, again, other = (bring(b"RIFF" + bytes([one])) for one in (10, 10, 90))
        assert (first.status_code, first.json()["voice"]) == (201, "anna")
        assert first.json()["id"] == again.json()["id"] != other.json()["id"]
        said = {
            one: server.say(voice={"id": one}).content for one in (first.json()["id"], other.json()["id"])
        }
        assert len({*said.values(), server.say(voice="anna").content}) == 3
        refused = bring(b"nothing")
        assert refused.status_code == 400
        assert "/tmp" not in refused.text and "is no recording" in refused.text
        assert bring(b"RIFF1", "nobody").status_code == 404
        gone = server.say(voice={"id": "ref_" + "0" * 40})
        assert gone.json()["error"]["code"] == "voice_not_found"
