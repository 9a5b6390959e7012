"""A ready acoustic model of the Montreal Forced Aligner: where it lies, and which phones it knows."""

from __future__ import annotations

import json
import os
import zipfile
from functools import lru_cache
from pathlib import Path, PurePosixPath

import yaml

from configs.errors import UserError
from configs.settings import Settings

FILE = "mfa.zip"
_SETTING = "features.align.mfa.acoustic_model"
_ENDING = ".zip"
_DEFAULT_ROOT = "~/Documents/MFA"


def find(name: str) -> Path:
    """The zip file of a model that is given by path or by name.

    MFA looks names up below its root folder, and each of our calls has a root of its own: so the name is
    looked up here, where `mfa model download acoustic` puts models. Raises UserError when there is none.
    """
    given = Path(name).expanduser()
    if given.is_file():
        if given.suffix.lower() != _ENDING:
            raise UserError(f"{_SETTING} = {name}: not a {_ENDING} file, and MFA takes no other")
        return given
    folder = Path(os.environ.get("MFA_ROOT_DIR") or _DEFAULT_ROOT).expanduser()
    folder = folder / "pretrained_models" / "acoustic"
    found = folder / f"{name}{_ENDING}"
    if len(PurePosixPath(name).parts) == 1 and found.is_file():
        return found
    there = ", ".join(sorted(path.stem for path in folder.glob(f"*{_ENDING}"))) or "none"
    raise UserError(
        f"{_SETTING} = {name}: neither a file nor a model in {folder} (there: {there}); run "
        f"`mfa model download acoustic {name}`, set MFA_ROOT_DIR to the folder that MFA "
        "downloads to, or give the file's path"
    )


def with_model_found(settings: Settings) -> Settings:
    """The settings with the model's absolute path, whose content a key then holds, where it is found.

    What is not found is told by the stage, if it comes to need it.
    """
    mfa = settings.features.align.mfa
    if mfa.acoustic_model is None:
        return settings
    try:
        path = find(mfa.acoustic_model).resolve()
    except UserError:
        return settings
    align = settings.features.align.model_copy(
        update={"mfa": mfa.model_copy(update={"acoustic_model": str(path)})}
    )
    features = settings.features.model_copy(update={"align": align})
    return settings.model_copy(update={"features": features})


@lru_cache(maxsize=4)
def phones_of(path: Path) -> frozenset[str] | None:
    """Phones that a model knows; None where it does not say. Raises UserError on a broken file."""
    try:
        with zipfile.ZipFile(path) as archive:
            described = {PurePosixPath(name).name: name for name in archive.namelist()}
            if "meta.json" in described:
                meta = json.loads(archive.read(described["meta.json"]))
            elif "meta.yaml" in described:
                meta = yaml.safe_load(archive.read(described["meta.yaml"]))
            else:
                return None
    except (OSError, zipfile.BadZipFile, ValueError, yaml.YAMLError) as error:
        raise UserError(
            f"{path}: not an acoustic model of MFA ({error}); download or train it again"
        ) from error
    phones = meta.get("phones") if isinstance(meta, dict) else None
    return frozenset(map(str, phones)) if isinstance(phones, list) and phones else None
