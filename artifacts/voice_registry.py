"""Voices in MLflow's registry: their versions, which digests they hold, and which aliases stand on them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from artifacts.mlflow_connection import DIGEST, cleaned, told

if TYPE_CHECKING:
    from mlflow import MlflowClient

CHAMPION, CHALLENGER = "champion", "challenger"


@dataclass(frozen=True)
class Registered:
    """A version of a voice in the registry."""

    name: str
    version: str
    aliases: tuple[str, ...]


class VoiceRegistry:
    """The registered voices of one MLflow.

    Every method raises TrackingError where MLflow cannot be used.

    Args:
        client: Connected to it.
        uri: Of it, for messages.
    """

    def __init__(self, client: MlflowClient, uri: str) -> None:
        self._client, self._uri = client, uri

    def register(self, voice: str, run_id: str, digest: str) -> Registered:
        """Make the voice that a run exported a version of the registered model of its name.

        The version's source is the run's artifacts, so it stays whole when the store is tidied. A voice that
        was registered with these very bytes keeps its version. `point` gives aliases, `describe` words.
        """
        from mlflow.exceptions import MlflowException

        with told(self._uri):
            try:
                self._client.create_registered_model(voice, description="A voice made by voicewright.")
            except MlflowException as error:
                if error.error_code != "RESOURCE_ALREADY_EXISTS":
                    raise
            same = self._versions(voice, digest)
            version = same[0] if same else self._new_version(voice, run_id, digest)
            return self._registered(voice, version)

    def aliases(self, voice: str) -> dict[str, str]:
        """Alias -> digest of the version that bears it; empty for a voice that is not registered."""
        from mlflow.exceptions import MlflowException

        with told(self._uri):
            try:
                found = self._client.get_registered_model(voice).aliases
            except MlflowException as error:
                if error.error_code != "RESOURCE_DOES_NOT_EXIST":
                    raise
                return {}
            tags = {
                name: self._client.get_model_version(voice, number).tags for name, number in found.items()
            }
        return {name: own[DIGEST] for name, own in tags.items() if DIGEST in own}

    def describe(self, voice: str, digest: str, text: str, tags: Mapping[str, str]) -> None:
        """Say in words what a registered version is worth; nothing where it is not registered.

        Args:
            digest: Of the version's bytes.
            text: Markdown; links to the pages of the run that made it are put after it.
            tags: What stands beside the version in lists.
        """
        with told(self._uri):
            for version in self._versions(voice, digest):
                known = self._client.get_model_version(voice, version)
                linked = "\n\n".join(filter(None, (text, self._links(known.run_id or ""))))
                self._client.update_model_version(voice, version, description=linked)
                # Older versions of the program made a tag of every metric.
                for name in (name for name in known.tags if name.startswith("metric.")):
                    self._client.delete_model_version_tag(voice, version, name)
                for name, value in cleaned(tags).items():
                    if known.tags.get(name) != value:
                        self._client.set_model_version_tag(voice, version, name, value)

    def describe_voice(self, voice: str, text: str) -> None:
        """Say in words (Markdown) what a registered voice is; nothing where it is not registered."""
        with told(self._uri):
            if self._versions(voice, None):
                self._client.update_registered_model(voice, description=text)

    def point(self, voice: str, aliases: Mapping[str, str | None]) -> bool:
        """Give aliases to the versions of these digests, or take them away (None).

        Returns:
            Whether every digest is registered; those that are not leave their alias where it is.
        """
        found_all = True
        with told(self._uri):
            for alias, digest in aliases.items():
                if digest is None:
                    if self._versions(voice, None):
                        self._client.delete_registered_model_alias(voice, alias)
                    continue
                versions = self._versions(voice, digest)
                found_all &= bool(versions)
                for version in versions[:1]:
                    self._client.set_registered_model_alias(voice, alias, version)
        return found_all

    def rename_voice(self, voice: str, name: str) -> None:
        """Give the registered voice another name; nothing where it is not registered."""
        from mlflow.exceptions import MlflowException

        with told(self._uri):
            try:
                self._client.rename_registered_model(voice, name)
            except MlflowException as error:
                if error.error_code != "RESOURCE_DOES_NOT_EXIST":
                    raise

    def _versions(self, voice: str, digest: str | None) -> list[str]:
        """Numbers of the registered versions with these bytes; of all that there are for None."""
        known = self._client.search_model_versions(f"name = '{_quoted(voice)}'")
        return [str(one.version) for one in known if digest in (None, one.tags.get(DIGEST))]

    def _links(self, run_id: str) -> str:
        """To the pages that lie with the run that a stage's run belongs to, for MLflow's own pages."""
        from mlflow.exceptions import MlflowException

        if not run_id:
            return ""
        try:
            run = self._client.get_run(run_id)
        except MlflowException as error:
            if error.error_code != "RESOURCE_DOES_NOT_EXIST":
                raise
            return ""
        parent = run.data.tags.get("mlflow.parentRunId", run_id)
        place = f"#/experiments/{run.info.experiment_id}/runs/{parent}"
        pages = {"Lineage": "/artifacts/lineage/lineage.html", "Report": "/artifacts/report/report.html"}
        return " · ".join(f"[{name}]({place}{page})" for name, page in {**pages, "Run": ""}.items())

    def _new_version(self, voice: str, run_id: str, digest: str) -> str:
        made = self._client.create_model_version(
            voice,
            source=self._client.get_run(run_id).info.artifact_uri,
            run_id=run_id,
            tags={DIGEST: digest},
        )
        return str(made.version)

    def _registered(self, voice: str, version: str) -> Registered:
        aliases = self._client.get_registered_model(voice).aliases
        own = sorted(name for name, number in aliases.items() if str(number) == str(version))
        return Registered(voice, str(version), tuple(own))


def _quoted(text: str) -> str:
    return text.replace("'", "''")
