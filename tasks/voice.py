"""A voice as it was asked for, and the pipeline that makes it."""

from __future__ import annotations

import re
import shlex
from dataclasses import dataclass
from pathlib import Path

from artifacts.store import Store
from configs.errors import UserError
from configs.loading import Resolved, resolve
from configs.settings import Settings
from tasks.lexicons import with_lexicons
from tasks.pipeline import Pipeline
from tasks.read_settings import reads
from tasks.results import Scan
from tasks.run_record import RequestRecord, read_run, run_path, unknown_voice
from tasks.versions.begins import beginning
from tasks.weights import require_weights, with_local_weights

READS_TEXTS = "phonemize"
"""The stage that cannot do without a front end for the language."""
VOICE_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,63}")


@dataclass(frozen=True)
class Request:
    """What the user asked for.

    Attributes:
        copied_from: The file that `config_file` is a kept copy of (`tasks.recipe.keep_settings`).
    """

    recordings: Path
    voice: str
    preset: str | None = None
    config_file: Path | None = None
    overrides: tuple[str, ...] = ()
    copied_from: Path | None = None

    def resolve(self) -> Resolved:
        """The settings that follow from it.

        Raises:
            UserError: a setting is wrong.
        """
        return resolve(self.preset, self.config_file, self.overrides, self.voice, reads)

    def as_record(self) -> RequestRecord:
        """As JSON."""
        given = self.copied_from or self.config_file
        record: RequestRecord = {
            "recordings": str(self.recordings),
            "voice": self.voice,
            "preset": self.preset,
            "config_file": str(given) if given else None,
            "overrides": list(self.overrides),
        }
        if self.config_file is not None and self.copied_from is not None:
            record["config_copy"] = self.config_file.name
        return record


def check_name(voice: str) -> str:
    """The voice's name, if it is one.

    Raises:
        UserError: it could not be a folder's name.
    """
    if not VOICE_NAME.fullmatch(voice):
        raise UserError(
            f"voice: {voice!r} cannot be a name; use letters, digits, '.', '_' and '-' (at most 64), "
            "beginning with a letter or digit"
        )
    return voice


def remembered(workspace: Path, voice: str) -> Request:
    """The request of the voice's last run.

    Raises:
        UserError: there is no such voice, or its record cannot be believed.
    """
    request = read_run(workspace, check_name(voice))["request"]
    if request is None:
        raise unknown_voice(workspace, voice)
    return request_of(request, workspace)


def request_of(record: RequestRecord, workspace: Path) -> Request:
    """The request that a record of the workspace tells."""
    given = Path(record["config_file"]) if record["config_file"] else None
    kept = record.get("config_copy")
    copy = run_path(workspace, record["voice"]).with_name(kept) if kept else None
    is_kept = copy is not None and copy.is_file()
    return Request(
        recordings=Path(record["recordings"]),
        voice=record["voice"],
        preset=record["preset"],
        config_file=copy if is_kept else given,
        overrides=tuple(record["overrides"]),
        copied_from=given if is_kept else None,
    )


def recordings_at(given: str | Path) -> Path:
    """The absolute path of a folder of recordings, or of one recording.

    A link to a recording keeps its name: what it leads to may have none (as in caches of downloads).

    Raises:
        UserError: it is neither, such as a list of transcripts.
    """
    from tasks.corpus.lists.names import is_text_name

    path = Path(given).expanduser()
    if path.is_dir():
        return path.resolve()
    if path.is_file() and is_text_name(path.name) and path.suffix.lower() != ".parquet":
        raise UserError(
            f"recordings: {given} is a list or a text, and no recording; name the folder that holds the "
            f"recordings, such as {path.parent}, in which lists are found by themselves, and for this list "
            f"alone `--set {shlex.quote(f'corpus.metadata={given}')}`"
        )
    if path.is_file():
        return path.parent.resolve() / path.name
    raise UserError(
        f"recordings: {given} is not a folder and not a file on this machine; name the folder that holds the "
        "recordings, or one recording"
    )


def open_store(workspace: Path, settings: Settings) -> Store:
    """The artifact store that the settings name; by default a folder of the workspace."""
    url = settings.store.url or str(workspace / "store")
    return Store(url, workspace / "cache")


def open_pipeline(workspace: Path, request: Request, thorough: bool = False) -> Pipeline:
    """The pipeline for a request.

    Raises:
        UserError: a setting, the voice's name, a lexicon or a correction is wrong.
    """
    from tasks.corpus.corrections_file import with_corrections
    from tasks.features.mfa_model import with_model_found
    from tasks.stages import stages_of

    check_name(request.voice)
    settings = with_lexicons(with_local_weights(request.resolve().settings, workspace), workspace)
    settings = with_model_found(with_corrections(settings, workspace))
    store = open_store(workspace, settings)
    return Pipeline(
        workspace,
        request.voice,
        settings,
        scan=lambda: _scan(request.recordings, settings, workspace),
        stages=stages_of(settings).all,
        store=store,
        workers=settings.compute.workers,
        request=request.as_record(),
        thorough=thorough,
        begins=beginning(workspace, request.voice, settings, store),
    )


def check_request(workspace: Path, request: Request, until: str | None) -> None:
    """See that the run can come to its end before anything is started: that there is something to learn from,
    its language is read here, and the published weights that it needs are on this machine.

    Args:
        until: last stage to run; all when None.

    Raises:
        UserError: a setting is wrong, the folder of recordings is empty, nothing reads the language,
            `weights.folder` is no folder, or weights are missing; all of them are listed.
    """
    from tasks.corpus.scan import check_not_empty
    from tasks.languages import check_language
    from tasks.stages import stages_of

    resolved = request.resolve()
    given = resolved.settings.weights.folder
    if given is not None and not Path(given).expanduser().is_dir():
        raise UserError(
            f"{resolved.origins['weights.folder']}: weights.folder = {given}: there is no such folder; name "
            "the one that holds the published weights, or leave it out for the workspace's own"
        )
    check_not_empty(request.recordings)
    settings = with_local_weights(resolved.settings, workspace)
    names = [stage.name for stage in stages_of(settings).all]
    needed = names[: names.index(until) + 1] if until in names else names
    if READS_TEXTS in needed:
        check_language(settings)
    require_weights(settings, workspace, needed)


def _scan(recordings: Path, settings: Settings, workspace: Path) -> Scan:
    from tasks.corpus.scan import scan_recordings

    found = scan_recordings(recordings, settings.corpus, workspace / "cache" / "digests.json")
    return Scan(found.rows, found.rejects, found.warnings)
