"""Whether the server lives, whether it can be asked, and what it measured."""

from __future__ import annotations

from fastapi import APIRouter, Request
from prometheus_client import CONTENT_TYPE_LATEST
from starlette.responses import JSONResponse, Response

from flows.serve.service import Service

router = APIRouter()


@router.get("/health")
async def health() -> dict[str, str]:
    """The process answers."""
    return {"status": "ok"}


@router.get("/ready", responses={503: {"description": "Not yet, or not any more."}})
async def ready(request: Request) -> JSONResponse:
    """Requests are taken."""
    service: Service = request.app.state.service
    if service.is_ready:
        return JSONResponse({"status": "ready"})
    return JSONResponse({"status": "ending" if service.is_ending else "starting"}, 503)


@router.get("/metrics", response_class=Response)
async def metrics(request: Request) -> Response:
    """For Prometheus."""
    service: Service = request.app.state.service
    return Response(service.measures.text(), media_type=CONTENT_TYPE_LATEST)
