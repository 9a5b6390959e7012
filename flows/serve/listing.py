"""`/v1/models` and `/v1/audio/voices`: what can be asked for."""

from __future__ import annotations

import asyncio
from typing import Any

from fastapi import APIRouter, Request

from flows.serve.faults import ApiError
from flows.serve.service import Service
from tasks.families import FAMILIES
from tasks.serving.catalogue import OfferedVoice

router = APIRouter()

OPENAI_MODELS = ("tts-1", "tts-1-hd", "gpt-4o-mini-tts")
"""Names that clients come with; the voice alone tells which networks speak."""
CREATED = 1_735_689_600
"""The form wants a time; these models have none."""


@router.get("/v1/models")
async def list_models() -> dict[str, Any]:
    """Names that `model` may have."""
    return {"object": "list", "data": [_model(name) for name in (*OPENAI_MODELS, *FAMILIES)]}


@router.get("/v1/models/{model}")
async def find_model(model: str) -> dict[str, Any]:
    """One of them."""
    if model not in (*OPENAI_MODELS, *FAMILIES):
        raise ApiError(404, f"model: there is no {model[:64]!r}", "model_not_found", "model")
    return _model(model)


@router.get("/v1/audio/voices")
async def list_voices(request: Request) -> dict[str, Any]:
    """Voices of the workspace with versions and verdicts, and published ones."""
    service: Service = request.app.state.service
    held = service.shelf.names
    offered = await asyncio.to_thread(service.catalogue.offered)
    return {"object": "list", "voices": [described(voice, voice.name in held) for voice in offered]}


def described(voice: OfferedVoice, is_held: bool) -> dict[str, Any]:
    """A voice as the API shows it."""
    return {
        "id": voice.name,
        "name": voice.name,
        "object": "audio.voice",
        "family": voice.family,
        "languages": list(voice.languages),
        "published": voice.published,
        "champion": voice.champion,
        "versions": [f"{voice.name}@{number}" for number in voice.versions],
        "verdict": voice.verdict or None,
        "loaded": is_held,
    }


def _model(name: str) -> dict[str, Any]:
    return {"id": name, "object": "model", "created": CREATED, "owned_by": "voicewright"}
