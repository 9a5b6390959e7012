"""What is asked for of a voice that is there: its recordings and its recipe, and what becomes of them."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

from configs.errors import UserError
from configs.plain_yaml import written
from configs.settings import Settings
from flows.serve.faults import ApiError
from flows.serve.recordings import new_folder, uploads
from tasks.corpus.adding import put_together
from tasks.run_record import read_run
from tasks.versions.record import read_versions
from tasks.voice import Request, check_name, request_of


class Chosen(NamedTuple):
    """What a training is made from, and the settings that follow from it.

    Attributes:
        made: The folder, where it was laid out for this training.
    """

    folder: Path
    overrides: tuple[str, ...] = ()
    made: Path | None = None

    def discard(self) -> None:
        """Remove what was laid out."""
        if self.made is not None:
            shutil.rmtree(self.made, ignore_errors=True)


def recipe_of(workspace: Path, voice: str) -> Request | None:
    """The recipe of a voice that is there; None for a new one.

    Raises:
        UserError: the name is none, or its record cannot be believed.
    """
    known = read_run(workspace, check_name(voice))["request"]
    return None if known is None else request_of(known, workspace)


def settings_of(recipe: Request | None, preset: str, language: str | None) -> Settings:
    """The settings that a request will have.

    Args:
        preset: Empty: those of the recipe.

    Raises:
        UserError: a setting is wrong.
    """
    given = (f"corpus.language={language}",) if language else ()
    if recipe is None or preset:
        return Request(Path(), "voice", preset, None, given).resolve().settings
    return replace(recipe, overrides=(*recipe.overrides, *given)).resolve().settings


def learned(workspace: Path, voice: str) -> str:
    """How much the voice's newest version was made from, in words; empty where it has none."""
    versions = read_versions(workspace, voice)["versions"]
    if not versions:
        return ""
    n_clips, minutes = versions[-1]["clips"], 60 * versions[-1]["hours"]
    return f"{n_clips} clip{'s' * (n_clips != 1)} of {minutes:.1f} minutes"


def chosen_recordings(
    workspace: Path, voice: str, new: Path, replaces: bool, preset: str, language: str | None
) -> Chosen:
    """The new recordings alone, or with those of the voice; a voice without a version has none to keep.

    Raises:
        ApiError: they cannot be added.
        UserError: a setting is wrong, or a record cannot be believed.
        MachineError: the disk has too little room.
    """
    recipe = recipe_of(workspace, voice)
    if recipe is None or recipe.recordings == new:
        return Chosen(new)
    corpus = settings_of(recipe, preset, language).corpus
    if replaces or not learned(workspace, voice):
        # A list of the earlier recordings has no rows for the new ones.
        return Chosen(new, ("corpus.metadata=null",) if corpus.metadata is not None else ())
    folder, own = new_folder(workspace), uploads(workspace)
    try:
        found = put_together(
            recipe.recordings, new, folder, corpus, workspace / "cache" / "digests.json", own
        )
    except UserError as error:
        shutil.rmtree(folder, ignore_errors=True)
        advice = "recordings=replace makes the voice from the new ones alone"
        raise ApiError(409, f"{error} ({advice})", "cannot_add", "recordings") from error
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        raise
    speaker = () if corpus.speaker == found.speaker else (f"corpus.speaker={written(found.speaker)}",)
    return Chosen(found.folder, speaker, folder if found.folder == folder else None)
