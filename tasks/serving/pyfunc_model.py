"""What MLflow runs to make a voice out of its saved files; written by `tasks.serving.pyfunc`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from mlflow.models import set_model
from mlflow.pyfunc import PythonModel, PythonModelContext

from tasks.release.speak import load_voice
from tasks.serving.encoding import FORMATS
from tasks.serving.sound import sound_of


class SpokenModel(PythonModel):
    """Texts to sound files."""

    def load_context(self, context: PythonModelContext) -> None:
        """Load the voice."""
        self._voice = load_voice(Path(context.artifacts["voice"]))

    def predict(
        self, context: PythonModelContext, model_input: Any, params: dict[str, Any] | None = None
    ) -> Any:
        """A table with a column `text` to a table with a column `audio`, the bytes of a file each.

        Raises:
            ValueError: the format is none.
            UserError: a text cannot be spoken.
        """
        import pandas as pd

        del context
        given = params or {}
        form = given.get("format", "wav")
        if form not in FORMATS:
            raise ValueError(f"format: {form!r} is none of {', '.join(FORMATS)}")
        speed, seed = float(given.get("speed", 1.0)), int(given.get("seed", 0))
        sounds = [
            sound_of(self._voice, str(text), form, speed=speed, seed=seed) for text in model_input["text"]
        ]
        return pd.DataFrame({"audio": sounds})


set_model(SpokenModel())
