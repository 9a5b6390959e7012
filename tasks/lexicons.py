"""The lexicon files of a workspace: for all of its voices, and for one."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from configs.errors import UserError
from configs.settings import Settings
from models.frontend.text.lexicon import FILE, NO_ENTRIES, Lexicon

OF_VOICES = "lexicons"
"""Folder of the files that are one voice's, `lexicons/VOICE.tsv`."""


def lexicon_path(workspace: Path, voice: str) -> Path:
    """Where a voice's own lexicon lies, whether there is one or not."""
    return workspace / OF_VOICES / f"{voice}.tsv"


def own_files(workspace: Path, voice: str) -> tuple[Path, ...]:
    """The files that are there for a voice, the workspace's first."""
    files = (workspace / FILE, lexicon_path(workspace, voice))
    return tuple(path for path in files if path.exists())


def with_lexicons(settings: Settings, workspace: Path) -> Settings:
    """The settings with the absolute paths of all lexicon files, each of which has been read once.

    Raises:
        UserError: a file is missing or cannot be read, or a line of it is wrong.
    """
    given = settings.features.phonemize.lexicon
    if given is None:
        files = own_files(workspace, settings.voice)
    else:
        files = tuple(_found(name, workspace) for name in given)
    _read(files)
    phonemize = settings.features.phonemize.model_copy(update={"lexicon": tuple(map(str, files))})
    features = settings.features.model_copy(update={"phonemize": phonemize})
    return settings.model_copy(update={"features": features})


def lexicon_of(workspace: Path, voice: str, settings: Settings | None) -> Lexicon:
    """What a voice of the workspace is to say beside what its folder holds: the files as they are now.

    Args:
        workspace: Where the files are.
        voice: Name of the voice.
        settings: Of its run; None of a voice that no run made.

    Raises:
        UserError: as `with_lexicons`.
    """
    if settings is None:
        return _read(own_files(workspace, voice))
    return _read(with_lexicons(settings, workspace).features.phonemize.lexicon or ())


def _read(files: Sequence[str | Path]) -> Lexicon:
    """Nothing of the front end is imported where there is no file, as in most workspaces."""
    if not files:
        return NO_ENTRIES
    from models.frontend.text.lexicon_file import read_lexicons

    return read_lexicons(files)


def _found(name: str, workspace: Path) -> Path:
    """From here, or from the workspace."""
    for folder in (Path.cwd(), workspace):
        path = folder / Path(name).expanduser()
        if path.is_file():
            return path.resolve()
    raise UserError(
        f"features.phonemize.lexicon = {name}: there is no such file here or in {workspace}; name a file of "
        "word<TAB>pronunciation lines"
    )
