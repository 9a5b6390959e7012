"""The corrections of a voice's corpus: `corrections/VOICE.tsv` in the workspace, beside your own lists.

A line each: `clip<TAB>text<TAB>what is said`, or `clip<TAB>drop`; `#` begins a line of remarks. Files that
are to be taken in may say `clip<TAB>keep` as well, which takes an earlier correction back.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from artifacts.faults import writing
from artifacts.store import write_atomically
from configs.errors import UserError
from configs.settings import Settings
from tasks.corpus.correction import Correction
from tasks.stage import Given

FOLDER = "corrections"
HEAD = "# clip\tdrop, or text\twhat is said\n"
MAX_BYTES = 64 << 20
MAX_CHARACTERS = 2000
"""Of a text."""

_SHOWN_CHARACTERS = 60
_FORMS = "write clip<TAB>text<TAB>what is said, or clip<TAB>drop"


def corrections_path(workspace: Path, voice: str) -> Path:
    """Where a voice's corrections lie, whether there are any or not."""
    return workspace / FOLDER / f"{voice}.tsv"


def with_corrections(settings: Settings, workspace: Path) -> Settings:
    """The settings with the absolute path of the voice's corrections, which have been read once.

    Raises:
        UserError: the file that is named is missing, or a line is wrong.
    """
    given = settings.corpus.corrections
    path = Path(given).expanduser().resolve() if given else corrections_path(workspace, settings.voice)
    if given and not path.is_file():
        raise UserError(f"corpus.corrections = {given}: there is no such file; name one, or leave it out")
    found = str(path) if path.is_file() else None
    if found is not None:
        read_corrections(path)
    corpus = settings.corpus.model_copy(update={"corrections": found})
    return settings.model_copy(update={"corpus": corpus})


def corrections_by_row(settings: Any, texts: Callable[[], Mapping[str, Any]]) -> Mapping[str, Given]:
    """What was corrected, by clip; clips that are gone are among them.

    Args:
        settings: `corpus.corrections` names the file.
        texts: Not asked.

    Raises:
        UserError: the file cannot be read, or a line of it is wrong.
    """
    del texts
    path = settings.corpus.corrections
    known = read_corrections(Path(path)) if path else {}
    # A list, since a text may be "drop" as well.
    return {
        clip: Given(one, {clip: one.text if one.what == "text" else [one.what]})
        for clip, one in known.items()
    }


def read_corrections(path: Path) -> dict[str, Correction]:
    """The corrections of a file, by clip.

    Raises:
        UserError: it cannot be read, or a line is wrong; file, line, value and remedy are named.
    """
    found = {}
    for clip, one in _lines(path).items():
        if one is None:
            raise UserError(f"{path}: {clip}: says keep, which only a file that is taken in may; {_FORMS}")
        found[clip] = one
    return found


def take_in(workspace: Path, voice: str, path: Path) -> dict[str, Correction]:
    """Put what a file corrects beside what was corrected before; all that holds now.

    Args:
        path: What the review page saved, or a file of the same form.

    Raises:
        UserError: a line of it is wrong, or the place cannot be written.
    """
    place = corrections_path(workspace, voice)
    known = read_corrections(place) if place.is_file() else {}
    for clip, one in _lines(path).items():
        if one is None:
            known.pop(clip, None)
        else:
            known[clip] = one
    with writing(place.parent):
        place.parent.mkdir(parents=True, exist_ok=True)
        write_atomically(place, _written(known).encode("utf-8"))
    return known


def _written(known: Mapping[str, Correction]) -> str:
    lines = ["\t".join((clip, *filter(None, one))) for clip, one in sorted(known.items())]
    return HEAD + "".join(f"{line}\n" for line in lines)


def _lines(path: Path) -> dict[str, Correction | None]:
    """Clip -> correction, None for `keep`."""
    found: dict[str, tuple[int, Correction | None]] = {}
    for number, line in enumerate(_text(path).split("\n"), 1):
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        clip, one = _line(line.rstrip("\r"), f"{path}, line {number}")
        if clip in found and found[clip][1] != one:
            raise UserError(
                f"{path}, line {number}: {clip}: line {found[clip][0]} says something else; keep one of "
                "the two"
            )
        found.setdefault(clip, (number, one))
    return {clip: one for clip, (_, one) in found.items()}


def _line(line: str, origin: str) -> tuple[str, Correction | None]:
    clip, _, rest = line.partition("\t")
    what, _, text = rest.partition("\t")
    clip, what, text = clip.strip(), what.strip(), " ".join(unicodedata.normalize("NFC", text).split())
    shown = line.strip()[:_SHOWN_CHARACTERS]
    if not clip or not what:
        raise UserError(f"{origin}: {shown!r}: a clip and what to do with it are needed; {_FORMS}")
    if what not in ("text", "drop", "keep"):
        raise UserError(f"{origin}: {what!r} is nothing that can be done with a clip; {_FORMS}")
    if what == "text" and not any(character.isalnum() for character in text):
        raise UserError(
            f"{origin}: {clip}: the text has no letter or digit; write what is said, or drop the clip"
        )
    if what != "text" and text:
        raise UserError(
            f"{origin}: {clip}: {what} takes no text, and {text[:_SHOWN_CHARACTERS]!r} follows; {_FORMS}"
        )
    if len(text) > MAX_CHARACTERS:
        raise UserError(
            f"{origin}: {clip}: the text has {len(text)} characters, more than {MAX_CHARACTERS}; write what "
            "is said in this clip alone"
        )
    if what == "keep":
        return clip, None
    return clip, Correction("drop") if what == "drop" else Correction("text", text)


def _text(path: Path) -> str:
    try:
        data = path.read_bytes()
    except OSError as error:
        raise UserError(
            f"{path}: cannot be read ({error.strerror}); name the file that the review page saved"
        ) from error
    if len(data) > MAX_BYTES:
        raise UserError(
            f"{path}: has more than {MAX_BYTES >> 20} MiB; name the file that the review page saved"
        )
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise UserError(f"{path}, line {line}: is not UTF-8 text; save the file as UTF-8") from error
