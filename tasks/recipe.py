"""The recipe of a voice: what is remembered of its last run, and what stays as it was although files change.

A file of settings is copied beside the voice's record, and paths become absolute: a voice is made as before
after the file was edited or is gone, and from any folder.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace
from pathlib import Path
from typing import Any

from artifacts import digest
from artifacts.store import write_atomically
from configs import plain_yaml
from configs.errors import UserError
from configs.loading import leaves, setting_of
from configs.places import NEW_PLACES, PLACES
from configs.weights import PUBLISHED
from tasks.run_record import known_run, run_path
from tasks.voice import Request, check_name, remembered, request_of

SHOWN_CHANGES = 6
_PUBLISHED = {name for one in PUBLISHED for name in (one.name, "" if one.path else one.hub_id)}


def with_recipe(workspace: Path, request: Request) -> Request:
    """A request that names neither preset nor file of settings, with those of its voice's last run.

    Its own settings are put after those of before. One that names any, or of a new voice, stays as it is.

    Raises:
        UserError: the voice's record cannot be believed.
    """
    known = known_run(workspace, check_name(request.voice))["request"]
    if known is None or request.preset is not None or request.config_file is not None:
        return request
    before = request_of(known, workspace)
    return replace(before, recordings=request.recordings, overrides=(*before.overrides, *request.overrides))


def recipe_changes(workspace: Path, request: Request) -> list[str]:
    """What a request changes in the remembered recipe of its voice, in words; nothing for a new voice.

    Raises:
        UserError: a setting is wrong.
    """
    known = known_run(workspace, check_name(request.voice))["request"]
    if known is None:
        return []
    try:
        before = remembered(workspace, request.voice)
        old = dict(leaves(before.resolve().settings))
    except UserError as error:
        return [f"{request.voice}: its last recipe can no longer be read ({error}); this one replaces it"]
    new = dict(leaves(request.resolve().settings))
    changed = [f"{name} {old.get(name)} -> {value}" for name, value in new.items() if old.get(name) != value]
    if before.recordings != request.recordings:
        changed.insert(0, f"recordings {before.recordings} -> {request.recordings}")
    if not changed:
        return []
    shown = "; ".join(changed[:SHOWN_CHANGES])
    more = f" and {len(changed) - SHOWN_CHANGES} more" if len(changed) > SHOWN_CHANGES else ""
    return [f"{request.voice}: this run changes the voice's recipe: {shown}{more}"]


def unused_edit(request: Request) -> list[str]:
    """What to tell of a file whose kept copy the request reads and that says something else by now."""
    given, copy = request.copied_from, request.config_file
    if given is None or copy is None:
        return []
    try:
        is_same = given.read_bytes() == copy.read_bytes()
    except OSError:
        # It is gone: there is nothing that could be used in place of the copy.
        return []
    advice = f"give `-c {given}` to use what it says now"
    return (
        [] if is_same else [f"{given} has changed since the voice's last run, by which it is made; {advice}"]
    )


def placed(request: Request) -> Request:
    """The request with absolute paths in place of relative ones that lead somewhere from here.

    Those that a file of settings gives become settings of the request, for the file is copied elsewhere.

    Raises:
        UserError: a setting is wrong.
    """
    resolved = request.resolve()
    values = dict(leaves(resolved.settings))
    given = [name for name in (*PLACES, *NEW_PLACES) if _is_given(name, resolved.origins)]
    found = {name: one for name in given if (one := _placed(name, values.get(name))) != values.get(name)}
    kept = [one for one in request.overrides if setting_of(one) not in found]
    absolute = [f"{name}={plain_yaml.written(value)}" for name, value in found.items()]
    return replace(request, overrides=(*kept, *absolute))


def keep_settings(workspace: Path, request: Request) -> Request:
    """The request with a copy of its file of settings in place of the file, which may change or go.

    Copies are named by what they hold and are never written over.

    Raises:
        UserError: the file cannot be read.
    """
    file = request.config_file
    if file is None:
        return request
    folder = run_path(workspace, request.voice).parent
    if file.parent == folder and file.name.startswith("settings-"):
        known = known_run(workspace, request.voice)["request"]
        before = None if known is None else request_of(known, workspace)
        is_same = before is not None and before.config_file == file
        return replace(request, copied_from=before.copied_from) if before and is_same else request
    try:
        content = file.read_bytes()
    except OSError as error:
        raise UserError(f"{file}: cannot be read ({error.strerror}); name a file of settings") from error
    copy = folder / f"settings-{digest.of_bytes(content)[:12]}.yaml"
    if not copy.is_file():
        write_atomically(copy, content)
    return replace(request, config_file=copy, copied_from=file)


def _is_given(name: str, origins: Collection[str]) -> bool:
    """Whether by itself or with its group."""
    return any(name == one or name.startswith(f"{one}.") for one in origins)


def _placed(name: str, value: Any) -> Any:
    if isinstance(value, tuple):
        return tuple(_placed(name, one) for one in value)
    if not isinstance(value, str) or not value or value in _PUBLISHED or value.startswith(("/", "~")):
        return value
    if name in NEW_PLACES:
        return value if "://" in value else str(Path.cwd() / value)
    # A program's bare name is looked for among those that are installed, not here.
    is_here = Path(value).exists() and ("/" in value or name != "features.align.mfa.executable")
    return str(Path.cwd() / value) if is_here else value
