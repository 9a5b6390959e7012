"""A voice as an MLflow model (`pyfunc`), which speaks without a server and without this checkout.

The model is code that MLflow runs when it loads it, beside the voice's own files: nothing of ours is pickled.
"""

from __future__ import annotations

from importlib import metadata
from pathlib import Path

from configs.errors import UserError
from tasks.release.voice_folder import DESCRIPTION

ROOT = Path(__file__).resolve().parents[2]
SCRIPT = Path(__file__).with_name("pyfunc_model.py")
CODE = ("configs", "models", "tasks")
"""Rooms that speaking needs."""


def save_pyfunc(voice_folder: Path, target: Path) -> None:
    """Write a voice as an MLflow model.

    Args:
        voice_folder: An exported voice.
        target: New folder.

    Raises:
        UserError: there is no voice, or something lies in the target's place.
    """
    if not (voice_folder / DESCRIPTION).is_file():
        raise UserError(f"{voice_folder}: holds no {DESCRIPTION}, so it is no exported voice")
    if target.exists() and (not target.is_dir() or any(target.iterdir())):
        raise UserError(f"{target}: is not empty; name a new folder")
    import mlflow.pyfunc
    from mlflow.models import ModelSignature
    from mlflow.types import ColSpec, ParamSchema, ParamSpec, Schema

    signature = ModelSignature(
        inputs=Schema([ColSpec("string", "text")]),
        outputs=Schema([ColSpec("binary", "audio")]),
        params=ParamSchema(
            [
                ParamSpec("format", "string", "wav"),
                ParamSpec("speed", "double", 1.0),
                ParamSpec("seed", "long", 0),
            ]
        ),
    )
    mlflow.pyfunc.save_model(
        path=str(target),
        python_model=str(SCRIPT),
        artifacts={"voice": str(voice_folder)},
        code_paths=[str(ROOT / name) for name in CODE],
        signature=signature,
        # Inference would load the voice in another process and look at what that imports.
        pip_requirements=[one for one in metadata.requires("voicewright") or () if "extra ==" not in one],
    )
