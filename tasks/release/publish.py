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

    A file that is damaged in the store is made again first.

    Raises:
        UserError: the voice is not finished, or what is damaged comes out otherwise.
    """
    again: list[str] = []
    return pipeline.mending(lambda: _copied(pipeline), again)


def _copied(pipeline: Pipeline) -> Path:
    target = pipeline.workspace / "voices" / pipeline.voice
    fresh = target.with_name(f".{target.name}.{uuid.uuid4().hex}")
    # A clean-up would take the unfinished folder for one that a killed run left.
    with pipeline.using():
        for stage in PUBLISHED:
            if pipeline.known(stage) is None:
                raise UserError(
                    f"{pipeline.voice}: stage {stage} is not done; run `voicewright finetune` first"
                )
            for name, source in pipeline.files(stage).items():
                path = fresh / name
                path.parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(source, path)
        old = target.with_name(f"{fresh.name}.old")
        if target.exists():
            target.rename(old)
        fresh.rename(target)
        shutil.rmtree(old, ignore_errors=True)
    return target
