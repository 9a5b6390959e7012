"""The client that people have, unchanged: every format, streams, and errors as it expects them."""

from __future__ import annotations

import base64
import io
import json

import av
import numpy as np
import openai
import pytest

from tasks.serving.encoding import FORMATS, MEDIA_TYPES
from tests.flows.serve.served import Served

TEXT = "One, two. Three four five."


@pytest.fixture
def client(server: Served) -> openai.OpenAI:
    return openai.OpenAI(base_url=f"{server.url}/v1", api_key="none", max_retries=0)


@pytest.mark.slow
@pytest.mark.parametrize("form", FORMATS)
def test_every_format_is_sound_of_the_same_length(client: openai.OpenAI, form: str) -> None:
    def said(kind: str) -> bytes:
        answer = client.audio.speech.create(
            model="tts-1", voice="kokoro/af_heart", input=TEXT, response_format=kind
        )
        assert answer.response.headers["content-type"] == MEDIA_TYPES[kind]
        return answer.read()

    pcm, data = said("pcm"), said(form)
    assert said(form) == data
    if form == "pcm":
        assert np.abs(np.frombuffer(data, "<i2")).max() > 100
        return
    with av.open(io.BytesIO(data)) as container:
        seconds = sum(frame.samples / frame.sample_rate for frame in container.decode(audio=0))
        name = container.streams.audio[0].codec_context.codec.canonical_name
    assert name == {"wav": "pcm_s16le"}.get(form, form)
    assert seconds == pytest.approx(len(pcm) / 2 / 24_000, abs=0.1)


@pytest.mark.slow
def test_the_default_is_mp3_and_speed_changes_the_length(client: openai.OpenAI) -> None:
    plain = client.audio.speech.create(model="gpt-4o-mini-tts", voice="af_heart", input=TEXT)
    assert plain.response.headers["content-type"] == "audio/mpeg"
    lengths = [
        len(
            client.audio.speech.create(
                model="tts-1", voice="af_heart", input=TEXT, response_format="pcm", speed=speed
            ).content
        )
        for speed in (0.25, 1, 4.0)
    ]
    assert lengths[0] > 2 * lengths[1] > 3 * lengths[2]


@pytest.mark.slow
def test_a_stream_arrives_in_parts(client: openai.OpenAI) -> None:
    with client.audio.speech.with_streaming_response.create(
        model="tts-1", voice={"id": "anna@1"}, input=TEXT, response_format="wav"
    ) as answer:
        parts = list(answer.iter_bytes(4096))
    assert len(parts) > 1
    assert parts[0][:4] == b"RIFF"


@pytest.mark.slow
def test_events_hold_the_same_sound_and_tell_words_where_asked(client: openai.OpenAI) -> None:
    whole = client.audio.speech.create(model="tts-1", voice="anna", input=TEXT, response_format="pcm").content
    for timed in (False, True):
        with client.audio.speech.with_streaming_response.create(
            model="tts-1",
            voice="anna",
            input=TEXT,
            response_format="pcm",
            stream_format="sse",
            extra_body={"timestamps": timed},
        ) as answer:
            assert answer.headers["content-type"].startswith("text/event-stream")
            events = [json.loads(line[6:]) for line in answer.iter_lines() if line.startswith("data: ")]
        deltas = [event["audio"] for event in events if event["type"] == "speech.audio.delta"]
        assert b"".join(map(base64.b64decode, deltas)) == whole
        kinds = {event["type"] for event in events}
        assert ("speech.audio.timestamps" in kinds) == timed
        assert events[-1]["type"] == "speech.audio.done"
        usage = events[-1]["usage"]
        assert usage["total_tokens"] == usage["input_tokens"] + usage["output_tokens"]
        assert usage["input_tokens"] == len(TEXT)


@pytest.mark.parametrize(
    ("fields", "kind", "param"),
    [
        ({"voice": "nobody"}, openai.NotFoundError, "voice"),
        ({"voice": "anna@9"}, openai.NotFoundError, "voice"),
        ({"voice": "anna@x"}, openai.NotFoundError, "voice"),
        ({"voice": "af_heart:0+af_heart"}, openai.BadRequestError, None),
        ({"input": ""}, openai.BadRequestError, "input"),
        ({"input": "..."}, openai.BadRequestError, "input"),
        ({"input": "x" * 4097}, openai.BadRequestError, "input"),
        ({"input": "[pause 9000s] one"}, openai.BadRequestError, "input"),
        ({"input": "<speak>one"}, openai.BadRequestError, "input"),
        ({"speed": 4.1}, openai.BadRequestError, "speed"),
        ({"response_format": "ogg"}, openai.BadRequestError, "response_format"),
        ({"extra_body": {"language": "tlh"}}, openai.BadRequestError, "language"),
        ({"extra_body": {"speaker": "nobody"}}, openai.BadRequestError, "speaker"),
        ({"instructions": "pause_s=77"}, openai.BadRequestError, None),
    ],
)
def test_errors_are_what_the_client_expects(
    client: openai.OpenAI, fields: dict, kind: type[openai.APIStatusError], param: str | None
) -> None:
    with pytest.raises(kind) as caught:
        client.audio.speech.create(**{"model": "tts-1", "voice": "anna", "input": TEXT, **fields})
    assert caught.value.body["message"]  # type: ignore[index]
    assert caught.value.type == "invalid_request_error"
    if param is not None:
        assert caught.value.param == param


@pytest.mark.slow
def test_instructions_set_what_the_voice_has_and_words_change_nothing(client: openai.OpenAI) -> None:
    def said(instructions: str) -> bytes:
        return client.audio.speech.create(
            model="tts-1", voice="anna", input=TEXT, response_format="pcm", instructions=instructions
        ).content

    plain = said("Speak like a pirate: cheerful!")
    assert said("") == plain
    assert len(said("calm, pause_s=1")) == len(plain) + 2 * 24_000


def test_models_and_voices_are_listed(client: openai.OpenAI, server: Served) -> None:
    names = {model.id for model in client.models.list()}
    assert {"tts-1", "gpt-4o-mini-tts", "kokoro"} <= names
    assert client.models.retrieve("kokoro").id == "kokoro"
    with pytest.raises(openai.NotFoundError):
        client.models.retrieve("whisper-1")
    voices = {voice["id"]: voice for voice in client.get("/audio/voices", cast_to=dict)["voices"]}  # type: ignore[index]
    assert voices["anna"]["versions"] == ["anna@1", "anna@2"]
    assert (voices["anna"]["champion"], voices["anna"]["languages"]) == (2, ["en-us"])
    assert voices["anna"]["verdict"].endswith("says 2")
    assert voices["kokoro/af_heart"]["published"] and voices["kokoro/af_heart"]["verdict"] is None
