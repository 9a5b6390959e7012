"""Published weights on this machine: found before anything starts, or asked for in one message.

A setting that names weights holds an entry's name of `configs.weights`, a local path, or for transformers
models any repository of the hub. Before a pipeline is built, names and relative paths become absolute paths
(whose content, not whose place, enters a stage's key); what cannot be found is told all at once.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from configs.errors import UserError
from configs.settings import Settings
from configs.train_styletts2 import STAGES
from configs.weights import PUBLISHED, Weights, weights_named
from tasks.named import imported

UNKNOWN_LICENCE = "not known here: the weights were given as a file of one's own"
RECORD = "fetched.json"
"""Written beside weights that were fetched, with their digests."""


@dataclass(frozen=True)
class _Use:
    """A setting that names weights, the stages that read them, and when they do."""

    setting: str
    stages: tuple[str, ...]
    applies: Callable[[Settings], bool]
    form: Literal["file", "folder", "either", "texts"] = "file"
    own: Callable[[Settings], bool] | None = None
    """Whether the stage itself finds what it needs in the folder or in the hub's cache; None: not asked."""
    is_optional: bool = False
    """Whether the stage does without where it is missing."""
    instead: Callable[[Settings, Path], Path | None] | None = None
    """What else in the folder of weights serves, where the setting's own is missing and was not asked for."""


_TRAIN_STYLETTS2 = tuple(f"train_styletts2_{stage}" for stage in STAGES)


# Named, not imported: whoever reads the settings of weights computes nothing with these modules.
def _whisper_found(settings: Settings) -> bool:
    chosen = settings.corpus.transcribe
    if chosen.backend == "auto":
        return True
    find_whisper = imported("models.frontend.asr:find_whisper")
    return chosen.download or find_whisper(chosen.model, download=False) is not None


def _fetched_whisper(settings: Settings, folder: Path) -> Path | None:
    """A smaller Whisper that was fetched, where none was chosen and the large one is in no hub cache."""
    chosen = settings.corpus.transcribe
    if (chosen.backend, chosen.model) != ("auto", type(chosen)().model) or chosen.download:
        return None
    fetched = (located(weights_named(name), folder) for name in ("whisper-base", "whisper-tiny.en"))
    best = next(filter(None, fetched), None)
    return best if best and not imported("models.frontend.asr:find_whisper")(chosen.model, False) else None


def _fetched_english(settings: Settings, folder: Path) -> Path | None:
    """The recogniser of English that was fetched, where the one that knows more was not."""
    if settings.release.evaluate.recogniser != "whisper-base":
        return None
    return located(weights_named("whisper-tiny.en"), folder)


def _ecapa_found(settings: Settings) -> bool:
    chosen = settings.features.speaker
    find_weights = imported("models.speaker.ecapa:find_weights")
    try:
        return chosen.download or find_weights(chosen.model, download=False).is_file()
    except UserError:
        return False


def _fits_kokoro(settings: Settings) -> bool:
    kokoro = settings.train.kokoro
    return kokoro.method == "fit" or kokoro.table.start == "fitted"


_USES = (
    _Use(
        "corpus.transcribe.model",
        ("transcribe",),
        lambda s: s.corpus.transcribe.backend != "pocketsphinx",
        "folder",
        _whisper_found,
        instead=_fetched_whisper,
    ),
    _Use(
        "features.speaker.model",
        ("speaker",),
        lambda s: s.features.speaker.backend == "ecapa",
        "folder",
        _ecapa_found,
    ),
    _Use(
        "features.speaker.model",
        ("speaker",),
        lambda s: s.features.speaker.backend == "wavlm",
        "folder",
    ),
    _Use("features.content.model", ("content",), lambda s: s.features.content.backend == "hubert", "folder"),
    _Use(
        "features.linguistic.model",
        ("linguistic",),
        lambda s: s.features.linguistic.backend == "bert",
        "folder",
    ),
    _Use(
        "features.speaker_vector.model",
        ("speaker_vector",),
        lambda s: s.features.speaker_vector.backend == "eres2netv2",
    ),
    _Use("train.sovits.pretrained", ("train_sovits",), lambda s: s.train.sovits.pretrained is not None),
    _Use(
        "train.sovits.pretrained_discriminator",
        ("train_sovits",),
        lambda s: s.train.sovits.pretrained_discriminator is not None,
    ),
    _Use("train.t2s.pretrained", ("train_t2s",), lambda s: s.train.t2s.pretrained is not None),
    _Use(
        "train.styletts2.pretrained",
        ("train_styletts2_finetune",),
        lambda s: s.train.styletts2.pretrained is not None,
        "either",
    ),
    _Use(
        "train.styletts2.pretrained_aligner",
        ("train_styletts2_stage1",),
        lambda s: s.train.styletts2.pretrained_aligner is not None,
        "either",
    ),
    _Use(
        "train.styletts2.pretrained_pitch",
        ("train_styletts2_stage1",),
        lambda s: s.train.styletts2.pretrained_pitch is not None,
        "either",
    ),
    _Use(
        "train.styletts2.pretrained_bert",
        ("train_styletts2_stage2",),
        lambda s: s.train.styletts2.pretrained_bert is not None,
        "either",
    ),
    _Use(
        "train.styletts2.slm.model",
        _TRAIN_STYLETTS2,
        lambda s: s.train.styletts2.slm.model is not None,
        "folder",
    ),
    _Use(
        "train.styletts2.slm.other_texts",
        ("other_texts",),
        lambda s: s.train.styletts2.slm.other_texts is not None,
        "texts",
    ),
    _Use(
        "train.kokoro.pretrained",
        ("train_kokoro",),
        lambda s: s.train.kokoro.pretrained is not None,
        "either",
    ),
    _Use(
        "train.kokoro_fit.pretrained",
        ("fit_kokoro",),
        _fits_kokoro,
        "either",
    ),
    _Use(
        "train.kokoro_fit.voices",
        ("fit_kokoro",),
        lambda s: _fits_kokoro(s) and s.train.kokoro_fit.voices is not None,
        "folder",
    ),
    _Use(
        "train.kokoro_fit.recogniser",
        ("fit_kokoro",),
        lambda s: _fits_kokoro(s) and s.train.kokoro_fit.recogniser is not None,
        "folder",
        is_optional=True,
    ),
    _Use(
        "train.kokoro.listening.recogniser",
        ("train_kokoro",),
        lambda s: s.train.kokoro.listening.recogniser is not None,
        "folder",
        is_optional=True,
    ),
    _Use(
        "train.styletts2.listening.recogniser",
        _TRAIN_STYLETTS2,
        lambda s: s.train.styletts2.listening.recogniser is not None,
        "folder",
        is_optional=True,
    ),
    _Use(
        "release.evaluate.recogniser",
        ("evaluate",),
        lambda s: s.release.evaluate.recogniser is not None,
        "folder",
        is_optional=True,
        instead=_fetched_english,
    ),
    _Use(
        "release.evaluate.naturalness",
        ("evaluate",),
        lambda s: s.release.evaluate.naturalness is not None,
        "folder",
        is_optional=True,
    ),
    _Use(
        "release.evaluate.second_naturalness",
        ("evaluate",),
        lambda s: s.release.evaluate.second_naturalness is not None,
        "folder",
        is_optional=True,
    ),
    _Use(
        "release.evaluate.encoder",
        ("evaluate",),
        lambda s: s.release.evaluate.encoder is not None,
        "folder",
        is_optional=True,
    ),
    _Use(
        "train.kokoro.table.styles",
        ("voice_table",),
        lambda s: s.train.kokoro.table.styles is not None,
        "folder",
    ),
)


def weights_folder(settings: Settings, workspace: Path) -> Path:
    """Where published weights lie on this machine."""
    given = settings.weights.folder
    return Path(given).expanduser().resolve() if given else workspace / "models"


def located(weights: Weights, folder: Path) -> Path | None:
    """The local file or folder of an entry, or None."""
    for place in (folder / weights.place, folder / weights.name / weights.path):
        if place.is_file() if weights.is_file else _is_whole(place):
            return place.resolve()
    return None


@dataclass(frozen=True)
class LocalWeights:
    """Published weights in a folder, by their names in `configs.weights`.

    Attributes:
        folder: As `weights_folder` finds it.
    """

    folder: Path

    def find(self, name: str) -> Path | None:
        """The file or folder of an entry; None where it is not here."""
        return located(weights_named(name), self.folder)

    def of(self, name: str) -> Path:
        """As `find`.

        Raises:
            UserError: it is not here.
        """
        found = self.find(name)
        if found is None:
            entry = weights_named(name)
            raise UserError(
                f"{name}: is not at {self.folder / entry.place}; `voicewright models fetch {name}` gets it "
                f"({entry.size_mb} MB, {entry.licence})"
            )
        return found


def portable(value: str) -> str:
    """What a file that leaves this machine says of weights: an entry's name for the path of its place."""
    for entry in PUBLISHED:
        if Path(value).is_absolute() and value.endswith(f"/{entry.place}"):
            return entry.name
    return value


def licences_of(values: Iterable[str | None]) -> dict[str, str]:
    """Licences of the weights that settings name, by what they are called; None names none.

    Weights from elsewhere go by their file's name, and only who gave them knows their licence.
    """
    found = {}
    for value in filter(None, values):
        entry = _entry(portable(value))
        found[entry.name if entry else Path(value).name] = entry.licence if entry else UNKNOWN_LICENCE
    return found


def local(value: str, folder: Path) -> str:
    """The reverse of `portable` on this machine: an entry's place where it is there, else the value."""
    found = _found(value, folder)
    return value if found is None else str(found)


def with_local_weights(settings: Settings, workspace: Path) -> Settings:
    """The settings with absolute paths in place of names and relative paths, where there is something."""
    folder = weights_folder(settings, workspace)
    for use in _USES:
        if use.applies(settings) and (found := _first_found(use, settings, folder)) is not None:
            settings = replaced(settings, use.setting.split("."), str(found))
    return settings


def _first_found(use: _Use, settings: Settings, folder: Path) -> Path | None:
    found = _found(_value(settings, use.setting), folder)
    return use.instead(settings, folder) if found is None and use.instead is not None else found


def require_weights(settings: Settings, workspace: Path, stages: Collection[str]) -> None:
    """See that all weights that these stages read are here.

    Args:
        settings: as `with_local_weights` returns them.
        workspace: for the folder of weights.
        stages: names of the stages that will run.

    Raises:
        UserError: something is missing; every missing file is listed with its size, its source and its place.
    """
    folder = weights_folder(settings, workspace)
    wanted = [use for use in _USES if set(use.stages) & set(stages) and use.applies(settings)]
    missing = [use for use in wanted if not use.is_optional and not _is_here(use, settings)]
    if not missing:
        return
    lines = [_request(use, _value(settings, use.setting), folder) for use in missing]
    names = [entry.name for use in missing if (entry := _entry(_value(settings, use.setting))) is not None]
    ways = ["put them there", "set weights.folder to a folder that holds them as published"]
    if names:
        ways.insert(0, f"run `voicewright models fetch {' '.join(names)}`")
    counted = f"{len(missing)} set{'s are' if len(missing) > 1 else ' is'}"
    raise UserError(
        f"weights: {counted} missing, so nothing was started:\n"
        + "\n".join(f"  {line}" for line in lines)
        + f"\nWhere there is a network, {', or '.join(ways)}. Licences: `voicewright models list`."
    )


def missing_weights(settings: Settings, stages: Collection[str]) -> list[Weights]:
    """Published weights that these stages read and that are not here; arguments as `require_weights`'s."""
    wanted = [use for use in _USES if set(use.stages) & set(stages) and use.applies(settings)]
    missing = (use for use in wanted if not use.is_optional and not _is_here(use, settings))
    found = (_entry(_value(settings, use.setting)) for use in missing)
    return list(dict.fromkeys(entry for entry in found if entry is not None))


_FORMS = {
    "file": "file",
    "folder": "folder with config.json",
    "either": "file or folder with config.json",
    "texts": "folder of texts",
}


def _request(use: _Use, value: str, folder: Path) -> str:
    entry = _entry(value)
    if entry is None:
        missing = f"{use.setting} = {value}: there is no such {_FORMS[use.form]}"
        return missing if use.form == "texts" else f"{missing}, and no published weights of that name"
    where = folder / entry.place
    what = entry.path or ", ".join(entry.files) or "all files"
    return (
        f"{entry.name}: {where.name}, {entry.size_mb} MB, from {entry.host}/{entry.hub_id} ({what}), "
        f"for {entry.used_for}; belongs at {where} or --set {use.setting}=PATH"
    )


def _found(value: str, folder: Path) -> Path | None:
    entry = _entry(value)
    if entry is not None:
        return located(entry, folder)
    path = Path(value).expanduser()
    return path.resolve() if path.exists() else None


def _is_here(use: _Use, settings: Settings) -> bool:
    value = _value(settings, use.setting)
    path = Path(value)
    if use.form == "texts":
        return path.is_absolute() and path.is_dir()
    if path.is_absolute():
        whole = _is_whole(path) or (path.is_dir() and use.own is not None and use.own(settings))
        return (use.form != "folder" and path.is_file()) or (use.form != "file" and whole)
    # What looks like `owner/name` is left to the library that has a cache of its own.
    left = use.own is None or use.own(settings)
    return use.form == "folder" and value.count("/") == 1 and left


def _is_whole(folder: Path) -> bool:
    return (folder / "config.json").is_file() or (folder / RECORD).is_file()


def _entry(value: str) -> Weights | None:
    """By the name, or by the repository where all of it is the entry."""
    return next((one for one in PUBLISHED if value in (one.name, "" if one.path else one.hub_id)), None)


def _value(settings: Settings, setting: str) -> str:
    value: Any = settings
    for name in setting.split("."):
        value = getattr(value, name)
    return str(value)


def replaced(section: Any, path: list[str], value: str) -> Any:
    """Settings with another value, which is not validated: what a path leads to is told by who reads it."""
    first, *rest = path
    inner = replaced(getattr(section, first), rest, value) if rest else value
    return section.model_copy(update={first: inner})
