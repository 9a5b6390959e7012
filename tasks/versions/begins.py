"""What a training begins with where it is told to go on from the champion: the weights of one version.

Which version that is must not turn with the champion, or a voice without new recordings would be trained
again after every promotion. So it is settled when a training is begun for the first time, by what it learns
from and by its settings, and remembered in `runs/<voice>/begins.json`. A killed training goes on from the
same weights. The key of the stage holds what the weights are, not where they lie.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from pydantic import TypeAdapter

from artifacts import digest, records
from artifacts.manifest import Manifest
from artifacts.records import Count, RecordError
from artifacts.store import Store, write_atomically
from configs.errors import UserError
from configs.settings import Settings
from tasks.families import begins_of
from tasks.run_record import run_path
from tasks.stage import Stage, config_slice, part_read
from tasks.versions.laid_out import link
from tasks.versions.record import VersionsRecord, read_versions
from tasks.weights import replaced

BEGINS = "begins.json"
ANEW = 0
"""In place of a version's number: there was none to go on from."""
_SHAPE = TypeAdapter(dict[str, Count])


def beginning(workspace: Path, voice: str, settings: Settings, store: Store) -> ChampionBegins | None:
    """What the voice's trainings begin with; None where each begins with what the settings name.

    Raises:
        UserError: the family cannot go on from a version.
    """
    if settings.train.begin == "anew":
        return None
    begins = begins_of(settings)
    if not begins:
        raise UserError(
            f"train.begin = champion: training a {settings.family.name} voice in this way cannot go on from "
            "an exported version; set it to anew"
        )
    return ChampionBegins(workspace, voice, settings, store, begins)


def begin_folder(workspace: Path, voice: str, number: int) -> Path:
    """Where a version's files are found by trainings that begin with them: links into the store."""
    return run_path(workspace, voice).with_name("begins") / str(number)


class ChampionBegins:
    """Trainings of a voice go on from the version that was champion when each was begun.

    Args:
        begins: See `tasks.families.Way.begins`.
    """

    def __init__(
        self, workspace: Path, voice: str, settings: Settings, store: Store, begins: Mapping[str, str]
    ) -> None:
        self._workspace, self._voice, self._store = workspace, voice, store
        self._settings, self._begins = settings, begins

    def settings_of(self, stage: Stage, inputs: Mapping[str, Manifest]) -> Settings:
        """The settings with the weights of the version that the stage begins with.

        Raises:
            UserError: a record cannot be believed, or the version's files are damaged.
        """
        own = self._own(stage)
        number = self._number(stage, inputs) if own else ANEW
        if number == ANEW:
            return self._settings
        folder = begin_folder(self._workspace, self._voice, number)
        record = read_versions(self._workspace, self._voice)
        entry = next(one for one in record["versions"] if one["number"] == number)
        link(self._store, self._voice, entry, folder)
        found = {setting: sorted(folder.glob(pattern)) for setting, pattern in own.items()}
        if not all(found.values()):
            # The champion is of another family or way: there is nothing to go on from.
            return self._settings
        settings: Settings = self._settings
        for setting, paths in found.items():
            settings = replaced(settings, setting.split("."), str(paths[0]))
        return settings

    def keep(self, stage: Stage, inputs: Mapping[str, Manifest]) -> None:
        """Remember what the stage begins with; see `settings_of`."""
        if self._own(stage):
            number = self._number(stage, inputs)
            known = self._read() | {self._identity(stage, inputs): number}
            write_atomically(self._path, records.encode(known, indent=1))

    @property
    def _path(self) -> Path:
        return run_path(self._workspace, self._voice).with_name(BEGINS)

    def _own(self, stage: Stage) -> dict[str, str]:
        """Those of the settings that the stage reads, if it trains."""
        if not stage.run.startswith("tasks.finetune."):
            return {}
        return {
            setting: pattern
            for setting, pattern in self._begins.items()
            if any(setting == path or setting.startswith(f"{path}.") for path in stage.config)
        }

    def _number(self, stage: Stage, inputs: Mapping[str, Manifest]) -> int:
        """The version that was settled on; for what was never begun, the champion of now."""
        record: VersionsRecord = read_versions(self._workspace, self._voice)
        known = self._read().get(self._identity(stage, inputs))
        there = {ANEW, *(one["number"] for one in record["versions"])}
        return known if known in there else record["champion"] or ANEW

    def _identity(self, stage: Stage, inputs: Mapping[str, Manifest]) -> str:
        outputs = {name: part_read(inputs[name], columns) for name, columns in stage.reads.items()}
        return digest.of_value([stage.name, outputs, config_slice(stage, self._settings)])

    def _read(self) -> dict[str, int]:
        try:
            return records.read_file(self._path, _SHAPE) or {}
        except RecordError as error:
            raise UserError(
                f"{self._path}: {error}; move it away: trainings then begin with the version that speaks now"
            ) from error
