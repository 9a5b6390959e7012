"""What a server can speak with: voices of the workspace, versions, and published ones, looked up in lists.

No name out of a request becomes a path here before it was found in such a list.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from configs.errors import UserError
from tasks.families import FAMILIES
from tasks.release.published import published_family, published_names
from tasks.run_record import voices
from tasks.versions.folders import champion_folder, split_name
from tasks.versions.record import read_versions, version_of
from tasks.weights import LocalWeights

MIXED = 8
"""Published voices in a mix, at most."""


_SHARE = re.compile(r"\s*([A-Za-z0-9_-]+)\s*(?::\s*\d{0,4}(?:\.\d{1,6})?\s*)?", re.ASCII)


class UnknownVoiceError(UserError):
    """A name that stands for no voice."""


class OfferedVoice(NamedTuple):
    """A voice that can be asked for.

    Attributes:
        name: By which.
        family: Of models.
        languages: Codes, the first is spoken unless another is asked for.
        published: Whether it comes with published weights, without training.
        champion: Number of the version that speaks; None of a voice without versions.
        versions: Numbers of all versions, each of which `NAME@N` asks for.
        verdict: What the champion is worth, in words; empty where nobody judged it.
    """

    name: str
    family: str
    languages: tuple[str, ...]
    published: bool = False
    champion: int | None = None
    versions: tuple[int, ...] = ()
    verdict: str = ""


Signature = tuple[int, ...]
"""Tells one state of a voice's files from another."""


class Catalogue:
    """The voices of a workspace as they are now.

    Args:
        workspace: Where they are.
        aliases: Further names by which they can be asked for.
    """

    def __init__(self, workspace: Path, aliases: Mapping[str, str] | None = None) -> None:
        self.workspace = workspace
        self._aliases = dict(aliases or {})

    def offered(self) -> list[OfferedVoice]:
        """Every voice that is finished, and every published one that is on this machine."""
        published = [
            OfferedVoice(name, str(published_family(name)), (language,), published=True)
            for name, language in self._published().items()
        ]
        return self.own() + published

    def own(self) -> list[OfferedVoice]:
        """Those of the workspace alone."""
        return [voice for name in voices(self.workspace) if (voice := self._own(name)) is not None]

    def find(self, asked: str) -> str:
        """The name that opens what is asked for: `anna`, `anna@3`, `kokoro/af_heart` or a mix of such.

        Raises:
            UnknownVoiceError: there is no such voice or version.
            UserError: it is no mix, or a record is damaged.
        """
        asked = self._aliases.get(asked, asked)
        if asked.partition("@")[0] in voices(self.workspace):
            return self._own_name(asked)
        published = self._published()
        for name in (asked, *(f"{family}/{asked}" for family in FAMILIES)):
            if _is_published(name, published):
                return name
        raise UnknownVoiceError(
            f"voice: there is no {asked[:64]!r} here; GET /v1/audio/voices lists those that there are"
        )

    def signature(self, name: str) -> Signature | None:
        """Of the files that speak under a name now; None while they are being exchanged.

        A version and a published voice never change.
        """
        if "/" in name or "@" in name:
            return ()
        try:
            found = (champion_folder(self.workspace, name) / "voice.json").stat()
        except OSError:
            return None
        return (found.st_dev, found.st_ino, found.st_mtime_ns)

    def _own_name(self, asked: str) -> str:
        voice = asked.partition("@")[0]
        record = read_versions(self.workspace, voice)
        try:
            _, number = split_name(asked)
            if number is not None:
                version_of(record, voice, number)
        except UserError as error:
            raise UnknownVoiceError(str(error)) from error
        if number is not None:
            return asked
        if not (champion_folder(self.workspace, voice) / "voice.json").is_file():
            raise UnknownVoiceError(f"voice: {voice!r} is not finished yet")
        return asked

    def _own(self, name: str) -> OfferedVoice | None:
        try:
            path = champion_folder(self.workspace, name) / "voice.json"
            described = json.loads(path.read_text(encoding="utf-8"))
            record = read_versions(self.workspace, name)
            champion = record["champion"]
            return OfferedVoice(
                name,
                str(described["family"]),
                tuple(map(str, described["languages"])),
                champion=champion,
                versions=tuple(entry["number"] for entry in record["versions"]),
                verdict="" if champion is None else version_of(record, name)["verdict"],
            )
        except (OSError, ValueError, KeyError, TypeError, UserError):
            # Not finished, or damaged: nothing that can be asked for.
            return None

    def _published(self) -> dict[str, str]:
        return published_names(LocalWeights(self.workspace / "models"))


def _is_published(name: str, published: Mapping[str, str]) -> bool:
    """Whether it is one of the published voices, or a mix (`one:0.6+other:0.4`) of one family's."""
    family, _, mix = name.partition("/")
    parts = [_SHARE.fullmatch(part) for part in mix.split("+")]
    if not all(part is not None and f"{family}/{part.group(1)}" in published for part in parts):
        return False
    if len(parts) > MIXED:
        raise UserError(f"voice: a mix has at most {MIXED} voices, and this one has {len(parts)}")
    return True
