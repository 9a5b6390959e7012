"""Settings of experiment tracking."""

from __future__ import annotations

from pydantic import Field, model_validator

from configs.base import Section


class TrackingSettings(Section):
    """Where runs are recorded, and what goes there. Nothing here enters a stage's key."""

    enabled: bool = Field(True, description="Record runs with MLflow.")
    uri: str = Field(
        "",
        description="MLflow tracking URI (sqlite:///..., postgresql://..., http://...); "
        "empty: MLFLOW_TRACKING_URI where that is set, else a SQLite file in the workspace.",
    )
    artifacts: str = Field(
        "",
        description="Folder or URL for run artifacts, used when the experiment is first made; empty: a "
        "folder of the workspace, or the server's own place when `uri` is a server.",
    )
    experiment: str = Field("voicewright", min_length=1, description="MLflow experiment.")
    max_file_mb: float = Field(
        64.0,
        ge=0.0,
        description="Files of a stage above this many megabytes are named, not uploaded; a registered voice "
        "is always uploaded whole.",
    )
    register_voices: bool = Field(
        True, description="Register each exported voice in the model registry, with aliases."
    )

    @model_validator(mode="after")
    def _not_a_folder(self) -> TrackingSettings:
        if self.uri and "://" not in self.uri:
            raise ValueError(
                f"uri {self.uri!r} is not a URI; for a local file write sqlite:////absolute/path.db"
            )
        if self.uri.startswith("file:"):
            raise ValueError("MLflow no longer keeps runs in plain folders; use sqlite:////absolute/path.db")
        return self
