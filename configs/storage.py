"""Where artifacts are kept."""

from __future__ import annotations

from pydantic import Field

from configs.base import Section


class StoreSettings(Section):
    """The artifact store."""

    url: str | None = Field(
        None, description="Folder or fsspec URL (s3://, gs://); the workspace's `store` when null."
    )
