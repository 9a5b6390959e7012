"""`/v1/voices`: voices are made, looked at while they are made, and stopped."""

from __future__ import annotations

import asyncio
import hashlib
import time
from pathlib import Path
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Header, Request
from pydantic import BaseModel, ConfigDict, StringConstraints, ValidationError
from starlette.datastructures import UploadFile
from starlette.responses import JSONResponse

from configs.errors import UserError
from configs.languages import language_code
from configs.loading import presets
from flows.progress_file import RunProgress, read_progress
from flows.serve.earlier import chosen_recordings, recipe_of, settings_of
from flows.serve.faults import ApiError
from flows.serve.listing import described
from flows.serve.recordings import Brought, offered_folders
from flows.serve.service import Service
from flows.serve.trainings import Training, asked_now
from tasks.languages import ANY, check_language
from tasks.run_record import voices
from tasks.serving.catalogue import OfferedVoice
from tasks.versions.holding import is_held
from tasks.voice import VOICE_NAME, check_name

router = APIRouter()

PRESET = "kokoro-fit"
FILES, FIELDS, FIELD_BYTES = 2000, 20, 4096
IdempotencyKey = Annotated[str, Header(alias="Idempotency-Key", max_length=255)]


class TrainingForm(BaseModel):
    """What a voice is to be made of; `folder` is one of `GET /v1/recordings` where no files come along.

    Of a voice that is there `recordings` tells whether new ones are added to its own or replace them. It
    keeps its recipe where no `preset` is named.
    """

    model_config = ConfigDict(strict=True, extra="forbid")

    voice: Annotated[str, StringConstraints(pattern=VOICE_NAME.pattern, max_length=64)]
    preset: Annotated[str, StringConstraints(min_length=1, max_length=64)] | None = None
    language: Annotated[str, StringConstraints(min_length=2, max_length=64)] | None = None
    folder: Annotated[str, StringConstraints(min_length=1, max_length=255)] | None = None
    recordings: Literal["add", "replace"] = "add"


_FORM = TrainingForm.model_json_schema()
_UPLOAD = {**_FORM, "properties": {**_FORM["properties"], "files": {
    "type": "array", "items": {"type": "string", "format": "binary"}}}}  # fmt: skip
_BODY = {
    "requestBody": {
        "required": True,
        "content": {"application/json": {"schema": _FORM}, "multipart/form-data": {"schema": _UPLOAD}},
    }
}


@router.get("/v1/recordings")
async def list_recordings(request: Request) -> dict[str, Any]:
    """Folders on the server that a voice can be made from."""
    service: Service = request.app.state.service
    found = await asyncio.to_thread(offered_folders, service.recordings)
    return {"object": "list", "data": [{"id": name, "object": "recordings"} for name in found]}


@router.get("/v1/voices")
async def look_at_voices(request: Request) -> dict[str, Any]:
    """How far every voice of the workspace is, or what it is worth."""
    service: Service = request.app.state.service

    def states() -> list[dict[str, Any]]:
        names = sorted({*voices(service.workspace), *service.trainings.names})
        return [state_of(service, name) for name in names]

    return {"object": "list", "data": await asyncio.to_thread(states)}


@router.post("/v1/voices", status_code=202, openapi_extra=_BODY)
async def make_voice(request: Request, idempotency_key: IdempotencyKey = "") -> JSONResponse:
    """Make a voice from recordings, by the flow that `voicewright finetune` runs.

    With the same Idempotency-Key the same request begins nothing more, and is answered as the first was.
    """
    service: Service = request.app.state.service
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() != "multipart/form-data":
        form = await asyncio.to_thread(_form_of, service, await _json(request))
        folder = offered_folders(service.recordings).get(form.folder or "")
        if folder is None:
            raise ApiError(
                404, f"folder: there is no {form.folder!r}; GET /v1/recordings lists them", None, "folder"
            )
        return await _add(service, form, folder, _digest(form, str(folder)), idempotency_key)
    async with request.form(max_files=FILES, max_fields=FIELDS, max_part_size=FIELD_BYTES) as sent:
        fields = {name: value for name, value in sent.items() if isinstance(value, str)}
        form = await asyncio.to_thread(_form_of, service, fields)
        files = [value for _, value in sent.multi_items() if isinstance(value, UploadFile)]
        brought = Brought(service.workspace, files)
        return await _add_brought(service, form, brought, idempotency_key)


@router.get("/v1/voices/{name}")
async def look_at_voice(request: Request, name: str) -> dict[str, Any]:
    """How far a voice is, or what it is worth."""
    service: Service = request.app.state.service
    return await asyncio.to_thread(state_of, service, name)


@router.delete("/v1/voices/{name}")
@router.post("/v1/voices/{name}/cancel")
async def cancel_training(request: Request, name: str) -> dict[str, Any]:
    """Stop a training; what is finished is kept, and the same request goes on from there."""
    service: Service = request.app.state.service
    await asyncio.to_thread(service.trainings.cancel, name)
    return await asyncio.to_thread(state_of, service, name)


async def _json(request: Request) -> Any:
    try:
        return await request.json()
    except (ValueError, RecursionError) as error:
        raise ApiError(400, "the body is no JSON", "invalid_json") from error


def _form_of(service: Service, sent: Any) -> TrainingForm:
    try:
        form = TrainingForm.model_validate(sent)
    except ValidationError as error:
        first = error.errors()[0]
        field = ".".join(map(str, first["loc"]))[:64]
        raise ApiError(400, f"{field}: {first['msg']}", str(first["type"]), field) from error
    recipe = recipe_of(service.workspace, form.voice)
    if form.preset is None and recipe is None:
        form = form.model_copy(update={"preset": PRESET})
    if form.preset is not None and form.preset not in presets():
        raise ApiError(
            400, f"preset: {form.preset!r} is none of {', '.join(presets())}", "invalid_value", "preset"
        )
    if form.language is None or form.language == ANY:
        return form
    try:
        code = language_code(form.language)
        check_language(settings_of(recipe, form.preset or "", code))
    except (ValueError, UserError) as error:
        message = f"language: {str(error).removeprefix('corpus.language = ')}"
        raise ApiError(400, message, "unsupported_language", "language") from error
    return form.model_copy(update={"language": code})


def _digest(form: TrainingForm, recordings: str) -> str:
    return hashlib.sha256(f"{form.model_dump_json()}\0{recordings}".encode()).hexdigest()


async def _add_brought(service: Service, form: TrainingForm, brought: Brought, key: str) -> JSONResponse:
    try:
        contents = await asyncio.to_thread(brought.write)
        answer = await _add(service, form, brought.folder, _digest(form, contents), key)
    except BaseException:
        brought.discard()
        raise
    training = service.trainings.find(form.voice)
    if training is None or training.recordings != str(brought.folder):
        # A request that was repeated: the first one's recordings are there.
        brought.discard()
    return answer


async def _add(service: Service, form: TrainingForm, folder: Path, digest: str, key: str) -> JSONResponse:
    def add() -> dict[str, Any]:
        training = service.trainings.repeated(key, digest)
        if training is None:
            training = _begun(service, form, folder, digest, key)
        return state_of(service, training.voice)

    return JSONResponse(await asyncio.to_thread(add), 202, {"Location": f"/v1/voices/{form.voice}"})


def _begun(service: Service, form: TrainingForm, folder: Path, digest: str, key: str) -> Training:
    service.trainings.check_rests(form.voice)
    preset, replaces = form.preset or "", form.recordings == "replace"
    chosen = chosen_recordings(service.workspace, form.voice, folder, replaces, preset, form.language)
    asked = asked_now(form.voice, chosen.folder, preset, form.language, digest, key, chosen.overrides)
    try:
        return service.trainings.add(asked)
    except BaseException:
        chosen.discard()
        raise


def state_of(service: Service, name: str) -> dict[str, Any]:
    """What is told of a voice.

    Raises:
        ApiError: there is none, finished or not.
        UserError: the name is none.
    """
    check_name(name)
    training = service.trainings.find(name)
    if training is None and name not in voices(service.workspace):
        raise ApiError(404, f"voice: there is no {name!r}", "voice_not_found", "name")
    offered = next((one for one in service.catalogue.own() if one.name == name), None)
    progress = read_progress(service.workspace, name)
    if training is not None and training.state == "queued":
        progress = None
    told: dict[str, Any] = {
        **described(offered or OfferedVoice(name, "", ()), name in service.shelf.names),
        "state": _state(training, progress, offered is not None, is_held(service.workspace, name)),
        "error": training.message or None if training is not None else None,
    }
    return told | _progress(progress)


def _state(training: Training | None, progress: RunProgress | None, is_finished: bool, is_held: bool) -> str:
    if training is not None:
        return training.state
    if progress is not None and progress.state != "finished":
        # A run that was killed says for ever that it runs.
        return progress.state if is_held or progress.state != "running" else "stopped"
    return "finished" if is_finished else "unfinished"


def _progress(progress: RunProgress | None) -> dict[str, Any]:
    if progress is None:
        return {"stage": None, "stages_done": 0, "stages_total": 0, "progress": None, "left_s": None}
    is_running = progress.state == "running"
    now_s = time.time() if is_running else progress.at_s
    share = progress.done / progress.total if progress.total and not progress.phase else 0.0
    left_s = progress.left_s
    return {
        "stage": progress.stage if is_running else None,
        "stages_done": progress.stages_done,
        "stages_total": progress.stages_total,
        "phase": progress.phase or None,
        "done": progress.done,
        "total": progress.total,
        "progress": share if is_running else None,
        "text": progress.text,
        "elapsed_s": round(now_s - progress.began_s, 1),
        "left_s": None if left_s is None or not is_running else max(0.0, left_s - (now_s - progress.at_s)),
    }
