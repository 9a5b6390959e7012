"""The connection to MLflow, which is imported when it is first used and not before."""

from __future__ import annotations

import logging
import os
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mlflow import MlflowClient

DIGEST = "artifact.digest"
"""Tag of whatever was made: the digest of its bytes."""
# MLflow takes 5,000.
_TAG_CHARACTERS = 4900
_SECRET = re.compile(r"(password|passwd|secret|token|api_?key|credential)", re.IGNORECASE)
_URL_PASSWORD = re.compile(r"(://[^/:@\s]+):[^/@\s]+@")


class TrackingError(Exception):
    """The tracking server or database could not be used; the message says which and why."""


def connected(uri: str) -> MlflowClient:
    """A client of a server or database, which is made where it is a file that is not there."""
    # Set before the first import: MLflow reads it once.
    os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
    from mlflow import MlflowClient

    # Making and migrating the database is told line by line otherwise, and a full disk with two tracebacks
    # beside the error that is raised as well.
    logging.getLogger("alembic").setLevel(logging.WARNING)
    logging.getLogger("mlflow.store.db.utils").setLevel(logging.CRITICAL)

    if uri.startswith("sqlite:///"):
        Path(uri.removeprefix("sqlite:///")).parent.mkdir(parents=True, exist_ok=True)
    return MlflowClient(tracking_uri=uri, registry_uri=uri)


@contextmanager
def told(uri: str) -> Iterator[None]:
    """MLflow's and its database's failures as one error that names the place.

    Raises:
        TrackingError: instead of any of them.
    """
    from mlflow.exceptions import MlflowException
    from sqlalchemy.exc import SQLAlchemyError

    try:
        yield
    except (MlflowException, SQLAlchemyError, OSError) as error:
        first = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
        raise TrackingError(f"tracking.uri {without_password(uri)}: {first}") from error


def without_password(uri: str) -> str:
    """A URI that may be printed."""
    return _URL_PASSWORD.sub(r"\1:***@", uri)


def cleaned(values: Mapping[str, Any]) -> dict[str, str]:
    """Values as text, without what looks like a secret and within MLflow's lengths for tags."""
    return {
        name: without_password(str(value))[:_TAG_CHARACTERS]
        for name, value in values.items()
        if not _SECRET.search(name)
    }
