"""`/v1/audio/speech` and what belongs to it."""

from __future__ import annotations

import asyncio
import base64
import json
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Annotated, Any, TypeVar

from fastapi import APIRouter, File, Form, Request, UploadFile
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.types import Receive, Scope, Send

from flows.serve.faults import ApiError, told
from flows.serve.forms import SpeechForm, TimedForm
from flows.serve.measures import Stopwatch
from flows.serve.service import Place, Service, Spoken, gone
from tasks.serving.encoding import MEDIA_TYPES
from tasks.serving.references import PREFIX, Brought
from tasks.serving.speech import Chunk, Wish

logger = logging.getLogger(__name__)
router = APIRouter()
ResultT = TypeVar("ResultT")

TIMED_BYTES = 100_000_000
"""Sound that comes with times, at most: it is held in memory until all is spoken."""

SOUND: dict[int | str, dict[str, Any]] = {
    200: {"content": {kind: {} for kind in (*MEDIA_TYPES.values(), "text/event-stream")}}
}


@router.post("/v1/audio/speech", response_class=Response, responses=SOUND)
async def create_speech(request: Request, form: SpeechForm) -> Response:
    """Speech in the format that is asked for, sent while it is made."""
    running = await Running.begun(request, form)
    if form.stream_format == "sse":
        return running.answer(_events(running, form.timestamps), "text/event-stream")
    return running.answer(_sound(running), MEDIA_TYPES[form.response_format])


@router.post("/v1/audio/speech/timestamps")
async def create_timed_speech(request: Request, form: TimedForm) -> JSONResponse:
    """When each word and phone is said, by the durations that the voice spoke with, and the sound."""
    running = await Running.begun(request, form)
    try:
        sentences, sound = await unless_gone(request, _all(running, form.audio))
    finally:
        running.leave()
    timed: dict[str, Any] = {
        "sample_rate": running.sample_rate,
        "duration_s": round(running.stream.spoken_s, 6),
        "sentences": sentences,
    }
    if form.audio:
        timed |= {"format": form.response_format, "audio": base64.b64encode(sound).decode()}
    return JSONResponse(timed)


@router.post("/v1/audio/references", status_code=201)
async def bring_reference(
    request: Request,
    file: Annotated[UploadFile, File(description="A recording of some seconds.")],
    voice: Annotated[str, Form(max_length=512, description="Whose networks are to speak like it.")],
    text: Annotated[str | None, Form(max_length=1000, description="What is said in it.")] = None,
    language: Annotated[str | None, Form(max_length=35)] = None,
) -> dict[str, str]:
    """Bring a recording along to be spoken like: its `id` stands for a voice from now on, in memory alone."""
    service: Service = request.app.state.service
    name = service.catalogue.find(voice)
    held = await service.held(name)
    brought = Brought(name, await file.read(), text or None, language or None)
    identifier = await service.in_thread(lambda: service.references.add(held, brought))
    return {"id": identifier, "object": "audio.voice", "voice": name}


class Running:
    """Speech that is being made for a request.

    Attributes:
        stream: What comes out of the lanes.
        first: Its first chunk, which is there already.
        sample_rate: Of the voice, Hz.
        characters: Of the text.
    """

    def __init__(
        self, place: Place, watch: Stopwatch, stream: Spoken, sample_rate: int, form: SpeechForm
    ) -> None:
        self._place, self._watch = place, watch
        self.stream, self.sample_rate, self.characters = stream, sample_rate, len(form.input)
        self.first: Chunk | None = None
        self.is_whole = False

    @classmethod
    async def begun(cls, request: Request, form: SpeechForm) -> Running:
        """Take the request on and wait for its first sound.

        Raises:
            ApiError: there is no place, or the client has gone.
            UserError: it cannot be spoken.
        """
        service: Service = request.app.state.service
        form.check(service.settings.characters, service.settings.unknown_fields == "refuse")
        watch = Stopwatch(service.measures)
        place = service.place()
        running = None
        try:
            running = await unless_gone(request, cls._opened(service, form, place, watch))
            running.first = await unless_gone(request, running.stream.next())
        except BaseException:
            if running is not None:
                running.leave()
            place.leave()
            raise
        watch.first()
        return running

    @classmethod
    async def _opened(cls, service: Service, form: SpeechForm, place: Place, watch: Stopwatch) -> Running:
        brought = None
        if form.voice_name.startswith(PREFIX):
            brought = service.references.find(form.voice_name)
            if brought is None:
                raise ApiError(
                    404,
                    "voice: this recording is not here any more; bring it along again with POST "
                    "/v1/audio/references",
                    "voice_not_found",
                    "voice",
                )
        held = await service.held(brought.voice if brought else service.catalogue.find(form.voice_name))
        reference = None
        if brought is not None:
            reference = await service.in_thread(lambda: service.references.of(brought, held))
        wish = Wish(
            form.input,
            form.response_format,
            form.speed,
            form.seed,
            form.language,
            form.speaker,
            form.instructions or "",
            reference,
        )
        return cls(place, watch, service.speak(held.voice, wish), held.voice.sample_rate, form)

    def answer(self, content: AsyncIterator[bytes], media_type: str) -> SpeechAnswer:
        """The response."""
        return SpeechAnswer(content, media_type, self.leave, self.stream.left_s)

    async def chunks(self) -> AsyncIterator[Chunk]:
        """All of them. Raises as `Spoken.next`."""
        if self.first is not None:
            yield self.first
            async for chunk in self.stream.rest():
                yield chunk
        self.is_whole = True

    def leave(self) -> None:
        """Free the place, whether the speech is whole or not."""
        self.stream.cancel()
        if self._place.leave():
            self._watch.end(self.stream.spoken_s, self.is_whole)


class SpeechAnswer(StreamingResponse):
    """Speech on its way; however it ends, its place is free afterwards.

    Args:
        content: Bytes.
        leave: Called at the end.
        patience_s: How long a client may take to take it.
    """

    def __init__(
        self, content: AsyncIterator[bytes], media_type: str, leave: Callable[[], None], patience_s: float
    ) -> None:
        super().__init__(content, media_type=media_type, headers={"Cache-Control": "no-store"})
        self._leave, self._patience_s = leave, patience_s

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send it."""
        try:
            async with asyncio.timeout(self._patience_s):
                await super().__call__(scope, receive, send)
        except TimeoutError:
            logger.info("a client took too long to take its speech")
        finally:
            self._leave()


async def _sound(running: Running) -> AsyncIterator[bytes]:
    async for chunk in running.chunks():
        if chunk.audio:
            yield chunk.audio


async def _events(running: Running, timestamps: bool) -> AsyncIterator[bytes]:
    try:
        async for chunk in running.chunks():
            if timestamps and chunk.sentences:
                yield _event("speech.audio.timestamps", sentences=chunk.sentences)
            if chunk.audio:
                yield _event("speech.audio.delta", audio=base64.b64encode(chunk.audio).decode())
    except Exception as error:  # noqa: BLE001 - the answer has begun: what went wrong can only be an event
        yield _event("error", error=told(error).body())
        return
    spoken = round(100 * running.stream.spoken_s)
    usage = {
        "input_tokens": running.characters,
        "output_tokens": spoken,
        "total_tokens": running.characters + spoken,
    }
    yield _event("speech.audio.done", usage=usage)


def _event(kind: str, **values: Any) -> bytes:
    return f"data: {json.dumps({'type': kind, **values})}\n\n".encode()


async def _all(running: Running, keeps_sound: bool) -> tuple[list[dict[str, Any]], bytes]:
    """What is said and when, and the sound where it is kept.

    Raises:
        ApiError: that is more than TIMED_BYTES.
    """
    sentences: list[dict[str, Any]] = []
    sound = bytearray()
    async for chunk in running.chunks():
        sentences += chunk.sentences
        if keeps_sound:
            sound += chunk.audio
        if len(sound) > TIMED_BYTES:
            raise ApiError(
                400,
                f"input: its sound has more than {TIMED_BYTES:,} bytes, which is the most that comes with "
                'times; send a shorter text, set response_format to "mp3", or audio to false',
                "too_long",
                "input",
            )
    return sentences, bytes(sound)


async def unless_gone(request: Request, work: Awaitable[ResultT]) -> ResultT:
    """The work's result, unless the client hangs up before.

    Raises:
        ApiError: it did.
    """
    task = asyncio.ensure_future(work)
    leaving = asyncio.ensure_future(_hung_up(request))
    try:
        await asyncio.wait({task, leaving}, return_when=asyncio.FIRST_COMPLETED)
        if not task.done():
            raise gone()
        return task.result()
    finally:
        task.cancel()
        leaving.cancel()


async def _hung_up(request: Request) -> None:
    while (await request.receive())["type"] != "http.disconnect":
        pass
