"""Puts a finished voice where people and programs look for it: `voices/<name>` in the workspace."""

from __future__ import annotations

import shutil
import uuid
from pathlib import Path

from configs.errors import UserError
from tasks.pipeline import Pipeline

PUBLISHED = ("export", "report")
"""Stages whose files make up the folder."""


def publish(pipeline: Pipeline) -> Path:
    """Copy the voice's files out of the store; the folder is seen whole, old or new.

    Raises:
        UserError: the voice is not finished.
    """
    target = pipeline.workspace / "voices" / pipeline.voice
    fresh = target.with_name(f".{target.name}.{uuid.uuid4().hex}")
    for stage in PUBLISHED:
        made = pipeline.known(stage)
        if made is None:
            raise UserError(f"{pipeline.voice}: stage {stage} is not done; run `voicewright finetune` first")
        for name, ref in made.files.items():
            path = fresh / name
            path.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(pipeline.store.local_path(ref), path)
    old = target.with_name(f"{fresh.name}.old")
    if target.exists():
        target.rename(old)
    fresh.rename(target)
    shutil.rmtree(old, ignore_errors=True)
    return target
